//! Puts a file's content in place.
//!
//! The controller sends the content as the attachment `src` (from a file, from `content`, or rendered by `template`);
//! with `remote_src` the file is already on the target. Folders of the controller come as one call per file, `dest`
//! ending in `/` and `_original_basename` being the path below it: missing folders on the way are created.
//! A call without attachment but with `checksum` asks whether the content is needed: when `dest` has that checksum the
//! call is done as usual, otherwise the reply is `needs_content: true` and nothing has changed.
//!
//! Options:
//! - `src` (path): the file or folder; of a folder that ends in `/` what is inside. `content` (text): what to write
//!   instead.
//! - `dest` (path, required): where to; a folder when it ends in `/`. `remote_src` (bool): `src` is on the target.
//! - `backup` (bool). `force` (bool, default true): replace a file that is there and differs.
//! - `validate` (command with `%s`): what must succeed with the new file before it is put in place.
//! - `checksum` (sha1): what the file must have. `directory_mode`: permissions of folders that are made.
//! - `local_follow` (bool, default true): follow links of the controller. `follow` (bool): follow links of the target.
//! - `mode`: as of every file module, or `preserve`, with `remote_src`, for the mode of `src`.
//! - those of every file module: `owner`, `group`, `mode`, `attributes`, `seuser`, ...
//!
//! Returns: `dest`, `src`, `checksum`, `md5sum`, `backup_file`, `owner`, `group`, `uid`, `gid`, `mode`, `size`, `state`.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.copy:
//!     src: files/thing.conf
//!     dest: /etc/thing.conf
//!     owner: thing
//!     mode: '0640'
//!     validate: thing --check %s
//! ```

use std::borrow::Cow;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use rplay_protocol::{Diff, Reply};
use rplay_value::Value;
use walkdir::WalkDir;

use crate::{
    Algorithm, Arg, ArgSpec, Args, AttrDiff, Context, FileAttrs, Mode, Module, ModuleError, Replace, Support, backup,
    digest_bytes, digest_file, real_path,
};

/// `ansible.builtin.copy`
pub static MODULE: Module = Module {
    name: "copy",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("src"),
            Arg::text("_original_basename"),
            Arg::raw("content"),
            Arg::path("dest").required(),
            Arg::bool("backup").default("false"),
            Arg::bool("force").default("true"),
            Arg::text("validate"),
            Arg::raw("directory_mode"),
            Arg::bool("remote_src").default("false"),
            Arg::bool("local_follow"),
            Arg::text("checksum"),
            Arg::bool("follow").default("false"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// Larger files are not compared line by line, as Ansible's `max_file_size_for_diff`.
const DIFF_LIMIT: usize = 104_448;

/// Where the content is.
enum Source<'a> {
    Memory(Cow<'a, [u8]>),
    File(PathBuf),
    /// Not sent yet; only its checksum is known.
    Known(&'a str),
}

impl Source<'_> {
    fn digest(&self, algorithm: Algorithm) -> Result<String, ModuleError> {
        Ok(match self {
            Self::Memory(bytes) => digest_bytes(algorithm, bytes),
            Self::File(path) => digest_file(algorithm, path)?,
            Self::Known(checksum) => (*checksum).to_owned(),
        })
    }

    fn bytes(&self) -> Result<Cow<'_, [u8]>, ModuleError> {
        Ok(match self {
            Self::Memory(bytes) => Cow::Borrowed(bytes.as_ref()),
            Self::File(path) => Cow::Owned(fs_err::read(path)?),
            Self::Known(_) => Cow::Borrowed(&[]),
        })
    }
}

/// Programs compare it: the text is Ansible's.
const CONTENT_AND_FOLDER: &str = "can not use content with a dir as dest";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let src = args.text("src");
    let remote = args.flag("remote_src");
    if remote {
        let shown = src.ok_or_else(|| ModuleError::msg("src (or content) is required"))?;
        let path = cx.path(shown);
        if !path.exists() {
            return Err(ModuleError::msg(format!("Source {shown} not found")));
        }
        if access(&path, AccessFlags::R_OK).is_err() {
            return Err(ModuleError::msg(format!("Source {shown} not readable")));
        }
        if path.is_dir() {
            return folder(cx, args, shown);
        }
        if !path.is_file() {
            return Err(ModuleError::msg(format!("Cannot copy invalid source '{shown}': not a file")));
        }
        return content(cx, args, &Source::File(path));
    }
    let source =
        match (cx.call().attachments.iter().find(|a| a.name == "src"), args.get("content"), args.text("checksum")) {
            (Some(attachment), _, _) => Source::Memory(Cow::Borrowed(attachment.content.as_slice())),
            (None, Some(Value::Text(text)), _) => Source::Memory(Cow::Owned(text.as_bytes().to_vec())),
            (None, Some(value), _) => {
                Source::Memory(Cow::Owned(serde_json::to_vec(value).map_err(std::io::Error::from)?))
            }
            (None, None, Some(checksum)) => Source::Known(checksum),
            (None, None, None) => return Err(ModuleError::msg("src (or content) is required")),
        };
    content(cx, args, &source).map_err(|error| match error {
        // What was sent is told even when it could not be put in place.
        ModuleError::Failed { mut reply }
            if !reply.data.contains("checksum")
                && reply.data.get("msg").and_then(Value::as_str) != Some(CONTENT_AND_FOLDER) =>
        {
            if let Ok(checksum) = source.digest(Algorithm::Sha1) {
                reply.data.insert("checksum", checksum);
            }
            ModuleError::Failed { reply }
        }
        other => other,
    })
}

fn content(cx: &mut Context<'_>, args: &Args, source: &Source<'_>) -> Result<Reply, ModuleError> {
    let checksum = source.digest(Algorithm::Sha1)?;
    if let Some(expected) = args.text("checksum").filter(|expected| !expected.is_empty() && *expected != checksum) {
        let reply = Reply::failure("Copied file does not match the expected checksum. Transfer failed.");
        return Err(ModuleError::reply(reply.with("checksum", checksum).with("expected_checksum", expected)));
    }
    let basename = args.text("_original_basename").filter(|name| !name.is_empty()).map(str::to_owned);
    let mut dest = args.need("dest").to_owned();
    let mut changed = false;
    if dest.ends_with('/') {
        if let Some(name) = &basename {
            dest.push_str(name);
        }
        let folder = dest.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        if !folder.is_empty() && !cx.path(&folder).exists() {
            if cx.check() {
                if !matches!(source, Source::File(_)) {
                    let diff = if cx.diff() { Some(compare(args, &dest, &cx.path(&dest), source)?) } else { None };
                    return Ok(Reply::changed(true).with_diff(diff));
                }
                let reply = Reply::changed(true).with("msg", format!("dest directory {folder} would be created"));
                return Ok(reply.with("src", args.text("src")));
            }
            make_folders(cx, args, &cx.path(&folder))?;
            changed = true;
        }
    }
    let mut path = cx.path(&dest);
    if path.is_dir() {
        if args.get("content").is_some() {
            return Err(ModuleError::msg(CONTENT_AND_FOLDER));
        }
        let name = basename
            .or(args.text("src").and_then(|src| Some(Path::new(src).file_name()?.to_string_lossy().into_owned())));
        let name = name.ok_or_else(|| ModuleError::msg(CONTENT_AND_FOLDER))?;
        dest = Path::new(&dest).join(name).to_string_lossy().into_owned();
        path = cx.path(&dest);
    }
    let mut present = None;
    if path.exists() {
        if path.is_symlink() && args.flag("follow") {
            path = real_path(&path);
            dest = path.to_string_lossy().into_owned();
        }
        if !args.flag("force") {
            let reply = Reply::changed(changed).with("dest", dest).with("src", args.text("src"));
            return Ok(if args.flag("remote_src") { reply.with("msg", "file already exists") } else { reply });
        }
        if path.is_file() && access(&path, AccessFlags::R_OK).is_ok() {
            present = Some(digest_file(Algorithm::Sha1, &path)?);
        }
    }
    let mut attrs = FileAttrs::from_args(args)?;
    if let Source::File(file) = source
        && args.text("mode") == Some("preserve")
    {
        attrs.mode = Some(Mode::Bits(fs_err::metadata(file)?.mode() & 0o7777));
    }
    if present.as_ref() == Some(&checksum) && !path.is_symlink() {
        let mut diff = AttrDiff::default();
        diff.set("path", dest.as_str(), dest.as_str());
        changed |= attrs.apply(cx, &path, Some(&mut diff))?;
        let mut reply = Reply::changed(changed).with("checksum", checksum).with("dest", dest.as_str());
        if let Source::File(_) = source {
            return Ok(reply.with("md5sum", source.digest(Algorithm::Md5)?).with("src", args.text("src")));
        }
        reply = reply.with("path", dest);
        if cx.diff() {
            reply.diff.push(Diff::attributes(diff.before, diff.after));
        }
        return Ok(reply);
    }
    if matches!(source, Source::Known(_)) {
        return Ok(Reply::changed(changed).with("needs_content", true).with("dest", dest));
    }
    if cx.check() && !matches!(source, Source::File(_)) {
        // As ansible-core: the content stays with the controller, and the module is not asked.
        let diff = if cx.diff() { Some(compare(args, &dest, &path, source)?) } else { None };
        return Ok(Reply::changed(true).with_diff(diff));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    let shown_folder = Path::new(&dest).parent().map(|p| p.display().to_string()).unwrap_or_default();
    if let Err(error) = std::fs::metadata(&folder) {
        let word =
            if error.kind() == std::io::ErrorKind::PermissionDenied { "is not accessible" } else { "does not exist" };
        return Err(ModuleError::msg(format!("Destination directory {shown_folder} {word}")));
    }
    if access(&folder, AccessFlags::W_OK).is_err() && !args.flag("unsafe_writes") {
        return Err(ModuleError::msg(format!("Destination {shown_folder} not writable")));
    }
    if let Source::File(file) = source
        && path.exists()
        && attrs.mode.is_none()
    {
        // A file of the target takes its mode along when it replaces another.
        attrs.mode = Some(Mode::Bits(fs_err::metadata(file)?.mode() & 0o7777));
    }
    let md5sum = source.digest(Algorithm::Md5)?;
    // As ansible-core: a file of the target is copied without a look at its text.
    let compared = cx.diff() && !matches!(source, Source::File(_));
    let diff = if compared { Some(compare(args, &dest, &path, source)?) } else { None };
    let mut saved = None;
    if !cx.check() {
        if args.flag("backup") {
            saved = backup(&path, false)?;
        }
        write(cx, args, &path, source, &attrs)?;
    }
    attrs.apply(cx, &path, None)?;
    let mut reply = Reply::changed(true).with("checksum", checksum).with("dest", dest).with("md5sum", md5sum);
    reply = reply.with("src", args.text("src")).with_diff(diff);
    if let Some(saved) = saved {
        reply = reply.with("backup_file", saved.to_string_lossy().as_ref());
    }
    Ok(reply)
}

fn write(
    cx: &Context<'_>,
    args: &Args,
    path: &Path,
    source: &Source<'_>,
    attrs: &FileAttrs,
) -> Result<(), ModuleError> {
    let replace = Replace::new(path)
        .validate(args.text("validate"))
        .verdict()
        .fresh(path.is_symlink())
        .unsafe_writes(args.flag("unsafe_writes"))
        .mode(attrs.mode.as_ref());
    match source {
        Source::File(file) => replace.copy_from(cx.sys(), file),
        other => replace.write(cx.sys(), &other.bytes()?),
    }
}

/// Folders that are missing, with the attributes of the task and `directory_mode` for their mode.
fn make_folders(cx: &Context<'_>, args: &Args, folder: &Path) -> Result<(), ModuleError> {
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    let attrs =
        FileAttrs { mode: args.get("directory_mode").map(Mode::parse).transpose()?, ..FileAttrs::from_args(args)? };
    while let Some(folder) = missing.pop() {
        // Another file of the same folder may have been faster.
        if let Err(error) = fs_err::create_dir(folder)
            && !folder.is_dir()
        {
            return Err(error.into());
        }
        attrs.apply(cx, folder, None)?;
    }
    Ok(())
}

/// The difference between what is at `dest` and what will be.
fn compare(args: &Args, dest: &str, path: &Path, source: &Source<'_>) -> Result<Diff, ModuleError> {
    let before = if path.is_file() { fs_err::read(path)? } else { Vec::new() };
    let after = source.bytes()?;
    for (which, bytes) in [("destination", before.as_slice()), ("source", &after)] {
        if bytes.len() > DIFF_LIMIT {
            return Ok(Diff {
                prepared: Some(format!("diff skipped: {which} file size is greater than {DIFF_LIMIT}\n")),
                ..Diff::default()
            });
        }
        if bytes[..bytes.len().min(8192)].contains(&0) {
            return Ok(Diff {
                prepared: Some(format!("diff skipped: {which} file appears to be binary\n")),
                ..Diff::default()
            });
        }
    }
    let text = |bytes: &[u8]| Some(Value::from(String::from_utf8_lossy(bytes).into_owned()));
    Ok(Diff {
        before_header: path.exists().then(|| dest.to_owned()),
        after_header: Some(args.text("src").unwrap_or(dest).to_owned()),
        before: text(&before),
        after: text(&after),
        prepared: None,
    })
}

/// A folder that is on the target already: into `dest`, or its content when `src` ends in `/`.
fn folder(cx: &mut Context<'_>, args: &Args, src: &str) -> Result<Reply, ModuleError> {
    let from = cx.path(src);
    let dest = args.need("dest");
    if cx.path(dest).exists() && !cx.path(dest).is_dir() {
        return Err(ModuleError::msg(format!("Cannot copy directory {src} over file {dest}")));
    }
    if cx.check() && src.ends_with('/') && dest.ends_with('/') && !cx.path(dest).exists() {
        let msg = format!("dest directory {} would be created", dest.trim_end_matches('/'));
        return Ok(Reply::changed(true).with("msg", msg).with("src", src));
    }
    let to = match from.file_name() {
        Some(name) if !src.ends_with('/') => cx.path(dest).join(name),
        _ => cx.path(dest),
    };
    // What is reported, and gets the mode: the folder inside of one that was there before.
    let shown = match src.rsplit('/').next() {
        Some(name) if cx.path(dest).is_dir() => format!("{}/{name}", dest.trim_end_matches('/')),
        _ => dest.to_owned(),
    };
    let follow = args.bool("local_follow").unwrap_or(false);
    let attrs = FileAttrs::from_args(args)?;
    // Everything gets owner and group, only the folder reported the mode.
    let owned = FileAttrs { owner: attrs.owner.clone(), group: attrs.group.clone(), ..FileAttrs::default() };
    let mut changed = false;
    for entry in WalkDir::new(&from).follow_links(follow) {
        let entry = entry.map_err(|error| ModuleError::msg(format!("Failed to copy '{src}' to '{dest}': {error}")))?;
        let target = to.join(entry.path().strip_prefix(&from).unwrap_or(entry.path()));
        changed |= copy_entry(cx, args, entry.path(), &target, follow)?;
        changed |= target.symlink_metadata().is_ok() && owned.apply(cx, &target, None)?;
    }
    changed |= cx.path(&shown).exists() && attrs.apply(cx, &cx.path(&shown), None)?;
    Ok(Reply::changed(changed)
        .with("checksum", Value::Null)
        .with("dest", shown)
        .with("md5sum", Value::Null)
        .with("src", src))
}

fn copy_entry(cx: &Context<'_>, args: &Args, from: &Path, to: &Path, follow: bool) -> Result<bool, ModuleError> {
    if from.is_symlink() && !follow {
        let target = fs_err::read_link(from)?;
        if to.symlink_metadata().is_ok() {
            return Ok(false);
        }
        if !cx.check() {
            std::os::unix::fs::symlink(target, to)?;
        }
        return Ok(true);
    }
    let mode = fs_err::metadata(from)?.permissions().mode() & 0o7777;
    if from.is_dir() {
        if to.is_dir() {
            return Ok(false);
        }
        if !cx.check() {
            fs_err::create_dir_all(to)?;
            fs_err::set_permissions(to, std::fs::Permissions::from_mode(mode))?;
        }
        return Ok(true);
    }
    let same = to.is_file()
        && to.metadata()?.len() == from.metadata()?.len()
        && digest_file(Algorithm::Sha1, to)? == digest_file(Algorithm::Sha1, from)?;
    if same {
        return Ok(false);
    }
    if !cx.check() {
        let mode = Mode::Bits(mode);
        Replace::new(to).unsafe_writes(args.flag("unsafe_writes")).mode(Some(&mode)).copy_from(cx.sys(), from)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::{Attachment, Call};

    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    fn send(fake: &Fake, content: &str, entries: &[(&'static str, &str)], check: bool) -> Reply {
        let attachments =
            vec![Attachment { name: "src".into(), length: content.len() as u64, content: content.into() }];
        let call = Call {
            module: "copy".into(),
            args: args(entries.iter().copied()),
            check,
            diff: check,
            attachments,
            ..Call::default()
        };
        crate::run(fake, &call)
    }

    fn copied(fake: &Fake, content: &str, entries: &[(&'static str, &str)]) -> Reply {
        let predicted = send(fake, content, entries, true);
        let reply = send(fake, content, entries, false);
        assert!(!reply.failed, "{:?}", reply.data);
        assert_eq!(predicted.changed, reply.changed);
        assert!(!send(fake, content, entries, false).changed, "second run changed");
        reply
    }

    fn mode(fake: &Fake, path: &str) -> u32 {
        fs_err::metadata(fake.path(Path::new(path))).unwrap().mode() & 0o7777
    }

    /// Keys recorded from ansible-core 2.19 (`src` there is a temporary name on the target).
    #[test]
    fn content_arrives_with_its_mode_and_checksums() {
        let fake = Fake::new().unwrap();
        let reply = copied(&fake, "abc", &[("dest", "/g"), ("mode", "0600")]);
        let result = reply.into_result();
        let mut keys: Vec<String> = result.keys().map(ToString::to_string).collect();
        keys.sort();
        assert_eq!(keys.join(" "), "changed checksum dest gid group invocation md5sum mode owner size src state uid");
        assert_eq!(result.get("checksum"), Some(&"a9993e364706816aba3e25717850c26c9cd0d89d".into()));
        assert_eq!(result.get("md5sum"), Some(&"900150983cd24fb0d6963f7d28e17f72".into()));
        assert_eq!((fake.read("/g").unwrap().as_str(), mode(&fake, "/g")), ("abc", 0o600));
        let reply = copied(&fake, "abcd", &[("dest", "/g")]);
        assert!(reply.changed);
        assert_eq!(mode(&fake, "/g"), 0o600, "the mode of what was there stays");
        let again = send(&fake, "abcd", &[("dest", "/g")], false).into_result();
        let mut keys: Vec<String> = again.keys().map(ToString::to_string).collect();
        keys.sort();
        assert_eq!(keys.join(" "), "changed checksum dest gid group invocation mode owner path size state uid");
    }

    #[test]
    fn a_dest_that_is_a_folder_or_should_be_one_gets_the_file() {
        let fake = Fake::new().unwrap();
        fs_err::create_dir(fake.path(Path::new("/d"))).unwrap();
        copied(&fake, "1", &[("dest", "/d"), ("_original_basename", "f")]);
        let below = [("dest", "/new/"), ("_original_basename", "sub/dir/f"), ("directory_mode", "0711")];
        assert!(send(&fake, "2", &below, true).changed && !fake.path(Path::new("/new")).exists());
        assert!(send(&fake, "2", &below, false).changed);
        assert_eq!((fake.read("/d/f").unwrap(), fake.read("/new/sub/dir/f").unwrap()), ("1".into(), "2".into()));
        assert_eq!(mode(&fake, "/new/sub"), 0o711);
        let reply = send(&fake, "1", &[("dest", "/none/f")], false);
        assert_eq!(reply.data.get("msg"), Some(&"Destination directory /none does not exist".into()));
    }

    #[test]
    fn force_backup_and_checksum_are_honoured() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "old").unwrap();
        let reply = send(&fake, "new", &[("dest", "/f"), ("force", "no")], false);
        assert_eq!((reply.changed, reply.data.get("dest")), (false, Some(&"/f".into())));
        let reply = send(&fake, "new", &[("dest", "/f"), ("checksum", "123")], false);
        assert_eq!(
            reply.data.get("msg"),
            Some(&"Copied file does not match the expected checksum. Transfer failed.".into())
        );
        assert_eq!(fake.read("/f").unwrap(), "old");
        let reply = send(&fake, "new", &[("dest", "/f"), ("backup", "yes")], false);
        let saved = reply.data.get("backup_file").and_then(Value::as_str).unwrap().to_owned();
        assert_eq!(fs_err::read_to_string(saved).unwrap(), "old");
    }

    #[test]
    fn a_checksum_alone_asks_whether_the_content_is_needed() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "abc").unwrap();
        let ask = |sum| fake.call("copy", args([("dest", "/f"), ("checksum", sum)]));
        let reply = ask("a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(!reply.changed && !reply.data.contains("needs_content"));
        assert_eq!(ask("81fe8bfe87576c3ecb22426f8e57847382917acf").data.get("needs_content"), Some(&true.into()));
        assert_eq!(fake.read("/f").unwrap(), "abc");
    }

    #[test]
    fn what_does_not_validate_is_not_installed() {
        let fake = Fake::new().unwrap().on("judge", 1, "bad");
        fake.write("/f", "old").unwrap();
        let reply = send(&fake, "new", &[("dest", "/f"), ("validate", "judge %s")], false);
        assert_eq!(
            (reply.data.get("msg"), reply.data.get("exit_status")),
            (Some(&"failed to validate".into()), Some(&1.into()))
        );
        assert_eq!(fake.read("/f").unwrap(), "old");
        let reply = send(&fake, "new", &[("dest", "/f"), ("validate", "judge")], false);
        assert_eq!(reply.data.get("msg"), Some(&"validate must contain %s: judge".into()));
    }

    #[test]
    fn a_diff_shows_texts_and_skips_what_is_none() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "old\n").unwrap();
        let reply = send(&fake, "new\n", &[("dest", "/f"), ("src", "files/f")], true);
        assert_eq!(
            (reply.diff[0].before.clone(), reply.diff[0].after.clone()),
            (Some("old\n".into()), Some("new\n".into()))
        );
        assert_eq!(
            (reply.diff[0].before_header.as_deref(), reply.diff[0].after_header.as_deref()),
            (Some("/f"), Some("files/f"))
        );
        let reply = send(&fake, "a\0b", &[("dest", "/f")], true);
        assert_eq!(reply.diff[0].prepared.as_deref(), Some("diff skipped: source file appears to be binary\n"));
    }

    #[test]
    fn files_and_folders_of_the_target_are_copied_with_their_modes() {
        let fake = Fake::new().unwrap();
        fake.write("/src/a/f", "1").unwrap();
        std::os::unix::fs::symlink("f", fake.path(Path::new("/src/a/l"))).unwrap();
        fs_err::set_permissions(fake.path(Path::new("/src/a/f")), std::fs::Permissions::from_mode(0o640)).unwrap();
        let given = |entries: &[(&'static str, &str)]| args(entries.iter().copied().chain([("remote_src", "yes")]));
        let entries = given(&[("src", "/src"), ("dest", "/out")]);
        assert!(fake.check("copy", entries.clone()).changed && !fake.path(Path::new("/out")).exists());
        assert!(fake.call("copy", entries.clone()).changed);
        assert!(!fake.call("copy", entries).changed);
        assert_eq!((fake.read("/out/src/a/l").unwrap().as_str(), mode(&fake, "/out/src/a/f")), ("1", 0o640));
        assert!(fake.call("copy", given(&[("src", "/src/"), ("dest", "/flat")])).changed);
        assert_eq!(fake.read("/flat/a/f").unwrap(), "1");
        fake.call("copy", given(&[("src", "/src/a/f"), ("dest", "/one"), ("mode", "preserve")]));
        assert_eq!(mode(&fake, "/one"), 0o640);
        let reply = fake.call("copy", given(&[("src", "/none"), ("dest", "/one")]));
        assert_eq!(reply.data.get("msg"), Some(&"Source /none not found".into()));
    }
}
