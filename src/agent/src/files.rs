//! Files that come in pieces, and go.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rplay_protocol::{PART, Response};
use tempfile::TempDir;

use crate::output::Output;

/// Files being received, in a folder that only this user may enter and that goes away with the agent.
pub(crate) struct Uploads {
    tmp: PathBuf,
    folder: Option<TempDir>,
    open: HashMap<u64, (File, PathBuf)>,
}

impl Uploads {
    /// Nothing received yet. The folder is made in `tmp` when it is needed.
    pub(crate) fn new(tmp: PathBuf) -> Self {
        Self { tmp, folder: None, open: HashMap::new() }
    }

    /// A file is coming.
    pub(crate) fn begin(&mut self, id: u64, out: &Output) {
        match self.create(id) {
            Ok(file) => drop(self.open.insert(id, file)),
            Err(error) => fail(out, id, &error),
        }
    }

    fn create(&mut self, id: u64) -> io::Result<(File, PathBuf)> {
        let folder = if let Some(folder) = &self.folder {
            folder
        } else {
            fs_err::create_dir_all(&self.tmp)?;
            self.folder.insert(tempfile::Builder::new().prefix("rplay-").tempdir_in(&self.tmp)?)
        };
        let path = folder.path().join(format!("upload-{id}"));
        Ok((File::create_new(&path)?, path))
    }

    /// The next bytes. After a failure, which was reported, the rest is ignored.
    pub(crate) fn part(&mut self, id: u64, bytes: &[u8], last: bool, out: &Output) {
        let Some((file, path)) = self.open.get_mut(&id) else { return };
        if let Err(error) = file.write_all(bytes) {
            let _ = std::fs::remove_file(path);
            self.open.remove(&id);
            fail(out, id, &error);
        } else if last {
            let path = path.to_string_lossy().into_owned();
            self.open.remove(&id);
            out.send(&Response::Uploaded { id, path }, &[]);
        }
    }

    /// Removes a received file, if it is one and still there.
    pub(crate) fn forget(&self, path: &Path) {
        if self.folder.as_ref().is_some_and(|folder| path.parent() == Some(folder.path())) {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn fail(out: &Output, id: u64, error: &io::Error) {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    out.send(&Response::FileError { id, error: io::Error::from_raw_os_error(errno).to_string(), errno }, &[]);
}

/// Sends a file in pieces, on this thread.
pub(crate) fn download(id: u64, path: &str, out: &Output) {
    if let Err(error) = send(id, path, out) {
        fail(out, id, &error);
    }
}

fn send(id: u64, path: &str, out: &Output) -> io::Result<()> {
    // Opening a named pipe would wait for somebody to write to it.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    if !metadata.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut file = File::open(path)?;
    let mut buffer = Vec::with_capacity(PART);
    loop {
        buffer.clear();
        (&mut file).take(PART as u64).read_to_end(&mut buffer)?;
        let last = buffer.len() < PART;
        out.send(&Response::Part { id, last }, &buffer);
        if last {
            return Ok(());
        }
    }
}
