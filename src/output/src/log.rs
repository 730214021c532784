//! The log file (`log_path`): every message that is shown, with its time, as ansible-core's.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fs_err::File;
use jiff::Zoned;

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// A file that messages are added to. Clones write to the same file, whole messages at a time.
#[derive(Clone)]
pub struct LogFile {
    file: Arc<Mutex<File>>,
    user: Arc<str>,
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile").finish_non_exhaustive()
    }
}

impl LogFile {
    /// Opens a file to add to, made if it is not there. `user` is who runs.
    pub fn open(path: &Path, user: &str) -> io::Result<Self> {
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), user: user.into() })
    }

    /// Adds a message; colours are left out.
    pub(crate) fn add(&self, level: Level, text: &str) -> io::Result<()> {
        let level = match level {
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        };
        let text = without_colors(text.trim_start_matches('\n'));
        let line = format!(
            "{} p={} u={} n=ansible {level}| {text}\n",
            Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f"),
            std::process::id(),
            self.user
        );
        // One call a message: other processes may add to the same file.
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// A text without the sequences that set colours.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.find(|c: char| !c.is_ascii_digit() && c != ';') {
            Some(end) if part[end..].starts_with('m') => out.push_str(&part[end + 1..]),
            _ => {
                out.push_str("\u{1b}[");
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_added_with_time_user_and_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        LogFile::open(&path, "me").unwrap().add(Level::Info, "\nPLAY [all] ***").unwrap();
        let again = LogFile::open(&path, "me").unwrap();
        again.clone().add(Level::Error, "[ERROR]: a\nb").unwrap();
        again.add(Level::Info, "one : \u{1b}[0;32mok=3\u{1b}[0m  x\u{1b}[2J").unwrap();
        let text = fs_err::read_to_string(&path).unwrap();
        let process = std::process::id();
        let lines: Vec<&str> = text.lines().map(|line| line.get(24..).unwrap_or(line)).collect();
        assert_eq!(lines[0], format!("p={process} u=me n=ansible INFO| PLAY [all] ***"));
        assert_eq!(lines[1], format!("p={process} u=me n=ansible ERROR| [ERROR]: a"));
        assert_eq!(text.lines().nth(2), Some("b"));
        assert_eq!(lines[3], format!("p={process} u=me n=ansible INFO| one : ok=3  x\u{1b}[2J"));
        let time = &text[..24];
        assert!(time.as_bytes()[19] == b',' && time.ends_with(' ') && time.starts_with("20"), "{time}");
    }
}
