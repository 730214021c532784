//! What the programs of a background job have written, in a file beside its status file, so that any run can follow it.
//!
//! One JSON document a line. The file is the user's alone and as small as [`crate::Lines`] keeps output; `async_status`
//! with `mode: cleanup` removes it.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rplay_protocol::OutputLine;

/// The most that is read at once.
const READ: u64 = 1 << 20;

/// Where the output of the job with this status file is.
pub fn path(status: &Path) -> PathBuf {
    let name = status.file_name().unwrap_or_default().to_string_lossy();
    status.with_file_name(format!(".{name}.output"))
}

/// Adds lines. A full disk must not end the job: what cannot be written is not shown.
pub fn append(output: &Path, lines: &[OutputLine]) {
    let mut bytes = Vec::new();
    for line in lines {
        if serde_json::to_writer(&mut bytes, line).is_ok() {
            bytes.push(b'\n');
        }
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(output);
    let _ = file.and_then(|mut file| file.write_all(&bytes));
}

/// The whole lines from a place on, and the place after them. A job without output has no file.
pub(crate) fn read(status: &Path, from: u64) -> io::Result<(Vec<OutputLine>, u64)> {
    let mut file = match std::fs::File::open(path(status)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), from)),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A line that is not ours says nothing.
    let lines = bytes[..whole].split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    Ok((lines.collect(), from + whole as u64))
}

/// Removes the output of a job.
pub(crate) fn remove(status: &Path) {
    // Most jobs have none.
    let _ = std::fs::remove_file(path(status));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_from_where_the_last_look_ended() {
        let folder = tempfile::tempdir().unwrap();
        let status = folder.path().join("j1.2");
        assert_eq!(read(&status, 0).unwrap(), (Vec::new(), 0));
        let line = |text: &str| OutputLine { text: text.to_owned(), ..OutputLine::default() };
        append(&path(&status), &[line("a"), line("b")]);
        let (lines, place) = read(&status, 0).unwrap();
        assert_eq!(lines, [line("a"), line("b")]);
        append(&path(&status), &[line("c")]);
        let (lines, end) = read(&status, place).unwrap();
        assert_eq!(lines, [line("c")]);
        // A line that is being written is left for the next look.
        std::fs::write(path(&status), b"{\"text\": \"half").unwrap();
        assert_eq!(read(&status, 0).unwrap(), (Vec::new(), 0));
        assert_eq!(read(&status, end + 100).unwrap(), (Vec::new(), end + 100));
        remove(&status);
        assert!(!path(&status).exists());
    }
}
