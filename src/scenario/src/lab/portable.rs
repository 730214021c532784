//! Export and import of a lab: nodes as they are, the scenario, and the lab's own files in one archive.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::Diagnostic;

use super::{Ending, Lab, LabError};
use crate::provider::{Object, ObjectKind};

/// Name that disks are kept under for an export.
const EXPORT: &str = "export";

impl Lab<'_> {
    /// Writes nodes as they are, the scenario's folder and the lab's own to an archive.
    pub fn export(&self, to: &Path) -> Result<(), LabError> {
        let _lock = self.locked()?;
        self.with_nodes(|_| Ok(()))?;
        self.snapshot(EXPORT, false)?;
        let temporary = to.with_extension(format!("new.{}", std::process::id()));
        let written = self.pack(&temporary);
        if written.is_err() {
            // Half an archive is none.
            let _ = fs_err::remove_file(&temporary);
        }
        written?;
        fs_err::rename(&temporary, to)?;
        Ok(())
    }

    fn pack(&self, to: &Path) -> Result<(), LabError> {
        // The lab's key is in it.
        let file = std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(to)?;
        let mut archive = tar::Builder::new(file);
        archive.follow_symlinks(false);
        // Not the archive itself, and not the lab's own folder where it is below the scenario's.
        let target = std::path::absolute(to)?;
        let lab = self.folder.path();
        let root = std::path::absolute(self.scenario.folder())?;
        let below = walkdir::WalkDir::new(&root).min_depth(1).sort_by_file_name().into_iter();
        for entry in below.filter_entry(|entry| entry.path() != target && entry.path() != lab) {
            let entry = entry.map_err(std::io::Error::other)?;
            let kind = entry.file_type();
            if kind.is_dir() || kind.is_file() || kind.is_symlink() {
                let name = entry.path().strip_prefix(&root).unwrap_or(entry.path());
                archive.append_path_with_name(entry.path(), Path::new("scenario").join(name))?;
            }
        }
        let name = self.scenario.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        text(&mut archive, "about.json", &serde_json::json!({"file": name, "name": self.scenario.name}).to_string())?;
        for entry in fs_err::read_dir(self.folder.path())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file()
                && !["lock", "broken", "hosts", "ssh.config.ansible"].contains(&name.as_str())
            {
                archive.append_path_with_name(entry.path(), format!("lab/{name}"))?;
            }
        }
        let outputs = self.folder.file("outputs");
        if outputs.is_dir() {
            archive.append_dir_all("lab/outputs", outputs)?;
        }
        let scratch = tempfile::tempdir_in(
            to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )?;
        let objects = self.objects()?;
        for (at, (kind, provider)) in self.providers.iter().enumerate() {
            let of_it =
                objects.iter().filter(|(object, by)| object.kind == ObjectKind::Node && Arc::ptr_eq(by, provider));
            let nodes: Vec<&Object> = of_it.map(|(object, _)| object).collect();
            if nodes.is_empty() {
                continue;
            }
            self.step("export", kind.0.name(), || {
                let images = scratch.path().join("images");
                self.wait(async { Ok(provider.save(&nodes, EXPORT, &images).await?) })?;
                archive.append_path_with_name(&images, format!("nodes/{}.{at}.tar", kind.0.name()))?;
                fs_err::remove_file(&images)?;
                Ok::<_, LabError>(Ending::Done)
            })?;
        }
        archive.into_inner()?.sync_all()?;
        Ok(())
    }

    /// Makes the nodes of an archive that [`unpack`] has opened, as they were.
    pub fn import(&self, unpacked: &Unpacked) -> Result<(), LabError> {
        let _lock = self.locked()?;
        self.create_locked(super::Parts::All)?;
        for entry in fs_err::read_dir(&unpacked.nodes)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for (kind, provider) in &self.providers {
                // Daemons are others here; each gets all of its kind.
                if name.starts_with(&format!("{}.", kind.0.name())) {
                    self.step("import", kind.0.name(), || {
                        self.wait(async { Ok(provider.take(&path).await?) })?;
                        Ok::<_, LabError>(Ending::Changed)
                    })?;
                }
            }
        }
        self.snapshot(EXPORT, true)
    }
}

fn text(archive: &mut tar::Builder<std::fs::File>, name: &str, text: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append_data(&mut header, name, text.as_bytes())
}

/// An archive that was opened.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// The scenario's file.
    pub scenario: PathBuf,
    /// The folder of nodes as they were.
    pub nodes: PathBuf,
}

/// Opens an archive: the scenario goes to one folder, the lab's own files to another, which must not be there.
pub fn unpack(
    archive: &Path,
    scenario: &Path,
    scratch: &Path,
    lab: impl FnOnce(&str) -> PathBuf,
) -> Result<Unpacked, LabError> {
    let wrong =
        |why: String| LabError::said(Diagnostic::error(format!("{} is no exported lab: {why}", archive.display())));
    if scenario.exists() {
        let error = Diagnostic::error(format!("{} is there already", scenario.display()));
        return Err(LabError::said(error.hint("an import makes its folder")));
    }
    let mut read = tar::Archive::new(fs_err::File::open(archive)?);
    // Refuses names that lead out of the folder.
    read.unpack(scratch).map_err(|error| wrong(error.to_string()))?;
    let about = fs_err::read_to_string(scratch.join("about.json")).map_err(|error| wrong(error.to_string()))?;
    let about: serde_json::Value = serde_json::from_str(&about).map_err(|error| wrong(error.to_string()))?;
    let part = |key: &str| {
        let text = about[key].as_str().unwrap_or_default();
        let plain = !text.is_empty() && !text.contains('/') && text != "..";
        if plain { Ok(text.to_owned()) } else { Err(wrong(format!("it has no `{key}`"))) }
    };
    let (file, name) = (part("file")?, part("name")?);
    let lab = lab(&name);
    if lab.exists() {
        let error = Diagnostic::error(format!("there is a lab of scenario `{name}` already: {}", lab.display()));
        return Err(LabError::said(error.hint("`destroy` removes it; --folder names another folder")));
    }
    for (from, to) in [("scenario", scenario), ("lab", lab.as_path())] {
        fs_err::create_dir_all(scratch.join(from))?;
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        moved(&scratch.join(from), to)?;
    }
    Ok(Unpacked { scenario: scenario.join(file), nodes: scratch.join("nodes") })
}

/// Moves a folder, also to another file system.
fn moved(from: &Path, to: &Path) -> Result<(), LabError> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(std::io::Error::other)?;
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&target)?;
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs_err::read_link(entry.path())?, &target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
        }
    }
    if to.join("id_ed25519").exists() {
        fs_err::set_permissions(to, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
