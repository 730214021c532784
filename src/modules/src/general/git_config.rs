//! Keeps a value of git's configuration, by the program `git`.
//!
//! Options:
//! - `name` (required), `value` (needed for `present`), `state` (`present` or `absent`).
//! - `scope` (`file`, `local`, `global`, `system`; default `system`): with `file` (path) or `repo` (path).
//! - `add_mode` (`replace-all` or `add`): the value replaces those there, or stands beside them.
//!
//! Returns: `msg`, `rc` and `cmd` of a failed `git`.
//!
//! Check and diff mode: yes.
//!
//! Example:
//! ```yaml
//! - community.general.git_config:
//!     name: user.email
//!     value: ci@example.com
//!     scope: global
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::{List, Value};

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support};

/// `community.general.git_config`
pub static MODULE: Module = Module {
    name: "git_config",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::path("repo"),
            Arg::path("file"),
            Arg::text("add_mode").default("replace-all").choices(&["add", "replace-all"]),
            Arg::text("scope").choices(&["file", "local", "global", "system"]),
            Arg::text("state").default("present").choices(&["present", "absent"]),
            Arg::text("value"),
        ],
        required_if: &[("scope", "local", &["repo"]), ("scope", "file", &["file"]), ("state", "present", &["value"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let git = cx.sys().need("git")?;
    let (name, value) = (args.need("name"), args.need("value"));
    let remove = args.need("state") == "absent";
    if !remove && value.is_empty() {
        return Err(ModuleError::msg(
            "If state=present, a value must be specified. Use the community.general.git_config_info module to read a config value.",
        ));
    }
    let scope = args.text("scope").unwrap_or("system");
    let mut base = vec![git, "config".to_owned(), "--includes".to_owned()];
    match scope {
        "file" => base.extend(["-f".to_owned(), cx.path(args.need("file")).to_string_lossy().into_owned()]),
        other => base.push(format!("--{other}")),
    }
    // Nowhere near a repository whose own configuration would count, too.
    let folder = cx.path(if scope == "local" { args.need("repo") } else { "/" });
    let git = |words: &[&str]| -> Result<(Vec<String>, Output), ModuleError> {
        let argv: Vec<String> = base.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
        let output = cx.sys().run(&Program::new(argv.clone()).cwd(&folder).env("LC_ALL", "C").env("LANG", "C"))?;
        Ok((argv, output))
    };
    let (argv, output) = git(&["--get-all", name])?;
    if output.rc >= 2 {
        let reply = Reply::failure(output.err()).with("rc", output.rc).with("cmd", argv.join(" "));
        return Err(ModuleError::reply(reply));
    }
    let out = output.out();
    let before: Vec<String> = out.trim_end().lines().map(str::to_owned).collect();
    if remove && out.is_empty() {
        return Ok(Reply::ok().with("msg", "no setting to unset"));
    }
    let add = args.need("add_mode") == "add";
    if !remove && before.iter().any(|old| old == value) && (before.len() == 1 || add) {
        return Ok(Reply::ok().with("msg", ""));
    }
    let mode = format!("--{}", args.need("add_mode"));
    let words: Vec<&str> = if remove { vec!["--unset-all", name] } else { vec![&mode, name, value] };
    let argv = if cx.check() {
        base.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect()
    } else {
        let (argv, output) = git(&words)?;
        if !output.stderr.is_empty() {
            let reply = Reply::failure(output.err()).with("rc", output.rc);
            return Err(ModuleError::reply(reply.with("cmd", argv.into_iter().collect::<List>())));
        }
        argv
    };
    let after = match (remove, add) {
        (true, _) => Vec::new(),
        (false, true) => before.iter().cloned().chain([value.to_owned()]).collect(),
        (false, false) => vec![value.to_owned()],
    };
    let mut reply = Reply::ok().with("msg", "setting changed");
    reply.changed = true;
    if cx.diff() {
        let header = Some(argv.join(" "));
        reply.diff.push(Diff {
            before_header: header.clone(),
            after_header: header,
            before: Some(shown(&before)),
            after: Some(shown(&after)),
            prepared: None,
        });
    }
    Ok(reply)
}

/// One value as a line, several as a list.
fn shown(values: &[String]) -> Value {
    match values {
        [] => Value::from("\n"),
        [one] => Value::from(format!("{one}\n")),
        many => Value::from(many.iter().map(String::as_str).collect::<List>()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn values_are_set_added_and_removed() {
        let fake = Fake::new()
            .unwrap()
            .on("git config --includes --global --get-all a.b", 0, "1\n2\n")
            .on("git config --includes --global --get-all a.c", 1, "")
            .on("git config --includes --global", 0, "");
        let call = |entries: &[(&'static str, &str)]| {
            let reply = fake.call("git_config", args(entries.iter().copied().chain([("scope", "global")])));
            (reply.changed, reply.data.get("msg").unwrap().to_string(), fake.command_lines().pop().unwrap())
        };
        let (changed, _, line) = call(&[("name", "a.b"), ("value", "1")]);
        assert!(changed && line == "git config --includes --global --replace-all a.b 1", "{line}");
        assert!(!call(&[("name", "a.b"), ("value", "1"), ("add_mode", "add")]).0);
        assert!(call(&[("name", "a.b"), ("value", "3"), ("add_mode", "add")]).2.ends_with("--add a.b 3"));
        assert!(call(&[("name", "a.b"), ("state", "absent")]).2.ends_with("--unset-all a.b"));
        assert_eq!(call(&[("name", "a.c"), ("state", "absent")]).1, "no setting to unset");
        assert!(call(&[("name", "a.c"), ("value", "")]).1.starts_with("If state=present, a value must be specified."));
    }
}
