//! The system a module works on: programs it can run, paths, identity. Tests use a fake one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rplay_protocol::OutputLine;

use crate::ModuleError;

/// A program to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Standard input; nothing when absent.
    pub stdin: Option<Vec<u8>>,
    /// Working folder.
    pub cwd: Option<PathBuf>,
    /// Variables set on top of the agent's environment.
    pub env: BTreeMap<String, String>,
    /// File creation mask.
    pub umask: Option<u32>,
    /// Its output is what the user waits for: it is shown while it comes.
    pub live: bool,
}

impl Program {
    /// A program with its arguments.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A command line for `/bin/sh -c`.
    pub fn shell(line: &str) -> Self {
        Self::new(["/bin/sh", "-c", line])
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Its output is shown while it comes.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; negative for the signal that ended it, as Python's subprocess reports.
    pub rc: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, invalid bytes replaced.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, invalid bytes replaced.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Whether it ended with status 0.
    pub fn success(&self) -> bool {
        self.rc == 0
    }
}

/// The system a module works on.
pub trait Sys: Send + Sync {
    /// Runs a program to its end, in its own process group, with the call's environment. An unknown program is
    /// [`io::ErrorKind::NotFound`].
    fn run(&self, program: &Program) -> io::Result<Output>;

    /// Where a program is: `PATH` of the target, then the usual sbin folders.
    fn which(&self, name: &str) -> Option<PathBuf>;

    /// Where a program is, or the failure Ansible reports for a module that needs one.
    fn need(&self, name: &str) -> Result<String, ModuleError> {
        if let Some(found) = self.which(name) {
            return Ok(found.to_string_lossy().into_owned());
        }
        let path = self.var("PATH").unwrap_or_default();
        Err(ModuleError::msg(format!("Failed to find required executable \"{name}\" in paths: {path}")))
    }

    /// A path as this system sees it. The real system returns it unchanged.
    fn path(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// The effective user id.
    fn euid(&self) -> u32;

    /// A variable of the agent's environment, the call's environment first.
    fn var(&self, name: &str) -> Option<String>;

    /// A file's version and chattr flags as its file system keeps them; `None` where `lsattr` has to be asked.
    fn inode_flags(&self, _path: &Path) -> Option<(u32, u32)> {
        None
    }

    /// Whether the call was cancelled; modules that wait look at it.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Texts that are in no output shown while it comes.
    fn conceal(&self, _secrets: &[String]) {}

    /// Shows lines to whoever follows the call.
    fn show(&self, _lines: Vec<OutputLine>) {}

    /// The folder for temporary files.
    fn tmp(&self) -> PathBuf;
}
