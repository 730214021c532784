//! Shell commands on nodes, over the way that they are reached, and programs of this machine with a deadline.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::handoff::{Reached, Way};

/// What a command said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) ok: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// The program and arguments that run a shell command on a node.
pub(super) fn on(reached: &Reached<'_>, config: &std::path::Path, command: &str) -> Command {
    match &reached.way {
        Way::Docker { container, engine } => {
            let mut program = Command::new("docker");
            if let Some(engine) = engine {
                program.args(["-H", engine]);
            }
            program.args(["exec", "-i", "-u", &reached.user, container, "sh", "-c", command]);
            program
        }
        Way::Ssh { .. } => {
            let mut program = Command::new("ssh");
            program.arg("-F").arg(config).args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
            program.arg(&reached.node.name).arg(command);
            program
        }
    }
}

/// Runs a shell command on a node.
pub(super) fn run(reached: &Reached<'_>, config: &std::path::Path, command: &str) -> io::Result<Said> {
    let output = on(reached, config, command).stdin(Stdio::null()).output()?;
    Ok(Said {
        ok: output.status.success(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs a program of this machine, line by line; `None` when its time was over.
pub(super) fn program(
    mut command: Command,
    deadline: Option<Duration>,
    line: &(dyn Fn(&str) + Sync),
) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // Holds the pipe's writing ends, which must close with the program.
    drop(command);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut text = Vec::new();
            while reader.by_ref().take(1 << 16).read_until(b'\n', &mut text).is_ok_and(|read| read > 0) {
                line(String::from_utf8_lossy(&text).trim_end_matches('\n'));
                text.clear();
            }
        });
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if deadline.is_some_and(|deadline| start.elapsed() >= deadline) {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_s_lines_come_as_they_are_written() {
        let lines = Mutex::new(Vec::new());
        let status =
            program(sh("echo a; echo b >&2; exit 3"), None, &|line| lines.lock().unwrap().push(line.to_owned()));
        assert_eq!(status.unwrap().unwrap().code(), Some(3));
        assert_eq!(*lines.lock().unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let start = Instant::now();
        let ended = program(sh("exec sleep 60"), Some(Duration::from_millis(100)), &|_| {}).unwrap();
        assert!(ended.is_none());
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
