//! What a running module may use besides its arguments.

use std::path::{Path, PathBuf};

use rplay_protocol::Call;

use crate::Sys;

/// One run of one module: the system, the mode, and what came with the call.
pub struct Context<'a> {
    sys: &'a dyn Sys,
    call: &'a Call,
    warnings: Vec<String>,
}

impl<'a> Context<'a> {
    /// A context for one call.
    pub fn new(sys: &'a dyn Sys, call: &'a Call) -> Self {
        Self { sys, call, warnings: Vec::new() }
    }

    /// The system the module works on.
    pub fn sys(&self) -> &'a dyn Sys {
        self.sys
    }

    /// Predict only.
    pub fn check(&self) -> bool {
        self.call.check
    }

    /// Report before and after.
    pub fn diff(&self) -> bool {
        self.call.diff
    }

    /// The call itself.
    pub fn call(&self) -> &'a Call {
        self.call
    }

    /// The bytes the controller sent under this name.
    pub fn attachment(&self, name: &str) -> Option<&'a [u8]> {
        self.call.attachments.iter().find(|a| a.name == name).map(|a| a.content.as_slice())
    }

    /// The path on the system the module works on (a fake system has its own root).
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.sys.path(path.as_ref())
    }

    /// Tells the user something that did not stop the module; the same only once.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
