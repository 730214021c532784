//! Makes files, folders and links what they should be, or removes them.
//!
//! Options:
//! - `path` (path, required; also `dest`, `name`): the file.
//! - `state`: `file` (exists already), `directory`, `link`, `hard`, `touch` or `absent`; default is what is there.
//! - `src` (path): what a link points to.
//! - `recurse` (bool): attributes of everything in a directory as well.
//! - `force` (bool): link to what does not exist, or in place of a file or an empty directory.
//! - `follow` (bool, default true): work on what a link points to.
//! - `modification_time`, `access_time` (`preserve`, `now` or a time), `modification_time_format`,
//!   `access_time_format` (default `%Y%m%d%H%M.%S`).
//! - those of every file module: `owner`, `group`, `mode`, `attributes`, `seuser`, ...
//!
//! Returns: `path` or `dest`, `src`, `state`, `owner`, `group`, `uid`, `gid`, `mode`, `size`.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.file:
//!     path: /etc/thing.d
//!     state: directory
//!     owner: root
//!     mode: u=rwx,go=rx
//! ```

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Group, Uid, User};
use rplay_protocol::{Diff, Reply};
use rplay_value::{List, Map, Value};
use walkdir::WalkDir;

use crate::convert::quoted;
use crate::{Arg, ArgSpec, Args, AttrDiff, Context, FileAttrs, Module, ModuleError, Support, real_path};

/// `ansible.builtin.file`
pub static MODULE: Module = Module {
    name: "file",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").choices(&["absent", "directory", "file", "hard", "link", "touch"]),
            Arg::path("path").required().alias(&["dest", "name"]),
            Arg::text("_original_basename"),
            Arg::bool("_diff_peek"),
            Arg::bool("recurse").default("false"),
            Arg::bool("force").default("false"),
            Arg::bool("follow").default("true"),
            Arg::path("src"),
            Arg::text("modification_time"),
            Arg::text("modification_time_format").default("%Y%m%d%H%M.%S"),
            Arg::text("access_time"),
            Arg::text("access_time_format").default("%Y%m%d%H%M.%S"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut shown = args.need("path").to_owned();
    let mut state = args.text("state");
    let src = args.text("src").filter(|src| !src.is_empty());
    if !matches!(state, Some("link" | "absent")) && cx.path(&shown).is_dir() {
        let inside = args.text("_original_basename").or(src.and_then(|src| Path::new(src).file_name()?.to_str()));
        if let Some(name) = inside.filter(|name| !name.is_empty()) {
            shown = Path::new(&shown).join(name).to_string_lossy().into_owned();
        }
    }
    let now = current(&cx.path(&shown));
    if state.is_none() {
        state = Some(match now {
            "absent" if args.flag("recurse") => "directory",
            "absent" => "file",
            now => now,
        });
    }
    let state = state.unwrap_or("file");
    let refuse = |msg: &str| Err(failure(msg, &[("path", &shown)]));
    if args.flag("recurse") && state != "directory" {
        return refuse("recurse option requires state to be 'directory'");
    }
    if src.is_some() && !matches!(state, "link" | "hard") {
        return refuse("src option requires state to be 'link' or 'hard'");
    }
    if cx.check() && state != "absent" {
        warn_of_missing_owners(cx, args);
    }
    let path = cx.path(&shown);
    if args.get("_diff_peek").is_some_and(|peek| !matches!(peek, Value::Null)) {
        let reply = Reply::ok().with("path", shown.as_str());
        return Ok(reply.with("appears_binary", appears_binary(&path)));
    }
    let task = Task {
        args,
        src,
        attrs: FileAttrs::from_args(args)?,
        times: Times::from_args(args, state)?,
        follow: args.flag("follow"),
        force: args.flag("force"),
        diff: AttrDiff::default(),
        shown,
        path,
        now,
    };
    match state {
        "absent" => task.absent(cx),
        "directory" => task.directory(cx),
        "link" => task.link(cx),
        "hard" => task.hard(cx),
        "touch" => task.touch(cx),
        _ => task.file(cx),
    }
}

/// What is at a path: `absent`, `link`, `directory`, `hard` (a file of several names) or `file`.
/// Whether the start of a file holds a NUL; what cannot be read counts as text.
fn appears_binary(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = fs_err::File::open(path).and_then(|file| file.take(8192).read_to_end(&mut head));
    read.is_ok() && head.contains(&0)
}

fn current(path: &Path) -> &'static str {
    match path.symlink_metadata() {
        Err(_) => "absent",
        Ok(metadata) if metadata.is_symlink() => "link",
        Ok(metadata) if metadata.is_dir() => "directory",
        Ok(metadata) if metadata.nlink() > 1 => "hard",
        Ok(_) => "file",
    }
}

fn warn_of_missing_owners(cx: &mut Context<'_>, args: &Args) {
    let later = |what: &str| format!("Create {what} up to this point in real play");
    if let Some(owner) = args.text("owner") {
        match owner.parse::<u32>() {
            Ok(uid) if matches!(User::from_uid(Uid::from_raw(uid)), Ok(Some(_))) => {}
            Ok(uid) => cx.warn(format!("failed to look up user with uid {uid}. {}", later("user"))),
            Err(_) if crate::user_id(cx.sys(), owner).is_some() => {}
            Err(_) => cx.warn(format!("failed to look up user {owner}. {}", later("user"))),
        }
    }
    if let Some(group) = args.text("group") {
        match group.parse::<u32>() {
            Ok(gid) if matches!(Group::from_gid(Gid::from_raw(gid)), Ok(Some(_))) => {}
            Ok(gid) => cx.warn(format!("failed to look up group with gid {gid}. {}", later("group"))),
            Err(_) if crate::group_id(cx.sys(), group).is_some() => {}
            Err(_) => cx.warn(format!("failed to look up group {group}. {}", later("group"))),
        }
    }
}

fn failure(msg: &str, keys: &[(&str, &str)]) -> ModuleError {
    ModuleError::reply(keys.iter().fold(Reply::failure(msg), |reply, (key, value)| reply.with(key, *value)))
}

struct Task<'a> {
    args: &'a Args,
    shown: String,
    path: PathBuf,
    now: &'static str,
    src: Option<&'a str>,
    attrs: FileAttrs,
    times: Times,
    follow: bool,
    force: bool,
    diff: AttrDiff,
}

impl Task<'_> {
    /// Starts the diff: the path, and the state when it will be another.
    fn begin(&mut self, cx: &Context<'_>, state: &str) {
        self.diff.set("path", self.shown.as_str(), self.shown.as_str());
        if self.now != state {
            self.diff.set("state", self.now, state);
            if state == "absent" && self.now == "directory" && cx.diff() {
                self.diff.before.insert("path_content", contents(&self.path));
            }
        }
    }

    fn reply(self, cx: &Context<'_>, changed: bool, key: &str) -> Reply {
        let mut reply = Reply::changed(changed).with(key, self.shown);
        if cx.diff() && !self.diff.after.is_empty() {
            reply.diff.push(Diff::attributes(self.diff.before, self.diff.after));
        }
        reply
    }

    /// Works on what a link points to, when told to follow links.
    fn resolve_link(&mut self) {
        if self.follow && self.now == "link" {
            self.path = real_path(&self.path);
            self.shown = self.path.to_string_lossy().into_owned();
            self.now = current(&self.path);
        }
    }

    fn apply(&mut self, cx: &Context<'_>, path: &Path) -> Result<bool, ModuleError> {
        let changed = self.attrs.apply(cx, path, Some(&mut self.diff))?;
        Ok(changed | self.times.apply(cx, path, Some(&mut self.diff))?)
    }

    fn absent(mut self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        let exists = self.now != "absent";
        if exists {
            self.begin(cx, "absent");
            if !cx.check() {
                if self.now == "directory" {
                    std::fs::remove_dir_all(&self.path)
                        .map_err(|error| ModuleError::msg(format!("rmtree failed: {error}")))?;
                } else if let Err(error) = std::fs::remove_file(&self.path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    return Err(failure(&format!("Unlinking failed: {error}"), &[("path", &self.shown)]));
                }
            }
            return Ok(self.reply(cx, true, "path").with("state", "absent"));
        }
        Ok(Reply::ok().with("path", self.shown).with("state", "absent"))
    }

    fn file(mut self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        self.resolve_link();
        if !matches!(self.now, "file" | "hard") {
            let msg = format!("file ({}) is {}, cannot continue", self.shown, self.now);
            return Err(failure(&msg, &[("path", &self.shown), ("state", self.now)]));
        }
        self.begin(cx, "file");
        let path = self.path.clone();
        let changed = self.apply(cx, &path)?;
        Ok(self.reply(cx, changed, "path"))
    }

    fn directory(mut self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        self.resolve_link();
        self.begin(cx, "directory");
        let path = self.path.clone();
        match self.now {
            "absent" => {
                if !cx.check() {
                    self.make_folders(cx)?;
                }
                return Ok(self.reply(cx, true, "path"));
            }
            "directory" => {}
            other => {
                let msg = format!("{} already exists as a {other}", self.shown);
                return Err(failure(&msg, &[("path", &self.shown)]));
            }
        }
        let mut changed = self.apply(cx, &path)?;
        if self.args.flag("recurse") {
            changed |= self.recurse(cx, &path, &mut HashSet::from([real_path(&path)]))?;
        }
        Ok(self.reply(cx, changed, "path"))
    }

    /// Creates the folder and those above it that are missing, each with the attributes asked for.
    fn make_folders(&mut self, cx: &Context<'_>) -> Result<(), ModuleError> {
        let mut missing: Vec<PathBuf> = self
            .path
            .ancestors()
            .take_while(|p| !p.as_os_str().is_empty() && !p.exists())
            .map(Path::to_owned)
            .collect();
        while let Some(folder) = missing.pop() {
            let made = std::fs::create_dir(&folder).map_err(|error| python_error(&error, &folder));
            let applied = made.or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) });
            let applied = applied.and_then(|()| self.apply(cx, &folder).map_err(|error| error.to_string()));
            if let Err(why) = applied {
                let msg = format!("There was an issue creating {} as requested: {why}", folder.display());
                return Err(failure(&msg, &[("path", &self.shown)]));
            }
        }
        Ok(())
    }

    /// `seen` holds the folders that were walked already.
    fn recurse(&self, cx: &Context<'_>, folder: &Path, seen: &mut HashSet<PathBuf>) -> Result<bool, ModuleError> {
        let mut changed = false;
        for entry in WalkDir::new(folder).min_depth(1).follow_links(false) {
            let entry = entry.map_err(|error| {
                ModuleError::msg(format!(
                    "Could not recursively set attributes on {}. Original error was: '{error}'",
                    folder.display()
                ))
            })?;
            changed |= self.attrs.apply(cx, entry.path(), None)?;
            changed |= self.times.apply(cx, entry.path(), None)?;
            if entry.path_is_symlink() && self.follow {
                let target = entry.path().parent().unwrap_or(folder).join(fs_err::read_link(entry.path())?);
                if target.exists() {
                    // A link to a folder that is being walked would never end.
                    if target.is_dir() && seen.insert(real_path(&target)) {
                        changed |= self.recurse(cx, &target, seen)?;
                    }
                    changed |= self.attrs.apply(cx, &target, None)?;
                    changed |= self.times.apply(cx, &target, None)?;
                }
            }
        }
        Ok(changed)
    }

    fn touch(mut self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        let created = self.now == "absent";
        if created {
            if cx.check() {
                return Ok(self.reply(cx, true, "dest"));
            }
            std::fs::File::options().append(true).create(true).open(&self.path).map_err(|error| {
                failure(
                    &format!("Error, could not touch target: {}", python_error(&error, &self.path)),
                    &[("path", &self.shown)],
                )
            })?;
        }
        self.begin(cx, "touch");
        let path = if self.follow && self.path.is_symlink() { real_path(&self.path) } else { self.path.clone() };
        let applied = self.apply(cx, &path);
        if applied.is_err() && created {
            // Not half done: what was just made goes again.
            let _ = std::fs::remove_file(&self.path);
        }
        let changed = applied? || created;
        Ok(self.reply(cx, changed, "dest"))
    }

    fn link(mut self, cx: &mut Context<'_>) -> Result<Reply, ModuleError> {
        let mut src = self.src.map(str::to_owned);
        if src.is_none() && self.follow && self.path.is_symlink() && self.path.exists() {
            src = Some(fs_err::read_link(&self.path)?.to_string_lossy().into_owned());
        }
        let base = if self.now == "directory" {
            Path::new(&self.shown)
        } else {
            Path::new(&self.shown).parent().unwrap_or(Path::new(""))
        };
        if let Some(src) = src.as_deref().filter(|_| !self.force) {
            let absolute = base.join(src);
            if !cx.path(&absolute).exists() {
                let msg = format!(
                    "src file does not exist, use 'force=yes' if you really want to create the link: {}",
                    absolute.display()
                );
                return Err(failure(&msg, &[("path", &self.shown), ("src", src)]));
            }
        }
        let shown = self.shown.clone();
        let refuse = |msg: String| Err(failure(&msg, &[("path", &shown)]));
        match self.now {
            "directory" | "file" | "hard" if !self.force => {
                return refuse(format!("refusing to convert from {} to symlink for {shown}", self.now));
            }
            "directory" if fs_err::read_dir(&self.path)?.next().is_some() => {
                return refuse(format!("the directory {shown} is not empty, refusing to convert it"));
            }
            _ => {}
        }
        self.begin(cx, "link");
        let mut changed = false;
        if self.now == "link" {
            let old = fs_err::read_link(&self.path)?;
            if let Some(src) = src.as_deref().filter(|src| Path::new(src) != old) {
                self.diff.set("src", old.to_string_lossy().as_ref(), src);
                changed = true;
            }
        } else if src.is_none() {
            return Err(ModuleError::msg("src is required for creating new symlinks"));
        } else {
            changed = true;
        }
        if let Some(src) = src.as_deref().filter(|_| changed && !cx.check()) {
            self.replace_with(|path| std::os::unix::fs::symlink(src, path))?;
        }
        if !cx.check() || self.path.exists() {
            let target = if self.follow && self.path.is_symlink() { real_path(&self.path) } else { self.path.clone() };
            if self.follow && self.path.is_symlink() && !target.exists() {
                cx.warn("Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.");
            } else {
                changed |= self.apply(cx, &target)?;
            }
        }
        Ok(self.reply(cx, changed, "dest").with("src", src))
    }

    fn hard(mut self, cx: &Context<'_>) -> Result<Reply, ModuleError> {
        let src = self.src.map(|src| (src, cx.path(src)));
        if self.now != "hard" && src.is_none() {
            return Err(ModuleError::msg("src is required for creating new hardlinks"));
        }
        let shown = self.shown.clone();
        let given = self.src.unwrap_or_default();
        let refuse = |msg: &str| Err(failure(msg, &[("dest", &shown), ("src", given)]));
        if src.as_ref().is_some_and(|(_, path)| !path.exists()) {
            return refuse("src does not exist");
        }
        self.begin(cx, "hard");
        let same = match &src {
            Some((_, src)) => self
                .path
                .metadata()
                .ok()
                .zip(src.metadata().ok())
                .is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino())),
            None => true,
        };
        let mut changed = self.now != "hard" || !same;
        match self.now {
            "link" => {
                let old = fs_err::read_link(&self.path)?;
                changed = src.as_ref().is_some_and(|(src, _)| Path::new(src) != old);
                if let Some((src, _)) = src.as_ref().filter(|_| changed) {
                    self.diff.set("src", old.to_string_lossy().as_ref(), *src);
                }
            }
            "hard" if !same && !self.force => return refuse("Cannot link, different hard link exists at destination"),
            "file" if !self.force => return refuse("Cannot link, file exists at destination"),
            "directory" if same => return Ok(Reply::ok().with("path", shown)),
            "directory" if !self.force => return refuse("Cannot link: different hard link exists at destination"),
            _ => {}
        }
        if let Some((_, src)) = src.as_ref().filter(|_| changed && !cx.check()) {
            let source = if self.follow && src.is_symlink() { real_path(src) } else { src.clone() };
            self.replace_with(|path| std::fs::hard_link(&source, path))?;
        }
        if !cx.check() || self.path.exists() {
            let path = self.path.clone();
            changed |= self.apply(cx, &path)?;
        }
        let src = self.src;
        Ok(self.reply(cx, changed, "dest").with("src", src))
    }

    /// Makes something new at the path, in one step when something is there.
    fn replace_with(&self, make: impl Fn(&Path) -> std::io::Result<()>) -> Result<(), ModuleError> {
        let explain = |what: &str, error: std::io::Error| {
            failure(&format!("Error while {what}: {error}"), &[("path", &self.shown)])
        };
        if self.now == "absent" {
            return make(&self.path).map_err(|error| explain("linking", error));
        }
        if self.now == "directory" {
            std::fs::remove_dir(&self.path).map_err(|error| explain("replacing", error))?;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let temporary = self.path.with_file_name(format!(".{}.{}.tmp", std::process::id(), since.as_nanos()));
        make(&temporary).and_then(|()| std::fs::rename(&temporary, &self.path)).map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            explain("replacing", error)
        })
    }
}

fn contents(folder: &Path) -> Map {
    let (mut folders, mut files) = (List::new(), List::new());
    for entry in WalkDir::new(folder).min_depth(1).into_iter().filter_map(Result::ok) {
        let list = if entry.path().is_dir() { &mut folders } else { &mut files };
        list.push(entry.path().to_string_lossy().as_ref());
    }
    Map::from_iter([("directories", folders), ("files", files)])
}

/// A wanted time.
#[derive(Clone, Copy, PartialEq)]
enum Time {
    Preserve,
    Now,
    At(Duration),
}

/// The wanted modification and access time.
struct Times {
    modified: Time,
    accessed: Time,
}

impl Times {
    fn from_args(args: &Args, state: &str) -> Result<Self, ModuleError> {
        let one = |name: &str, format: &str| match args.text(name).filter(|text| !text.is_empty()) {
            None if state == "touch" => Ok(Time::Now),
            None | Some("preserve") => Ok(Time::Preserve),
            Some("now") => Ok(Time::Now),
            Some(text) => parse_time(text, args.need(format)).map(Time::At),
        };
        Ok(Self {
            modified: one("modification_time", "modification_time_format")?,
            accessed: one("access_time", "access_time_format")?,
        })
    }

    fn apply(&self, cx: &Context<'_>, path: &Path, diff: Option<&mut AttrDiff>) -> Result<bool, ModuleError> {
        if self.modified == Time::Preserve && self.accessed == Time::Preserve {
            return Ok(false);
        }
        let metadata = fs_err::metadata(path)?;
        let before =
            [(metadata.mtime(), metadata.mtime_nsec()), (metadata.atime(), metadata.atime_nsec())].map(seconds);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let after = [(self.modified, before[0]), (self.accessed, before[1])].map(|(time, before)| match time {
            Time::Preserve => before,
            Time::Now => clock.as_secs_f64(),
            Time::At(at) => at.as_secs_f64(),
        });
        if before.iter().zip(&after).all(|(a, b)| a.to_bits() == b.to_bits()) {
            return Ok(false);
        }
        if !cx.check() {
            let spec = |time| match time {
                Time::Preserve => TimeSpec::UTIME_OMIT,
                Time::Now => TimeSpec::UTIME_NOW,
                Time::At(at) => TimeSpec::from_duration(at),
            };
            utimensat(AT_FDCWD, path, &spec(self.accessed), &spec(self.modified), UtimensatFlags::FollowSymlink)
                .map_err(|errno| {
                    let msg = format!("Error while updating modification or access time: {}", errno.desc());
                    failure(&msg, &[("path", &path.to_string_lossy())])
                })?;
        }
        if let Some(diff) = diff {
            for (i, name) in
                ["mtime", "atime"].into_iter().enumerate().filter(|(i, _)| before[*i].to_bits() != after[*i].to_bits())
            {
                diff.set(name, Value::Float(before[i]), Value::Float(after[i]));
            }
        }
        Ok(true)
    }
}

fn seconds((seconds, nanos): (i64, i64)) -> f64 {
    seconds as f64 + nanos as f64 * 1e-9
}

/// A local time in the given format as time since the epoch.
fn parse_time(text: &str, format: &str) -> Result<Duration, ModuleError> {
    let refuse = |_| {
        let why = format!("time data {} does not match format {}", quoted(text), quoted(format));
        ModuleError::msg(format!("Error while obtaining timestamp for time {text} using format {format}: {why}"))
    };
    let zoned = DateTime::strptime(format, text).and_then(|time| time.to_zoned(TimeZone::system())).map_err(refuse)?;
    Ok(Duration::from_secs(u64::try_from(zoned.timestamp().as_second()).unwrap_or_default()))
}

/// `[Errno 20] Not a directory: b'/path'`, as Python says it.
fn python_error(error: &std::io::Error, path: &Path) -> String {
    let path = quoted(&path.to_string_lossy());
    match error.raw_os_error() {
        Some(code) => format!("[Errno {code}] {}: b{path}", nix::errno::Errno::from_raw(code).desc()),
        None => format!("{error}: {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    fn state(fake: &Fake, path: &str) -> &'static str {
        current(&fake.path(Path::new(path)))
    }

    /// Predicts, runs, and runs again: the reply, after checking that prediction and idempotence hold.
    fn file(fake: &Fake, entries: &[(&'static str, &str)]) -> Reply {
        let given = || args(entries.iter().copied());
        let predicted = fake.check("file", given());
        let reply = fake.call("file", given());
        assert!(!reply.failed, "{:?}", reply.data);
        assert_eq!(predicted.changed, reply.changed, "prediction of {entries:?}");
        if !entries.contains(&("state", "touch")) {
            assert!(!fake.call("file", given()).changed, "second run of {entries:?}");
        }
        reply
    }

    fn msg(fake: &Fake, entries: &[(&'static str, &str)]) -> String {
        let reply = fake.call("file", args(entries.iter().copied()));
        assert!(reply.failed, "{:?}", reply.data);
        reply.data.get("msg").unwrap().to_string()
    }

    fn mode(fake: &Fake, path: &str) -> u32 {
        fs_err::metadata(fake.path(Path::new(path))).unwrap().mode() & 0o7777
    }

    #[test]
    fn directories_are_made_with_their_parents_and_removed_with_everything() {
        let fake = Fake::new().unwrap();
        let reply = file(&fake, &[("path", "/a/b/c"), ("state", "directory"), ("mode", "0750")]);
        assert_eq!(
            (reply.data.get("state"), reply.data.get("mode")),
            (Some(&"directory".into()), Some(&"0750".into()))
        );
        assert_eq!((mode(&fake, "/a"), mode(&fake, "/a/b/c")), (0o750, 0o750));
        fake.write("/a/b/x", "1").unwrap();
        let predicted = fake.check("file", args([("path", "/a"), ("state", "absent")]));
        let before = predicted.diff[0].before.as_ref().unwrap().clone();
        assert_eq!(before.get("state"), Some(&"directory".into()));
        assert_eq!(before.get("path_content").unwrap().get("files").unwrap().as_list().unwrap().len(), 1);
        file(&fake, &[("path", "/a"), ("state", "absent")]);
        assert_eq!(state(&fake, "/a"), "absent");
    }

    #[test]
    fn recurse_reaches_everything_below() {
        let fake = Fake::new().unwrap();
        fake.write("/d/e/f", "").unwrap();
        file(&fake, &[("path", "/d"), ("state", "directory"), ("recurse", "yes"), ("mode", "u=rwX,go=")]);
        assert_eq!((mode(&fake, "/d/e"), mode(&fake, "/d/e/f")), (0o700, 0o600));
    }

    #[test]
    fn recurse_follows_links_to_folders_once() {
        let fake = Fake::new().unwrap();
        fake.write("/far/away/f", "").unwrap();
        fake.write("/d/g", "").unwrap();
        std::os::unix::fs::symlink("../far", fake.path(Path::new("/d/link"))).unwrap();
        std::os::unix::fs::symlink("../../d", fake.path(Path::new("/far/away/back"))).unwrap();
        file(&fake, &[("path", "/d"), ("state", "directory"), ("recurse", "yes"), ("mode", "u=rwX,go=")]);
        assert_eq!((mode(&fake, "/far/away"), mode(&fake, "/far/away/f"), mode(&fake, "/d/g")), (0o700, 0o600, 0o600));
    }

    #[test]
    fn touch_creates_and_sets_times() {
        let fake = Fake::new().unwrap();
        let reply = file(&fake, &[("path", "/t"), ("state", "touch"), ("mode", "600")]);
        assert!(reply.changed && reply.data.contains("dest"));
        assert_eq!(mode(&fake, "/t"), 0o600);
        let entries =
            [("path", "/t"), ("state", "touch"), ("modification_time", "202001020304.05"), ("access_time", "preserve")];
        assert!(fake.call("file", args(entries)).changed);
        assert!(!fake.call("file", args(entries)).changed);
        let kept = [("path", "/t"), ("state", "touch"), ("modification_time", "preserve"), ("access_time", "preserve")];
        assert!(!fake.call("file", args(kept)).changed);
    }

    #[test]
    fn links_are_made_and_turned() {
        let fake = Fake::new().unwrap();
        fake.write("/x", "1").unwrap();
        fake.write("/y", "2").unwrap();
        let reply = file(&fake, &[("path", "/l"), ("src", "x"), ("state", "link")]);
        assert_eq!((reply.data.get("dest"), reply.data.get("src")), (Some(&"/l".into()), Some(&"x".into())));
        file(&fake, &[("path", "/l"), ("src", "y"), ("state", "link")]);
        assert_eq!(fake.read("/l").unwrap(), "2");
        let missing = msg(&fake, &[("path", "/m"), ("src", "nowhere"), ("state", "link")]);
        assert_eq!(missing, "src file does not exist, use 'force=yes' if you really want to create the link: /nowhere");
        file(&fake, &[("path", "/m"), ("src", "nowhere"), ("state", "link"), ("force", "yes"), ("follow", "no")]);
        assert_eq!(
            msg(&fake, &[("path", "/x"), ("src", "y"), ("state", "link")]),
            "refusing to convert from file to symlink for /x"
        );
        file(&fake, &[("path", "/x"), ("src", "y"), ("state", "link"), ("force", "yes")]);
        assert_eq!(state(&fake, "/x"), "link");
    }

    #[test]
    fn hard_links_share_the_file() {
        let fake = Fake::new().unwrap();
        fake.write("/x", "1").unwrap();
        file(&fake, &[("path", "/h"), ("src", "/x"), ("state", "hard")]);
        assert_eq!(state(&fake, "/h"), "hard");
        fake.write("/z", "1").unwrap();
        assert_eq!(
            msg(&fake, &[("path", "/z"), ("src", "/x"), ("state", "hard")]),
            "Cannot link, file exists at destination"
        );
        assert_eq!(msg(&fake, &[("path", "/q"), ("src", "/none"), ("state", "hard")]), "src does not exist");
    }

    #[test]
    fn the_state_of_what_is_there_is_kept_and_conflicts_are_named() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "").unwrap();
        assert_eq!(file(&fake, &[("path", "/f"), ("mode", "0611")]).data.get("mode"), Some(&"0611".into()));
        assert_eq!(msg(&fake, &[("path", "/none"), ("mode", "0600")]), "file (/none) is absent, cannot continue");
        assert_eq!(msg(&fake, &[("path", "/f"), ("state", "directory")]), "/f already exists as a file");
        assert_eq!(
            msg(&fake, &[("path", "/f"), ("state", "file"), ("src", "x")]),
            "src option requires state to be 'link' or 'hard'"
        );
        assert_eq!(
            msg(&fake, &[("path", "/f"), ("recurse", "yes")]),
            "recurse option requires state to be 'directory'"
        );
    }
}
