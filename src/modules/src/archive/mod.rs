//! Archives and how they are unpacked: tar through the target's GNU tar, zip natively.

mod tar;
mod zip;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rplay_value::{List, Map, Value};

pub(crate) use self::tar::Tar;
pub(crate) use self::zip::Zip;
use crate::glob::fnmatch;
use crate::{Args, Context, FileAttrs, ModuleError};

/// What is unpacked where, and what of it.
pub(crate) struct Job<'a> {
    pub(crate) cx: &'a Context<'a>,
    pub(crate) args: &'a Args,
    pub(crate) attrs: &'a FileAttrs,
    pub(crate) src: &'a Path,
    pub(crate) dest: &'a Path,
}

impl Job<'_> {
    /// Whether a member is wanted.
    fn takes(&self, name: &str) -> bool {
        let (include, exclude) = (self.args.texts("include"), self.args.texts("exclude"));
        if !include.is_empty() {
            return include.iter().any(|pattern| fnmatch(pattern, name));
        }
        !exclude.iter().any(|pattern| fnmatch(pattern.trim_end_matches('/'), name.trim_end_matches('/')))
    }
}

/// What an unpacked archive would change.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) unarchived: bool,
    /// One line per difference, for `--diff`.
    pub(crate) diff: Option<String>,
    /// Members that differ.
    pub(crate) differing: Vec<String>,
}

/// How unpacking went.
#[derive(Default)]
pub(crate) struct Extraction {
    pub(crate) cmd: Vec<String>,
    pub(crate) rc: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Extraction {
    /// As results show it.
    pub(crate) fn into_map(self) -> Map {
        let cmd: List = self.cmd.into_iter().collect();
        Map::from_iter([
            ("cmd", Value::List(cmd)),
            ("err", self.err.into()),
            ("out", self.out.into()),
            ("rc", self.rc.into()),
        ])
    }
}

/// An archive of any kind.
pub(crate) trait Archive {
    /// Ansible's name of what handles it.
    fn handler(&self) -> &'static str;
    /// Its members that are wanted.
    fn members(&self) -> &[String];
    /// What is different on the target.
    fn compare(&mut self, job: &Job<'_>) -> Result<Comparison, ModuleError>;
    /// Unpacks it.
    fn extract(&mut self, job: &Job<'_>, comparison: &Comparison) -> Result<Extraction, ModuleError>;
}

/// The archive a file holds, by its first bytes.
pub(crate) fn open(job: &Job<'_>) -> Result<Box<dyn Archive>, ModuleError> {
    let mut magic = [0; 6];
    let read = File::open(job.src)
        .and_then(|mut file| file.read(&mut magic))
        .map_err(ModuleError::file("could not read", job.src))?;
    let (handler, flag) = match &magic[..read] {
        [b'P', b'K', ..] => return Ok(Box::new(Zip::open(job)?)),
        [0x1f, 0x8b, ..] => ("TgzArchive", Some("-z")),
        [b'B', b'Z', b'h', ..] => ("TarBzipArchive", Some("-j")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("TarXzArchive", Some("-J")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("TarZstdArchive", Some("--use-compress-program=zstd")),
        _ => ("TarArchive", None),
    };
    Ok(Box::new(Tar::open(job, handler, flag)?))
}

/// Why nothing can unpack this.
fn unhandled(src: &Path, reason: &str) -> ModuleError {
    let src = src.display();
    ModuleError::msg(format!(
        "Failed to find handler for \"{src}\". Make sure the required command to extract the file is installed.\n{reason}"
    ))
}

/// Where a member goes.
fn target(dest: &Path, member: &str) -> PathBuf {
    dest.join(member.trim_start_matches('/'))
}
