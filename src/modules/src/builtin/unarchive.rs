//! Unpacks an archive into a folder: zip, and tar plain or compressed by gzip, bzip2, xz or zstd.
//!
//! The controller sends the archive as the attachment `src`, unless `remote_src` says that it is on the target (or at
//! an address it can download).
//!
//! Options:
//! - `src` (path, required): the archive. `dest` (path, required): the folder. `remote_src` (bool): the archive is on
//!   the target.
//! - `creates` (path): skip when it exists. `list_files` (bool): return the members. `keep_newer` (bool).
//! - `include`, `exclude` (lists): which members. `extra_opts` (list): words for tar or unzip, such as `--strip-components=1`.
//! - `copy` (bool): the old opposite of `remote_src`. `decrypt` (bool, default true): decrypt an encrypted archive.
//! - `validate_certs` (bool, default true): check the certificate of the address. `io_buffer_size` (bytes, default 65536).
//! - those of every file module: `owner`, `group`, `mode`, ... for everything unpacked.
//!
//! Returns: `dest`, `src`, `handler`, `extract_results`, `files`, `owner`, ...
//! Check mode: for zip; tar is skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.unarchive:
//!     src: images/overcloud-full.tar
//!     dest: /home/stack/images
//!     creates: /home/stack/images/overcloud-full.qcow2
//! ```

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rplay_protocol::{Diff, Reply};
use rplay_value::List;
use tempfile::TempPath;

use crate::archive::{self, Job};
use crate::{Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, Support, http};

/// `ansible.builtin.unarchive`
pub static MODULE: Module = Module {
    name: "unarchive",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("src").required(),
            Arg::path("dest").required(),
            Arg::bool("remote_src").default("false"),
            Arg::path("creates"),
            Arg::bool("list_files").default("false"),
            Arg::bool("keep_newer").default("false"),
            Arg::list("exclude").default(""),
            Arg::list("include").default(""),
            Arg::list("extra_opts").default(""),
            Arg::bool("validate_certs").default("true"),
            Arg::int("io_buffer_size").default("65536"),
            Arg::bool("copy").default("true"),
            // The controller's business.
            Arg::bool("decrypt").default("true"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Partial,
    diff: Support::Partial,
    run,
};

/// The archive as a file, gone again afterwards when it was not there before.
enum Source {
    Own(PathBuf),
    Temporary(TempPath),
}

impl Source {
    fn find(cx: &Context<'_>, args: &Args) -> Result<Self, ModuleError> {
        let shown = args.need("src");
        if let Some(content) = cx.attachment("src") {
            let mut file = tempfile::NamedTempFile::new_in(cx.sys().tmp())?;
            file.write_all(content)?;
            return Ok(Self::Temporary(file.into_temp_path()));
        }
        if !args.flag("remote_src") && args.flag("copy") {
            return Err(ModuleError::msg(format!("Source '{shown}' failed to transfer")));
        }
        let path = cx.path(shown);
        if path.exists() {
            return Ok(Self::Own(path));
        }
        if !shown.contains("://") {
            return Err(ModuleError::msg(format!("Source '{shown}' does not exist")));
        }
        Ok(Self::Temporary(http::fetch(cx, shown, ".archive")?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Temporary(path) => path,
        }
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    if !(args.texts("include").is_empty() || args.texts("exclude").is_empty()) {
        return Err(ModuleError::msg("parameters are mutually exclusive: include|exclude"));
    }
    if let Some(path) = args.text("creates").filter(|path| cx.path(path).exists()) {
        return Ok(Reply::ok().with("skipped", true).with("msg", format!("skipped, since {path} exists")));
    }
    let (shown_src, shown) = (args.need("src"), args.need("dest"));
    let source = Source::find(cx, args)?;
    let size = fs_err::metadata(source.path())
        .map_err(|error| ModuleError::msg(format!("Source '{shown_src}' not readable, {error}")))?
        .len();
    if size == 0 {
        return Err(ModuleError::msg(format!("Invalid archive '{shown_src}', the file is 0 bytes")));
    }
    let dest = std::path::absolute(cx.path(shown))?;
    if !Path::new(shown).is_absolute() {
        cx.warn(format!("Relative destination path '{shown}' was resolved to absolute path '{}'.", dest.display()));
    }
    if !dest.is_dir() {
        return Err(ModuleError::msg(format!("dest '{shown}' must be an existing dir")));
    }
    let attrs = FileAttrs::from_args(args)?;
    let job = Job { cx: &*cx, args, attrs: &attrs, src: source.path(), dest: &dest };
    let mut archive = match archive::open(&job) {
        Err(ModuleError::Failed { reply }) if !reply.failed => return Ok(*reply),
        opened => opened?,
    };
    let comparison = archive.compare(&job)?;
    let mut reply = Reply::changed(!comparison.unarchived).with("dest", shown);
    if !comparison.unarchived && !job.cx.check() {
        let extraction = archive.extract(&job, &comparison)?;
        let failed = extraction.rc != 0;
        reply = reply.with("extract_results", extraction.into_map());
        if failed {
            let msg = format!("failed to unpack {shown_src} to {shown}");
            return Err(ModuleError::reply(
                reply.with("handler", archive.handler()).with("msg", msg).with("src", shown_src),
            ));
        }
    }
    reply = reply.with("handler", archive.handler()).with("src", shown_src);
    if !job.cx.check() && attrs.is_wanting_something() {
        for member in archive.members() {
            let path = dest.join(member.trim_start_matches('/'));
            if path.symlink_metadata().is_ok() {
                reply.changed |= attrs.apply(job.cx, &path, None)?;
            }
        }
    }
    if args.flag("list_files") {
        reply = reply.with("files", archive.members().iter().collect::<List>());
    }
    if let Some(text) = comparison.diff.filter(|text| job.cx.diff() && !text.is_empty()) {
        reply.diff.push(Diff { prepared: Some(text), ..Diff::default() });
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use rplay_protocol::{Attachment, Call};
    use rplay_value::Value;

    use super::*;
    use crate::Real;
    use crate::testing::args;

    /// A folder with `d/a` (mode 0640), `d/b` and a link, as an archive of the given kind.
    fn packed(folder: &Path, line: &str) -> Vec<u8> {
        let script =
            format!("mkdir -p t/d && cd t && echo 1 > d/a && chmod 640 d/a && echo 2 > d/b && ln -s a d/l && {line}");
        let status = std::process::Command::new("/bin/sh").args(["-c", &script]).current_dir(folder).status().unwrap();
        assert!(status.success());
        fs_err::read(folder.join("t/out")).unwrap()
    }

    fn unarchive(content: &[u8], dest: &Path, entries: &[(&'static str, Value)], check: bool) -> Reply {
        let attachments =
            vec![Attachment { name: "src".into(), length: content.len() as u64, content: content.to_vec() }];
        let mut given = args([("src", Value::from("x")), ("dest", dest.to_str().unwrap().into())]);
        given.extend(entries.iter().map(|(k, v)| (Value::from(*k), v.clone())));
        crate::run(
            &Real::default(),
            &Call { module: "unarchive".into(), args: given, check, diff: check, attachments, ..Call::default() },
        )
    }

    #[test]
    fn tar_archives_are_unpacked_once() {
        for (line, handler) in
            [("tar -cf out d", "TarArchive"), ("tar -czf out d", "TgzArchive"), ("tar -cJf out d", "TarXzArchive")]
        {
            let folder = tempfile::tempdir().unwrap();
            let content = packed(folder.path(), line);
            let dest = folder.path().join("dest");
            fs_err::create_dir(&dest).unwrap();
            let reply = unarchive(&content, &dest, &[("list_files", true.into())], false);
            assert!(reply.changed && !reply.failed, "{:?}", reply.data);
            assert_eq!(reply.data.get("handler"), Some(&handler.into()));
            assert_eq!(reply.data.get("files").and_then(Value::as_list).unwrap().len(), 4);
            assert_eq!(fs_err::read_to_string(dest.join("d/l")).unwrap(), "1\n");
            assert!(!unarchive(&content, &dest, &[], false).changed);
            let skipped = unarchive(&content, &dest, &[], true);
            let msg = "remote module (ansible.legacy.unarchive) does not support check mode when using gtar";
            assert_eq!((skipped.failed, skipped.data.get("msg")), (false, Some(&msg.into())));
        }
    }

    #[test]
    fn options_choose_members_and_strip_folders() {
        let folder = tempfile::tempdir().unwrap();
        let content = packed(folder.path(), "tar -czf out d");
        let dest = folder.path().join("dest");
        fs_err::create_dir(&dest).unwrap();
        let entries = [
            ("extra_opts", Value::from(vec!["--strip-components=1"])),
            ("exclude", vec!["d/b"].into()),
            ("mode", "0600".into()),
        ];
        assert!(unarchive(&content, &dest, &entries, false).changed);
        assert!(dest.join("a").exists() && !dest.join("b").exists());
        let exclusive = [("include", Value::from(vec!["x"])), ("exclude", vec!["d/b"].into())];
        let reply = unarchive(&content, &dest, &exclusive, false);
        assert_eq!(reply.data.get("msg"), Some(&"parameters are mutually exclusive: include|exclude".into()));
    }

    fn zipped() -> Vec<u8> {
        use zip::write::{SimpleFileOptions, ZipWriter};
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let time = zip::DateTime::from_date_and_time(2020, 2, 3, 4, 5, 6).unwrap();
        let options = SimpleFileOptions::default().last_modified_time(time);
        zip.add_directory("d", options.unix_permissions(0o755)).unwrap();
        zip.start_file("d/a", options.unix_permissions(0o640)).unwrap();
        zip.write_all(b"1\n").unwrap();
        zip.add_symlink("d/l", "a", options).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn zip_archives_are_compared_unpacked_and_predicted() {
        let folder = tempfile::tempdir().unwrap();
        let content = zipped();
        let predicted = unarchive(&content, folder.path(), &[], true);
        assert!(predicted.changed && !folder.path().join("d").exists());
        assert!(predicted.diff[0].prepared.as_ref().unwrap().contains(">f++++++.?? d/a\n"));
        let reply = unarchive(&content, folder.path(), &[], false);
        assert!(reply.changed && !reply.failed, "{:?}", reply.data);
        assert_eq!(reply.data.get("handler"), Some(&"ZipArchive".into()));
        assert_eq!(fs_err::metadata(folder.path().join("d/a")).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs_err::read_link(folder.path().join("d/l")).unwrap(), Path::new("a"));
        assert!(!unarchive(&content, folder.path(), &[], false).changed);
        fs_err::write(folder.path().join("d/a"), "changed").unwrap();
        assert!(unarchive(&content, folder.path(), &[], false).changed);
        assert_eq!(fs_err::read_to_string(folder.path().join("d/a")).unwrap(), "1\n");
    }

    #[test]
    fn mistakes_are_named_as_ansible_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let msg =
            |content: &[u8], dest: &Path| unarchive(content, dest, &[], false).data.get("msg").unwrap().to_string();
        assert_eq!(msg(b"", folder.path()), "Invalid archive 'x', the file is 0 bytes");
        assert_eq!(
            msg(b"x", &folder.path().join("none")),
            format!("dest '{}' must be an existing dir", folder.path().join("none").display())
        );
        assert!(msg(b"no archive at all", folder.path()).starts_with("Failed to find handler for "));
        let created = [("creates", Value::from("/"))];
        let reply = unarchive(b"x", folder.path(), &created, false);
        assert_eq!((reply.failed, reply.data.get("msg")), (false, Some(&"skipped, since / exists".into())));
    }
}
