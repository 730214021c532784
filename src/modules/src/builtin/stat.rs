//! Tells everything about a file.
//!
//! Options:
//! - `path` (path, required; also `dest`, `name`): the file.
//! - `follow` (bool): look at what a link points to.
//! - `get_checksum` (bool, default true): tell the checksum; `checksum_algorithm` (default `sha1`): of which kind.
//! - `get_mime` (bool, default true): ask `file` for type and charset.
//! - `get_attributes` (bool, default true): ask `lsattr`.
//!
//! Returns: `stat` with `exists` and, when it does, `path`, `mode`, `isdir`, `isreg`, `islnk`, ..., `uid`, `gid`,
//! `size`, `inode`, `mtime`, ..., `rusr`, ..., `readable`, `writeable`, `executable`, `lnk_source`, `lnk_target`,
//! `pw_name`, `gr_name`, `checksum`, `mimetype`, `charset`, `version`, `attributes`, `attr_flags`.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.stat:
//!     path: /etc/passwd
//!   register: passwd
//! ```

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{AccessFlags, Gid, Group, Uid, User, access};
use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::file_attrs::flag_letters;
use crate::file_metadata;
use crate::{
    Algorithm, Arg, ArgSpec, Args, Context, Module, ModuleError, Program, Support, Sys, digest_file, real_path,
    strerror,
};

/// `ansible.builtin.stat`
pub static MODULE: Module = Module {
    name: "stat",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["dest", "name"]),
            Arg::bool("follow").default("false"),
            Arg::bool("get_checksum").default("true"),
            Arg::bool("get_mime").default("true").alias(&["mime", "mime_type", "mime-type"]),
            Arg::bool("get_attributes").default("true").alias(&["attr", "attributes"]),
            Arg::text("checksum_algorithm")
                .default("sha1")
                .choices(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
                .alias(&["checksum", "checksum_algo"]),
            // Dropped by Ansible long ago, still written in old playbooks.
            Arg::bool("get_md5").gone(),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let shown = args.need("path");
    let path = cx.path(shown);
    let found = if args.flag("follow") { std::fs::metadata(&path) } else { std::fs::symlink_metadata(&path) };
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Reply::ok().with("stat", Map::from_iter([("exists", false)])));
        }
        Err(error) => return Err(ModuleError::msg(strerror(&error))),
    };
    let mut stat = describe(shown, &metadata);
    let may = |flag| access(&path, flag).is_ok();
    let readable = may(AccessFlags::R_OK);
    stat.insert("readable", readable);
    stat.insert("writeable", may(AccessFlags::W_OK));
    stat.insert("executable", may(AccessFlags::X_OK));
    if metadata.is_symlink() {
        stat.insert("lnk_source", real_path(&path).to_string_lossy().as_ref());
        stat.insert("lnk_target", fs_err::read_link(&path)?.to_string_lossy().as_ref());
    }
    if let Ok(Some(user)) = User::from_uid(Uid::from_raw(metadata.uid())) {
        stat.insert("pw_name", user.name);
    }
    if let Ok(Some(group)) = Group::from_gid(Gid::from_raw(metadata.gid())) {
        stat.insert("gr_name", group.name);
    }
    if metadata.is_file() && readable && args.flag("get_checksum") {
        let algorithm = Algorithm::find(args.need("checksum_algorithm")).unwrap_or(Algorithm::Sha1);
        stat.insert("checksum", digest_file(algorithm, &path)?);
    }
    if args.flag("get_mime") {
        let (mimetype, charset) =
            mime(cx.sys(), &path, &metadata).unwrap_or_else(|| ("unknown".to_owned(), "unknown".to_owned()));
        stat.insert("mimetype", mimetype);
        stat.insert("charset", charset);
    }
    if args.flag("get_attributes") {
        let (version, flags) = attributes(cx.sys(), &path).unwrap_or_default();
        stat.insert("version", if version.is_empty() { Value::Null } else { version.into() });
        stat.insert("attributes", flags.chars().filter_map(attribute_name).collect::<List>());
        stat.insert("attr_flags", flags);
    }
    Ok(Reply::ok().with("stat", stat))
}

fn describe(path: &str, metadata: &Metadata) -> Map {
    let mut stat = Map::from_iter([("exists", true)]);
    stat.extend(file_metadata::describe(path, metadata));
    for (name, number) in
        [("blocks", metadata.blocks()), ("block_size", metadata.blksize()), ("device_type", metadata.rdev())]
    {
        stat.insert(name, number);
    }
    stat
}

/// Type and charset as `file` tells them.
fn mime(sys: &dyn Sys, path: &Path, metadata: &Metadata) -> Option<(String, String)> {
    let program = sys.which("file")?.to_string_lossy().into_owned();
    // What needs no look inside needs no program either.
    let plain = match metadata.file_type() {
        // What it leads to is what `file` is asked about.
        _ if path.is_symlink() && !path.exists() => return Some(("unknown".to_owned(), "unknown".to_owned())),
        _ if path.is_symlink() => Some("inode/symlink"),
        kind if kind.is_dir() => Some("inode/directory"),
        kind if kind.is_file() && metadata.size() == 0 && metadata.blocks() == 0 => empty_kind(path),
        _ => None,
    };
    if let Some(plain) = plain {
        return Some((plain.to_owned(), "binary".to_owned()));
    }
    let words = [&program, "--mime-type", "--mime-encoding", &path.to_string_lossy()];
    let output = sys.run(&Program::new(words)).ok().filter(crate::Output::success)?;
    let text = output.out();
    let (mimetype, charset) = text.rsplit_once(':')?.1.split_once(';')?;
    Some((mimetype.trim().to_owned(), charset.split_once('=')?.1.trim().to_owned()))
}

/// Files of /proc and /sys say that they are empty and are not.
fn empty_kind(path: &Path) -> Option<&'static str> {
    (!path.starts_with("/proc") && !path.starts_with("/sys")).then_some("inode/x-empty")
}

/// Version and flags as `lsattr` tells them.
fn attributes(sys: &dyn Sys, path: &Path) -> Option<(String, String)> {
    if let Some((version, flags)) = sys.inode_flags(path) {
        return Some((version.to_string(), flag_letters(flags)));
    }
    let program = sys.which("lsattr")?.to_string_lossy().into_owned();
    let output =
        sys.run(&Program::new([&program, "-vd", &path.to_string_lossy()])).ok().filter(crate::Output::success)?;
    let text = output.out();
    let mut words = text.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.replace('-', "")))
}

fn attribute_name(flag: char) -> Option<&'static str> {
    Some(match flag {
        'A' => "noatime",
        'a' => "append",
        'c' => "compressed",
        'C' => "nocow",
        'd' => "nodump",
        'D' => "dirsync",
        'e' => "extents",
        'E' => "encrypted",
        'h' => "blocksize",
        'i' => "immutable",
        'I' => "indexed",
        'j' => "journalled",
        'N' => "inline",
        's' => "zero",
        'S' => "synchronous",
        't' => "notail",
        'T' => "blockroot",
        'u' => "undelete",
        'X' => "compressedraw",
        'Z' => "compresseddirty",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn stat(fake: &Fake, path: &str) -> Map {
        fake.call("stat", args([("path", path)])).data.get("stat").and_then(Value::as_map).unwrap().clone()
    }

    /// Keys and values recorded from ansible-core 2.19 for a file of `hi\n`.
    #[test]
    fn a_file_has_all_of_ansibles_keys() {
        let fake = Fake::new().unwrap().on("file", 0, "/f: text/plain; charset=us-ascii\n").on(
            "lsattr",
            0,
            "1634644021 --------------e------- /f\n",
        );
        fake.write("/f", "hi\n").unwrap();
        let stat = stat(&fake, "/f");
        let mut keys: Vec<String> = stat.keys().map(ToString::to_string).collect();
        keys.sort();
        assert_eq!(
            keys.join(" "),
            "atime attr_flags attributes block_size blocks charset checksum ctime dev device_type executable exists gid \
             gr_name inode isblk ischr isdir isfifo isgid islnk isreg issock isuid mimetype mode mtime nlink path pw_name \
             readable rgrp roth rusr size uid version wgrp woth writeable wusr xgrp xoth xusr"
        );
        assert_eq!(stat.get("checksum"), Some(&"55ca6286e3e4f4fba5d0448333fa99fc5a404a73".into()));
        assert_eq!((stat.get("mimetype"), stat.get("charset")), (Some(&"text/plain".into()), Some(&"us-ascii".into())));
        assert_eq!(
            (stat.get("attr_flags"), stat.get("attributes")),
            (Some(&"e".into()), Some(&vec!["extents"].into()))
        );
        assert_eq!((stat.get("size"), stat.get("path")), (Some(&3.into()), Some(&"/f".into())));
    }

    #[test]
    fn what_is_not_there_does_not_exist_and_links_are_seen() {
        let fake = Fake::new().unwrap();
        assert_eq!(stat(&fake, "/none"), Map::from_iter([("exists", false)]));
        fake.write("/f", "x").unwrap();
        std::os::unix::fs::symlink("f", fake.path(Path::new("/l"))).unwrap();
        let link = stat(&fake, "/l");
        assert_eq!((link.get("islnk"), link.get("lnk_target")), (Some(&true.into()), Some(&"f".into())));
        assert_eq!(link.get("mimetype"), Some(&"unknown".into()));
        assert_eq!(link.get("version"), Some(&Value::Null));
        let followed = fake.call("stat", args([("path", "/l"), ("follow", "yes"), ("checksum_algorithm", "md5")]));
        let followed = followed.data.get("stat").and_then(Value::as_map).unwrap();
        assert_eq!(followed.get("checksum"), Some(&"9dd4e461268c8034f5c8564e155c67a6".into()));
    }
}
