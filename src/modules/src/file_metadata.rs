//! What `stat` and `find` both tell of a file, under the same keys.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use rplay_value::Map;

/// Path, kind, permissions (octal text and one flag each), owner, size, times (seconds), inode, device, links.
pub(crate) fn describe(path: &str, metadata: &Metadata) -> Map {
    let (kind, mode) = (metadata.file_type(), metadata.mode());
    let mut found = Map::with_capacity(48);
    found.insert("path", path);
    found.insert("mode", format!("{:04o}", mode & 0o7777));
    for (name, is) in [
        ("isdir", kind.is_dir()),
        ("ischr", kind.is_char_device()),
        ("isblk", kind.is_block_device()),
        ("isreg", kind.is_file()),
        ("isfifo", kind.is_fifo()),
        ("islnk", kind.is_symlink()),
        ("issock", kind.is_socket()),
    ] {
        found.insert(name, is);
    }
    found.insert("uid", metadata.uid());
    found.insert("gid", metadata.gid());
    for (name, number) in
        [("size", metadata.size()), ("inode", metadata.ino()), ("dev", metadata.dev()), ("nlink", metadata.nlink())]
    {
        found.insert(name, number);
    }
    for (name, seconds, nanos) in [
        ("atime", metadata.atime(), metadata.atime_nsec()),
        ("mtime", metadata.mtime(), metadata.mtime_nsec()),
        ("ctime", metadata.ctime(), metadata.ctime_nsec()),
    ] {
        found.insert(name, seconds as f64 + nanos as f64 * 1e-9);
    }
    for (name, bit) in [
        ("wusr", 0o200),
        ("rusr", 0o400),
        ("xusr", 0o100),
        ("wgrp", 0o020),
        ("rgrp", 0o040),
        ("xgrp", 0o010),
        ("woth", 0o002),
        ("roth", 0o004),
        ("xoth", 0o001),
        ("isuid", 0o4000),
        ("isgid", 0o2000),
    ] {
        found.insert(name, mode & bit != 0);
    }
    found
}
