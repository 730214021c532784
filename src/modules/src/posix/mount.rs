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

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, backup, tools, words};

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
    if !boot && !opts.split(',').any(|option| option == "noauto") {
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
        .with("opts", wanted.opts.as_str());
    if args.get("src").is_some() {
        reply = reply.with("src", wanted.src.as_str()).with("fstype", wanted.fstype.as_str());
    }
    let mounted = mounted(cx, path);
    let mut table = Table { cx, args, fstab, backup_file: None };
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
            if mounted.is_none() {
                return Err(ModuleError::msg(format!("{path} is not mounted: it cannot be remounted")));
            }
            reply.changed = true;
            let given = args.text("opts").map_or("remount".to_owned(), |opts| format!("remount,{opts}"));
            act(cx, &["mount", "-o", &given, path], "Error remounting")?;
        }
        _ => {
            let folder = cx.path(path);
            if !folder.exists() {
                reply.changed = true;
                if !cx.check() {
                    fs_err::create_dir_all(&folder)?;
                }
            }
            let line_changed = state == "mounted" && table.set(path, Some(&wanted))?;
            reply.changed |= line_changed;
            let same_source = mounted.as_deref().is_some_and(|source| state == "mounted" || source == wanted.src);
            if mounted.is_none() || state == "ephemeral" && !same_source {
                if mounted.is_some() {
                    let msg =
                        "Ephemeral mount point is already mounted with a different source than the specified one.";
                    return Err(ModuleError::msg(format!(
                        "{msg} Failing in order to prevent an unwanted unmount or override operation."
                    )));
                }
                reply.changed = true;
                let direct = ["mount", "-t", &wanted.fstype, "-o", &wanted.opts, &wanted.src, path];
                let by_table = ["mount", path];
                let custom = ["mount", "-T", fstab, path];
                let words: &[&str] = match (state, fstab) {
                    ("ephemeral", _) => &direct,
                    (_, "/etc/fstab") => &by_table,
                    _ => &custom,
                };
                act(cx, words, "Error mounting")?;
            } else if line_changed {
                let remount = format!("remount,{}", wanted.opts);
                act(cx, &["mount", "-o", &remount, path], "Error remounting")?;
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
    let path = words::quote(words[words.len() - 1]);
    Err(ModuleError::msg(format!("{failed} {path}: {}{}", output.out(), output.err())))
}

struct Table<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    fstab: &'a str,
    backup_file: Option<String>,
}

impl Table<'_, '_> {
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
