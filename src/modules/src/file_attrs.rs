//! Owner, group, mode, attributes and SELinux context of files, as every file module takes and reports them.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use rplay_protocol::{Diff, Reply};
use rplay_value::{Map, Value};

use crate::convert::python_str;
use crate::{Args, Context, Mode, ModuleError, Program, Sys};

/// What a task wants of a file's attributes.
#[derive(Clone, Debug, Default)]
pub struct FileAttrs {
    /// User name or number.
    pub owner: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
    /// Permissions.
    pub mode: Option<Mode>,
    /// chattr's letters, with `+`, `-` or `=` before them.
    pub attributes: Option<String>,
    /// User, role, type and level of the SELinux context; `_default` is the policy's.
    pub context: [Option<String>; 4],
}

impl FileAttrs {
    /// From the arguments that `ArgSpec { file: true, .. }` adds. A mode of `preserve` is left to the module.
    pub fn from_args(args: &Args) -> Result<Self, ModuleError> {
        let text = |name: &str| args.get(name).map(python_str);
        let mode = args.get("mode").filter(|m| m.as_str() != Some("preserve") && m.as_str() != Some(""));
        Ok(Self {
            owner: text("owner"),
            group: text("group"),
            mode: mode.map(Mode::parse).transpose().map_err(|error| with_path(error, args))?,
            attributes: text("attributes"),
            context: ["seuser", "serole", "setype", "selevel"].map(text),
        })
    }

    /// Brings a file's attributes to what is wanted (in check mode: tells whether they differ). `diff` gets what was
    /// and what will be. Symbolic links themselves are changed, not what they point to.
    pub fn apply(&self, cx: &Context<'_>, path: &Path, diff: Option<&mut AttrDiff>) -> Result<bool, ModuleError> {
        let mut unused = AttrDiff::default();
        let diff = diff.unwrap_or(&mut unused);
        if cx.check() && !path.exists() {
            return Ok(self.is_wanting_something());
        }
        let mut changed = self.apply_context(cx, path, diff)?;
        changed |= self.apply_owner(cx, path, diff)?;
        changed |= self.apply_group(cx, path, diff)?;
        changed |= self.apply_mode(cx, path, diff)?;
        changed |= self.apply_attributes(cx, path, diff)?;
        Ok(changed)
    }

    /// Whether anything is asked for at all.
    pub fn is_wanting_something(&self) -> bool {
        self.owner.is_some() || self.group.is_some() || self.mode.is_some() || self.attributes.is_some()
    }

    fn apply_owner(&self, cx: &Context<'_>, path: &Path, diff: &mut AttrDiff) -> Result<bool, ModuleError> {
        let Some(owner) = &self.owner else { return Ok(false) };
        let uid = user_id(cx.sys(), owner)
            .ok_or_else(|| failure(path, format!("chown failed: failed to look up user {owner}")))?;
        let now = fs_err::symlink_metadata(path)?.uid();
        if now == uid {
            return Ok(false);
        }
        diff.set("owner", now, uid);
        if !cx.check() {
            std::os::unix::fs::lchown(path, Some(uid), None)
                .map_err(|error| failure(path, format!("chown failed: {}", strerror(&error))))?;
        }
        Ok(true)
    }

    fn apply_group(&self, cx: &Context<'_>, path: &Path, diff: &mut AttrDiff) -> Result<bool, ModuleError> {
        let Some(group) = &self.group else { return Ok(false) };
        let gid = group_id(cx.sys(), group)
            .ok_or_else(|| failure(path, format!("chgrp failed: failed to look up group {group}")))?;
        let now = fs_err::symlink_metadata(path)?.gid();
        if now == gid {
            return Ok(false);
        }
        diff.set("group", now, gid);
        if !cx.check() {
            std::os::unix::fs::lchown(path, None, Some(gid)).map_err(|_| failure(path, "chgrp failed".to_owned()))?;
        }
        Ok(true)
    }

    fn apply_mode(&self, cx: &Context<'_>, path: &Path, diff: &mut AttrDiff) -> Result<bool, ModuleError> {
        let Some(mode) = &self.mode else { return Ok(false) };
        let metadata = fs_err::symlink_metadata(path)?;
        let now = metadata.mode() & 0o7777;
        let wanted = mode.resolve(now, metadata.is_dir());
        if now == wanted {
            return Ok(false);
        }
        diff.set("mode", mode_text(now), mode_text(wanted));
        if cx.check() {
            return Ok(true);
        }
        if metadata.is_symlink() {
            // Linux has no mode of links, and what a link points to is not ours to change.
            return Ok(false);
        }
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(wanted))
            .map_err(|error| failure_with(path, "chmod failed", &error.to_string()))?;
        Ok(fs_err::symlink_metadata(path)?.mode() & 0o7777 != now)
    }

    fn apply_attributes(&self, cx: &Context<'_>, path: &Path, diff: &mut AttrDiff) -> Result<bool, ModuleError> {
        let Some(attributes) = &self.attributes else { return Ok(false) };
        let (operator, letters) = match attributes.split_at_checked(1) {
            Some((sign @ ("+" | "-" | "="), rest)) => (sign, rest),
            _ => ("=", attributes.as_str()),
        };
        let now = attribute_letters(cx.sys(), path).unwrap_or_default();
        if letters.is_empty() || (now == letters && operator != "-") {
            return Ok(false);
        }
        let Some(chattr) = cx.sys().which("chattr") else { return Ok(false) };
        diff.set("attributes", now, format!("{operator}{letters}"));
        if !cx.check() {
            let words = [
                chattr.to_string_lossy().into_owned(),
                format!("{operator}{letters}"),
                path.to_string_lossy().into_owned(),
            ];
            let output = cx.sys().run(&Program::new(words))?;
            if !output.success() || !output.stderr.is_empty() {
                let details = format!("Error while setting attributes: {}{}", output.out(), output.err());
                return Err(failure_with(path, "chattr failed", &details));
            }
        }
        Ok(true)
    }

    fn apply_context(&self, cx: &Context<'_>, path: &Path, diff: &mut AttrDiff) -> Result<bool, ModuleError> {
        if self.context.iter().all(Option::is_none) || !selinux_enabled(cx.sys()) {
            return Ok(false);
        }
        let Some(now) = selinux_context(path) else { return Ok(false) };
        let policy =
            if self.context.iter().flatten().any(|c| c == "_default") { default_context(cx.sys(), path) } else { None };
        let wanted: Vec<String> = now
            .iter()
            .enumerate()
            .map(|(i, part)| match self.context[i].as_deref() {
                Some("_default") => policy.as_ref().and_then(|p| p.get(i)).unwrap_or(part).clone(),
                Some(wanted) => wanted.to_owned(),
                None => part.clone(),
            })
            .collect();
        if now == wanted {
            return Ok(false);
        }
        diff.set("secontext", now.clone(), wanted.clone());
        if !cx.check() {
            let mut bytes = wanted.join(":").into_bytes();
            bytes.push(0);
            xattr::set(path, "security.selinux", &bytes).map_err(|error| {
                let reply = Reply::failure(format!("invalid selinux context: {error}"));
                ModuleError::reply(
                    reply
                        .with("path", path.to_string_lossy().as_ref())
                        .with("new_context", wanted)
                        .with("cur_context", now),
                )
            })?;
        }
        Ok(true)
    }
}

/// Attributes before and after, for `--diff`.
#[derive(Clone, Debug, Default)]
pub struct AttrDiff {
    /// What was.
    pub before: Map,
    /// What is or would be.
    pub after: Map,
}

impl AttrDiff {
    /// Under the headers that editing modules use.
    pub fn into_diff(self, path: &str) -> Diff {
        let header = Some(format!("{path} (file attributes)"));
        let shown = !self.after.is_empty();
        let some = |map: Map| Some(Value::from(map)).filter(|_| shown);
        Diff {
            before_header: header.clone(),
            after_header: header,
            before: some(self.before),
            after: some(self.after),
            prepared: None,
        }
    }

    /// One attribute that differs.
    pub fn set(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name, before);
        self.after.insert(name, after);
    }
}

/// A mode as results show it: `0644`.
pub fn mode_text(mode: u32) -> String {
    format!("0{:03o}", mode & 0o7777)
}

/// Adds uid, gid, owner, group, mode, state and size of the file under `path` or `dest`, when it exists.
pub fn path_info(sys: &dyn Sys, data: &mut Map) {
    let Some(path) = data.get("path").or_else(|| data.get("dest")).and_then(Value::as_str) else { return };
    let path = sys.path(Path::new(path));
    let (Ok(own), Ok(target)) = (path.symlink_metadata(), path.metadata()) else { return };
    data.insert("uid", own.uid());
    data.insert("gid", own.gid());
    data.insert("owner", user_name(own.uid()));
    data.insert("group", group_name(own.gid()));
    data.insert("mode", mode_text(own.mode()));
    let state = if own.is_symlink() {
        "link"
    } else if own.is_dir() {
        "directory"
    } else if target.nlink() > 1 {
        "hard"
    } else {
        "file"
    };
    data.insert("state", state);
    if selinux_enabled(sys)
        && let Some(context) = selinux_context(&path)
    {
        data.insert("secontext", context.join(":"));
    }
    data.insert("size", own.size());
}

/// A user's name, or the number when nobody has it.
pub fn user_name(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// A group's name, or the number when nobody has it.
pub fn group_name(gid: u32) -> String {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name)
}

/// A user's number: given as such, from the local database, or from `getent` (directories a static binary cannot ask).
pub fn user_id(sys: &dyn Sys, owner: &str) -> Option<u32> {
    if let Ok(uid) = owner.trim().parse() {
        return Some(uid);
    }
    User::from_name(owner).ok().flatten().map(|user| user.uid.as_raw()).or_else(|| getent(sys, "passwd", owner))
}

/// A group's number, as [`user_id`].
pub fn group_id(sys: &dyn Sys, group: &str) -> Option<u32> {
    if let Ok(gid) = group.trim().parse() {
        return Some(gid);
    }
    Group::from_name(group).ok().flatten().map(|group| group.gid.as_raw()).or_else(|| getent(sys, "group", group))
}

fn getent(sys: &dyn Sys, database: &str, name: &str) -> Option<u32> {
    let program = sys.which("getent")?;
    let output = sys.run(&Program::new([program.to_string_lossy().as_ref(), database, name])).ok()?;
    output.out().lines().next()?.split(':').nth(2)?.parse().ok()
}

/// chattr's letters of a file; `None` when the file system has none.
pub(crate) fn attribute_letters(sys: &dyn Sys, path: &Path) -> Option<String> {
    if let Some((_, flags)) = sys.inode_flags(path) {
        return Some(flag_letters(flags));
    }
    let program = sys.which("lsattr")?;
    let words = [program.to_string_lossy().into_owned(), "-d".to_owned(), path.to_string_lossy().into_owned()];
    let output = sys.run(&Program::new(words)).ok().filter(crate::Output::success)?;
    Some(output.out().split_whitespace().next()?.replace('-', ""))
}

/// Flags as letters, in `lsattr`'s order.
pub(crate) fn flag_letters(flags: u32) -> String {
    const LETTERS: [(u32, char); 21] = [
        (0x0000_0001, 's'),
        (0x0000_0002, 'u'),
        (0x0000_0008, 'S'),
        (0x0001_0000, 'D'),
        (0x0000_0010, 'i'),
        (0x0000_0020, 'a'),
        (0x0000_0040, 'd'),
        (0x0000_0080, 'A'),
        (0x0000_0004, 'c'),
        (0x0000_0800, 'E'),
        (0x0000_4000, 'j'),
        (0x0000_1000, 'I'),
        (0x0000_8000, 't'),
        (0x0002_0000, 'T'),
        (0x0008_0000, 'e'),
        (0x0080_0000, 'C'),
        (0x0200_0000, 'x'),
        (0x4000_0000, 'F'),
        (0x1000_0000, 'N'),
        (0x2000_0000, 'P'),
        (0x0010_0000, 'V'),
    ];
    LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| letter).collect()
}

/// Whether the target runs SELinux.
pub fn selinux_enabled(sys: &dyn Sys) -> bool {
    sys.path(Path::new("/sys/fs/selinux/enforce")).exists()
}

/// A file's SELinux context in its parts.
pub(crate) fn selinux_context(path: &Path) -> Option<Vec<String>> {
    let bytes = xattr::get(path, "security.selinux").ok().flatten()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_end_matches('\0').splitn(4, ':').map(str::to_owned).collect())
}

/// The SELinux context the policy has for a path.
pub(crate) fn default_context(sys: &dyn Sys, path: &Path) -> Option<Vec<String>> {
    let program = sys.which("matchpathcon")?;
    let words = [program.to_string_lossy().into_owned(), "-n".to_owned(), path.to_string_lossy().into_owned()];
    let output = sys.run(&Program::new(words)).ok().filter(crate::Output::success)?;
    Some(output.out().trim().splitn(4, ':').map(str::to_owned).collect())
}

/// An error about a file names the file.
fn with_path(error: ModuleError, args: &Args) -> ModuleError {
    match (error, args.text("path").or(args.text("dest"))) {
        (ModuleError::Failed { reply }, Some(path)) => ModuleError::reply(reply.with("path", path)),
        (error, _) => error,
    }
}

/// The system's words for an error, without the number.
pub(crate) fn strerror(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| nix::errno::Errno::from_raw(code).desc().to_owned())
}

fn failure(path: &Path, msg: String) -> ModuleError {
    ModuleError::reply(Reply::failure(msg).with("path", path.to_string_lossy().as_ref()))
}

fn failure_with(path: &Path, msg: &str, details: &str) -> ModuleError {
    ModuleError::reply(Reply::failure(msg).with("path", path.to_string_lossy().as_ref()).with("details", details))
}

/// Every symbolic link on the way resolved as far as the path exists (Python's `realpath`).
pub fn real_path(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => match fs_err::read_link(path) {
            Ok(target) => real_path(parent).join(target),
            Err(_) => real_path(parent).join(name),
        },
        _ => std::env::current_dir().map_or_else(|_| path.to_owned(), |cwd| cwd.join(path)),
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Call;

    use super::*;
    use crate::Real;

    #[test]
    fn modes_are_applied_once_and_predicted_in_check_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs_err::write(&path, "").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let wanted = FileAttrs { mode: Some(Mode::Bits(0o640)), ..FileAttrs::default() };
        let sys = Real::default();
        let check = Call { check: true, ..Call::default() };
        let mut diff = AttrDiff::default();
        assert!(wanted.apply(&Context::new(&sys, &check), &path, Some(&mut diff)).unwrap());
        assert_eq!((diff.before.get("mode"), diff.after.get("mode")), (Some(&"0600".into()), Some(&"0640".into())));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let call = Call::default();
        assert!(wanted.apply(&Context::new(&sys, &call), &path, None).unwrap());
        assert!(!wanted.apply(&Context::new(&sys, &call), &path, None).unwrap());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn unknown_users_and_groups_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (sys, call) = (Real::default(), Call::default());
        let cx = Context::new(&sys, &call);
        let wanted = FileAttrs { owner: Some("no-such-user".into()), ..FileAttrs::default() };
        let error = wanted.apply(&cx, folder.path(), None).unwrap_err();
        assert_eq!(error.to_string(), "chown failed: failed to look up user no-such-user");
        let wanted = FileAttrs { group: Some("no-such-group".into()), ..FileAttrs::default() };
        let error = wanted.apply(&cx, folder.path(), None).unwrap_err();
        assert_eq!(error.to_string(), "chgrp failed: failed to look up group no-such-group");
    }

    #[test]
    fn results_describe_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs_err::write(&path, "abc").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
        let mut data = Map::from_iter([("dest", path.to_str().unwrap())]);
        path_info(&Real::default(), &mut data);
        assert_eq!(data.get("mode"), Some(&"0604".into()));
        assert_eq!(data.get("state"), Some(&"file".into()));
        assert_eq!(data.get("size"), Some(&3.into()));
        assert!(data.contains("owner") && data.contains("gid"));
    }
}
