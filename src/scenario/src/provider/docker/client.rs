//! The daemon's own interface: HTTP over its socket, one connection a request. JSON goes in and comes out; what this needs
//! of HTTP is so little that it is written here.
//!
//! Why not one of the others: `bollard` brings hyper, a second HTTP stack beside `ureq`'s, and types for the whole interface, for
//! the two dozen requests that are made here, whose answers are looked at in one or two places each. The client of the `docker_*`
//! modules (`rplay_modules::docker`) speaks for Ansible: its options, its time limits and the Python client's words for errors; it
//! blocks a thread for each request, and such a request could not be given up at Ctrl-C. A need for TLS or ssh here would change
//! this: then it is `bollard`, for all of this folder at once.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Why the daemon gave no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// It cannot be asked.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It refuses.
    #[error("{message}")]
    Status {
        /// HTTP status.
        code: u16,
        /// Its words.
        message: String,
    },
    /// Its answer is none.
    #[error("the daemon's answer is no answer: {0}")]
    Answer(String),
}

impl ClientError {
    /// The daemon's status, when it gave one.
    pub(super) fn code(&self) -> Option<u16> {
        if let Self::Status { code, .. } = self { Some(*code) } else { None }
    }
}

/// What a request carries.
pub(super) enum Body {
    None,
    Json(Value),
    /// A tar in memory.
    Tar(Vec<u8>),
    /// A tar on disk.
    File(PathBuf),
}

/// Where a daemon listens.
#[derive(Clone, Debug)]
enum Place {
    Unix(PathBuf),
    Tcp(String),
}

/// A daemon's interface.
#[derive(Clone, Debug)]
pub(super) struct Client {
    place: Place,
    /// `/v1.41`, or nothing before it is known.
    version: String,
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

impl Client {
    /// A daemon as DOCKER_HOST has it: `unix://PATH` or `tcp://HOST:PORT`.
    pub(super) fn new(host: &str) -> Result<Self, ClientError> {
        let place = if let Some(path) = host.strip_prefix("unix://") {
            Place::Unix(PathBuf::from(path))
        } else if let Some(rest) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
            let rest = rest.trim_end_matches('/');
            Place::Tcp(if rest.contains(':') { rest.to_owned() } else { format!("{rest}:2375") })
        } else {
            let text = format!("`{host}` cannot be asked: it needs to be unix://PATH or tcp://HOST:PORT");
            return Err(std::io::Error::other(text).into());
        };
        Ok(Self { place, version: String::new() })
    }

    /// The same, speaking the version that the daemon speaks.
    pub(super) async fn negotiated(mut self) -> Result<Self, ClientError> {
        let said = self.get("/version").await?;
        let version = said["ApiVersion"].as_str().ok_or_else(|| ClientError::Answer(said.to_string()))?;
        self.version = format!("/v{version}");
        Ok(self)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        json(&self.ask("GET", path, Body::None).await?)
    }

    pub(super) async fn post(&self, path: &str, body: Body) -> Result<Value, ClientError> {
        json(&self.ask("POST", path, body).await?)
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.ask("DELETE", path, Body::None).await.map(|_| ())
    }

    /// Asks; the value is the answer's body, whole.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Body) -> Result<Vec<u8>, ClientError> {
        let (kind, length) = match &body {
            Body::None => ("application/json", 0),
            Body::Json(value) => ("application/json", value.to_string().len() as u64),
            Body::Tar(bytes) => ("application/x-tar", bytes.len() as u64),
            Body::File(file) => ("application/x-tar", fs_err::metadata(file)?.len()),
        };
        let mut stream = self.open(method, path, kind, length).await?;
        match body {
            Body::None => {}
            Body::Json(value) => stream.write_all(value.to_string().as_bytes()).await?,
            Body::Tar(bytes) => stream.write_all(&bytes).await?,
            Body::File(file) => send(&mut stream, &file).await?,
        }
        stream.flush().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let (code, body) = parse(&answer).ok_or_else(|| ClientError::Answer(shown(&answer)))?;
        match code {
            200..=299 => Ok(body),
            // "Not modified": it is so already.
            304 => Ok(Vec::new()),
            code => {
                let said = serde_json::from_slice::<Value>(&body).ok();
                let message = said.and_then(|said| said["message"].as_str().map(str::to_owned));
                Err(ClientError::Status { code, message: message.unwrap_or_else(|| shown(&body)) })
            }
        }
    }

    /// Asks for what is larger than memory: the answer's body goes to a file.
    pub(super) async fn download(&self, path: &str, to: &Path) -> Result<(), ClientError> {
        let mut stream = self.open("GET", path, "application/json", 0).await?;
        stream.flush().await?;
        let mut reader = tokio::io::BufReader::new(stream);
        let (mut head, mut chunked, mut code) = (String::new(), false, 0);
        loop {
            head.clear();
            reader.read_line(&mut head).await?;
            let line = head.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(':') {
                Some((name, value)) => {
                    chunked |=
                        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked");
                }
                None => code = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default(),
            }
        }
        if code != 200 {
            let mut body = Vec::new();
            reader.read_to_end(&mut body).await?;
            return Err(ClientError::Status { code, message: shown(&body) });
        }
        let mut file = tokio::fs::File::create(to).await?;
        if !chunked {
            tokio::io::copy(&mut reader, &mut file).await?;
            file.flush().await?;
            return Ok(());
        }
        loop {
            head.clear();
            reader.read_line(&mut head).await?;
            let size = head.trim_end().split(';').next().and_then(|size| u64::from_str_radix(size, 16).ok());
            let size = size.ok_or_else(|| ClientError::Answer(head.clone()))?;
            if size == 0 {
                break;
            }
            let copied = tokio::io::copy(&mut (&mut reader).take(size), &mut file).await?;
            reader.read_line(&mut head).await?;
            if copied < size {
                return Err(ClientError::Answer("it ends too soon".to_owned()));
            }
        }
        file.flush().await?;
        Ok(())
    }

    /// A connection with a request's head on it.
    async fn open(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        length: u64,
    ) -> Result<Pin<Box<dyn Stream>>, ClientError> {
        let mut stream: Pin<Box<dyn Stream>> = match &self.place {
            Place::Unix(path) => Box::pin(tokio::net::UnixStream::connect(path).await?),
            Place::Tcp(address) => Box::pin(tokio::net::TcpStream::connect(address).await?),
        };
        let head = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n",
            self.version
        );
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    }

    /// Asks for something that takes a while and is told about in a stream of JSON; an error in it is an error.
    pub(super) async fn told(&self, path: &str, body: Body) -> Result<(), ClientError> {
        let answer = self.ask("POST", path, body).await?;
        for said in serde_json::Deserializer::from_slice(&answer).into_iter::<Value>() {
            let Ok(said) = said else { break };
            if let Some(message) = said["error"].as_str() {
                return Err(ClientError::Status { code: 500, message: message.to_owned() });
            }
        }
        Ok(())
    }
}

async fn send(stream: &mut Pin<Box<dyn Stream>>, file: &Path) -> Result<(), ClientError> {
    let mut file = tokio::fs::File::open(file).await?;
    tokio::io::copy(&mut file, stream).await?;
    Ok(())
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).trim().to_owned()
}

fn json(bytes: &[u8]) -> Result<Value, ClientError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|_| ClientError::Answer(shown(bytes)))
}

/// The status and the body of an answer.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let code = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let chunked = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked")
    });
    let body = &answer[end + 4..];
    Some((code, if chunked { whole(body)? } else { body.to_vec() }))
}

/// A body in chunks, put together.
fn whole(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&body[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let chunk = body.get(end + 2..(end + 2).checked_add(size)?)?;
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(chunk);
        body = body.get(end + 2 + size + 2..)?;
    }
}

/// What programs wrote, without the frames that keep standard output and error apart.
pub(super) fn unframed(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [stream @ 0..=2, 0, 0, 0, a, b, c, d, rest @ ..] = bytes {
        let _ = stream;
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let size = size.min(rest.len());
        out.extend_from_slice(&rest[..size]);
        bytes = &rest[size..];
    }
    // With a terminal there are no frames.
    out.extend_from_slice(bytes);
    out
}

/// A text as a part of an address.
pub(super) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_read() {
        let plain = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(plain), Some((404, b"{}".to_vec())));
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunks), Some((200, b"abcde".to_vec())));
        assert_eq!(parse(&chunks[..chunks.len() - 12]), None, "half an answer is none");
    }

    #[test]
    fn frames_are_taken_off() {
        let framed = [1, 0, 0, 0, 0, 0, 0, 2, b'o', b'k', 2, 0, 0, 0, 0, 0, 0, 1, b'!'];
        assert_eq!(unframed(&framed), b"ok!");
        assert_eq!(unframed(b"plain\r\n"), b"plain\r\n");
    }

    #[test]
    fn addresses_are_quoted() {
        assert_eq!(quoted("rplay/a:1"), "rplay%2Fa%3A1");
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse(&bytes), whole(&bytes), unframed(&bytes));
        }
    }
}
