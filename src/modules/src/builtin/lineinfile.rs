//! Makes sure that a line is in a file, or is not.
//!
//! Options:
//! - `path` (path, required; also `dest`, `destfile`, `name`): the file.
//! - `line` (text; also `value`): the line.
//! - `state` (`present` or `absent`, default `present`).
//! - `regexp` (text; also `regex`): Python pattern; the last line it matches is replaced (all of them, for `absent`).
//! - `search_string` (text): as `regexp`, without the pattern.
//! - `insertafter` (pattern or `EOF`), `insertbefore` (pattern or `BOF`): where a new line goes.
//! - `backrefs` (bool): `line` holds `\1`; nothing is added when `regexp` does not match.
//! - `firstmatch` (bool): the first match counts instead of the last.
//! - `create`, `backup` (bool), `validate` (command with `%s`), and those of every file module.
//!
//! Returns: `msg`, `backup`, `found` (for `absent`).
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.lineinfile:
//!     path: /etc/selinux/config
//!     regexp: ^SELINUX=
//!     line: SELINUX=enforcing
//! ```

use std::path::Path;

use rplay_protocol::{Diff, Reply};

use crate::pyregex::Template;
use crate::{
    Arg, ArgSpec, Args, AttrDiff, Context, FileAttrs, Module, ModuleError, PyRegex, Replace, Support, TextFile, backup,
    real_path,
};

/// `ansible.builtin.lineinfile`
pub static MODULE: Module = Module {
    name: "lineinfile",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["dest", "destfile", "name"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("regexp").alias(&["regex"]),
            Arg::text("search_string"),
            Arg::text("line").alias(&["value"]),
            Arg::text("insertafter"),
            Arg::text("insertbefore"),
            Arg::bool("backrefs").default("false"),
            Arg::bool("create").default("false"),
            Arg::bool("backup").default("false"),
            Arg::bool("firstmatch").default("false"),
            Arg::text("validate"),
        ],
        file: true,
        exclusive: &[&["insertbefore", "insertafter"], &["regexp", "search_string"], &["backrefs", "search_string"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    for (name, words, more) in [
        (
            "regexp",
            "regular expression",
            " If this is desired, use '^' to match every line in the file and avoid this warning.",
        ),
        ("search_string", "search string", ""),
    ] {
        if args.text(name) == Some("") {
            cx.warn(format!(
                "The {words} is an empty string, which will match every line in the file. This may have unintended \
                 consequences, such as replacing the last line in the file rather than appending.{more}"
            ));
        }
    }
    let dest = args.need("path");
    let path = cx.path(dest);
    if path.is_dir() {
        return Err(ModuleError::reply(Reply::failure(format!("Path {dest} is a directory !")).with("rc", 256)));
    }
    if args.need("state") == "absent" {
        return absent(cx, args, &path);
    }
    if args.flag("backrefs") && args.get("regexp").is_none() {
        return Err(ModuleError::msg("regexp is required with backrefs=true"));
    }
    if args.get("line").is_none() {
        return Err(ModuleError::msg("line is required with state=present"));
    }
    present(cx, args, &path)
}

fn present(cx: &Context<'_>, args: &Args, path: &Path) -> Result<Reply, ModuleError> {
    let dest = args.need("path");
    let existed = path.exists();
    let file = if existed {
        TextFile::read(path)?
    } else {
        if !args.flag("create") {
            let msg = format!("Destination {dest} does not exist !");
            return Err(ModuleError::reply(Reply::failure(msg).with("rc", 257)));
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists() && !cx.check()) {
            fs_err::create_dir_all(folder)
                .map_err(|error| ModuleError::msg(format!("Error creating {} ({error})", folder.display())))?;
        }
        TextFile::default()
    };
    let mut lines = file.lines();
    let change = place(&mut lines, &Wanted::from_args(args, &file)?);
    let content = lines.concat();
    let mut saved = None;
    if change.is_some() && !cx.check() {
        if args.flag("backup") {
            saved = backup(path, false)?;
        }
        write(cx, args, path, &file.encode(&content))?;
    }
    finish(
        cx,
        args,
        path,
        Outcome { file, content, msg: change.unwrap_or_default().to_owned(), backup: saved, existed, found: None },
    )
}

/// What should be where, in the file's own encoding.
struct Wanted {
    regexp: Option<PyRegex>,
    search: Option<String>,
    line: String,
    template: Option<Template>,
    after: Option<Anchor>,
    before: Option<Anchor>,
    first: bool,
}

enum Anchor {
    /// `BOF` or `EOF`.
    Start,
    End,
    Match(PyRegex),
}

impl Wanted {
    fn from_args(args: &Args, file: &TextFile) -> Result<Self, ModuleError> {
        let regex = |name: &str| args.text(name).map(|p| PyRegex::new(&file.foreign(p))).transpose();
        let anchor = |name: &str, end: &str| {
            Ok::<_, ModuleError>(match args.text(name) {
                None => None,
                Some("BOF") => Some(Anchor::Start),
                Some(word) if word == end => Some(Anchor::End),
                Some(pattern) => Some(Anchor::Match(PyRegex::new(&file.foreign(pattern))?)),
            })
        };
        let line = file.foreign(args.need("line"));
        let before = anchor("insertbefore", "BOF")?;
        let after = anchor("insertafter", "EOF")?;
        Ok(Self {
            regexp: regex("regexp")?,
            search: args.text("search_string").map(|s| file.foreign(s)),
            template: if args.flag("backrefs") {
                Some(Template::parse(&line).map_err(ModuleError::msg)?)
            } else {
                None
            },
            line,
            after: if before.is_none() && after.is_none() { Some(Anchor::End) } else { after },
            before,
            first: args.flag("firstmatch"),
        })
    }

    fn anchor(&self) -> Option<&PyRegex> {
        [&self.after, &self.before].into_iter().find_map(|anchor| match anchor {
            Some(Anchor::Match(regex)) => Some(regex),
            _ => None,
        })
    }
}

/// Puts the line in its place, as ansible-core 2.19's `lineinfile.present` decides; what was done.
fn place(lines: &mut Vec<String>, wanted: &Wanted) -> Option<&'static str> {
    let bare = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let with_end = format!("{}\n", wanted.line);
    let mut matched = None;
    for (number, current) in lines.iter().enumerate() {
        let hit = match (&wanted.regexp, &wanted.search) {
            (Some(regexp), _) => regexp.is_match(current),
            (None, Some(search)) => current.contains(search.as_str()),
            (None, None) => break,
        };
        if hit {
            matched = Some(number);
            if wanted.first {
                break;
            }
        }
    }
    let mut same = None;
    let mut anchor = None;
    if matched.is_none() {
        for (number, current) in lines.iter().enumerate() {
            if bare(current) == wanted.line {
                same = Some(number);
            } else if wanted.anchor().is_some_and(|regex| regex.is_match(current)) {
                anchor = Some(if wanted.after.is_some() { number + 1 } else { number });
                if wanted.first {
                    break;
                }
            }
        }
    }
    if let Some(number) = matched.or(same) {
        let new = match (&wanted.template, &wanted.regexp, matched) {
            (Some(template), Some(regexp), Some(_)) => {
                let mut out = String::new();
                regexp.search(&lines[number]).iter().for_each(|captures| template.expand(captures, &mut out));
                out
            }
            _ => wanted.line.clone(),
        };
        let new = if new.ends_with('\n') { new } else { new + "\n" };
        if lines[number] == new {
            return None;
        }
        lines[number] = new;
        return Some("line replaced");
    }
    if wanted.template.is_some() {
        // Without a match there is nothing to fill the references with.
        return None;
    }
    let at_start = matches!(wanted.before, Some(Anchor::Start)) || matches!(wanted.after, Some(Anchor::Start));
    match anchor {
        _ if at_start => lines.insert(0, with_end),
        Some(number) if wanted.after.is_some() => {
            let neighbour = lines.get(number).or(lines.last());
            if neighbour.is_some_and(|line| bare(line) == wanted.line) {
                return None;
            }
            if number == lines.len() {
                end_last(lines);
                lines.push(with_end);
            } else {
                lines.insert(number, with_end);
            }
        }
        Some(number) => lines.insert(number, with_end),
        None => {
            end_last(lines);
            lines.push(with_end);
        }
    }
    Some("line added")
}

/// The last line gets its newline before another one follows.
fn end_last(lines: &mut [String]) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with(['\n', '\r'])) {
        last.push('\n');
    }
}

fn absent(cx: &Context<'_>, args: &Args, path: &Path) -> Result<Reply, ModuleError> {
    if args.get("regexp").is_none() && args.get("search_string").is_none() && args.get("line").is_none() {
        return Err(ModuleError::msg("one of line, search_string, or regexp is required with state=absent"));
    }
    if !path.exists() {
        return Ok(Reply::ok().with("msg", "file not present"));
    }
    let file = TextFile::read(path)?;
    let regexp = args.text("regexp").map(|p| PyRegex::new(&file.foreign(p))).transpose()?;
    let search = args.text("search_string").map(|s| file.foreign(s));
    let line = args.text("line").map(|s| file.foreign(s));
    let mut lines = file.lines();
    let before = lines.len();
    lines.retain(|current| !match (&regexp, &search, &line) {
        (Some(regexp), _, _) => regexp.is_match(current),
        (None, Some(search), _) => current.contains(search.as_str()),
        (None, None, line) => line.as_deref() == Some(current.trim_end_matches(['\r', '\n'])),
    });
    let found = before - lines.len();
    let content = lines.concat();
    let mut saved = None;
    if found > 0 && !cx.check() {
        if args.flag("backup") {
            saved = backup(path, false)?;
        }
        write(cx, args, path, &file.encode(&content))?;
    }
    let msg = if found > 0 { format!("{found} line(s) removed") } else { String::new() };
    finish(cx, args, path, Outcome { file, content, msg, backup: saved, existed: true, found: Some(found) })
}

fn write(cx: &Context<'_>, args: &Args, path: &Path, content: &[u8]) -> Result<(), ModuleError> {
    // The file behind a link is edited, the link stays.
    let target = real_path(path);
    Replace::new(&target)
        .validate(args.text("validate"))
        .unsafe_writes(args.flag("unsafe_writes"))
        .write(cx.sys(), content)
}

struct Outcome {
    file: TextFile,
    content: String,
    msg: String,
    backup: Option<std::path::PathBuf>,
    existed: bool,
    found: Option<usize>,
}

fn finish(cx: &Context<'_>, args: &Args, path: &Path, outcome: Outcome) -> Result<Reply, ModuleError> {
    let dest = args.need("path");
    let mut msg = outcome.msg;
    let mut changed = !msg.is_empty();
    let mut attributes = AttrDiff::default();
    let predicted_new = cx.check() && !outcome.existed;
    if !predicted_new && FileAttrs::from_args(args)?.apply(cx, path, Some(&mut attributes))? {
        msg.push_str(if changed { " and " } else { "" });
        msg.push_str("ownership, perms or SE linux context changed");
        changed = true;
    }
    let saved = outcome.backup.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let mut reply = Reply::changed(changed).with("backup", saved).with("msg", msg);
    if let Some(found) = outcome.found {
        reply = reply.with("found", found);
    }
    if cx.diff() {
        let header = format!("{dest} (content)");
        let (before, after) = (outcome.file.shown(&outcome.file.text), outcome.file.shown(&outcome.content));
        reply.diff.push(Diff::text(&header, before, &header, after));
        if !predicted_new {
            reply.diff.push(attributes.into_diff(dest));
        }
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use rplay_value::Value;

    use super::*;
    use crate::Sys as _;
    use crate::testing::{Fake, args};

    /// Runs the module twice over a text: the text after, the message, and that the second run changed nothing.
    fn edit(text: &str, entries: &[(&'static str, &str)]) -> (String, String) {
        Fake::edited("lineinfile", text, entries, true)
    }

    /// Expected texts and messages were recorded from ansible-core 2.19.
    #[test]
    fn lines_go_where_ansible_puts_them() {
        let added = "line added".to_owned();
        let replaced = "line replaced".to_owned();
        assert_eq!(edit("a\nb", &[("line", "c")]), ("a\nb\nc\n".into(), added.clone()));
        assert_eq!(edit("", &[("line", "c")]), ("c\n".into(), added.clone()));
        assert_eq!(
            edit("a=1\nb\na=2\n", &[("line", "a=3"), ("regexp", "^a=")]),
            ("a=1\nb\na=3\n".into(), replaced.clone())
        );
        assert_eq!(
            edit("a=1\nb\na=2\n", &[("line", "a=3"), ("regexp", "^a="), ("firstmatch", "yes")]),
            ("a=3\nb\na=2\n".into(), replaced.clone())
        );
        assert_eq!(edit("a\nb\n", &[("line", "x"), ("insertafter", "^a")]), ("a\nx\nb\n".into(), added.clone()));
        assert_eq!(edit("a\nb\n", &[("line", "x"), ("insertbefore", "^b")]), ("a\nx\nb\n".into(), added.clone()));
        assert_eq!(edit("a\nb\n", &[("line", "x"), ("insertbefore", "BOF")]), ("x\na\nb\n".into(), added.clone()));
        assert_eq!(edit("a\nb\n", &[("line", "x"), ("insertafter", "nope")]), ("a\nb\nx\n".into(), added.clone()));
        assert_eq!(
            edit("k = v\n", &[("line", "\\1 = w"), ("regexp", "^(k) = .*$"), ("backrefs", "yes")]),
            ("k = w\n".into(), replaced.clone())
        );
        assert_eq!(
            edit("k\n", &[("line", "\\1"), ("regexp", "^(z)"), ("backrefs", "yes")]),
            ("k\n".into(), String::new())
        );
        assert_eq!(edit("a b\n", &[("line", "c"), ("search_string", "b")]), ("c\n".into(), replaced));
    }

    #[test]
    fn absent_takes_every_match_and_counts() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "a1\nb\na2\n").unwrap();
        let reply = fake.call("lineinfile", args([("path", "/f"), ("regexp", "^a"), ("state", "absent")]));
        assert_eq!(reply.data.get("found"), Some(&2.into()));
        assert_eq!(reply.data.get("msg"), Some(&"2 line(s) removed".into()));
        assert_eq!(fake.read("/f").unwrap(), "b\n");
        let reply = fake.call("lineinfile", args([("path", "/none"), ("regexp", "^a"), ("state", "absent")]));
        assert_eq!(reply.data.get("msg"), Some(&"file not present".into()));
    }

    #[test]
    fn mistakes_are_named_as_ansible_names_them() {
        let fake = Fake::new().unwrap();
        let msg = |entries: &[(&'static str, &str)]| {
            let reply = fake.call("lineinfile", args(entries.iter().copied()));
            assert!(reply.failed);
            reply.data.get("msg").and_then(Value::as_str).unwrap().to_owned()
        };
        assert_eq!(msg(&[("path", "/none"), ("line", "x")]), "Destination /none does not exist !");
        assert_eq!(msg(&[("path", "/"), ("line", "x")]), "Path / is a directory !");
        assert_eq!(msg(&[("path", "/none")]), "line is required with state=present");
        assert_eq!(
            msg(&[("path", "/x"), ("line", "x"), ("insertafter", "a"), ("insertbefore", "b")]),
            "parameters are mutually exclusive: insertbefore|insertafter"
        );
    }

    #[test]
    fn a_diff_shows_content_and_attributes() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "a\n").unwrap();
        let reply = fake.check("lineinfile", args([("path", "/f"), ("line", "b"), ("mode", "0600")]));
        assert_eq!(reply.diff[0].after, Some("a\nb\n".into()));
        assert_eq!(reply.diff[0].before_header.as_deref(), Some("/f (content)"));
        assert_eq!(reply.diff[1].after_header.as_deref(), Some("/f (file attributes)"));
        assert_eq!(reply.data.get("msg"), Some(&"line added and ownership, perms or SE linux context changed".into()));
    }

    #[test]
    fn create_makes_folders_and_the_file() {
        let fake = Fake::new().unwrap();
        let given = || args([("path", "/new/dir/f"), ("line", "x"), ("create", "true")]);
        assert!(fake.check("lineinfile", given()).changed);
        assert!(!fake.path(Path::new("/new")).exists());
        assert!(fake.call("lineinfile", given()).changed);
        assert_eq!(fake.read("/new/dir/f").unwrap(), "x\n");
    }
}
