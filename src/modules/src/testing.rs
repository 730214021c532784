//! A system for tests: paths under a temporary root, programs that answer from a script.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rplay_protocol::{Call, Reply};
use rplay_value::Map;
use tempfile::TempDir;

use crate::{Output, Program, Sys};

/// A system whose files are under a temporary folder and whose programs answer as told.
///
/// Programs are known by the start of their command line; the longest matching start answers, and of several answers
/// to one start each is given once, the last one for ever. A program nobody told about is not found.
#[derive(Debug)]
pub struct Fake {
    root: TempDir,
    answers: Mutex<BTreeMap<String, Vec<Output>>>,
    calls: Mutex<Vec<Program>>,
    /// The environment.
    pub vars: BTreeMap<String, String>,
    /// The effective user id, 0 unless set.
    pub euid: u32,
}

impl Fake {
    /// An empty system.
    pub fn new() -> io::Result<Self> {
        let vars = [("HOME", "/root"), ("PATH", "/usr/bin:/usr/sbin")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        Ok(Self {
            root: TempDir::new()?,
            answers: Mutex::default(),
            calls: Mutex::default(),
            vars: vars.into(),
            euid: 0,
        })
    }

    /// Command lines that start with `start` (the program without its folder) end with `rc` and this output.
    #[must_use]
    pub fn on(self, start: &str, rc: i32, stdout: &str) -> Self {
        self.answer(start, Output { rc, stdout: stdout.into(), stderr: Vec::new() })
    }

    /// Command lines that start with `start` end like this.
    #[must_use]
    pub fn answer(self, start: &str, output: Output) -> Self {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(start.to_owned()).or_default().push(output);
        self
    }

    /// Writes a file under the root, with its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.path(Path::new(path));
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, content)
    }

    /// Reads a file under the root.
    pub fn read(&self, path: &str) -> io::Result<String> {
        fs_err::read_to_string(self.path(Path::new(path)))
    }

    /// The programs that were run, in order.
    pub fn programs(&self) -> Vec<Program> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The command lines that were run, in order, programs without their folders.
    pub fn command_lines(&self) -> Vec<String> {
        self.programs().iter().map(command_line).collect()
    }

    /// Runs a module on this system.
    pub fn call(&self, module: &str, args: Map) -> Reply {
        crate::run(self, &Call { module: module.to_owned(), args, ..Call::default() })
    }

    /// Runs a module in check mode on this system.
    pub fn check(&self, module: &str, args: Map) -> Reply {
        crate::run(self, &Call { module: module.to_owned(), args, check: true, diff: true, ..Call::default() })
    }
}

/// Arguments from pairs: `args([("name", "x"), ("state", "present")])`.
pub fn args<V: Into<rplay_value::Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Map {
    entries.into_iter().map(|(k, v)| (k, v.into())).collect()
}

fn command_line(program: &Program) -> String {
    let mut words = program.argv.clone();
    if let Some(first) = words.first_mut()
        && let Some((_, name)) = first.rsplit_once('/')
    {
        *first = name.to_owned();
    }
    words.join(" ")
}

impl Sys for Fake {
    fn run(&self, program: &Program) -> io::Result<Output> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(program.clone());
        let line = command_line(program);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let start = answers.keys().filter(|start| line.starts_with(start.as_str())).max_by_key(|s| s.len()).cloned();
        let outputs = start.and_then(|start| answers.get_mut(&start)).ok_or(io::ErrorKind::NotFound)?;
        if outputs.len() > 1 {
            return Ok(outputs.remove(0));
        }
        outputs.first().cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn which(&self, name: &str) -> Option<PathBuf> {
        if name.starts_with('/') {
            return Some(PathBuf::from(name)).filter(|path| self.path(path).exists());
        }
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.keys().any(|start| start.split(' ').next() == Some(name));
        known.then(|| Path::new("/usr/bin").join(name))
    }

    fn path(&self, path: &Path) -> PathBuf {
        path.strip_prefix("/").map_or_else(|_| path.to_owned(), |relative| self.root.path().join(relative))
    }

    fn euid(&self) -> u32 {
        self.euid
    }

    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn tmp(&self) -> PathBuf {
        self.root.path().to_owned()
    }
}

/// A server on this machine that gives one prepared answer after the other and keeps what it was asked.
#[cfg(test)]
pub(crate) struct HttpServer {
    address: std::net::SocketAddr,
    requests: std::sync::Arc<Mutex<Vec<String>>>,
}

#[cfg(test)]
impl HttpServer {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Starts a server for these answers: status line and headers, each ended by `\r\n`, and a body.
#[cfg(test)]
pub(crate) fn http_server(answers: Vec<(&'static str, &'static str)>) -> HttpServer {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let requests = std::sync::Arc::new(Mutex::new(Vec::new()));
    let server = HttpServer { address: listener.local_addr().unwrap(), requests: requests.clone() };
    std::thread::spawn(move || {
        for (head, body) in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut seen = Vec::new();
            let mut chunk = [0_u8; 4096];
            loop {
                let text = String::from_utf8_lossy(&seen).into_owned();
                if let Some((headers, sent)) = text.split_once("\r\n\r\n") {
                    let length = headers.lines().find_map(|line| {
                        line.to_lowercase().strip_prefix("content-length:").and_then(|n| n.trim().parse::<usize>().ok())
                    });
                    if sent.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => seen.extend(&chunk[..n]),
                }
            }
            requests.lock().unwrap().push(String::from_utf8_lossy(&seen).into_owned());
            let length = body.len();
            let _ = write!(stream, "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            // Closed with something unread (the end of a chunked body), the connection would be reset and the answer lost.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(1)));
            while matches!(stream.read(&mut chunk), Ok(1..)) {}
        }
    });
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_answer_by_the_longest_start_in_order() {
        let fake = Fake::new().unwrap().on("ctl status", 1, "").on("ctl status", 0, "up").on("ctl", 2, "");
        let run = |words: &str| fake.run(&Program::new(words.split(' '))).unwrap().rc;
        assert_eq!(
            [run("/usr/bin/ctl status x"), run("ctl status x"), run("ctl status x"), run("ctl stop")],
            [1, 0, 0, 2]
        );
        assert_eq!(fake.command_lines()[0], "ctl status x");
        assert!(fake.run(&Program::new(["other"])).is_err());
        assert_eq!(fake.which("ctl"), Some(PathBuf::from("/usr/bin/ctl")));
        assert_eq!(fake.which("other"), None);
    }

    #[test]
    fn files_are_under_the_root() {
        let fake = Fake::new().unwrap();
        fake.write("/etc/x", "1").unwrap();
        assert_eq!(fake.read("/etc/x").unwrap(), "1");
        assert_ne!(fake.path(Path::new("/etc/x")), Path::new("/etc/x"));
    }
}

#[cfg(test)]
mod texts {
    use super::{Fake, args};

    impl Fake {
        /// Lets a module edit a file of this text: checks that check mode wrote nothing and foresaw whether it changes,
        /// and, where `settles`, that a second run changes nothing. The text after, and the module's message.
        pub(crate) fn edited(
            module: &str,
            text: &str,
            entries: &[(&'static str, &str)],
            settles: bool,
        ) -> (String, String) {
            let fake = Self::new().unwrap();
            fake.write("/f", text).unwrap();
            let given = || args([("path", "/f")].into_iter().chain(entries.iter().copied()));
            let predicted = fake.check(module, given());
            assert_eq!(fake.read("/f").unwrap(), text, "check mode wrote");
            let reply = fake.call(module, given());
            assert!(!reply.failed, "{:?}", reply.data);
            assert_eq!(predicted.changed, reply.changed, "prediction of {entries:?}");
            let after = fake.read("/f").unwrap();
            assert!(!settles || !fake.call(module, given()).changed, "second run changed {after:?}");
            (after, reply.data.get("msg").unwrap().to_string())
        }
    }
}
