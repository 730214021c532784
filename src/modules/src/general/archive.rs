//! Makes an archive of files and folders, or compresses one file.
//!
//! Options:
//! - `path` (list of paths, required; `*`, `?` and `[..]` are patterns), `dest` (path): needed for more than one file.
//! - `format` (`gz`, `bz2`, `xz`, `tar`, `zip`, default `gz`): compressed tar archives unless one file is compressed.
//! - `force_archive` (bool): one file, too, goes into an archive.
//! - `exclude_path` (list of paths among those of `path`), `exclusion_patterns` (list of patterns of names inside).
//! - `remove` (bool): what was archived is removed.
//! - Those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `archived`, `arcroot`, `dest`, `dest_state`, `missing`, `expanded_paths`, `expanded_exclude_paths`.
//!
//! Check mode: yes, but what exists is not compared: an archive always changes. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.archive:
//!     path: [/etc/nova, /etc/neutron]
//!     dest: /root/configs.tar.xz
//!     format: xz
//! ```

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rplay_protocol::Reply;
use rplay_value::{List, Value};

use crate::glob::fnmatch;
use crate::{
    Arg, ArgSpec, Args, Context, FileAttrs, Kind, Module, ModuleError, Replace, Support, group_name, user_name,
};

/// `community.general.archive`
pub static MODULE: Module = Module {
    name: "archive",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::list("path").elements(Kind::Path).required(),
            Arg::text("format").default("gz").choices(&["bz2", "gz", "tar", "xz", "zip"]),
            Arg::path("dest"),
            Arg::list("exclude_path").elements(Kind::Path).default(""),
            Arg::list("exclusion_patterns").elements(Kind::Path),
            Arg::bool("force_archive").default("false"),
            Arg::bool("remove").default("false"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let job = Job::new(cx, args)?;
    let (targets, missing): (Vec<&String>, Vec<&String>) =
        job.paths.iter().partition(|path| cx.path(path).symlink_metadata().is_ok());
    let dest = cx.path(&job.dest);
    let mut reply = Reply::ok();
    let mut state = "absent";
    let mut archived = Vec::new();
    if targets.is_empty() {
        if dest.exists() {
            state = if is_archive(&job.dest) { "archive" } else { "compress" };
        }
    } else if cx.check() {
        reply.changed = job.many || !dest.exists();
    } else {
        let before = contents(&dest, job.format);
        if job.many || matches!(job.format, "tar" | "zip") {
            archived = job.archive(cx, &dest, &targets)?;
            state = if missing.is_empty() || !job.many { "archive" } else { "incomplete" };
        } else {
            job.compress(cx, &dest, targets[0])?;
            archived.push(targets[0].clone());
            state = "compress";
        }
        reply.changed = before.is_none() || before != contents(&dest, job.format);
        if args.flag("remove") {
            job.remove(cx, &archived)?;
        }
    }
    let list = |texts: &[String]| Value::from(texts.iter().map(String::as_str).collect::<List>());
    let missing: Vec<String> = missing.into_iter().cloned().collect();
    for (key, value) in [
        ("archived", list(&archived)),
        ("dest", Value::from(job.dest.as_str())),
        ("dest_state", Value::from(state)),
        ("arcroot", Value::from(job.root.as_str())),
        ("missing", list(&missing)),
        ("expanded_paths", list(&job.expanded)),
        ("expanded_exclude_paths", list(&job.excluded)),
    ] {
        reply.data.insert(key, value);
    }
    if dest.exists() {
        reply.changed |= FileAttrs::from_args(args)?.apply(cx, &dest, None)?;
    }
    Ok(reply)
}

/// Whether a name is an archive's.
fn is_archive(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".zip"].iter().any(|end| name.ends_with(end))
}

struct Job<'a> {
    args: &'a Args,
    format: &'a str,
    dest: String,
    /// What is archived, sorted.
    paths: Vec<String>,
    expanded: Vec<String>,
    excluded: Vec<String>,
    /// What names inside the archive begin after.
    root: String,
    /// There has to be an archive, not only a compressed file.
    many: bool,
}

impl<'a> Job<'a> {
    fn new(cx: &Context<'_>, args: &'a Args) -> Result<Self, ModuleError> {
        let given = args.texts("path");
        let (expanded, has_patterns) = expand(cx, &given);
        let excluded: Vec<&str> = args.texts("exclude_path").into_iter().filter(|path| !path.is_empty()).collect();
        let (excluded, _) = expand(cx, &excluded);
        let paths: BTreeSet<&String> = expanded.iter().filter(|path| !excluded.contains(path)).collect();
        let paths: Vec<String> = paths.into_iter().cloned().collect();
        let Some(first) = paths.first() else {
            let reply = Reply::failure("Error, no source paths were found").with("path", given.join(", "));
            let reply = reply.with("expanded_paths", expanded.join(", "));
            return Err(ModuleError::reply(reply.with("expanded_exclude_paths", excluded.join(", "))));
        };
        let many = args.flag("force_archive") || has_patterns || paths.len() > 1 || cx.path(first).is_dir();
        let format = args.need("format");
        let dest = match args.text("dest") {
            Some(dest) => dest.to_owned(),
            None if !many => format!("{first}.{format}"),
            None => {
                let msg = "Error, must specify \"dest\" when archiving multiple files or trees";
                let reply = Reply::failure(msg).with("dest", "None").with("path", given.join(", "));
                return Err(ModuleError::reply(reply));
            }
        };
        if args.flag("remove") {
            let inside = |path: &&String| {
                cx.path(path).is_dir() && dest.starts_with(&format!("{}/", path.trim_end_matches('/')))
            };
            if paths.iter().any(|path| inside(&path)) {
                let msg = "Error, created archive can not be contained in source paths when remove=true";
                return Err(ModuleError::reply(Reply::failure(msg).with("path", paths.join(", "))));
            }
        }
        let root = common_folder(&paths);
        Ok(Self { args, format, dest, paths, expanded, excluded, root, many })
    }

    /// Writes an archive; what is in it now.
    fn archive(&self, cx: &Context<'_>, dest: &Path, targets: &[&String]) -> Result<Vec<String>, ModuleError> {
        let done = RefCell::new(Ok(Vec::new()));
        let patterns = self.args.texts("exclusion_patterns");
        let written = self.replace(dest).write_with(cx.sys(), |file| {
            let own = file.metadata()?;
            let walk = Walk { cx, dest, own: (own.dev(), own.ino()), root: &self.root, patterns: &patterns };
            let result = if self.format == "zip" {
                walk.zip(file, targets)?
            } else {
                let out = BufWriter::new(file.try_clone()?);
                match self.format {
                    "gz" => {
                        walk.tar(flate2::write::GzEncoder::new(out, flate2::Compression::best()), targets, |out| {
                            out.finish()?.flush()
                        })?
                    }
                    "bz2" => {
                        walk.tar(bzip2::write::BzEncoder::new(out, bzip2::Compression::best()), targets, |out| {
                            out.finish()?.flush()
                        })?
                    }
                    "xz" => walk.tar(xz(out)?, targets, |out| out.finish()?.flush())?,
                    _ => walk.tar(out, targets, |mut out| out.flush())?,
                }
            };
            drop(done.replace(result));
            match &*done.borrow() {
                Ok(_) => Ok(()),
                // What is there stays when something could not be read.
                Err(errors) => Err(io::Error::other(errors.join("; "))),
            }
        });
        let dest = &self.dest;
        match (done.into_inner(), written) {
            (Err(errors), _) => {
                Err(ModuleError::msg(format!("Errors when writing archive at {dest}: {}", errors.join("; "))))
            }
            (Ok(_), Err(ModuleError::File { source, .. })) => {
                let kind = if matches!(self.format, "zip" | "tar") { "" } else { "tar." };
                let format = self.format;
                Err(ModuleError::msg(format!("Error when writing {kind}{format} archive at {dest}: {source}")))
            }
            (Ok(archived), written) => written.map(|()| archived),
        }
    }

    fn replace<'p>(&self, dest: &'p Path) -> Replace<'p> {
        Replace::new(dest).unsafe_writes(self.args.flag("unsafe_writes"))
    }

    /// Writes one file, compressed.
    fn compress(&self, cx: &Context<'_>, dest: &Path, target: &str) -> Result<(), ModuleError> {
        let source = cx.path(target);
        let written = self.replace(dest).write_with(cx.sys(), |file| {
            let mut input = File::open(&source)?;
            let out = BufWriter::new(file.try_clone()?);
            match self.format {
                "gz" => {
                    let mut out = flate2::write::GzEncoder::new(out, flate2::Compression::best());
                    io::copy(&mut input, &mut out)?;
                    out.finish()?.flush()
                }
                "bz2" => {
                    let mut out = bzip2::write::BzEncoder::new(out, bzip2::Compression::best());
                    io::copy(&mut input, &mut out)?;
                    out.finish()?.flush()
                }
                _ => {
                    let mut out = xz(out)?;
                    io::copy(&mut input, &mut out)?;
                    out.finish()?.flush()
                }
            }
        });
        written.map_err(|error| {
            let reply = Reply::failure(format!("Unable to write to compressed file: {error}"));
            ModuleError::reply(reply.with("path", target).with("dest", self.dest.as_str()))
        })
    }

    fn remove(&self, cx: &Context<'_>, archived: &[String]) -> Result<(), ModuleError> {
        let mut failed = Vec::new();
        let mut gone = |path: &String| {
            let own = cx.path(path);
            let result = match own.symlink_metadata() {
                Ok(found) if found.is_dir() => fs_err::remove_dir_all(&own),
                Ok(_) => fs_err::remove_file(&own),
                Err(_) => Ok(()),
            };
            if result.is_err() {
                failed.push(path.clone());
            }
        };
        archived.iter().for_each(&mut gone);
        self.paths.iter().filter(|path| self.many && cx.path(path).is_dir()).for_each(&mut gone);
        if failed.is_empty() {
            return Ok(());
        }
        let reply = Reply::failure("Error deleting some source files: ").with("dest", self.dest.as_str());
        Err(ModuleError::reply(reply.with("files", failed.into_iter().collect::<List>())))
    }
}

fn xz<W: Write>(out: W) -> io::Result<lzma_rust2::XzWriter<W>> {
    lzma_rust2::XzWriter::new(out, lzma_rust2::XzOptions::with_preset(6))
}

/// Paths with the patterns among them expanded, and whether there were any.
fn expand(cx: &Context<'_>, paths: &[&str]) -> (Vec<String>, bool) {
    let mut expanded = Vec::new();
    let mut any = false;
    for path in paths {
        if !path.contains(['*', '?']) {
            expanded.push((*path).to_owned());
            continue;
        }
        any = true;
        let root = cx.path("/");
        let found = crate::glob::matches(&cx.path(path));
        let shown = |found: PathBuf| match found.strip_prefix(&root) {
            Ok(below) => Path::new("/").join(below),
            Err(_) => found,
        };
        expanded.extend(found.into_iter().map(|found| shown(found).to_string_lossy().into_owned()));
    }
    (expanded, any)
}

fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder.trim_end_matches('/'),
        None => "",
    }
}

/// The folder all paths have in common, with a slash at its end.
fn common_folder(paths: &[String]) -> String {
    let with_slash = |folder: &str| match folder {
        "" => String::new(),
        folder if folder.ends_with('/') => folder.to_owned(),
        folder => format!("{folder}/"),
    };
    let folders: Vec<String> = paths.iter().map(|path| with_slash(folder_of(path))).collect();
    let Some((first, rest)) = folders.split_first() else { return String::new() };
    let common = rest.iter().fold(first.as_str(), |common, folder| {
        let length = common.bytes().zip(folder.bytes()).take_while(|(a, b)| a == b).count();
        let length = (0..=length).rev().find(|at| common.is_char_boundary(*at)).unwrap_or(0);
        &common[..length]
    });
    with_slash(folder_of(common))
}

/// Goes through what is archived.
struct Walk<'a> {
    cx: &'a Context<'a>,
    dest: &'a Path,
    /// Device and inode of the file being written.
    own: (u64, u64),
    root: &'a str,
    patterns: &'a [&'a str],
}

/// What could not be archived, one message each.
type Archived = Result<Vec<String>, Vec<String>>;

impl Walk<'_> {
    /// Every entry: as the user knows it, its name inside the archive.
    fn each(&self, targets: &[&String], mut add: impl FnMut(&str, &str, &Path) -> io::Result<bool>) -> Archived {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        let mut visit = |path: &str| {
            let own = self.cx.path(path);
            let name = path.strip_prefix(self.root).unwrap_or(path);
            let is_own = own == self.dest || own.metadata().is_ok_and(|found| (found.dev(), found.ino()) == self.own);
            match if is_own { Ok(false) } else { add(path, name, &own) } {
                Ok(true) => done.push(path.to_owned()),
                Ok(false) => {}
                Err(error) => errors.push(format!("{path}: {}", crate::x509::file::errno(&error, path))),
            }
        };
        for target in targets {
            if !self.cx.path(target).is_dir() {
                visit(target);
                continue;
            }
            // Folders before files, then what is below the folders, as Python's `os.walk`.
            let mut open = vec![(*target).clone()];
            while let Some(folder) = open.pop() {
                let entries = fs_err::read_dir(self.cx.path(&folder)).into_iter().flatten().filter_map(Result::ok);
                let below = |name: &str| format!("{}/{name}", folder.trim_end_matches('/'));
                let (mut folders, mut files) = (Vec::new(), Vec::new());
                for entry in entries {
                    let path = below(&entry.file_name().to_string_lossy());
                    if entry.path().is_dir() { folders.push(path) } else { files.push(path) }
                }
                folders.iter().chain(&files).for_each(|path| visit(path));
                open.extend(folders.into_iter().rev().filter(|path| !self.cx.path(path).is_symlink()));
            }
        }
        if errors.is_empty() { Ok(done) } else { Err(errors) }
    }

    fn leaves_out(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| fnmatch(pattern, name))
    }

    fn tar<W: Write>(
        &self,
        out: W,
        targets: &[&String],
        finish: impl FnOnce(W) -> io::Result<()>,
    ) -> io::Result<Archived> {
        let mut builder = tar::Builder::new(out);
        let mut seen: HashMap<(u64, u64), String> = HashMap::new();
        let result = self.each(targets, |_, name, path| {
            let name = name.trim_start_matches('/');
            if self.leaves_out(name) {
                return Ok(false);
            }
            let metadata = path.symlink_metadata()?;
            let kind = metadata.file_type();
            if kind.is_socket() {
                return Ok(false);
            }
            let mut header = tar::Header::new_gnu();
            header.set_metadata(&metadata);
            header.set_username(&user_name(metadata.uid()))?;
            header.set_groupname(&group_name(metadata.gid()))?;
            header.set_size(0);
            let first = seen.get(&(metadata.dev(), metadata.ino()));
            if kind.is_symlink() {
                builder.append_link(&mut header, name, fs_err::read_link(path)?)?;
            } else if let Some(first) = first.filter(|_| kind.is_file()) {
                header.set_entry_type(tar::EntryType::Link);
                builder.append_link(&mut header, name, first)?;
            } else if kind.is_file() {
                let file = File::open(path)?;
                header.set_size(metadata.size());
                // A file that grows meanwhile must not spoil what follows it, nor one that shrinks.
                builder.append_data(
                    &mut header,
                    name,
                    file.take(metadata.size()).chain(io::repeat(0)).take(metadata.size()),
                )?;
                if metadata.nlink() > 1 {
                    seen.insert((metadata.dev(), metadata.ino()), name.to_owned());
                }
            } else if kind.is_dir() {
                builder.append_data(&mut header, format!("{name}/"), io::empty())?;
            } else {
                builder.append_data(&mut header, name, io::empty())?;
            }
            Ok(true)
        });
        finish(builder.into_inner()?)?;
        Ok(result)
    }

    fn zip(&self, file: &File, targets: &[&String]) -> io::Result<Archived> {
        let mut writer = zip::ZipWriter::new(file.try_clone()?);
        let result = self.each(targets, |shown, name, path| {
            if self.leaves_out(shown) {
                return Ok(false);
            }
            let metadata = path.metadata()?;
            let time = jiff::Timestamp::from_second(metadata.mtime())
                .unwrap_or_default()
                .to_zoned(jiff::tz::TimeZone::system())
                .datetime();
            let stamp = zip::DateTime::from_date_and_time(
                u16::try_from(time.year()).unwrap_or_default(),
                time.month().unsigned_abs(),
                time.day().unsigned_abs(),
                time.hour().unsigned_abs(),
                time.minute().unsigned_abs(),
                time.second().unsigned_abs(),
            );
            let options = zip::write::SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Deflated)
                .last_modified_time(stamp.unwrap_or_default())
                .large_file(metadata.size() >= u64::from(u32::MAX))
                .unix_permissions(metadata.mode() & 0o7777);
            if metadata.is_dir() {
                writer.add_directory(name, options)?;
                // Python looks for the name without the slash that folders have in a zip, and does not find it.
                return Ok(false);
            }
            writer.start_file(name, options)?;
            io::copy(&mut File::open(path)?, &mut writer)?;
            Ok(true)
        });
        writer.finish()?;
        Ok(result)
    }
}

/// What tells two archives apart: names with what their headers say. `None` when there is none that can be read.
fn contents(dest: &Path, format: &str) -> Option<BTreeSet<(String, String)>> {
    let open = || File::open(dest).map(BufReader::new);
    open().ok()?;
    if format == "zip" {
        let mut found = BTreeSet::new();
        let mut archive = zip::ZipArchive::new(open().ok()?).ok()?;
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).ok()?;
            found.insert((entry.name().ok()?.into_owned(), entry.crc32().to_string()));
        }
        return Some(found);
    }
    let plain = || -> io::Result<Box<dyn Read>> {
        let file = open()?;
        Ok(match format {
            "gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
            "bz2" => Box::new(bzip2::read::MultiBzDecoder::new(file)),
            "xz" => Box::new(lzma_rust2::XzReader::new(file, true)),
            _ => Box::new(file),
        })
    };
    Some(tar_contents(plain().ok()?).or_else(|_| checksum(plain()?)).unwrap_or_default())
}

fn tar_contents(input: Box<dyn Read>) -> io::Result<BTreeSet<(String, String)>> {
    let mut found = BTreeSet::new();
    let mut archive = tar::Archive::new(input);
    for entry in archive.entries()? {
        let entry = entry?;
        let header = entry.header();
        let link = entry.link_name_bytes().unwrap_or_default();
        let about = format!(
            "{:?} {:o} {}:{} {} {} {}",
            header.entry_type(),
            header.mode()? & 0o7777,
            header.uid()?,
            header.gid()?,
            header.size()?,
            header.mtime()?,
            String::from_utf8_lossy(&link),
        );
        found.insert((String::from_utf8_lossy(&entry.path_bytes()).trim_end_matches('/').to_owned(), about));
    }
    Ok(found)
}

fn checksum(mut input: Box<dyn Read>) -> io::Result<BTreeSet<(String, String)>> {
    let mut crc = flate2::Crc::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(BTreeSet::from([(String::new(), format!("{} {}", crc.sum(), crc.amount()))])),
            n => crc.update(&buffer[..n]),
        }
    }
}

/// Where names of the host's files begin on this system.
#[cfg(test)]
fn names(dest: &Path, format: &str) -> Vec<String> {
    contents(dest, format).unwrap_or_default().into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    fn system() -> Fake {
        let fake = Fake::new().unwrap();
        for (path, content) in [("/src/a/one.txt", "1"), ("/src/a/deep/two.txt", "22"), ("/src/b.txt", "333")] {
            fake.write(path, content).unwrap();
        }
        fake
    }

    fn call(fake: &Fake, entries: &[(&'static str, &str)]) -> Reply {
        let reply = fake.call("community.general.archive", args(entries.iter().copied()));
        assert!(!reply.failed, "{:?}", reply.data);
        reply
    }

    #[test]
    fn trees_go_into_every_format_and_change_once() {
        let fake = system();
        for format in ["gz", "bz2", "xz", "tar", "zip"] {
            let dest = format!("/out.{format}");
            let given = [("path", "/src/a,/src/b.txt"), ("dest", &dest), ("format", format)];
            let first = call(&fake, &given);
            assert!(first.changed, "{format}");
            assert_eq!(first.data.get("arcroot").unwrap().to_string(), "/src/");
            assert_eq!(first.data.get("dest_state").unwrap().to_string(), "archive");
            let folder = if format == "zip" { "a/deep/" } else { "a/deep" };
            let path = fake.path(Path::new(&dest));
            assert_eq!(names(&path, format), [folder, "a/deep/two.txt", "a/one.txt", "b.txt"], "{format}");
            assert!(!call(&fake, &given).changed, "{format}");
            fake.write("/src/b.txt", format!("changed {format}")).unwrap();
            assert!(call(&fake, &given).changed, "{format}");
        }
    }

    #[test]
    fn one_file_is_compressed_beside_itself() {
        let fake = system();
        for format in ["gz", "bz2", "xz"] {
            let reply = call(&fake, &[("path", "/src/b.txt"), ("format", format)]);
            assert_eq!(reply.data.get("dest").unwrap().to_string(), format!("/src/b.txt.{format}"));
            assert_eq!(reply.data.get("dest_state").unwrap().to_string(), "compress");
            assert!(!call(&fake, &[("path", "/src/b.txt"), ("format", format)]).changed);
        }
        let mut text = String::new();
        let packed = File::open(fake.path("/src/b.txt.gz".as_ref())).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        assert_eq!(text, "333");
    }

    #[test]
    fn patterns_choose_and_leave_out_and_sources_go() {
        let fake = system();
        let given =
            [("path", "/src/*"), ("exclude_path", "/src/b.t?t"), ("exclusion_patterns", "*two*"), ("dest", "/o.tgz")];
        let reply = call(&fake, &[&given[..], &[("remove", "yes")]].concat());
        assert_eq!(reply.data.get("archived").unwrap().as_list().unwrap().len(), 2);
        assert_eq!(names(&fake.path("/o.tgz".as_ref()), "gz"), ["deep", "one.txt"].map(|name| format!("a/{name}")));
        assert!(!fake.path("/src/a".as_ref()).exists() && fake.path("/src/b.txt".as_ref()).exists());
        let error = |entries: &[(&'static str, &str)]| {
            fake.call("archive", args(entries.iter().copied())).data.get("msg").unwrap().to_string()
        };
        assert_eq!(error(&[("path", "/none/*"), ("dest", "/x")]), "Error, no source paths were found");
        assert!(error(&[("path", "/src")]).starts_with("Error, must specify \"dest\""));
        assert!(error(&[("path", "/src"), ("dest", "/src/x.tgz"), ("remove", "yes")]).ends_with("when remove=true"));
    }

    #[test]
    fn links_are_links_in_a_tar() {
        let fake = system();
        std::os::unix::fs::symlink("one.txt", fake.path("/src/a/link".as_ref())).unwrap();
        fs_err::hard_link(fake.path("/src/a/one.txt".as_ref()), fake.path("/src/a/twin".as_ref())).unwrap();
        call(&fake, &[("path", "/src/a"), ("dest", "/o.tar"), ("format", "tar")]);
        let found = contents(&fake.path("/o.tar".as_ref()), "tar").unwrap();
        let kinds = |start: &str| found.iter().filter(|(_, about)| about.starts_with(start)).count();
        assert_eq!((kinds("Symlink"), kinds("Link"), kinds("Regular"), kinds("Directory")), (1, 1, 2, 1));
    }
}
