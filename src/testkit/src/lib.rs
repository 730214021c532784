//! What end-to-end tests stand on: a folder of files, one run of `rplay` in it, and a text that is the same on every
//! machine, ready for a snapshot.
//!
//! Start reading at [`TestBed`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A temporary folder with files, and the program under test.
pub struct TestBed {
    folder: TempDir,
    program: PathBuf,
    env: BTreeMap<String, String>,
}

/// One finished run. Its `Display` is exit code, standard output and standard error with what varies replaced.
pub struct Ran {
    /// The exit code; `-1` when a signal ended it.
    pub code: i32,
    /// Standard output as it was.
    pub stdout: String,
    /// Standard error as it was.
    pub stderr: String,
    folder: String,
}

impl TestBed {
    /// An empty folder. `program` is `env!("CARGO_BIN_EXE_rplay")`.
    ///
    /// # Panics
    ///
    /// When the machine cannot make a temporary folder.
    #[expect(clippy::expect_used, reason = "a test without its folder cannot go on")]
    pub fn new(program: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("rplay-test-").tempdir().expect("a temporary folder");
        Self { folder, program: PathBuf::from(program), env: BTreeMap::new() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, making its folders. Text that starts with a newline is taken without it and without the
    /// indentation of its first line, so that tests can indent what they hold.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    #[expect(clippy::expect_used, reason = "a test without its files cannot go on")]
    #[must_use]
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent).expect("a folder for the file");
        }
        fs_err::write(path, dedent(text)).expect("the file");
        self
    }

    /// Sets a variable for every run.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads a file of the folder; empty when it does not exist.
    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.join(name)).unwrap_or_default()
    }

    /// The program with arguments, in the folder, in an environment that holds nothing of the user's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ANSIBLE_") || name.starts_with("RPLAY_") && name != "RPLAY_AGENT" {
                command.env_remove(name);
            }
        }
        command
            .env_remove("XDG_STATE_HOME")
            .env("HOME", self.path())
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "120")
            .envs(&self.env);
        command
    }

    /// Runs `rplay` with arguments.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn rplay(&self, args: &[&str]) -> Ran {
        self.ran(&mut self.command(args))
    }

    /// As [`TestBed::rplay`], with this typed.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    #[expect(clippy::expect_used, reason = "a test without its program cannot go on")]
    pub fn rplay_typed(&self, args: &[&str], typed: &str) -> Ran {
        fs_err::write(self.join(".typed"), typed).expect("a file of what is typed");
        let input = std::fs::File::open(self.join(".typed")).expect("a file of what is typed");
        self.ran(self.command(args).stdin(input))
    }

    #[expect(clippy::expect_used, reason = "a test without its program cannot go on")]
    fn ran(&self, command: &mut Command) -> Ran {
        let output = command.output().expect("the program under test starts");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            folder: self.path().display().to_string(),
        }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stable = |text: &str| text.replace(&self.folder, "[DIR]");
        writeln!(f, "exit {}", self.code)?;
        writeln!(f, "--- stdout ---\n{}", stable(&self.stdout).trim_end())?;
        write!(f, "--- stderr ---\n{}", stable(&self.stderr).trim_end())
    }
}

fn dedent(text: &str) -> String {
    let Some(body) = text.strip_prefix('\n') else { return text.to_owned() };
    let first = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let indent = &first[..first.len() - first.trim_start().len()];
    let lines = body.lines().map(|line| line.strip_prefix(indent).unwrap_or(line.trim_start()));
    let mut out: String = lines.collect::<Vec<_>>().join("\n").trim_end().to_owned();
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_without_their_indentation() {
        assert_eq!(dedent("\n    a:\n      b\n    "), "a:\n  b\n");
        assert_eq!(dedent("a\n"), "a\n");
    }
}
