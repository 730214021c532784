//! Plain text that has to be a file: a folder in memory that only the user can enter.
//!
//! An editor wants a path, and puts its own swap and backup files beside it. So the file stands in a folder of mode 0700
//! on a file system in memory (`$XDG_RUNTIME_DIR` or `/dev/shm`), and everything in that folder is overwritten and
//! removed when the editor ends. A second process waits for the first one to go away and removes the folder then, so
//! nothing is left even when this one is killed. Only where no file system in memory can be written to does the
//! folder stand in the temporary folder, with a warning. (Memory can be swapped out: encrypt the swap device.)

use std::fs::Permissions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{AccessFlags, access, geteuid};
use tokio::signal::unix::{SignalKind, signal};

use super::session;
use crate::exit;
use crate::failure::Failure;

const PREFIX: &str = "rplay-vault-";

/// The folder. Dropping it overwrites and removes everything in it.
pub(super) struct Private {
    folder: PathBuf,
    watcher: Child,
}

impl Private {
    pub(super) fn open() -> Result<Self, Failure> {
        let fail = |error: io::Error| session::trouble(format!("cannot make a private folder: {error}"));
        let place = memory().unwrap_or_else(|| {
            let place = std::env::temp_dir();
            crate::vault::warn(&format!(
                "no file system in memory can be written to: the plain text will be in {} while it is edited",
                place.display()
            ));
            place
        });
        let mut builder = tempfile::Builder::new();
        let folder =
            builder.prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(place).map_err(fail)?;
        let watcher = Command::new(std::env::current_exe().map_err(fail)?)
            .args(["vault", "watch"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Keys typed at the editor are not for it.
            .process_group(0)
            .spawn()
            .map_err(fail)?;
        Ok(Self { folder: folder.keep(), watcher })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // The watcher tries once more what fails here.
        let _ = rplay_vault::shred_folder(&self.folder);
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// A folder on a file system in memory that the user can write to.
fn memory() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let places = runtime.into_iter().chain([PathBuf::from("/dev/shm"), PathBuf::from("/run/shm")]);
    places.into_iter().find(|place| {
        place.is_absolute()
            && statfs(place).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC)
            && access(place, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
    })
}

/// Waits for standard input to end, which it does when whoever made the folder is gone, and removes the folder.
pub(super) fn watch(folder: &Path) -> i32 {
    let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
        && fs_err::symlink_metadata(folder)
            .is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o777 == 0o700);
    if !ours {
        return exit::OPTIONS;
    }
    let waited = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let _inside = runtime.enter();
        // Signals that end the other one end this one when it is.
        let _kept = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        io::stdin().lock().read_to_end(&mut Vec::new())
    });
    let removed = rplay_vault::shred_folder(folder);
    if waited.is_ok() && removed.is_ok() { exit::OK } else { exit::ERROR }
}

/// Lets the user edit a file. How the editor ends says nothing, as for the reference; what it leaves counts.
pub(super) fn edit(editor: &str, file: &Path) -> Result<(), Failure> {
    let words = rplay_modules::words::split(editor).ok().filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| session::options(format!("the editor `{editor}` is no command")))?;
    let fail = |error: io::Error| {
        session::trouble(format!("Unable to execute the command \"{} {}\": {error}", words.join(" "), file.display()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
    runtime.block_on(async {
        // Ctrl-C and Ctrl-\ at the terminal are the editor's alone.
        let _interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
        let _quit = signal(SignalKind::quit()).map_err(fail)?;
        let (mut hangup, mut terminate) =
            (signal(SignalKind::hangup()).map_err(fail)?, signal(SignalKind::terminate()).map_err(fail)?);
        let mut child = tokio::process::Command::new(&words[0]).args(&words[1..]).arg(file).spawn().map_err(fail)?;
        let ended_by = tokio::select! {
            ended = child.wait() => return ended.map(drop).map_err(fail),
            _ = hangup.recv() => nix::sys::signal::SIGHUP,
            _ = terminate.recv() => nix::sys::signal::SIGTERM,
        };
        let _ = child.kill().await;
        let mut failure = session::trouble(format!("ended by {ended_by}, nothing was saved"));
        failure.code = 128 + ended_by as i32;
        Err(failure)
    })
}
