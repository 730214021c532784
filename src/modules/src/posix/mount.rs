//! Manages mounted file systems and their lines in fstab.
//!
//! Options:
//! - `path` (required; alias `name`), `state` (required): `mounted`, `present` (fstab only), `ephemeral` (mount only),
//!   `unmounted`, `absent` (neither, and no folder), `absent_from_fstab`, `remounted`.
//! - `src`, `fstype`, `opts`, `dump`, `passno`: the line. `opts_no_log`, `boot` (default true), `backup`, `fstab`.
//!
//! Returns: `name`, `src`, `fstype`, `opts`, `dump`, `passno`, `fstab`, `backup_file`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - ansible.posix.mount:
//!     path: /var/lib/images
//!     src: LABEL=images
//!     fstype: xfs
//!     state: mounted
//! ```

use std::path::{Path, PathBuf};

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, backup, tools};

/// `ansible.posix.mount`
pub static MODULE: Module = Module {
    name: "mount",
    collection: "ansible.posix",
    spec: &ArgSpec {
        args: &[
            Arg::bool("boot").default("true"),
            Arg::text("dump").default("0"),
            Arg::path("fstab"),
            Arg::text("fstype"),
            Arg::path("path").required().alias(&["name"]),
            Arg::text("opts"),
            Arg::bool("opts_no_log").default("false"),
            Arg::text("passno").default("0"),
            Arg::path("src"),
            Arg::bool("backup").default("false"),
            Arg::text("state").required().choices(&[
                "absent",
                "absent_from_fstab",
                "mounted",
                "present",
                "unmounted",
                "remounted",
                "ephemeral",
            ]),
        ],
        required_if: &[
            ("state", "mounted", &["src", "fstype"]),
            ("state", "present", &["src", "fstype"]),
            ("state", "ephemeral", &["src", "fstype"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// A line of fstab.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    src: String,
    path: String,
    fstype: String,
    opts: String,
    dump: String,
    passno: String,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if line.trim_start().starts_with('#') || !(4..=6).contains(&fields.len()) {
            return None;
        }
        let field = |index: usize| unescaped(fields.get(index).copied().unwrap_or("0"));
        Some(Self { src: field(0), path: field(1), fstype: field(2), opts: field(3), dump: field(4), passno: field(5) })
    }

    fn render(&self) -> String {
        let fields = [&self.src, &self.path, &self.fstype, &self.opts, &self.dump, &self.passno];
        fields.map(|field| escaped(field)).join(" ")
    }
}

fn escaped(field: &str) -> String {
    field.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('&', "\\046")
}

fn unescaped(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\046", "&").replace("\\134", "\\")
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (state, boot) = (args.need("state"), args.flag("boot"));
    let path = args.need("path").trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let mut opts = args.text("opts").unwrap_or("defaults").to_owned();
    let noauto = opts.split(',').any(|option| option == "noauto");
    if boot && noauto {
        cx.warn("Ignore the 'boot' due to 'opts' contains 'noauto'.");
    } else if !boot && !noauto {
        opts.push_str(",noauto");
    }
    let text = |name: &str| args.text(name).unwrap_or_default().to_owned();
    let wanted = Entry {
        src: text("src"),
        path: path.to_owned(),
        fstype: text("fstype"),
        opts,
        dump: text("dump"),
        passno: text("passno"),
    };
    let fstab = args.text("fstab").unwrap_or("/etc/fstab");
    let mut reply = Reply::ok()
        .with("name", path)
        .with("fstab", fstab)
        .with("dump", wanted.dump.as_str())
        .with("passno", wanted.passno.as_str())
        .with("opts", wanted.opts.as_str())
        .with("boot", if boot { "yes" } else { "no" })
        .with("backup_file", "");
    for name in ["src", "fstype"] {
        if let Some(value) = args.text(name) {
            reply = reply.with(name, value);
        }
    }
    let mounted = mounted(cx, path);
    let mut table = Table { cx, args, fstab, backup_file: None, before: None };
    match state {
        "present" => reply.changed = table.set(path, Some(&wanted))?,
        "absent_from_fstab" => reply.changed = table.set(path, None)?,
        "absent" => {
            reply.changed = table.set(path, None)?;
            if mounted.is_some() {
                reply.changed = true;
                act(cx, &["umount", path], "Error unmounting")?;
            }
            let folder = cx.path(path);
            if folder.is_dir() && !cx.check() {
                match fs_err::remove_dir(&folder) {
                    Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => {
                        return Err(ModuleError::msg(format!("Error rmdir {path}: {error}")));
                    }
                    _ => {}
                }
            }
        }
        "unmounted" => {
            if mounted.is_some() {
                reply.changed = true;
                act(cx, &["umount", path], "Error unmounting")?;
            }
        }
        "remounted" => {
            reply.changed = true;
            remount(cx, state, &wanted, fstab, path, "Error remounting")?;
        }
        _ => {
            let folder = cx.path(path);
            let made = if cx.check() { Vec::new() } else { make(&folder)? };
            let line_changed = state == "mounted" && table.set(path, Some(&wanted))?;
            reply.changed |= line_changed;
            let same_source = mounted.as_deref().is_some_and(|source| state == "mounted" || source == wanted.src);
            if mounted.is_none() || state == "ephemeral" && !same_source {
                if mounted.is_some() {
                    let msg =
                        "Ephemeral mount point is already mounted with a different source than the specified one.";
                    return Err(ModuleError::msg(format!(
                        "{msg} Failing in order to prevent an unwanted unmount or override operation. Try replacing this command with a \"state: unmounted\" followed by a \"state: ephemeral\", or use a different destination path."
                    )));
                }
                reply.changed = true;
                act(cx, &words(state, &wanted, fstab, path), "Error mounting").inspect_err(|_| {
                    // A line that cannot be mounted may keep the host from booting.
                    table.restore();
                    for folder in made.iter().rev() {
                        let _ = fs_err::remove_dir(folder);
                    }
                })?;
            } else if state == "ephemeral" {
                // Mounted already: mounted again with its options, which may be other ones.
                reply.changed = true;
                remount(cx, state, &wanted, fstab, path, "Error mounting")?;
            } else if line_changed {
                remount(cx, state, &wanted, fstab, path, "Error mounting").inspect_err(|_| table.restore())?;
            }
        }
    }
    if let Some(file) = table.backup_file.take() {
        reply = reply.with("backup_file", file);
    }
    Ok(reply)
}

/// What is mounted at a path, if anything.
fn mounted(cx: &Context<'_>, path: &str) -> Option<String> {
    let text = fs_err::read_to_string(cx.path("/proc/self/mounts")).ok()?;
    let entries: Vec<Entry> = text.lines().filter_map(Entry::parse).filter(|entry| entry.path == path).collect();
    entries.last().map(|entry| entry.src.clone())
}

/// How a path is mounted: by the table, or by what the task says.
fn words<'a>(state: &str, wanted: &'a Entry, fstab: &'a str, path: &'a str) -> Vec<&'a str> {
    match (state, fstab) {
        ("ephemeral", _) => vec!["mount", "-t", &wanted.fstype, "-o", &wanted.opts, &wanted.src, path],
        (_, "/etc/fstab") => vec!["mount", path],
        _ => vec!["mount", "-T", fstab, path],
    }
}

/// Mounts again what is mounted; what cannot be is unmounted first, unless that could lose options that were given.
fn remount(
    cx: &Context<'_>,
    state: &str,
    wanted: &Entry,
    fstab: &str,
    path: &str,
    failed: &str,
) -> Result<(), ModuleError> {
    let given = state == "remounted" && wanted.opts != "defaults";
    let option = if given { format!("remount,{}", wanted.opts) } else { "remount".to_owned() };
    let mount = words(state, wanted, fstab, path);
    let mut argv = vec!["mount", "-o", &option];
    argv.extend(&mount[1..]);
    match act(cx, &argv, failed) {
        Err(_) if given => Err(ModuleError::msg(
            "Options were specified with remounted, but the remount command failed. Failing in order to prevent an unexpected mount result. Try replacing this command with a \"state: unmounted\" followed by a \"state: mounted\" using the full desired mount options instead.",
        )),
        Err(_) => {
            act(cx, &["umount", path], failed)?;
            act(cx, &mount, failed)
        }
        Ok(()) => Ok(()),
    }
}

fn act(cx: &Context<'_>, words: &[&str], failed: &str) -> Result<(), ModuleError> {
    if cx.check() {
        return Ok(());
    }
    let program = tools::need(cx, words[0])?;
    let mut argv = vec![program.as_str()];
    argv.extend(&words[1..]);
    let output = tools::run(cx, &argv)?;
    if output.success() {
        return Ok(());
    }
    let path = words[words.len() - 1];
    Err(ModuleError::msg(format!("{failed} {path}: {}{}", output.out(), output.err())))
}

/// Makes a folder; those that were not there before, from the outside in.
fn make(folder: &Path) -> Result<Vec<PathBuf>, ModuleError> {
    let missing: Vec<PathBuf> =
        folder.ancestors().take_while(|ancestor| !ancestor.exists()).map(Path::to_path_buf).collect();
    fs_err::create_dir_all(folder)?;
    Ok(missing.into_iter().rev().collect())
}

struct Table<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    fstab: &'a str,
    backup_file: Option<String>,
    /// The file as it was before it was written.
    before: Option<String>,
}

impl Table<'_, '_> {
    /// Undoes what was written.
    fn restore(&self) {
        if let Some(before) = &self.before {
            let _ = Replace::new(&self.cx.path(self.fstab)).write(self.cx.sys(), before.as_bytes());
        }
    }

    /// Sets or takes out the line of a path; true when the file differs.
    fn set(&mut self, path: &str, wanted: Option<&Entry>) -> Result<bool, ModuleError> {
        let file = self.cx.path(self.fstab);
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let mut open = wanted;
        let mut changed = false;
        let mut lines = Vec::new();
        for line in text.lines() {
            // Several swap areas share the path `none`; the source tells them apart.
            let ours = |entry: &Entry| {
                entry.path == path
                    && (!matches!(path, "none" | "swap") || wanted.is_none_or(|wanted| wanted.src == entry.src))
            };
            let Some(entry) = Entry::parse(line).filter(ours) else {
                lines.push(line.to_owned());
                continue;
            };
            match open.take() {
                Some(wanted) if entry == *wanted => lines.push(line.to_owned()),
                Some(wanted) => {
                    changed = true;
                    lines.push(wanted.render());
                }
                None => changed = true,
            }
        }
        if let Some(wanted) = open {
            changed = true;
            lines.push(wanted.render());
        }
        if changed && !self.cx.check() {
            if self.args.flag("backup") && file.exists() {
                self.backup_file = backup(&file, false)?.map(|path| path.to_string_lossy().into_owned());
            }
            Replace::new(&file).write(self.cx.sys(), (lines.join("\n") + "\n").as_bytes())?;
            self.before = Some(text);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn lines_and_mounts() {
        let fake = Fake::new().unwrap().on("mount", 0, "").on("umount", 0, "");
        fake.write("/etc/fstab", "# mine\nUUID=1 / ext4 defaults 0 1\n").unwrap();
        fake.write("/proc/self/mounts", "/dev/vda / ext4 rw 0 0\n/dev/vdc /old xfs rw 0 0\n").unwrap();
        let call = |state: &'static str, path: &'static str| {
            fake.call(
                "mount",
                args([("path", path), ("state", state), ("src", "/dev/vdb"), ("fstype", "xfs"), ("opts", "noatime")]),
            )
        };
        let reply = call("mounted", "/my data");
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(
            fake.read("/etc/fstab").unwrap(),
            "# mine\nUUID=1 / ext4 defaults 0 1\n/dev/vdb /my\\040data xfs noatime 0 0\n"
        );
        assert!(!call("present", "/my data").changed);
        assert!(call("unmounted", "/old").changed);
        assert!(!call("unmounted", "/my data").changed);
        assert!(call("absent_from_fstab", "/my data").changed);
        assert!(call("ephemeral", "/tmp/x").changed);
        let lines = ["mount /my data", "umount /old", "mount -t xfs -o noatime /dev/vdb /tmp/x"];
        assert_eq!(fake.command_lines(), lines);
        assert!(fake.call("mount", args([("path", "/x"), ("state", "mounted")])).failed);
    }
}
