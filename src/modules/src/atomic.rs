//! Files replaced in one step: readers see the old content or the new, never a part.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rplay_protocol::Reply;

use crate::convert::quoted;
use crate::file_attrs::{default_context, selinux_enabled};
use crate::{Mode, ModuleError, Program, Sys, umask};

/// Replaces a file's content through a temporary file in the same folder, keeping owner, mode and extended attributes.
#[derive(Clone, Copy, Debug)]
pub struct Replace<'a> {
    /// The file.
    pub dest: &'a Path,
    /// Command that must accept the new file first; `%s` stands for its path.
    pub validate: Option<&'a str>,
    /// Write in place when the folder or the file system does not allow more.
    pub unsafe_writes: bool,
    /// What the command said stands in keys of the reply, as the copy module has it, and not in its message.
    pub verdict: bool,
    /// What is there lends neither owner nor mode: a link that the file stands in for.
    pub fresh: bool,
    /// The mode the file has from its first moment, so that nobody reads a secret before `chmod`.
    pub mode: Option<&'a Mode>,
}

impl<'a> Replace<'a> {
    /// Replaces this file.
    pub fn new(dest: &'a Path) -> Self {
        Self { dest, validate: None, unsafe_writes: false, verdict: false, fresh: false, mode: None }
    }

    /// With the command that must accept the new content.
    #[must_use]
    pub fn validate(mut self, command: Option<&'a str>) -> Self {
        self.validate = command;
        self
    }

    /// With what a command that does not accept says in keys of the reply: `exit_status`, `stdout`, `stderr`.
    #[must_use]
    pub fn verdict(mut self) -> Self {
        self.verdict = true;
        self
    }

    /// Without owner and mode of what is there.
    #[must_use]
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
        self
    }

    /// In place when there is no other way.
    #[must_use]
    pub fn unsafe_writes(mut self, allowed: bool) -> Self {
        self.unsafe_writes = allowed;
        self
    }

    /// With this mode from its first moment.
    #[must_use]
    pub fn mode(mut self, mode: Option<&'a Mode>) -> Self {
        self.mode = mode;
        self
    }

    /// Puts `content` in place.
    pub fn write(&self, sys: &dyn Sys, content: &[u8]) -> Result<(), ModuleError> {
        self.fill(sys, |file| file.write_all(content))
    }

    /// Puts a copy of another file's content in place.
    pub fn copy_from(&self, sys: &dyn Sys, source: &Path) -> Result<(), ModuleError> {
        self.fill(sys, |file| {
            let mut source = fs_err::File::open(source)?;
            io::copy(&mut source, file).map(|_| ())
        })
    }

    /// Puts in place what `fill` writes. It may be called twice, each time with an empty file.
    pub(crate) fn write_with(
        &self,
        sys: &dyn Sys,
        fill: impl Fn(&mut std::fs::File) -> io::Result<()>,
    ) -> Result<(), ModuleError> {
        self.fill(sys, fill)
    }

    fn fill(&self, sys: &dyn Sys, fill: impl Fn(&mut std::fs::File) -> io::Result<()>) -> Result<(), ModuleError> {
        let folder = self.dest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Created with mode 0600: nobody reads the content before the file has its final mode.
        let temporary = tempfile::Builder::new()
            .prefix(".ansible_tmp")
            .suffix(self.dest.file_name().unwrap_or(OsStr::new("")))
            .tempfile_in(folder);
        let mut temporary = match temporary {
            Ok(temporary) => temporary,
            Err(error) if self.unsafe_writes && is_refusal(&error) => return self.in_place(sys, fill),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let folder = quoted(&folder.to_string_lossy());
                return Err(ModuleError::msg(format!(
                    "The destination directory {folder} is not writable by the current user."
                )));
            }
            Err(error) => return Err(ModuleError::file("could not write to", self.dest)(error)),
        };
        fill(temporary.as_file_mut()).map_err(ModuleError::file("could not write to", temporary.path()))?;
        if let (false, Ok(existing)) = (self.fresh, fs_err::metadata(self.dest)) {
            keep(&existing, self.dest, temporary.path())?;
        } else {
            fresh(folder, temporary.path())?;
            label(sys, self.dest, temporary.path());
        }
        if let Some(mode) = self.mode {
            let now = fs_err::metadata(temporary.path())?.mode() & 0o7777;
            fs_err::set_permissions(temporary.path(), std::fs::Permissions::from_mode(mode.resolve(now, false)))?;
        }
        self.accept(sys, temporary.path())?;
        match temporary.persist(self.dest) {
            Ok(_) => Ok(()),
            // A file that is a mount point, as in containers, cannot be renamed over.
            Err(error) if self.unsafe_writes && is_refusal(&error.error) => self.in_place(sys, fill),
            Err(error) => {
                let (dest, from) = (self.dest.to_string_lossy(), error.file.path().to_string_lossy().into_owned());
                Err(ModuleError::msg(format!(
                    "Could not replace {} with {}. {}",
                    quoted(&dest),
                    quoted(&from),
                    error.error
                )))
            }
        }
    }

    fn in_place(&self, sys: &dyn Sys, fill: impl Fn(&mut std::fs::File) -> io::Result<()>) -> Result<(), ModuleError> {
        if self.validate.is_some() {
            let mut temporary = tempfile::NamedTempFile::new_in(sys.tmp())?;
            fill(temporary.as_file_mut())?;
            self.accept(sys, temporary.path())?;
        }
        let mut file = std::fs::File::create(self.dest).map_err(ModuleError::file("could not write to", self.dest))?;
        fill(&mut file).map_err(ModuleError::file("could not write to", self.dest))
    }

    /// Asks the command about content that is not written, as check mode of some modules does.
    pub fn judge(&self, sys: &dyn Sys, content: &[u8]) -> Result<(), ModuleError> {
        let mut temporary = tempfile::NamedTempFile::new_in(sys.tmp())?;
        temporary.write_all(content)?;
        self.accept(sys, temporary.path())
    }

    fn accept(&self, sys: &dyn Sys, new: &Path) -> Result<(), ModuleError> {
        let Some(command) = self.validate.filter(|v| !v.is_empty()) else { return Ok(()) };
        if !command.contains("%s") {
            return Err(ModuleError::msg(format!("validate must contain %s: {command}")));
        }
        let line = command.replace("%s", &new.to_string_lossy());
        let words = crate::words::split(&line).map_err(ModuleError::msg)?;
        let output = sys.run(&Program::new(words))?;
        if output.success() {
            return Ok(());
        }
        if !self.verdict {
            let msg = format!("failed to validate: rc:{} error:{}", output.rc, output.err());
            return Err(ModuleError::msg(msg));
        }
        let reply = Reply::failure("failed to validate").with("exit_status", output.rc);
        Err(ModuleError::reply(reply.with("stdout", output.out()).with("stderr", output.err())))
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EPERM | Errno::EXDEV | Errno::EACCES | Errno::ETXTBSY | Errno::EBUSY | Errno::EROFS)
    )
}

/// Owner, mode and extended attributes (SELinux context and ACLs among them) of the file that is replaced.
fn keep(existing: &std::fs::Metadata, dest: &Path, new: &Path) -> Result<(), ModuleError> {
    let mine = fs_err::metadata(new)?;
    if (mine.uid(), mine.gid()) != (existing.uid(), existing.gid()) {
        allow_refusal(std::os::unix::fs::chown(new, Some(existing.uid()), Some(existing.gid())))?;
    }
    for name in xattr::list(dest).into_iter().flatten() {
        if let Ok(Some(value)) = xattr::get(dest, &name) {
            // Not every attribute may be set by everybody; what cannot be kept was never kept by a rename.
            let _ = xattr::set(new, &name, &value);
        }
    }
    // After the owner: a change of owner clears the set-id bits.
    fs_err::set_permissions(new, std::fs::Permissions::from_mode(existing.mode() & 0o7777))?;
    Ok(())
}

/// What a file made by `open` would have: the mask's mode, and the folder's group where the folder says so.
fn fresh(folder: &Path, new: &Path) -> Result<(), ModuleError> {
    let parent = fs_err::metadata(folder)?;
    if parent.mode() & 0o2000 != 0 {
        allow_refusal(std::os::unix::fs::chown(new, None, Some(parent.gid())))?;
    }
    fs_err::set_permissions(new, std::fs::Permissions::from_mode(0o666 & !umask()))?;
    Ok(())
}

/// The SELinux context that the policy has for the file's final name, which a rename would not give it.
fn label(sys: &dyn Sys, dest: &Path, new: &Path) {
    if !selinux_enabled(sys) {
        return;
    }
    if let Some(context) = default_context(sys, dest) {
        let mut bytes = context.join(":").into_bytes();
        bytes.push(0);
        // Without the right to label, the file has the context every new file of the folder has.
        let _ = xattr::set(new, "security.selinux", &bytes);
    }
}

fn allow_refusal(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.raw_os_error() == Some(libc::EPERM) { Ok(()) } else { Err(error) })
}

/// Copies a file beside itself as `NAME.PID.YYYY-MM-DD@HH:MM:SS~` with its owner, mode and times; the copy's path, as
/// Ansible names backups. In check mode nothing is copied. A file that is not there has no backup.
pub fn backup(path: &Path, check: bool) -> Result<Option<PathBuf>, ModuleError> {
    let Ok(existing) = fs_err::metadata(path) else { return Ok(None) };
    let now = jiff::Zoned::now().strftime("%Y-%m-%d@%H:%M:%S~");
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{now}", std::process::id()));
    let target = PathBuf::from(name);
    if !check {
        preserved_copy(path, &existing, &target).map_err(|error| {
            let [from, to] = [path, &target].map(|p| quoted(&p.to_string_lossy()));
            ModuleError::msg(format!("Could not make backup of {from} to {to}: {error}"))
        })?;
    }
    Ok(Some(target))
}

fn preserved_copy(from: &Path, existing: &std::fs::Metadata, to: &Path) -> io::Result<()> {
    fs_err::copy(from, to)?;
    allow_refusal(std::os::unix::fs::chown(to, Some(existing.uid()), Some(existing.gid())))?;
    fs_err::set_permissions(to, std::fs::Permissions::from_mode(existing.mode() & 0o7777))?;
    let times = std::fs::FileTimes::new().set_accessed(existing.accessed()?).set_modified(existing.modified()?);
    std::fs::File::options().write(true).open(to)?.set_times(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Real;
    use crate::testing::Fake;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs_err::write(&path, "old").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
        let refused =
            Replace::new(&path).validate(Some("grep -q good %s")).write(&Real::default(), b"bad").unwrap_err();
        assert_eq!(refused.to_string(), "failed to validate: rc:1 error:");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "old");
        Replace::new(&path).validate(Some("grep -q good %s")).write(&Real::default(), b"good").unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "good");
        assert_eq!(fs_err::metadata(&path).unwrap().mode() & 0o7777, 0o604);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_new_file_gets_the_mode_of_the_mask() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        Replace::new(&path).write(&Real::default(), b"x").unwrap();
        assert_eq!(fs_err::metadata(&path).unwrap().mode() & 0o7777, 0o666 & !umask());
    }

    #[test]
    fn a_new_file_asks_the_selinux_policy_and_an_old_one_does_not() {
        let fake = Fake::new().unwrap().on("matchpathcon", 0, "system_u:object_r:shadow_t:s0\n");
        let path = fake.path(Path::new("/f"));
        Replace::new(&path).write(&fake, b"x").unwrap();
        assert!(fake.command_lines().is_empty(), "no SELinux, no question");
        fake.write("/sys/fs/selinux/enforce", "1").unwrap();
        Replace::new(&path).write(&fake, b"y").unwrap();
        assert!(fake.command_lines().is_empty(), "the old file's context is kept");
        Replace::new(&fake.path(Path::new("/new"))).write(&fake, b"z").unwrap();
        assert_eq!(fake.command_lines().len(), 1);
        assert!(fake.command_lines()[0].starts_with("matchpathcon -n ") && fake.command_lines()[0].ends_with("/new"));
    }

    #[test]
    fn backups_keep_content_mode_and_times_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs_err::write(&path, "old").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!backup(&path, true).unwrap().unwrap().exists());
        let copy = backup(&path, false).unwrap().unwrap();
        let name = copy.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with(&format!("f.{}.2", std::process::id())) && name.ends_with('~') && name.contains('@'));
        let (old, new) = (fs_err::metadata(&path).unwrap(), fs_err::metadata(&copy).unwrap());
        assert_eq!((old.mode(), old.mtime()), (new.mode(), new.mtime()));
        assert_eq!(backup(&folder.path().join("none"), false).unwrap(), None);
    }
}
