//! Finds files by name, age, size, content and more.
//!
//! Options:
//! - `paths` (list, required; also `path`, `name`): folders to look in; `recurse` (bool), `depth` (int), `follow`, `hidden` (bool).
//! - `patterns`, `excludes` (lists; also `pattern`, `exclude`): shell patterns, or Python patterns with `use_regex`.
//! - `file_type` (default `file`): `file`, `directory`, `link` or `any`.
//! - `contains` (Python pattern): only files with a line that begins so; `read_whole_file` (bool): that have it
//!   anywhere.
//! - `age` (`2d`, `-1w`, ...): only older or, negative, younger ones; `age_stamp` (`mtime`, `atime`, `ctime`): by which
//!   time. `size` (`10m`, `-1g`, ...): only larger or, negative, smaller ones.
//! - `mode`: only those with these permissions; `exact_mode` (bool, default true): or, when false, with at least these.
//!   `limit`: how many at most.
//! - `get_checksum` (bool): with a checksum; `checksum_algorithm` (default `sha1`): of which kind.
//! - `encoding` (text): how the files that `contains` looks into are encoded.
//!
//! Returns: `files` (each with what `stat` tells), `matched`, `examined`, `skipped_paths`, `msg`.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.find:
//!     paths: /var/log
//!     patterns: '*.old,*.gz'
//!     age: 4w
//! ```

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::{Gid, Group, Uid, User};
use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::file_metadata;
use crate::glob::fnmatch;
use crate::pyregex::Flags;
use crate::{Algorithm, Arg, ArgSpec, Args, Context, Kind, Mode, Module, ModuleError, PyRegex, Support, digest_file};

/// `ansible.builtin.find`
pub static MODULE: Module = Module {
    name: "find",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::list("paths").elements(Kind::Path).required().alias(&["name", "path"]),
            Arg::list("patterns").default("").alias(&["pattern"]),
            Arg::list("excludes").alias(&["exclude"]),
            Arg::text("contains"),
            Arg::bool("read_whole_file").default("false"),
            Arg::text("file_type").default("file").choices(&["any", "directory", "file", "link"]),
            Arg::text("age"),
            Arg::text("age_stamp").default("mtime").choices(&["atime", "ctime", "mtime"]),
            Arg::text("size"),
            Arg::bool("recurse").default("false"),
            Arg::bool("hidden").default("false"),
            Arg::bool("follow").default("false"),
            Arg::bool("get_checksum").default("false"),
            Arg::text("checksum_algorithm")
                .default("sha1")
                .choices(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
                .alias(&["checksum", "checksum_algo"]),
            Arg::bool("use_regex").default("false"),
            Arg::int("depth"),
            Arg::raw("mode"),
            Arg::bool("exact_mode").default("true"),
            Arg::text("encoding").choices(&["utf-8", "utf8", "UTF-8", "latin-1", "ascii"]),
            Arg::int("limit"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let mut search = Search::from_args(args)?;
    let mut msg = "All paths examined";
    for shown in args.texts("paths") {
        let path = cx.path(shown);
        if !path.is_dir() {
            let why = format!("'{shown}' is not a directory");
            cx.warn(format!("Skipped '{shown}' path due to this access issue: {why}\n"));
            search.skipped.insert(shown, why);
            msg = "Not all paths examined, check warnings for details";
            continue;
        }
        search.walk(&path, &normal(Path::new(shown)), 1)?;
        if search.is_full() && !msg.starts_with("Not") {
            msg = "Limit of matches reached";
        }
    }
    let matched = search.files.len();
    let reply = Reply::ok().with("examined", search.looked).with("files", search.files).with("matched", matched);
    Ok(reply.with("msg", msg).with("skipped_paths", search.skipped))
}

/// Without `.`, `..` and double slashes, as Python's `normpath`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

enum Names {
    Shell(Vec<String>),
    Regex(Vec<PyRegex>),
}

impl Names {
    fn new(args: &Args, name: &str) -> Result<Self, ModuleError> {
        let patterns = args.texts(name);
        Ok(if args.flag("use_regex") {
            Self::Regex(patterns.into_iter().map(PyRegex::anchored).collect::<Result<_, _>>()?)
        } else {
            Self::Shell(patterns.into_iter().map(str::to_owned).collect())
        })
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Shell(patterns) => patterns.is_empty(),
            Self::Regex(patterns) => patterns.is_empty(),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Shell(patterns) => patterns.iter().any(|p| fnmatch(p, name)),
            Self::Regex(patterns) => patterns.iter().any(|p| p.is_match(name)),
        }
    }
}

struct Search<'a> {
    args: &'a Args,
    patterns: Names,
    excludes: Names,
    age: Option<i64>,
    size: Option<i64>,
    mode: Option<Mode>,
    contains: Option<PyRegex>,
    algorithm: Algorithm,
    now: f64,
    files: List,
    looked: usize,
    skipped: Map,
}

impl<'a> Search<'a> {
    fn from_args(args: &'a Args) -> Result<Self, ModuleError> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
        let age = quantity(args, "age", &units)?;
        let units = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
        let size = quantity(args, "size", &units)?;
        if let Some(limit) = args.int("limit").filter(|limit| *limit <= 0) {
            return Err(ModuleError::msg(format!("limit cannot be {limit} (use None for unlimited)")));
        }
        let mode = match args.get("mode") {
            None => None,
            Some(Value::Text(text)) if text.is_empty() => None,
            Some(mode @ Value::Text(_)) => Some(Mode::parse(mode)?),
            Some(other) => {
                let kind = other.type_name();
                let msg =
                    format!("argument 'mode' is not a string and conversion is not allowed, value is of type {kind}");
                return Err(ModuleError::msg(msg));
            }
        };
        let contains = match args.text("contains") {
            None => None,
            Some(pattern) if args.flag("read_whole_file") => Some(PyRegex::new(pattern)?),
            // `re.match` on every line: at its start.
            Some(pattern) => Some(PyRegex::anchored(pattern)?),
        };
        Ok(Self {
            args,
            patterns: Names::new(args, "patterns")?,
            excludes: Names::new(args, "excludes")?,
            age,
            size,
            mode,
            contains,
            algorithm: Algorithm::find(args.need("checksum_algorithm")).unwrap_or(Algorithm::Sha1),
            now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            files: List::new(),
            looked: 0,
            skipped: Map::new(),
        })
    }

    fn is_full(&self) -> bool {
        self.args.int("limit").is_some_and(|limit| self.files.len() as i64 >= limit)
    }

    /// Looks at one folder: its files, then its folders, then into them.
    fn walk(&mut self, folder: &Path, shown: &Path, depth: i64) -> Result<(), ModuleError> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let why = format!(
                    "[Errno {}] {}: '{}'",
                    error.raw_os_error().unwrap_or(0),
                    crate::strerror(&error),
                    shown.display()
                );
                self.skipped.insert(shown.to_string_lossy().as_ref(), why);
                return Ok(());
            }
        };
        let (mut folders, mut names) = (Vec::new(), Vec::new());
        for entry in entries.filter_map(Result::ok) {
            let is_folder = entry.path().is_dir();
            if is_folder { folders.push(entry.file_name()) } else { names.push(entry.file_name()) }
        }
        self.looked += folders.len() + names.len();
        if self.args.int("depth").is_some_and(|limit| limit != 0 && depth > limit) {
            return Ok(());
        }
        for name in names.iter().chain(&folders) {
            let text = name.to_string_lossy();
            if text.starts_with('.') && !self.args.flag("hidden") {
                continue;
            }
            let path = folder.join(name);
            match std::fs::symlink_metadata(&path) {
                Ok(metadata) => self.consider(&path, &shown.join(name), &text, &metadata)?,
                Err(error) => {
                    self.skipped.insert(shown.join(name).to_string_lossy().as_ref(), error.to_string());
                }
            }
            if self.is_full() {
                return Ok(());
            }
        }
        if self.args.flag("recurse") {
            for name in folders {
                let path = folder.join(&name);
                if path.is_symlink() && !self.args.flag("follow") {
                    continue;
                }
                self.walk(&path, &shown.join(&name), depth + 1)?;
                if self.is_full() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn consider(&mut self, path: &Path, shown: &Path, name: &str, metadata: &Metadata) -> Result<(), ModuleError> {
        let kind = metadata.file_type();
        let wanted = match self.args.need("file_type") {
            "directory" => kind.is_dir(),
            "link" => kind.is_symlink(),
            "file" => kind.is_file(),
            _ => true,
        };
        let named = (self.patterns.is_empty() || self.patterns.matches(name)) && !self.excludes.matches(name);
        let sized = !kind.is_file()
            || !matches!(self.args.need("file_type"), "file" | "any")
            || within(self.size, metadata.size() as f64);
        if !(wanted && named && sized && self.is_aged(metadata) && self.has_mode(metadata)) {
            return Ok(());
        }
        if self.args.need("file_type") == "file" && !self.holds(path) {
            return Ok(());
        }
        let mut found = describe(&shown.to_string_lossy(), metadata);
        if self.args.flag("get_checksum") && kind.is_file() {
            found.insert("checksum", digest_file(self.algorithm, path)?);
        }
        self.files.push(found);
        Ok(())
    }

    fn is_aged(&self, metadata: &Metadata) -> bool {
        let (seconds, nanos) = match self.args.need("age_stamp") {
            "atime" => (metadata.atime(), metadata.atime_nsec()),
            "ctime" => (metadata.ctime(), metadata.ctime_nsec()),
            _ => (metadata.mtime(), metadata.mtime_nsec()),
        };
        within(self.age, self.now - (seconds as f64 + nanos as f64 * 1e-9))
    }

    fn has_mode(&self, metadata: &Metadata) -> bool {
        let Some(mode) = &self.mode else { return true };
        let (wanted, has) = (mode.resolve(0, false) & 0o7777, metadata.mode() & 0o7777);
        if self.args.flag("exact_mode") { wanted == has } else { wanted & has != 0 }
    }

    fn holds(&self, path: &Path) -> bool {
        let Some(regex) = &self.contains else { return true };
        let Ok(bytes) = std::fs::read(path) else { return false };
        let text = String::from_utf8_lossy(&bytes);
        if self.args.flag("read_whole_file") {
            regex.is_match(&text)
        } else {
            text.split_inclusive('\n').any(|line| regex.is_match(line))
        }
    }
}

/// At least the limit, or at most it when it is negative.
fn within(limit: Option<i64>, value: f64) -> bool {
    limit.is_none_or(|limit| if limit >= 0 { value >= limit as f64 } else { value <= limit.unsigned_abs() as f64 })
}

/// `-3d` in the smallest unit.
fn quantity(args: &Args, name: &str, units: &[(&str, i64)]) -> Result<Option<i64>, ModuleError> {
    let Some(text) = args.text(name) else { return Ok(None) };
    let lower = text.to_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(lower.len());
    let factor = if end == lower.len() {
        Some(1)
    } else {
        units.iter().find(|(unit, _)| *unit == &lower[end..]).map(|(_, n)| *n)
    };
    match (lower[..end].parse::<i64>(), factor) {
        (Ok(number), Some(factor)) => Ok(Some(number.saturating_mul(factor))),
        _ => Err(ModuleError::reply(Reply::failure(format!("failed to process {name}")).with(name, text))),
    }
}

fn describe(path: &str, metadata: &Metadata) -> Map {
    let mut found = file_metadata::describe(path, metadata);
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
    let user = User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten();
    found.insert("gr_name", group.map(|g| g.name).unwrap_or_default());
    found.insert("pw_name", user.map(|u| u.name).unwrap_or_default());
    found
}

impl PyRegex {
    /// A pattern that must match at the start, as Python's `re.match`.
    fn anchored(pattern: &str) -> Result<Self, ModuleError> {
        Self::with(&format!("\\A(?:{pattern})"), Flags::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn names(fake: &Fake, entries: &[(&'static str, &str)]) -> String {
        let reply = fake.call("find", args([("paths", "/d")].into_iter().chain(entries.iter().copied())));
        assert!(!reply.failed, "{:?}", reply.data);
        let files = reply.data.get("files").and_then(Value::as_list).unwrap();
        assert_eq!(reply.data.get("matched"), Some(&files.len().into()));
        let mut names: Vec<String> = files.iter().map(|f| f.get("path").unwrap().to_string()).collect();
        names.sort();
        names.join(" ")
    }

    #[test]
    fn files_are_found_by_every_criterion() {
        let fake = Fake::new().unwrap();
        for (name, text) in [("/d/a.log", "x=1\n"), ("/d/b.txt", "12345"), ("/d/s/c.log", "y"), ("/d/.h", "")] {
            fake.write(name, text).unwrap();
        }
        assert_eq!(names(&fake, &[]), "/d/a.log /d/b.txt");
        assert_eq!(names(&fake, &[("hidden", "yes")]), "/d/.h /d/a.log /d/b.txt");
        assert_eq!(names(&fake, &[("patterns", "*.log"), ("recurse", "yes")]), "/d/a.log /d/s/c.log");
        assert_eq!(names(&fake, &[("recurse", "yes"), ("depth", "1")]), "/d/a.log /d/b.txt");
        assert_eq!(names(&fake, &[("excludes", "*.txt,*.md")]), "/d/a.log");
        assert_eq!(names(&fake, &[("patterns", "^[ab]\\.t"), ("use_regex", "yes")]), "/d/b.txt");
        assert_eq!(names(&fake, &[("file_type", "directory")]), "/d/s");
        assert_eq!(names(&fake, &[("contains", "x=\\d$")]), "/d/a.log");
        assert_eq!(names(&fake, &[("size", "5b")]), "/d/b.txt");
        assert_eq!(names(&fake, &[("size", "-4")]), "/d/a.log");
        assert_eq!(names(&fake, &[("age", "1d")]), "");
        assert_eq!(names(&fake, &[("age", "-1d")]), "/d/a.log /d/b.txt");
        assert_eq!(names(&fake, &[("recurse", "yes"), ("patterns", "*.log"), ("limit", "1")]), "/d/a.log");
    }

    #[test]
    fn what_cannot_be_looked_at_is_said() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("find", args([("paths", "/none")]));
        assert_eq!(reply.data.get("msg"), Some(&"Not all paths examined, check warnings for details".into()));
        assert_eq!(reply.data.get("skipped_paths").unwrap().get("/none"), Some(&"'/none' is not a directory".into()));
        assert_eq!(reply.warnings.len(), 1);
        let reply = fake.call("find", args([("paths", "/"), ("age", "soon")]));
        assert_eq!(
            (reply.data.get("msg"), reply.data.get("age")),
            (Some(&"failed to process age".into()), Some(&"soon".into()))
        );
    }
}
