//! How collectors look at the target.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rplay_value::{Map, Value};

use crate::{Context, Output, Program};

/// Reads files, links and folders of the target and runs its programs; knows the facts that were gathered first.
pub(crate) struct Probe<'a> {
    cx: &'a Context<'a>,
    known: Map,
    /// Seconds a slow source may take.
    pub(crate) timeout: u64,
    /// Folder of local facts.
    pub(crate) fact_path: &'a str,
    /// What the target's Python said of itself.
    pub(super) python: OnceLock<String>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(cx: &'a Context<'a>, timeout: u64, fact_path: &'a str) -> Self {
        Self { cx, known: Map::new(), timeout, fact_path, python: OnceLock::new() }
    }

    /// Remembers facts for later collectors.
    pub(crate) fn learn(&mut self, facts: &Map) {
        self.known.extend(facts.clone());
    }

    /// A fact gathered before, without prefix; empty when it is not known.
    pub(crate) fn known(&self, name: &str) -> &str {
        self.known.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The context of the call.
    pub(crate) fn cx(&self) -> &'a Context<'a> {
        self.cx
    }

    /// Whether this is the machine the process runs on, not a tree of files that stands for one.
    pub(crate) fn is_real(&self) -> bool {
        self.path("/") == Path::new("/")
    }

    /// A path of the target.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.cx.path(path)
    }

    /// Whether a path exists, links followed.
    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// A file's text without white space around it; `None` when it cannot be read or is empty.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = std::fs::read(self.path(path)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A file's lines; none when it cannot be read.
    pub(crate) fn lines(&self, path: impl AsRef<Path>) -> Vec<String> {
        self.read(path).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Names in a folder, in the order the system lists them.
    pub(crate) fn list(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else { return Vec::new() };
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// What a symbolic link says.
    pub(crate) fn link(&self, path: impl AsRef<Path>) -> Option<String> {
        std::fs::read_link(self.path(path)).ok()?.to_str().map(str::to_owned)
    }

    /// The last part of what a symbolic link says.
    pub(crate) fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        self.link(path)?.rsplit('/').next().map(str::to_owned)
    }

    /// Where a program is.
    pub(crate) fn which(&self, name: &str) -> Option<String> {
        self.cx.sys().which(name)?.to_str().map(str::to_owned)
    }

    /// Runs a program in the C locale; `None` when it could not start or failed.
    pub(crate) fn run(&self, argv: &[&str]) -> Option<String> {
        self.output(argv).filter(Output::success).map(|output| output.out())
    }

    /// As [`run`](Self::run), of a program that says the same until its file or one of these `files` changes: programs
    /// take longer to start than everything else together, and every gathering of this process after the first one
    /// knows what they said.
    pub(crate) fn run_once(&self, argv: &[&str], files: &[&str]) -> Option<String> {
        static SAID: Mutex<Option<Said>> = Mutex::new(None);
        let program = argv.first()?;
        // A tree of files that stands for a machine has programs that are none; and what a version manager's program
        // starts is not in its file.
        if !self.is_real() || program.contains("/shims/") {
            return self.run(argv);
        }
        let stamps: Vec<Stamp> = std::iter::once(program).chain(files).map(|path| stamp(path)).collect();
        let key: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let said = || SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, said)) = said().as_ref().and_then(|said| said.get(&key))
            && *then == stamps
        {
            return Some(said.clone());
        }
        let found = self.run(argv)?;
        said().get_or_insert_default().insert(key, (stamps, found.clone()));
        Some(found)
    }

    /// Runs a program in the C locale, however it ends.
    pub(crate) fn output(&self, argv: &[&str]) -> Option<Output> {
        let program = Program::new(argv.iter().copied()).env("LANG", "C").env("LC_ALL", "C").env("LC_NUMERIC", "C");
        self.cx.sys().run(&program).ok()
    }
}

/// What programs said by their command lines, and the files that it depended on.
type Said = HashMap<Vec<String>, (Vec<Stamp>, String)>;

/// What tells whether a file is still the same: device, inode, time of the last change, size. `None` when it is not there.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

fn stamp(path: &str) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::Real;

    #[test]
    fn a_program_is_asked_again_when_its_file_or_what_it_reads_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (program, read) = (dir.path().join("program"), dir.path().join("read"));
        let install = |text: &str| {
            let new = dir.path().join("new");
            let script = format!("#!/bin/sh\necho x >>{}/calls\necho {text}\n", dir.path().display());
            fs_err::write(&new, script).unwrap();
            fs_err::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
            fs_err::rename(&new, &program).unwrap();
        };
        let (sys, call) = (Real::default(), rplay_protocol::Call::default());
        let cx = Context::new(&sys, &call);
        let probe = Probe::new(&cx, 10, "");
        let ask = || probe.run_once(&[program.to_str().unwrap()], &[read.to_str().unwrap()]).unwrap_or_default();
        let calls = || fs_err::read_to_string(dir.path().join("calls")).unwrap().lines().count();
        install("one");
        assert_eq!((ask().trim(), ask().trim(), calls()), ("one", "one", 1));
        fs_err::write(&read, "now there").unwrap();
        assert_eq!((ask().trim(), calls()), ("one", 2));
        install("two");
        assert_eq!((ask().trim(), ask().trim(), calls()), ("two", "two", 3));
    }
}
