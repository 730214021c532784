//! Passwords for ssh: it asks a program, the program asks us.
//!
//! ssh closes every inherited descriptor but the standard three, so the way is two named pipes in a folder that only
//! this user may enter. The program is a three-line shell script; it sends ssh's prompt through one pipe and reads the
//! answer from the other. A password is never an argument, a variable or the content of a file.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err as fs;
use nix::sys::stat::Mode;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use crate::Secret;

const SCRIPT: &str = r#"#!/bin/sh
printf '%s\0' "$1" >"$RPLAY_ASKPASS/prompt" && IFS= read -r answer <"$RPLAY_ASKPASS/answer" || exit 1
case $answer in +*) printf '%s\n' "${answer#+}" ;; *) exit 1 ;; esac
"#;

/// Answers ssh's questions for as long as it lives.
pub(crate) struct Askpass {
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Askpass {
    /// Starts answering. The folder is made inside `parent`.
    pub(crate) fn start(parent: &Path, password: Option<Secret>, passphrase: Option<Secret>) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ask-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let file = |name: &str| folder.path().join(name);
        fs::write(file("askpass"), SCRIPT)?;
        fs::set_permissions(file("askpass"), std::fs::Permissions::from_mode(0o700))?;
        for name in ["prompt", "answer"] {
            nix::unistd::mkfifo(&file(name), Mode::from_bits_truncate(0o600))?;
        }
        // Opened for both directions, so that neither end ever sees the other missing.
        let mut prompts = pipe::OpenOptions::new().read_write(true).open_receiver(file("prompt"))?;
        let mut answers = pipe::OpenOptions::new().read_write(true).open_sender(file("answer"))?;
        let mut answerer = Answerer { password, passphrase, asked: Vec::new() };
        let task = tokio::spawn(async move {
            let mut prompt = Vec::new();
            loop {
                match prompts.read_u8().await {
                    Ok(0) => {
                        let text = String::from_utf8_lossy(&prompt).into_owned();
                        let line = match answerer.answer(&text) {
                            Some(secret) => format!("+{}\n", secret.reveal()),
                            None => "-\n".to_owned(),
                        };
                        if answers.write_all(line.as_bytes()).await.is_err() {
                            return;
                        }
                        prompt.clear();
                    }
                    Ok(byte) => prompt.push(byte),
                    Err(_) => return,
                }
            }
        });
        Ok(Self { folder, task })
    }

    /// Makes ssh ask here.
    pub(crate) fn apply(&self, ssh: &mut tokio::process::Command) {
        ssh.env("SSH_ASKPASS", self.folder.path().join("askpass")).env("RPLAY_ASKPASS", self.folder.path());
        require(ssh);
    }
}

impl Drop for Askpass {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes ssh ask nobody: every question fails at once, where a terminal would have been asked.
pub(crate) fn refuse(ssh: &mut tokio::process::Command) {
    ssh.env("SSH_ASKPASS", "false");
    require(ssh);
}

fn require(ssh: &mut tokio::process::Command) {
    ssh.env("SSH_ASKPASS_REQUIRE", "force");
    // Before OpenSSH 8.4 the program is asked only where a display is, and no terminal.
    if std::env::var_os("DISPLAY").is_none() {
        ssh.env("DISPLAY", ":0");
    }
}

struct Answerer {
    password: Option<Secret>,
    passphrase: Option<Secret>,
    asked: Vec<String>,
}

impl Answerer {
    /// The answer to a prompt. The same question twice means that the answer was wrong: asking a server again could lock
    /// the account. Questions that want no password (is this the host's key?) are refused.
    fn answer(&mut self, prompt: &str) -> Option<&Secret> {
        if self.asked.iter().any(|p| p == prompt) {
            return None;
        }
        self.asked.push(prompt.to_owned());
        let prompt = prompt.to_lowercase();
        if prompt.contains("passphrase") {
            self.passphrase.as_ref()
        } else if prompt.contains("password") {
            self.password.as_ref()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prompt_is_answered_once_and_with_its_own_secret() {
        let mut answerer =
            Answerer { password: Some("pw".into()), passphrase: Some("phrase".into()), asked: Vec::new() };
        assert_eq!(answerer.answer("Are you sure you want to continue connecting (yes/no)? "), None);
        assert_eq!(answerer.answer("Enter passphrase for key '/k': ").map(Secret::reveal), Some("phrase"));
        assert_eq!(answerer.answer("root@jump's password: ").map(Secret::reveal), Some("pw"));
        assert_eq!(answerer.answer("root@host's password: ").map(Secret::reveal), Some("pw"));
        assert_eq!(answerer.answer("root@host's password: "), None);
    }

    #[tokio::test]
    async fn the_program_speaks_through_the_pipes() {
        let parent = tempfile::tempdir().unwrap();
        let askpass = Askpass::start(parent.path(), Some("a 'b' \\c \u{e9}".into()), None).unwrap();
        for (prompt, code, want) in
            [("x's password: ", 0, "a 'b' \\c \u{e9}\n"), ("x's password: ", 1, ""), ("yes\nor no?", 1, "")]
        {
            let mut program = tokio::process::Command::new(askpass.folder.path().join("askpass"));
            program.arg(prompt).env("RPLAY_ASKPASS", askpass.folder.path());
            let output = program.output().await.unwrap();
            assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap().as_str()), (Some(code), want));
        }
    }

    #[test]
    fn nobody_else_can_listen() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let parent = tempfile::tempdir().unwrap();
            let askpass = Askpass::start(parent.path(), None, None).unwrap();
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(askpass.folder.path()), 0o700);
            assert_eq!(mode(&askpass.folder.path().join("answer")), 0o600);
        });
    }
}
