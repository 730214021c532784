//! Keeps packages from starting services while they are installed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Context, ModuleError};

/// Asked by invoke-rc.d before it starts or stops a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Puts `/usr/sbin/policy-rc.d` back as it was, even when the run ends in the middle.
pub(crate) struct PolicyGuard {
    path: PathBuf,
    before: Option<(Vec<u8>, u32)>,
    done: bool,
}

impl PolicyGuard {
    /// Services asked to start get this code until the guard is gone.
    pub(crate) fn new(cx: &Context<'_>, code: i64) -> Result<Self, ModuleError> {
        let path = cx.path(POLICY);
        let before = match (std::fs::read(&path), std::fs::metadata(&path)) {
            (Ok(bytes), Ok(meta)) => Some((bytes, meta.permissions().mode())),
            _ => None,
        };
        let guard = Self { path, before, done: false };
        guard.write(format!("#!/bin/sh\nexit {code}\n").as_bytes(), 0o755)?;
        Ok(guard)
    }

    fn write(&self, content: &[u8], mode: u32) -> Result<(), ModuleError> {
        let write = |path: &Path| {
            std::fs::write(path, content)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        };
        write(&self.path).map_err(|_| ModuleError::msg(format!("Failed to create or chmod {POLICY}")))
    }

    fn put_back(&self) -> Result<(), ModuleError> {
        match &self.before {
            Some((bytes, mode)) => self.write(bytes, *mode),
            None => std::fs::remove_file(&self.path)
                .map_err(|_| ModuleError::msg(format!("Fail to remove {POLICY} (after package manipulation)"))),
        }
    }

    /// Puts the file back and says so if that fails.
    pub(crate) fn restore(mut self) -> Result<(), ModuleError> {
        self.done = true;
        self.put_back()
    }
}

impl Drop for PolicyGuard {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.put_back();
        }
    }
}
