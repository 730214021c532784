//! Replaces every match of a pattern in a file.
//!
//! Options:
//! - `path` (path, required; also `dest`, `destfile`, `name`): the file.
//! - `regexp` (text, required): Python pattern; `^` and `$` match at every line.
//! - `replace` (text): what matches become, with `\1` and `\g<name>`; empty by default.
//! - `after`, `before` (patterns): only the part of the file between their matches is looked at.
//! - `backup` (bool), `validate` (command with `%s`), `encoding` (`utf-8`), and those of every file module.
//!
//! Returns: `msg`, `rc`, `backup_file`.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.replace:
//!     path: /etc/hosts
//!     regexp: '(\s+)old\.host\.name(\s+.*)?$'
//!     replace: '\1new.host.name\2'
//! ```

use rplay_protocol::{Diff, Reply};

use crate::pyregex::{Flags, Template};
use crate::{
    Arg, ArgSpec, Args, Context, FileAttrs, Module, ModuleError, PyRegex, Replace, Support, TextFile, backup, real_path,
};

/// `ansible.builtin.replace`
pub static MODULE: Module = Module {
    name: "replace",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["dest", "destfile", "name"]),
            Arg::text("regexp").required(),
            Arg::text("replace").default(""),
            Arg::text("after"),
            Arg::text("before"),
            Arg::bool("backup").default("false"),
            Arg::text("validate"),
            Arg::text("encoding").default("utf-8"),
        ],
        file: true,
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let dest = args.need("path");
    let path = cx.path(dest);
    let refused = |msg: String, rc: i32| Err(ModuleError::reply(Reply::failure(msg).with("rc", rc)));
    if path.is_dir() {
        return refused(format!("Path {dest} is a directory !"), 256);
    }
    if !path.exists() {
        return refused(format!("Path {dest} does not exist !"), 257);
    }
    let encoding = args.need("encoding").to_ascii_lowercase().replace('_', "-");
    if !matches!(encoding.as_str(), "utf-8" | "utf8" | "ascii" | "us-ascii" | "latin-1" | "latin1" | "iso-8859-1") {
        return Err(ModuleError::msg(format!("encoding {encoding} is not supported: use utf-8, ascii or latin-1")));
    }
    let file = TextFile::read_as(&path, matches!(encoding.as_str(), "latin-1" | "latin1" | "iso-8859-1"))?;
    let (after, before) = (args.text("after").filter(|p| !p.is_empty()), args.text("before").filter(|p| !p.is_empty()));
    let section = match (after, before) {
        (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
        (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
        (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
        (None, None) => None,
    };
    let range = match &section {
        None => 0..file.text.len(),
        Some(pattern) => {
            let regex = PyRegex::with(&file.foreign(pattern), Flags { dotall: true, ..Flags::default() })?;
            let found = regex.search(&file.text).and_then(|captures| captures.name("subsection").map(|m| m.range()));
            let Some(range) = found else {
                let msg = format!("Pattern for before/after params did not match the given file: {pattern}");
                return Ok(Reply::ok().with("rc", 0).with("msg", msg));
            };
            range
        }
    };
    let regex = PyRegex::with(&file.foreign(args.need("regexp")), Flags { multiline: true, ..Flags::default() })?;
    let template = Template::parse(&file.foreign(args.need("replace")))
        .map_err(|why| ModuleError::msg(format!("Unable to process replace due to error: {why}")))?;
    template.fits(&regex).map_err(|why| ModuleError::msg(format!("Unable to process replace due to error: {why}")))?;
    let (replaced, count) = regex.replace_all(&template, &file.text[range.clone()]);
    let mut changed = count > 0 && replaced != file.text[range.clone()];
    let mut reply = Reply::ok().with("rc", 0);
    let mut msg = String::new();
    if changed {
        msg = format!("{count} replacements made");
        let content = format!("{}{replaced}{}", &file.text[..range.start], &file.text[range.end..]);
        if cx.diff() {
            reply.diff.push(Diff::text(dest, file.shown(&file.text), dest, file.shown(&content)));
        }
        if !cx.check() {
            if args.flag("backup")
                && let Some(saved) = backup(&path, false)?
            {
                reply = reply.with("backup_file", saved.to_string_lossy().as_ref());
            }
            // The file behind a link is edited, the link stays.
            let target = real_path(&path);
            let replace =
                Replace::new(&target).validate(args.text("validate")).unsafe_writes(args.flag("unsafe_writes"));
            replace.write(cx.sys(), &file.encode(&content))?;
        }
    }
    if FileAttrs::from_args(args)?.apply(cx, &path, None)? {
        msg.push_str(if changed { " and " } else { "" });
        msg.push_str("ownership, perms or SE linux context changed");
        changed = true;
    }
    reply.changed = changed;
    Ok(reply.with("msg", msg))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    fn replaced(text: &str, entries: &[(&'static str, &str)]) -> (String, String) {
        Fake::edited("replace", text, entries, false)
    }

    #[test]
    fn matches_are_replaced_line_by_line() {
        let text = "10.0.0.1 old.host x\n10.0.0.2 old.host\n";
        let entries = [("regexp", "(\\s+)old\\.host(\\s+.*)?$"), ("replace", "\\1new.host\\2")];
        assert_eq!(replaced(text, &entries).0, "10.0.0.1 new.host x\n10.0.0.2 new.host\n");
        assert_eq!(
            replaced("a\nb\n", &[("regexp", "^"), ("replace", "#")]),
            ("#a\n#b\n#".into(), "3 replacements made".into())
        );
        assert_eq!(replaced("aXb", &[("regexp", "X")]), ("ab".into(), "1 replacements made".into()));
        assert_eq!(replaced("ab", &[("regexp", "X")]), ("ab".into(), String::new()));
    }

    #[test]
    fn only_the_part_between_after_and_before_changes() {
        let text = "x=1\n<a>\nx=1\n</a>\nx=1\n";
        let entries = [("regexp", "x=1"), ("replace", "x=2"), ("after", "<a>"), ("before", "</a>")];
        assert_eq!(replaced(text, &entries).0, "x=1\n<a>\nx=2\n</a>\nx=1\n");
        let entries = [("regexp", "x=1"), ("replace", "x=2"), ("before", "<a>")];
        assert_eq!(replaced(text, &entries).0, "x=2\n<a>\nx=1\n</a>\nx=1\n");
        let (same, msg) = replaced(text, &[("regexp", "x"), ("after", "<b>")]);
        assert_eq!(same, text);
        assert_eq!(msg, "Pattern for before/after params did not match the given file: <b>(?P<subsection>.*)");
    }

    #[test]
    fn mistakes_are_named_as_ansible_names_them() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("replace", args([("path", "/none"), ("regexp", "x")]));
        assert_eq!(
            (reply.data.get("msg"), reply.data.get("rc")),
            (Some(&"Path /none does not exist !".into()), Some(&257.into()))
        );
    }
}
