//! The program that links libvirt, and what is asked of it: lines of JSON, see its `main.rs`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use crate::provider::ProviderError;

/// The program's name; it is beside rplay, or in PATH.
const PROGRAM: &str = "rplay-libvirt";
/// Says where it is instead.
const VARIABLE: &str = "RPLAY_LIBVIRT";
/// How long libvirt may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(2);

/// What libvirt says when it refuses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    /// libvirt's number for it; 0 when it is not libvirt's.
    pub(super) code: u64,
    /// Its words.
    pub(super) message: String,
}

impl Refusal {
    fn lost() -> Self {
        Self { code: 0, message: format!("{PROGRAM} has ended") }
    }

    /// As the error of doing something.
    pub(super) fn of(self, what: &str) -> ProviderError {
        ProviderError::Refused { what: what.to_owned(), why: self.message }
    }
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>>>;

/// A connection to libvirt.
#[derive(Debug)]
pub(super) struct Client {
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    /// Ends with this.
    _child: Child,
}

fn program() -> Result<PathBuf, ProviderError> {
    let said = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = std::env::current_exe().unwrap_or_default();
    // Tests run from a folder below the one with the programs.
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(PROGRAM));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).collect::<Vec<_>>();
    let mut all = said.into_iter().chain(beside).chain(in_path);
    all.find(|file| file.is_file()).ok_or_else(|| ProviderError::Missing {
        what: format!("provider `libvirt` needs the program {PROGRAM}, which is not there"),
        fix: format!(
            "build it (`apt install libvirt-dev pkg-config`, `cargo build --release --manifest-path src/libvirt/Cargo.toml`) \
             and put it beside rplay or into PATH; {VARIABLE} can name it too"
        ),
    })
}

impl Client {
    /// Starts the program and waits until libvirt has answered it.
    pub(super) async fn connect(uri: &str) -> Result<Self, ProviderError> {
        let mut child = Command::new(program()?)
            .arg(uri)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for rplay, which still has things to undo then.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Refusal::lost().of("start libvirt"));
        };
        let waiting: Waiting = Arc::default();
        let (first, connected) = oneshot::channel();
        waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(0, first);
        let told = Arc::clone(&waiting);
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Some((id, answer)) = read(&line) else { continue };
                let asked = told.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                // Who asked may have been interrupted.
                let _ = asked.map(|asked| asked.send(answer));
            }
            // Whoever still waits, waits in vain.
            told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        });
        match tokio::time::timeout(ANSWER, connected).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(Refusal::lost())).map_err(|refusal| missing(uri, &refusal))?,
            Err(_) => {
                return Err(ProviderError::Deadline { what: format!("libvirt at {uri}"), seconds: ANSWER.as_secs() });
            }
        };
        Ok(Self { input: tokio::sync::Mutex::new(input), waiting, next: AtomicU64::new(1), _child: child })
    }

    /// Asks; `with` holds what the call needs besides its name.
    pub(super) async fn ask(&self, call: &str, with: Value) -> Result<Value, Refusal> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut line = json!({"id": id, "call": call});
        if let (Some(line), Value::Object(with)) = (line.as_object_mut(), with) {
            line.extend(with);
        }
        let (asked, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, asked);
        let text = format!("{line}\n");
        let sent = {
            let mut input = self.input.lock().await;
            input.write_all(text.as_bytes()).await
        };
        if sent.is_err() {
            return Err(Refusal::lost());
        }
        answer.await.unwrap_or_else(|_| Err(Refusal::lost()))
    }
}

/// The number and the answer of a line.
fn read(line: &str) -> Option<(u64, Result<Value, Refusal>)> {
    let mut line: Value = serde_json::from_str(line).ok()?;
    let id = line["id"].as_u64()?;
    Some(match line.get_mut("error") {
        Some(error) => {
            let message = error["message"].as_str().unwrap_or_default().to_owned();
            (id, Err(Refusal { code: error["code"].as_u64().unwrap_or_default(), message }))
        }
        None => (id, Ok(line["answer"].take())),
    })
}

/// Why libvirt cannot be asked, and what mends it.
fn missing(uri: &str, refusal: &Refusal) -> ProviderError {
    let text = &refusal.message;
    let denied = ["Permission denied", "authentication", "polkit", "system bus"].iter().any(|word| text.contains(word));
    let fix = if denied {
        "add yourself to group libvirt (`sudo usermod -aG libvirt $USER`) and log in again, or give the nodes \
         `engine: qemu:///session`"
    } else {
        "install libvirt (on Debian `apt install libvirt-daemon-system qemu-system-x86 qemu-utils`) and start it \
         (`systemctl start libvirtd`)"
    };
    ProviderError::Missing { what: format!("libvirt does not answer at {uri}: {text}"), fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_errors_are_read() {
        let (id, answer) = read(r#"{"id":3,"answer":[1]}"#).unwrap();
        assert_eq!((id, answer.unwrap()), (3, json!([1])));
        let (_, answer) = read(r#"{"id":3,"error":{"code":42,"message":"no domain"}}"#).unwrap();
        let refusal = answer.unwrap_err();
        assert_eq!((refusal.code, refusal.to_string().as_str()), (42, "no domain"));
        assert!(read("libvirt: hello").is_none());
    }

    #[test]
    fn who_may_not_ask_is_told_of_the_group() {
        let denied = |message: &str| missing("qemu:///system", &Refusal { code: 38, message: message.to_owned() });
        let ProviderError::Missing { fix, .. } =
            denied("Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied")
        else {
            panic!()
        };
        assert!(fix.contains("usermod -aG libvirt"), "{fix}");
        let ProviderError::Missing { fix, .. } =
            denied("Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory")
        else {
            panic!()
        };
        assert!(fix.contains("systemctl start libvirtd"), "{fix}");
    }
}
