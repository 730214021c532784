//! Getting the agent to run on a host: one round trip when it is there already, an upload on the same channel when not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rplay_protocol::MARK;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

use crate::agent::Agent;
use crate::channel::{Channel, Host, Process};
use crate::spec::Kind;
use crate::wire::{Wire, find_mark};
use crate::words::quote;
use crate::{AgentError, ConnectionError};

/// What the script says when the agent's program is not there; the machine's kind follows.
const MISSING: &str = "rplay-agent missing";

/// How much of standard error is kept to explain an end.
const KEPT: usize = 8 << 10;

/// Where the agent lives when nobody says where.
const FOLDER: &str = "~/.cache/rplay";

/// Starts the agent.
pub(crate) async fn start(host: &Arc<Host>, agent: &Agent, keep: bool) -> Result<Wire, ConnectionError> {
    let limit = Duration::from_secs(host.spec().connect_timeout.saturating_add(20));
    let silence = || ConnectionError::Timeout {
        host: host.name().to_owned(),
        seconds: limit.as_secs(),
        what: "the agent to start",
    };
    let folder = host.spec().remote_tmp.as_deref().unwrap_or(FOLDER);
    let command = match (&agent.path, &host.spec().kind) {
        (Some(path), Kind::Local) => format!("exec {} --tmp {}", quote(&path.to_string_lossy()), place(folder)),
        _ => host.script(&script(agent, folder, keep)),
    };
    let channel = tokio::time::timeout(limit, host.open(&command)).await.map_err(|_| silence())??;
    let Channel { mut stdin, stdout, mut stderr, process } = channel;
    let said = Arc::new(Mutex::new(String::new()));
    let keeper = Arc::clone(&said);
    let errors = tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            let mut kept = keeper.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(&String::from_utf8_lossy(&buffer[..read]));
            if kept.len() > 2 * KEPT {
                let mut start = kept.len() - KEPT;
                while !kept.is_char_boundary(start) {
                    start += 1;
                }
                kept.drain(..start);
            }
        }
    });
    let mut stdout = BufReader::with_capacity(64 << 10, stdout);
    let failed = |error| ConnectionError::Agent { host: host.name().to_owned(), error };
    let mark = tokio::time::timeout(limit, find_mark(&mut stdout, &[MARK, MISSING]))
        .await
        .map_err(|_| silence())?
        .ok()
        .flatten();
    let mark = match mark {
        Some(line) if line.starts_with(MISSING) => {
            let target = line[MISSING.len()..].trim();
            if target != "Linux x86_64" {
                return Err(failed(AgentError::Architecture { target: target.to_owned() }));
            }
            tracing::debug!(host = host.name(), bytes = agent.program.len(), "uploading the agent");
            // A target that stops reading is found out by the missing mark.
            let _ = stdin.write_all(&agent.program).await;
            let _ = stdin.flush().await;
            tokio::time::timeout(limit * 4, find_mark(&mut stdout, &[MARK]))
                .await
                .map_err(|_| silence())?
                .ok()
                .flatten()
        }
        mark => mark,
    };
    if mark.is_none() {
        drop(stdin);
        let rc = ended(process, errors).await;
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
        return Err(match (rc, &host.spec().kind) {
            (None, _) => ConnectionError::Lost {
                host: host.name().to_owned(),
                reason: format!("Connection to {} closed", host.name()),
            },
            (Some(255), Kind::Ssh(_)) => ConnectionError::Unreachable {
                host: host.name().to_owned(),
                reason: crate::ssh::unreachable_text(&said),
            },
            (Some(1 | 125 | 126), Kind::Docker(docker))
                if said.starts_with("Error") || said.contains("OCI runtime") =>
            {
                let reason = format!("Failed to connect to the container via {}: {said}", docker.executable);
                ConnectionError::Unreachable { host: host.name().to_owned(), reason }
            }
            (Some(rc), _) if said.is_empty() => {
                failed(AgentError::Start { reason: format!("its shell ended with status {rc}") })
            }
            _ => failed(AgentError::Start { reason: said }),
        });
    }
    let why = async move {
        let rc = ended(process, errors).await;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
        if said.is_empty()
            && let Some(rc) = rc
        {
            said = format!("the agent ended with status {rc}");
        }
        said
    };
    Wire::open(Arc::from(host.name()), stdout, stdin, why).await
}

/// The status of a program whose output has ended, once its last words are in.
async fn ended(process: Process, errors: tokio::task::JoinHandle<()>) -> Option<i32> {
    let grace = Duration::from_secs(2);
    let rc = tokio::time::timeout(grace, process.wait()).await.ok().flatten();
    let _ = tokio::time::timeout(grace, errors).await;
    rc
}

/// Finds the agent in a folder of the target and becomes it; failing that says so, reads the program from standard
/// input into a temporary file, moves it to its place in one step and becomes it. An upload cut short leaves nothing.
///
/// One line without single quotes and `!`, so that any login shell can hand it on. The program must belong to the user:
/// in a folder that others may write to, somebody else could have put one there.
fn script(agent: &Agent, folder: &str, keep: bool) -> String {
    let (name, size, folder) = (&agent.name, agent.program.len(), place(folder));
    let find = if keep { r#"[ -x "$f" ] && [ -O "$f" ] && exec "$f" --tmp "$d"; "# } else { "" };
    let run = if keep { r#"mv -f "$t" "$f" && exec "$f" --tmp "$d""# } else { r#"exec "$t" --tmp "$d" --unlink"# };
    format!(
        r#"d={folder}; f="$d/{name}"; {find}(umask 077; mkdir -p "$d") || exit 1; t="$d/.{name}.$$"; echo "{MISSING} $(uname -sm)"; (umask 077; head -c {size} > "$t"); if [ "$(wc -c < "$t")" -eq {size} ] && chmod 700 "$t"; then {run}; fi; rm -f "$t"; exit 1"#
    )
}

/// A folder as the user wrote it, for the target's shell: `~` and `$NAME` are expanded, nothing else.
fn place(folder: &str) -> String {
    let (home, rest) = match folder.strip_prefix('~') {
        Some(rest) => {
            let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if user.is_empty() {
                (r#""$HOME""#.to_owned(), rest)
            } else if user.chars().all(|c| c.is_alphanumeric() || "._-".contains(c)) {
                (format!("~{user}"), rest)
            } else {
                (String::new(), folder)
            }
        }
        None => (String::new(), folder),
    };
    let mut quoted = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        let variable = c == '$' && chars.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '_');
        if matches!(c, '"' | '\\' | '`') || c == '$' && !variable {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    format!("{home}\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(program: &[u8]) -> Agent {
        Agent { path: None, program: program.into(), name: "agent-0".into() }
    }

    fn shell(script: &str, home: &std::path::Path, input: &[u8]) -> (String, bool) {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.success())
    }

    const PROGRAM: &[u8] = b"#!/bin/sh\necho started \"$@\"\n";

    #[test]
    fn the_script_uploads_once_and_then_starts_at_once() {
        let home = tempfile::tempdir().unwrap();
        let script = script(&agent(PROGRAM), "~/a b/$HOME", true);
        let (first, _) = shell(&script, home.path(), PROGRAM);
        let folder = format!("{0}/a b/{0}", home.path().display()).replace("//", "/");
        assert!(first.starts_with("rplay-agent missing Linux x86_64\nstarted --tmp "), "{first}");
        let (second, _) = shell(&script, home.path(), b"");
        assert!(second.starts_with("started --tmp "), "{second}");
        let left: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left, ["agent-0"]);
    }

    #[test]
    fn a_cut_upload_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (_, success) = shell(&script(&agent(PROGRAM), "~/x", true), home.path(), &PROGRAM[..9]);
        assert!(!success);
        assert_eq!(std::fs::read_dir(home.path().join("x")).unwrap().count(), 0);
    }

    #[test]
    fn without_a_cache_the_program_is_told_to_remove_itself() {
        let home = tempfile::tempdir().unwrap();
        let (text, _) = shell(&script(&agent(PROGRAM), "~/x", false), home.path(), PROGRAM);
        assert!(text.trim_end().ends_with("--unlink"), "{text}");
    }

    #[test]
    fn nothing_in_a_folders_name_is_run() {
        assert_eq!(place("~"), r#""$HOME""""#);
        assert_eq!(place("~bob/x"), r#"~bob"/x""#);
        assert_eq!(place("/a$(id)`id`\"$HOME"), r#""/a\$(id)\`id\`\"$HOME""#);
        assert_eq!(place("~$(id)/x"), r#""~\$(id)/x""#);
    }
}
