//! Keeps a block of lines between two marker lines of a file.
//!
//! Options:
//! - `path` (path, required; also `dest`, `destfile`, `name`): the file.
//! - `block` (text; also `content`): the lines; empty removes the block.
//! - `state` (`present` or `absent`, default `present`).
//! - `marker` (default `# {mark} ANSIBLE MANAGED BLOCK`), `marker_begin` (`BEGIN`), `marker_end` (`END`).
//! - `insertafter` (pattern or `EOF`), `insertbefore` (pattern or `BOF`): where a new block goes.
//! - `append_newline`, `prepend_newline` (bool): keep an empty line after, or before, the block.
//! - `create`, `backup` (bool), `validate` (command with `%s`), and those of every file module.
//!
//! Returns: `msg`, `backup_file`.
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.blockinfile:
//!     path: /etc/ssh/sshd_config
//!     block: |
//!       Match User ansible
//!       PasswordAuthentication no
//! ```

use rplay_protocol::{Diff, Reply};

use crate::{
    Arg, ArgSpec, Args, AttrDiff, Context, FileAttrs, Module, ModuleError, PyRegex, Replace, Support, TextFile, backup,
    real_path,
};

/// `ansible.builtin.blockinfile`
pub static MODULE: Module = Module {
    name: "blockinfile",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["dest", "destfile", "name"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::text("marker").default("# {mark} ANSIBLE MANAGED BLOCK"),
            Arg::text("block").default("").alias(&["content"]),
            Arg::text("insertafter"),
            Arg::text("insertbefore"),
            Arg::bool("create").default("false"),
            Arg::bool("backup").default("false"),
            Arg::text("validate"),
            Arg::text("marker_begin").default("BEGIN"),
            Arg::text("marker_end").default("END"),
            Arg::bool("append_newline").default("false"),
            Arg::bool("prepend_newline").default("false"),
        ],
        file: true,
        exclusive: &[&["insertbefore", "insertafter"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let dest = args.need("path");
    let path = cx.path(dest);
    if path.is_dir() {
        return Err(ModuleError::reply(Reply::failure(format!("Path {dest} is a directory !")).with("rc", 256)));
    }
    let existed = path.exists();
    let file = if existed {
        TextFile::read(&path)?
    } else {
        if !args.flag("create") {
            return Err(ModuleError::reply(Reply::failure(format!("Path {dest} does not exist !")).with("rc", 257)));
        }
        if args.need("state") == "absent" {
            return Ok(Reply::ok().with("msg", format!("File {dest} not present")));
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists() && !cx.check()) {
            fs_err::create_dir_all(folder)
                .map_err(|error| ModuleError::msg(format!("Error creating {} Error: {error}", folder.display())))?;
        }
        TextFile::default()
    };
    let (content, block_wanted) = edit(args, &file)?;
    let msg = match () {
        () if existed && content == file.text => "",
        () if !existed => "File created",
        () if !block_wanted => "Block removed",
        () => "Block inserted",
    };
    let mut msg = msg.to_owned();
    let mut changed = !msg.is_empty();
    let mut saved = None;
    if changed && !cx.check() {
        if args.flag("backup") {
            saved = backup(&path, false)?;
        }
        // The file behind a link is edited, the link stays.
        let target = real_path(&path);
        let replace = Replace::new(&target).validate(args.text("validate")).unsafe_writes(args.flag("unsafe_writes"));
        replace.write(cx.sys(), &file.encode(&content))?;
    }
    let mut attributes = AttrDiff::default();
    let predicted_new = cx.check() && !existed;
    if !predicted_new && FileAttrs::from_args(args)?.apply(cx, &path, Some(&mut attributes))? {
        msg.push_str(if changed { " and " } else { "" });
        msg.push_str("ownership, perms or SE linux context changed");
        changed = true;
    }
    let mut reply = Reply::changed(changed).with("msg", msg);
    if let Some(saved) = saved {
        reply = reply.with("backup_file", saved.to_string_lossy().as_ref());
    }
    if cx.diff() {
        let header = format!("{dest} (content)");
        reply.diff.push(Diff::text(&header, file.shown(&file.text), &header, file.shown(&content)));
        if !predicted_new {
            reply.diff.push(attributes.into_diff(dest));
        }
    }
    Ok(reply)
}

/// The text with its block, and whether a block is wanted in it.
fn edit(args: &Args, file: &TextFile) -> Result<(String, bool), ModuleError> {
    let mut lines = file.lines();
    let marker = |with: &str| file.foreign(&args.need("marker").replace("{mark}", args.need(with))) + "\n";
    let (begin, end) = (marker("marker_begin"), marker("marker_end"));
    let present = args.need("state") == "present";
    let mut block = Vec::new();
    if present && !args.need("block").is_empty() {
        let mut text = file.foreign(args.need("block"));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        block.push(begin.clone());
        block.extend(text.split_inclusive('\n').map(str::to_owned));
        block.push(end.clone());
    }
    let last = |marker: &String| lines.iter().rposition(|line| line == marker);
    let mut at = match (last(&begin), last(&end)) {
        (Some(a), Some(b)) => {
            lines.drain(a.min(b)..=a.max(b));
            a.min(b)
        }
        _ => position(args, file, &lines)?,
    };
    if let Some(before) = at.checked_sub(1).and_then(|n| lines.get_mut(n)).filter(|line| !line.ends_with('\n')) {
        before.push('\n');
    }
    if args.flag("prepend_newline") && present && at > 0 && lines[at - 1] != "\n" {
        lines.insert(at, "\n".to_owned());
        at += 1;
    }
    let wanted = !block.is_empty();
    let after = at + block.len();
    lines.splice(at..at, block);
    if args.flag("append_newline") && present && lines.get(after).is_some_and(|line| line != "\n") {
        lines.insert(after, "\n".to_owned());
    }
    Ok((lines.concat(), wanted))
}

/// Where a block goes that is not there yet.
fn position(args: &Args, file: &TextFile, lines: &[String]) -> Result<usize, ModuleError> {
    let (pattern, after) = match (args.text("insertafter"), args.text("insertbefore")) {
        (Some("EOF"), _) | (None, None) => return Ok(lines.len()),
        (None, Some("BOF")) => return Ok(0),
        (Some(pattern), _) => (pattern, true),
        (None, Some(pattern)) => (pattern, false),
    };
    let regex = PyRegex::new(&file.foreign(pattern))?;
    // A pattern that asks for it is matched against the whole text, so that it may span lines.
    let found = if pattern.starts_with("(?")
        && pattern.split(')').next().is_some_and(|flags| flags.contains('m') && !flags.contains(':'))
    {
        regex.search(&file.text).and_then(|captures| captures.get(0)).map(|whole| {
            let upto = if after { whole.end() } else { whole.start() };
            file.text[..upto].matches('\n').count()
        })
    } else {
        lines.iter().rposition(|line| regex.is_match(line))
    };
    Ok(found.map_or(lines.len(), |number| if after { (number + 1).min(lines.len()) } else { number }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    fn edited(text: &str, entries: &[(&'static str, &str)]) -> (String, String) {
        Fake::edited("blockinfile", text, entries, true)
    }

    const B: &str = "# BEGIN ANSIBLE MANAGED BLOCK\n";
    const E: &str = "# END ANSIBLE MANAGED BLOCK\n";

    #[test]
    fn blocks_come_change_and_go() {
        let inserted = "Block inserted".to_owned();
        assert_eq!(edited("a", &[("block", "x\ny")]), (format!("a\n{B}x\ny\n{E}"), inserted.clone()));
        assert_eq!(
            edited(&format!("a\n{B}old\n{E}b\n"), &[("block", "x")]),
            (format!("a\n{B}x\n{E}b\n"), inserted.clone())
        );
        assert_eq!(
            edited(&format!("a\n{B}old\n{E}b\n"), &[("state", "absent")]),
            ("a\nb\n".into(), "Block removed".into())
        );
        assert_eq!(
            edited("a\nb\n", &[("block", "x"), ("insertbefore", "BOF")]),
            (format!("{B}x\n{E}a\nb\n"), inserted.clone())
        );
        assert_eq!(
            edited("a\nb\n", &[("block", "x"), ("insertafter", "^a$")]),
            (format!("a\n{B}x\n{E}b\n"), inserted.clone())
        );
        assert_eq!(
            edited("a\nb\n", &[("block", "x"), ("insertbefore", "^b")]),
            (format!("a\n{B}x\n{E}b\n"), inserted.clone())
        );
        assert_eq!(
            edited("a\nb\n", &[("block", "x"), ("marker", "; {mark}"), ("marker_begin", "S"), ("marker_end", "T")]),
            ("a\nb\n; S\nx\n; T\n".into(), inserted.clone())
        );
        assert_eq!(
            edited(
                "a\nb\n",
                &[("block", "x"), ("insertafter", "^a"), ("append_newline", "yes"), ("prepend_newline", "yes")]
            ),
            (format!("a\n\n{B}x\n{E}\nb\n"), inserted)
        );
    }

    #[test]
    fn missing_files_are_created_only_when_asked() {
        let fake = Fake::new().unwrap();
        let reply = fake.call("blockinfile", args([("path", "/x/f"), ("block", "b")]));
        assert_eq!(reply.data.get("msg"), Some(&"Path /x/f does not exist !".into()));
        let given = || args([("path", "/x/f"), ("block", "b"), ("create", "yes")]);
        assert_eq!(fake.check("blockinfile", given()).data.get("msg"), Some(&"File created".into()));
        assert_eq!(fake.call("blockinfile", given()).data.get("msg"), Some(&"File created".into()));
        assert_eq!(fake.read("/x/f").unwrap(), format!("{B}b\n{E}"));
    }
}
