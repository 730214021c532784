//! Keeps options of INI files.
//!
//! Options:
//! - `path` (path, required; also `dest`): the file; `create` (bool, default true), `follow` (bool).
//! - `section`, `option` (text), `value` (text) or `values` (list).
//! - `state` (`present` or `absent`, default `present`); without `option`, `absent` removes the section.
//! - `section_has_values` (list of `option` with `value` or `values`): which of several sections of the name.
//! - `exclusive` (bool, default true): no other values of the option stay.
//! - `no_extra_spaces` (`a=b`), `ignore_spaces`, `allow_no_value` (bool).
//! - `modify_inactive_option` (bool, default true): a commented option is turned into the active one.
//! - `backup` (bool) and those of every file module: `owner`, `group`, `mode`, ...
//!
//! Returns: `msg`, `path`, `backup_file`, `owner`, ...
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.general.ini_file:
//!     path: /etc/nova/nova.conf
//!     section: DEFAULT
//!     option: debug
//!     value: 'true'
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Value;

use crate::{
    Arg, ArgSpec, Args, Context, FileAttrs, Kind, Module, ModuleError, Replace, Support, TextFile, backup, real_path,
};

/// `community.general.ini_file`
pub static MODULE: Module = Module {
    name: "ini_file",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::path("path").required().alias(&["dest"]),
            Arg::text("section"),
            Arg::list("section_has_values").elements(Kind::Map).options(&ArgSpec {
                args: &[Arg::text("option").required(), Arg::text("value"), Arg::list("values")],
                exclusive: &[&["value", "values"]],
                ..ArgSpec::EMPTY
            }),
            Arg::text("option"),
            Arg::text("value"),
            Arg::list("values"),
            Arg::bool("backup").default("false"),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::bool("exclusive").default("true"),
            Arg::bool("no_extra_spaces").default("false"),
            Arg::bool("ignore_spaces").default("false"),
            Arg::bool("allow_no_value").default("false"),
            Arg::bool("modify_inactive_option").default("true"),
            Arg::bool("create").default("true"),
            Arg::bool("follow").default("false"),
        ],
        file: true,
        exclusive: &[&["value", "values"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let shown = args.need("path");
    let mut values: Vec<String> = match args.text("value") {
        Some(value) => vec![value.to_owned()],
        None => args.texts("values").into_iter().map(str::to_owned).collect(),
    };
    if args.need("state") == "present" && !args.flag("allow_no_value") && values.is_empty() {
        return Err(ModuleError::msg(
            "Parameter 'value(s)' must be defined if state=present and allow_no_value=False.",
        ));
    }
    let mut unique: Vec<String> = Vec::new();
    values.retain(|value| {
        !unique.contains(value) && {
            unique.push(value.clone());
            true
        }
    });
    let mut path = cx.path(shown);
    if args.flag("follow") && path.is_symlink() {
        path = real_path(&path);
    }
    let existed = path.exists();
    let file = if existed {
        TextFile::read(&path)?
    } else {
        if !args.flag("create") {
            let msg = format!("Destination {shown} does not exist!");
            return Err(ModuleError::reply(Reply::failure(msg).with("rc", 257)));
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists() && !cx.check()) {
            fs_err::create_dir_all(folder)?;
        }
        TextFile::default()
    };
    let text = file.text.trim_start_matches('\u{feff}');
    let (after, mut changed, msg) = Edit::new(args, values).apply(text);
    let mut reply = Reply::ok().with("msg", msg).with("path", shown);
    // The module always tells its difference, whether asked or not; only `--diff` shows the texts.
    let header = format!("{shown} (content)");
    if cx.diff() {
        reply.diff.push(Diff::text(&header, text, &header, after.as_str()));
    }
    if changed && !cx.check() {
        if args.flag("backup")
            && let Some(saved) = backup(&path, false)?
        {
            reply = reply.with("backup_file", saved.to_string_lossy().as_ref());
        }
        Replace::new(&path).unsafe_writes(args.flag("unsafe_writes")).write(cx.sys(), &file.encode(&after))?;
    }
    if !cx.check() && path.exists() {
        changed |= FileAttrs::from_args(args)?.apply(cx, &path, None)?;
    }
    reply.changed = changed;
    Ok(reply)
}

/// A section that must hold an option with one of these values.
struct Condition {
    option: String,
    values: Vec<String>,
}

struct Edit<'a> {
    args: &'a Args,
    option: &'a str,
    values: Vec<String>,
    conditions: Vec<Condition>,
    changed: bool,
    msg: &'static str,
}

impl<'a> Edit<'a> {
    fn new(args: &'a Args, values: Vec<String>) -> Self {
        let texts = |value: Option<&Value>| match value {
            Some(Value::List(list)) => list.iter().map(ToString::to_string).collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one.to_string()],
        };
        let conditions =
            args.list("section_has_values").into_iter().flatten().filter_map(Value::as_map).map(|map| Condition {
                option: map.get("option").map(ToString::to_string).unwrap_or_default(),
                values: texts(map.get("value").filter(|v| !v.is_null()).or(map.get("values"))),
            });
        let conditions = conditions.collect();
        Self { args, option: args.text("option").unwrap_or_default(), values, conditions, changed: false, msg: "OK" }
    }

    fn assignment(&self, option: &str, value: &str) -> String {
        if self.args.flag("no_extra_spaces") { format!("{option}={value}\n") } else { format!("{option} = {value}\n") }
    }

    /// The new text, whether it differs, and what was done, as community.general's `do_ini`.
    fn apply(mut self, text: &str) -> (String, bool, &'static str) {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        if lines.is_empty() {
            lines.push("\n".to_owned());
        }
        if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
            self.changed = true;
        }
        let section = self.args.text("section").unwrap_or_default();
        let found = self.find_section(&lines, section);
        let present = self.args.need("state") == "present";
        match found {
            Some((start, end)) => {
                let mut body: Vec<String> = lines[start..end].to_vec();
                if present {
                    self.set(&mut body, !section.is_empty());
                } else {
                    self.unset(&mut body, !section.is_empty());
                }
                lines.splice(start..end, body);
            }
            None if present => self.append(&mut lines, section),
            None => {}
        }
        (lines.concat(), self.changed, self.msg)
    }

    /// The lines of the section with its heading; without a section, those before the first one.
    fn find_section(&self, lines: &[String], section: &str) -> Option<(usize, usize)> {
        let end_after =
            |start: usize| lines[start..].iter().position(|l| l.starts_with('[')).map_or(lines.len(), |at| start + at);
        if section.is_empty() {
            let end = end_after(0);
            return self.fits(&lines[..end]).then_some((0, end));
        }
        let heading = |line: &str| {
            let inside = line.strip_prefix('[').map(str::trim_start);
            inside.and_then(|l| l.strip_prefix(section.trim())).is_some_and(|rest| rest.trim_start().starts_with(']'))
        };
        let starts = lines.iter().enumerate().filter(|(_, line)| heading(line)).map(|(number, _)| number);
        starts.map(|start| (start, end_after(start + 1))).find(|(start, end)| self.fits(&lines[*start..*end]))
    }

    fn fits(&self, lines: &[String]) -> bool {
        self.conditions.iter().all(|condition| {
            let values = lines.iter().filter_map(|line| matched(line, &condition.option, true));
            let mut values = values.map(|(_, value)| value);
            values.any(|value| condition.values.is_empty() || condition.values.iter().any(|wanted| wanted == value))
        })
    }

    fn matched<'l>(&self, line: &'l str) -> Option<(bool, &'l str)> {
        matched(line, self.option, self.args.flag("modify_inactive_option"))
    }

    /// Replaces a line, unless only spaces would change and those do not count.
    fn update(&mut self, line: &mut String, new: String) {
        let differs = match (self.args.flag("ignore_spaces"), matched(line, self.option, true)) {
            (true, Some((false, old))) => matched(&new, self.option, true).is_none_or(|(_, new)| new != old),
            _ => *line != new,
        };
        if differs {
            *line = new;
            self.changed = true;
            self.msg = "option changed";
        }
    }

    fn set(&mut self, body: &mut Vec<String>, has_heading: bool) {
        let allow_no_value = self.args.flag("allow_no_value");
        let mut done = vec![false; body.len()];
        let mut bare_present = false;
        if !self.option.is_empty() {
            for (line, done) in body.iter_mut().zip(&mut done) {
                let Some((_, value)) = self.matched(line) else { continue };
                if let Some(at) = self.values.iter().position(|wanted| wanted == value) {
                    let value = self.values.remove(at);
                    let new = if value.is_empty() && allow_no_value {
                        bare_present = true;
                        format!("{}\n", self.option)
                    } else {
                        self.assignment(self.option, &value)
                    };
                    self.update(line, new);
                    *done = true;
                } else if self.values.is_empty() && allow_no_value {
                    self.update(line, format!("{}\n", self.option));
                    *done = true;
                    bare_present = true;
                    break;
                }
            }
        }
        if self.args.flag("exclusive") && !allow_no_value && !self.option.is_empty() {
            for (line, done) in body.iter_mut().zip(&mut done) {
                if self.values.is_empty() {
                    break;
                }
                if !*done && self.matched(line).is_some() {
                    let value = self.values.remove(0);
                    let new = self.assignment(self.option, &value);
                    self.update(line, new);
                    *done = true;
                }
            }
            let first = usize::from(has_heading);
            for number in (first..body.len()).rev() {
                if !done[number] && self.matched(&body[number]).is_some() {
                    body.remove(number);
                    done.remove(number);
                    self.changed = true;
                    self.msg = "option changed";
                }
            }
        }
        if self.option.is_empty() {
            return;
        }
        // New lines follow the last line that is neither empty nor a comment.
        let at = body.iter().rposition(|line| !is_blank_or_comment(line)).map(|at| at + 1);
        let Some(at) = at.or((!has_heading).then_some(0)) else { return };
        let mut new: Vec<String> = self.values.iter().map(|value| self.assignment(self.option, value)).collect();
        if new.is_empty() && allow_no_value && !bare_present {
            new.push(format!("{}\n", self.option));
        }
        if !new.is_empty() {
            body.splice(at..at, new);
            self.changed = true;
            self.msg = "option added";
        }
    }

    fn unset(&mut self, body: &mut Vec<String>, has_heading: bool) {
        if self.option.is_empty() {
            if has_heading && !body.is_empty() {
                body.clear();
                self.changed = true;
                self.msg = "section removed";
            }
            return;
        }
        let before = body.len();
        let exclusive = self.args.flag("exclusive");
        let (option, values) = (self.option, &self.values);
        body.retain(|line| {
            !matched(line, option, false)
                .is_some_and(|(_, value)| exclusive || values.iter().any(|wanted| wanted == value))
        });
        if body.len() != before {
            self.changed = true;
            self.msg = "option changed";
        }
    }

    fn append(&mut self, lines: &mut Vec<String>, section: &str) {
        let allow_no_value = self.args.flag("allow_no_value");
        lines.push(format!("[{section}]\n"));
        self.msg = "section and option added";
        self.changed = true;
        let conditions = std::mem::take(&mut self.conditions);
        for condition in conditions {
            if condition.option == self.option {
                if !self.args.flag("exclusive") {
                    let new: Vec<String> = condition.values.into_iter().filter(|v| !self.values.contains(v)).collect();
                    self.values.extend(new);
                }
            } else if condition.values.is_empty() && allow_no_value {
                lines.push(format!("{}\n", condition.option));
            } else {
                lines.extend(condition.values.iter().map(|value| self.assignment(&condition.option, value)));
            }
        }
        if !self.option.is_empty() && !self.values.is_empty() {
            lines.extend(self.values.iter().map(|value| self.assignment(self.option, value)));
        } else if !self.option.is_empty() && allow_no_value {
            lines.push(format!("{}\n", self.option));
        } else {
            self.msg = "only section added";
        }
    }
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_end_matches('\n').trim_start_matches([' ', '\t']);
    line.is_empty() || line.starts_with(['#', ';'])
}

/// Whether a line sets the option, whether it is commented out, and its value.
fn matched<'l>(line: &'l str, option: &str, inactive: bool) -> Option<(bool, &'l str)> {
    let blank = [' ', '\t'];
    let rest = line.trim_end_matches('\n').trim_start_matches(blank);
    let (commented, rest) = match rest.strip_prefix(['#', ';']).filter(|_| inactive) {
        Some(rest) => (true, rest.trim_start_matches(blank)),
        None => (false, rest),
    };
    let rest = rest.strip_prefix(option)?.trim_start_matches(blank);
    if rest.is_empty() {
        return Some((commented, rest));
    }
    Some((commented, rest.strip_prefix('=')?.trim_start_matches(blank)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    fn edited(text: &str, entries: &[(&'static str, &str)]) -> (String, String) {
        Fake::edited("community.general.ini_file", text, entries, true)
    }

    #[test]
    fn options_are_added_changed_and_removed() {
        let set = |value| [("section", "s"), ("option", "a"), ("value", value)];
        assert_eq!(edited("[s]\na = 1\n", &set("2")), ("[s]\na = 2\n".into(), "option changed".into()));
        assert_eq!(
            edited("[s]\nb = 1\n\n[t]\na = 3\n", &set("2")),
            ("[s]\nb = 1\na = 2\n\n[t]\na = 3\n".into(), "option added".into())
        );
        assert_eq!(edited("[s]\n#a = 1\n", &set("2")), ("[s]\na = 2\n".into(), "option changed".into()));
        assert_eq!(edited("[t]\n", &set("2")), ("[t]\n[s]\na = 2\n".into(), "section and option added".into()));
        assert_eq!(edited("[s]\na=1\na=2\n", &set("2")), ("[s]\na = 2\n".into(), "option changed".into()));
        assert_eq!(
            edited("x = 1\n[s]\n", &[("option", "x"), ("value", "2")]),
            ("x = 2\n[s]\n".into(), "option changed".into())
        );
        let gone = [("section", "s"), ("option", "a"), ("state", "absent")];
        assert_eq!(edited("[s]\na = 1\nb=2\n", &gone), ("[s]\nb=2\n".into(), "option changed".into()));
        let section = [("section", "s"), ("state", "absent")];
        assert_eq!(edited("[r]\n[s]\na=1\n[t]\n", &section), ("[r]\n[t]\n".into(), "section removed".into()));
    }

    #[test]
    fn spaces_bare_options_and_several_values_are_honoured() {
        let tight = [("section", "s"), ("option", "a"), ("value", "2"), ("no_extra_spaces", "yes")];
        assert_eq!(edited("[s]\na = 1\n", &tight).0, "[s]\na=2\n");
        let bare = [("section", "s"), ("option", "a"), ("allow_no_value", "yes")];
        assert_eq!(edited("[s]\n", &bare).0, "[s]\na\n");
        let many = [("section", "s"), ("option", "a"), ("values", "1,2"), ("exclusive", "no")];
        assert_eq!(edited("[s]\na = 0\n", &many).0, "[s]\na = 0\na = 1\na = 2\n");
        let loose = [("section", "s"), ("option", "a"), ("value", "1"), ("ignore_spaces", "yes")];
        assert_eq!(edited("[s]\na=1\n", &loose), ("[s]\na=1\n".into(), "OK".into()));
    }

    #[test]
    fn a_file_is_created_unless_told_otherwise() {
        let fake = Fake::new().unwrap();
        let given =
            |create| args([("path", "/n/f"), ("section", "s"), ("option", "a"), ("value", "1"), ("create", create)]);
        assert_eq!(
            fake.call("ini_file", given("no")).data.get("msg"),
            Some(&"Destination /n/f does not exist!".into())
        );
        assert!(fake.call("ini_file", given("yes")).changed);
        assert_eq!(fake.read("/n/f").unwrap(), "\n[s]\na = 1\n");
        let reply = fake.call("ini_file", args([("path", "/n/f"), ("section", "s")]));
        assert_eq!(
            reply.data.get("msg"),
            Some(&"Parameter 'value(s)' must be defined if state=present and allow_no_value=False.".into())
        );
    }
}
