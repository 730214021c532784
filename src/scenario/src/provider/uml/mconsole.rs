//! The management console of a kernel that is a program: a datagram socket that takes commands.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Begins every request.
const MAGIC: u32 = 0xcafe_babe;
/// Of the protocol.
const VERSION: u32 = 2;
/// Room for a request's text and for an answer's.
const ROOM: usize = 512;
/// How long a kernel may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Gives a command; the value is the answer's text. A refusal is an error.
pub(super) fn ask(socket: &Path, command: &str) -> io::Result<String> {
    let own = tempfile::tempdir()?;
    let here = UnixDatagram::bind(own.path().join("answer"))?;
    here.set_read_timeout(Some(ANSWER))?;
    here.send_to(&request(command), socket)?;
    let mut text = Vec::new();
    loop {
        let mut answer = vec![0; 12 + ROOM];
        let read = here.recv(&mut answer)?;
        let (refused, more, part) = read_answer(&answer[..read]).ok_or(io::ErrorKind::InvalidData)?;
        text.extend_from_slice(part);
        let said = String::from_utf8_lossy(&text).trim_end_matches('\0').trim().to_owned();
        if refused {
            return Err(io::Error::other(said));
        }
        if !more {
            return Ok(said);
        }
    }
}

fn request(command: &str) -> Vec<u8> {
    let text = &command.as_bytes()[..command.len().min(ROOM - 1)];
    let mut request = Vec::with_capacity(12 + ROOM);
    for word in [MAGIC, VERSION, text.len() as u32] {
        request.extend_from_slice(&word.to_ne_bytes());
    }
    request.extend_from_slice(text);
    request.resize(12 + ROOM, 0);
    request
}

/// Whether an answer is a refusal, whether more follows, and its text.
fn read_answer(answer: &[u8]) -> Option<(bool, bool, &[u8])> {
    let word = |at: usize| Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let (refused, more, length) = (word(0)? != 0, word(4)? != 0, word(8)? as usize);
    Some((refused, more, &answer[12..12 + length.min(answer.len() - 12)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_asked_and_answers() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("mconsole");
        let kernel = UnixDatagram::bind(&socket).unwrap();
        let kernel = std::thread::spawn(move || {
            for refused in [0_u32, 1] {
                let mut asked = [0; 600];
                let (read, from) = kernel.recv_from(&mut asked).unwrap();
                assert_eq!(read, 12 + ROOM);
                assert_eq!(&asked[12..19], b"version");
                let to = from.as_pathname().unwrap().to_owned();
                for (more, text) in [(1_u32, "OK "), (0, "6.1")] {
                    let mut answer = Vec::new();
                    for word in [refused, more, text.len() as u32] {
                        answer.extend_from_slice(&word.to_ne_bytes());
                    }
                    answer.extend_from_slice(text.as_bytes());
                    answer.resize(12 + ROOM, 0);
                    kernel.send_to(&answer, &to).unwrap();
                    if refused == 1 {
                        break;
                    }
                }
            }
        });
        assert_eq!(ask(&socket, "version").unwrap(), "OK 6.1");
        assert_eq!(ask(&socket, "version").unwrap_err().to_string(), "OK");
        kernel.join().unwrap();
        assert!(read_answer(&[0; 3]).is_none());
    }
}
