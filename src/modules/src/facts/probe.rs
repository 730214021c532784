//! How collectors look at the target.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

    /// Runs a program in the C locale, however it ends.
    pub(crate) fn output(&self, argv: &[&str]) -> Option<Output> {
        let program = Program::new(argv.iter().copied()).env("LANG", "C").env("LC_ALL", "C").env("LC_NUMERIC", "C");
        self.cx.sys().run(&program).ok()
    }
}
