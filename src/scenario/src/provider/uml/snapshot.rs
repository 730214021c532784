//! What is kept of a node: copies of its disks, taken while it stands still.

use std::ffi::OsStr;
use std::path::Path;

use nix::sys::signal::Signal;

use super::Uml;
use super::kernel::signal;
use crate::provider::machine::{program, run};
use crate::provider::{Object, ProviderError, State};

/// The folder of what is kept, in the node's.
const KEPT: &str = "kept";

/// What a node writes to.
fn disks(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name == "root" || name == "root.cow" || name.starts_with("disk") {
            names.push(name);
        }
    }
    Ok(names)
}

async fn copy(from: &Path, to: &Path, what: &str) -> Result<(), ProviderError> {
    let cp = program("cp", "coreutils", what)?;
    let args: [&OsStr; 5] = [
        "--reflink=auto".as_ref(),
        "--sparse=always".as_ref(),
        "--preserve=timestamps".as_ref(),
        from.as_os_str(),
        to.as_os_str(),
    ];
    run(&cp, &args, what).await.map(|_| ())
}

impl Uml {
    /// Keeps a node's disks; one that runs stands still meanwhile, as after a power cut.
    pub(super) async fn keep(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        let folder = Path::new(&object.id);
        let what = format!("keep the disks of `{}`", object.id);
        let (place, new) = (folder.join(KEPT).join(name), folder.join(KEPT).join(format!("{name}.new")));
        super::super::recipe::remove_tree(&new).await?;
        fs_err::create_dir_all(&new)?;
        let running = object.state == Some(State::Running);
        if running {
            signal(folder, Signal::SIGSTOP)?;
        }
        let mut copied = Ok(());
        for disk in disks(folder)? {
            copied = copy(&folder.join(&disk), &new.join(&disk), &what).await;
            if copied.is_err() {
                break;
            }
        }
        if running {
            signal(folder, Signal::SIGCONT)?;
        }
        copied?;
        super::super::recipe::remove_tree(&place).await?;
        Ok(fs_err::rename(new, place)?)
    }

    /// Puts a node's disks back; one that runs starts anew from them.
    pub(super) async fn restore(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        let folder = Path::new(&object.id);
        let what = format!("put back the disks of `{}`", object.id);
        let place = folder.join(KEPT).join(name);
        if !place.is_dir() {
            return Err(ProviderError::Refused { what, why: format!("no snapshot `{name}` was kept") });
        }
        self.kill(folder).await?;
        for disk in disks(&place)? {
            copy(&place.join(&disk), &folder.join(&disk), &what).await?;
        }
        if object.state == Some(State::Stopped) {
            return Ok(());
        }
        self.start_in(folder, &what)
    }
}
