//! Keeps limits of pam_limits.
//!
//! Options:
//! - `domain` (required): a user, `@group`, `*`, or a range of numbers. `limit_type` (required): `hard`, `soft`, `-`.
//! - `limit_item` (required): `nofile`, `memlock`, `nproc`, ... `value` (required): a number, `unlimited`, `infinity`, `-1`.
//! - `use_max`, `use_min`: the larger or the smaller one of the value and what the file has stays.
//! - `dest` (default `/etc/security/limits.conf`): the file, which is created when missing. `backup`: keep a copy.
//! - `comment`: follows the limit on its line; without one the first comment that follows a limit is taken, as
//!   community.general does.
//!
//! Returns: `msg`: the line, `backup_file`, `diff`.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.pam_limits:
//!     domain: ceph
//!     limit_type: hard
//!     limit_item: nofile
//!     value: 131072
//! ```

use std::path::Path;

use nix::unistd::{AccessFlags, access};
use rplay_protocol::{Diff, Reply};

use crate::convert::quoted;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, TextFile, backup};

/// `community.general.pam_limits`
pub static MODULE: Module = Module {
    name: "pam_limits",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("domain").required(),
            Arg::text("limit_type").required().choices(&["soft", "hard", "-"]),
            Arg::text("limit_item").required().choices(&[
                "core",
                "data",
                "fsize",
                "memlock",
                "nofile",
                "rss",
                "stack",
                "cpu",
                "nproc",
                "as",
                "maxlogins",
                "maxsyslogins",
                "priority",
                "locks",
                "sigpending",
                "msgqueue",
                "nice",
                "rtprio",
                "chroot",
            ]),
            Arg::text("value").required(),
            Arg::bool("use_max").default("false"),
            Arg::bool("use_min").default("false"),
            Arg::bool("backup").default("false"),
            Arg::text("dest").default("/etc/security/limits.conf"),
            Arg::text("comment").default(""),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let dest = args.need("dest");
    let path = cx.path(dest);
    let exists = path.is_file();
    may_write(&path, dest, exists)?;
    if args.flag("use_max") && args.flag("use_min") {
        return Err(ModuleError::msg("Cannot use use_min and use_max at the same time."));
    }
    check_value(args.need("limit_item"), args.need("value"), "")?;
    let copy = if args.flag("backup") { backup(&path, cx.check())? } else { None };
    let file = if exists { TextFile::read(&path)? } else { TextFile::default() };
    let mut edit =
        Edit { args, dest, comment: args.need("comment").to_owned(), changed: !exists, message: String::new() };
    let text = edit.apply(&file)?;
    if text != file.text && !cx.check() {
        Replace::new(&path).write(cx.sys(), &file.encode(&text))?;
    }
    let mut reply = Reply::changed(edit.changed).with("msg", edit.message);
    if args.flag("backup") {
        reply = reply.with("backup_file", copy.map(|copy| copy.to_string_lossy().into_owned()).unwrap_or_default());
    }
    let diff =
        Diff { before: Some(file.shown(&file.text).into()), after: Some(file.shown(&text).into()), ..Diff::default() };
    Ok(reply.with_diff(Some(diff)))
}

fn may_write(path: &Path, dest: &str, exists: bool) -> Result<(), ModuleError> {
    if exists {
        return access(path, AccessFlags::W_OK)
            .map_err(|_| ModuleError::msg(format!("{dest} is not writable. Use sudo")));
    }
    let folder = path.parent().filter(|folder| folder.is_dir() && access(*folder, AccessFlags::W_OK).is_ok());
    folder.map(|_| ()).ok_or_else(|| {
        let named = dest.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        ModuleError::msg(format!("directory {named} is not writable (check presence, access rights, use sudo)"))
    })
}

fn check_value(item: &str, value: &str, prefix: &str) -> Result<(), ModuleError> {
    let is_priority = ["nice", "priority"].contains(&item);
    let fits = if is_priority {
        value.trim().parse::<i64>().is_ok_and(|number| (-20..=19).contains(&number))
    } else {
        is_unlimited(value) || !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
    };
    if fits {
        return Ok(());
    }
    let allowed = if is_priority {
        "must be a number in the range -20 to 19 inclusive"
    } else {
        "must either be 'unlimited', 'infinity' or -1, all of which indicate no limit, or a limit of 0 or larger"
    };
    Err(ModuleError::msg(format!(
        "{prefix} Value of {} for item {} is invalid. Value {allowed}. Refer to the limits.conf(5) manual pages for more details.",
        quoted(value),
        quoted(item)
    )))
}

fn is_unlimited(value: &str) -> bool {
    ["unlimited", "infinity", "-1"].contains(&value)
}

struct Edit<'a> {
    args: &'a Args,
    dest: &'a str,
    comment: String,
    changed: bool,
    message: String,
}

impl Edit<'_> {
    fn apply(&mut self, file: &TextFile) -> Result<String, ModuleError> {
        let wanted = ["domain", "limit_type", "limit_item"].map(|name| file.foreign(self.args.need(name)));
        let value = self.args.need("value").to_owned();
        let mut new_value = value.clone();
        let (mut text, mut found) = (String::with_capacity(file.text.len() + 64), false);
        for line in file.lines() {
            let Some([domain, kind, item, actual]) = self.fields(&line) else {
                text.push_str(&line);
                continue;
            };
            check_value(item, actual, &format!("Invalid configuration found in '{}'.", self.dest))?;
            if [domain, kind, item] != wanted.each_ref().map(String::as_str) {
                text.push_str(&line);
                continue;
            }
            found = true;
            if value != actual {
                new_value = self.chosen(&value, actual).unwrap_or(new_value);
                if new_value != actual {
                    self.add(&mut text, &wanted, &new_value);
                    continue;
                }
            }
            self.message.clone_from(&line);
            text.push_str(&line);
        }
        if !found {
            self.add(&mut text, &wanted, &new_value);
        }
        Ok(text)
    }

    /// The four fields of a limit. A comment that follows one is kept for the line that is written.
    fn fields<'l>(&mut self, line: &'l str) -> Option<[&'l str; 4]> {
        if line.starts_with('#') || line.trim().is_empty() {
            return None;
        }
        let (limit, comment) = line.split_once('#').unwrap_or((line, ""));
        if self.comment.is_empty() {
            comment.clone_into(&mut self.comment);
        }
        limit.split_whitespace().collect::<Vec<_>>().try_into().ok()
    }

    /// The larger or smaller one of two values, if that is asked for.
    fn chosen(&self, value: &str, actual: &str) -> Option<String> {
        let number = |text: &str| text.parse::<i128>().unwrap_or_default();
        let (wanted, present) = (is_unlimited(value), is_unlimited(actual));
        let smaller = self.args.flag("use_min");
        if !smaller && !self.args.flag("use_max") {
            return None;
        }
        let value_wins = match (wanted, present) {
            (_, true) => smaller && !wanted,
            (true, false) => !smaller,
            (false, false) => (number(value) < number(actual)) == smaller,
        };
        Some(if value_wins { value } else { actual }.to_owned())
    }

    fn add(&mut self, text: &mut String, [domain, kind, item]: &[String; 3], value: &str) {
        self.changed = true;
        if !self.comment.is_empty() {
            self.comment.insert_str(0, "\t#");
        }
        self.message = format!("{domain}\t{kind}\t{item}\t{value}{}\n", self.comment);
        text.push_str(&self.message);
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    const LIMITS: &str = "# limits\njoe  soft\tnofile 100\n\n@ops hard nproc unlimited\n* - nice -5\n";

    fn call(fake: &Fake, given: [&'static str; 4], more: &[(&'static str, &str)]) -> Reply {
        let names = ["domain", "limit_type", "limit_item", "value"];
        fake.call("community.general.pam_limits", args(names.into_iter().zip(given).chain(more.iter().copied())))
    }

    fn fake() -> Fake {
        let fake = Fake::new().unwrap();
        fake.write("/etc/security/limits.conf", LIMITS).unwrap();
        fake
    }

    #[test]
    fn limits_are_changed_and_added() {
        let fake = fake();
        assert!(!call(&fake, ["joe", "soft", "nofile", "100"], &[]).changed);
        let reply = call(&fake, ["joe", "soft", "nofile", "200"], &[("comment", "more")]);
        assert!(reply.changed);
        assert_eq!(reply.data.get("msg"), Some(&"joe\tsoft\tnofile\t200\t#more\n".into()));
        assert!(
            call(&fake, ["*", "-", "nice", "-6"], &[("backup", "yes"), ("comment", "x")]).data.contains("backup_file")
        );
        assert!(!call(&fake, ["*", "-", "nice", "-6"], &[]).changed);
        let text = fake.read("/etc/security/limits.conf").unwrap();
        assert_eq!(text, "# limits\njoe\tsoft\tnofile\t200\t#more\n\n@ops hard nproc unlimited\n*\t-\tnice\t-6\t#x\n");
    }

    #[test]
    fn the_larger_or_smaller_one_stays() {
        let fake = fake();
        assert!(!call(&fake, ["joe", "soft", "nofile", "50"], &[("use_max", "yes")]).changed);
        assert!(call(&fake, ["joe", "soft", "nofile", "50"], &[("use_min", "yes")]).changed);
        assert!(!call(&fake, ["@ops", "hard", "nproc", "5"], &[("use_max", "yes")]).changed);
        assert!(call(&fake, ["@ops", "hard", "nproc", "5"], &[("use_min", "yes")]).changed);
        assert!(!call(&fake, ["@ops", "hard", "nproc", "unlimited"], &[("use_min", "yes")]).changed);
        assert!(call(&fake, ["@ops", "hard", "nproc", "unlimited"], &[("use_max", "yes")]).changed);
    }

    #[test]
    fn files_are_created_and_values_checked() {
        let fake = Fake::new().unwrap();
        fake.write("/etc/x", "").unwrap();
        let given = ["a", "-", "core", "0"];
        let reply = call(&fake, given, &[("dest", "/none/limits")]);
        assert!(reply.data.get("msg").unwrap().to_string().starts_with("directory /none is not writable"));
        assert!(call(&fake, given, &[("dest", "/etc/limits")]).changed);
        assert_eq!(fake.read("/etc/limits").unwrap(), "a\t-\tcore\t0\n");
        let wrong = call(&fake, ["a", "-", "core", "many"], &[("dest", "/etc/limits")]);
        assert!(wrong.data.get("msg").unwrap().to_string().starts_with(" Value of 'many' for item 'core' is invalid."));
        assert!(call(&fake, ["a", "-", "nice", "20"], &[("dest", "/etc/limits")]).failed);
        fake.write("/etc/limits", "b - core x\n").unwrap();
        let wrong = call(&fake, given, &[("dest", "/etc/limits")]);
        assert!(wrong.data.get("msg").unwrap().to_string().contains("Invalid configuration found in '/etc/limits'."));
    }
}
