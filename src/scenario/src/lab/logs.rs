//! What nodes have written: consoles and journals as files, and what is bad in them.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::{Lab, LabError, one_of, shell};
use crate::provider::{ObjectKind, State};

/// Lines that no healthy kernel writes.
const BAD: [&str; 9] = [
    "Kernel panic",
    "Out of memory",
    "oom-kill",
    "oom_reaper",
    " BUG: ",
    "segfault at",
    "general protection fault",
    "soft lockup",
    "blocked for more than",
];

/// How long a node may take to hand its journal out.
const JOURNAL: Duration = Duration::from_secs(20);

/// A line that tells of a panic, or of memory that ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The file that it was collected into.
    pub file: PathBuf,
    /// Its number, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

/// What was collected.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// Files, one a node and kind.
    pub files: Vec<PathBuf>,
    /// What is bad in them.
    pub bad: Vec<Bad>,
}

impl Lab<'_> {
    /// Collects consoles and journals of all nodes, and what stages wrote, into a folder. What fails on one node does not keep
    /// others from being collected.
    pub fn logs(&self, into: &std::path::Path) -> Result<Logs, LabError> {
        let collected = self.collect_logs(into);
        collected.map_err(|error| LabError::Collect(Box::new(error)))
    }

    fn collect_logs(&self, folder: &std::path::Path) -> Result<Logs, LabError> {
        fs_err::create_dir_all(folder)?;
        let stages = self.folder.below("logs")?;
        if stages != folder {
            for entry in fs_err::read_dir(&stages)?.filter_map(Result::ok) {
                if entry.path().extension().is_some_and(|extension| extension == "log") {
                    fs_err::copy(entry.path(), folder.join(entry.file_name()))?;
                }
            }
        }
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let there: Vec<_> = nodes.into_iter().filter(|node| Self::object(&objects, &node.name).is_some()).collect();
        let reached = self.reached(&there, &objects)?;
        if !there.is_empty() {
            self.handoff(&reached, crate::handoff::Spelling::New)?;
        }
        let (mut logs, mut errors) = (Logs::default(), Vec::new());
        for (object, provider) in objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node) {
            let Some(name) = object.name() else { continue };
            match self.must(async { Ok(provider.console(object).await?) }) {
                Ok(text) => {
                    let path = folder.join(format!("{name}.console"));
                    logs.bad.extend(bad(&path, &String::from_utf8_lossy(&text)));
                    fs_err::write(&path, text)?;
                    logs.files.push(path);
                }
                Err(error) => errors.push(error),
            }
            let node = reached.iter().find(|reached| reached.node.name == name);
            let Some(node) = node.filter(|_| object.state == Some(State::Running)) else { continue };
            let path = folder.join(format!("{name}.journal"));
            match self.journal(node, &path) {
                Ok(Some(text)) => {
                    logs.bad.extend(bad(&path, &text));
                    logs.files.push(path);
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        one_of(errors)?;
        Ok(logs)
    }

    /// The journal of this boot; `None` where there is none.
    fn journal(&self, node: &crate::handoff::Reached<'_>, path: &std::path::Path) -> Result<Option<String>, LabError> {
        let command = "command -v journalctl >/dev/null 2>&1 || exit 0; journalctl -b --no-pager -o short-iso -n 20000";
        let command = shell::on(node, &self.folder.file("ssh.config.ansible"), command);
        let text = Mutex::new(String::new());
        let line = |line: &str| {
            if let Ok(mut text) = text.lock() {
                text.push_str(line);
                text.push('\n');
            }
        };
        let ended = shell::program(command, Some(JOURNAL), &line)?;
        let text = text.into_inner().unwrap_or_default();
        let failed = |why: String| {
            let name = &node.node.name;
            Err(LabError::said(rplay_diag::Diagnostic::error(format!("cannot collect the journal of `{name}`: {why}"))))
        };
        match ended {
            Some(status) if status.success() && text.is_empty() => Ok(None),
            Some(status) if status.success() => {
                fs_err::File::create(path)?.write_all(text.as_bytes())?;
                Ok(Some(text))
            }
            Some(_) => failed(text.lines().last().unwrap_or("it says nothing").to_owned()),
            None => failed(format!("it took longer than {} s", JOURNAL.as_secs())),
        }
    }
}

fn bad(file: &std::path::Path, text: &str) -> Vec<Bad> {
    let lines = text.lines().enumerate().filter(|(_, line)| BAD.iter().any(|word| line.contains(word)));
    lines.map(|(at, line)| Bad { file: file.to_owned(), line: at + 1, text: line.trim().to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_lost_memory_are_found() {
        let text = "booting\n[ 9.1] Out of memory: Killed process 7 (mysqld)\nsshd: send DEBUG: fine\n[10.0] Kernel panic - not syncing: x\n";
        let found = bad(std::path::Path::new("a.console"), text);
        let lines: Vec<usize> = found.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 4]);
    }
}
