//! Answers questions of Debian packages before they are asked.
//!
//! Options:
//! - `name` (text, required; alias `pkg`): the package.
//! - `question` (aliases `selection`, `setting`), `vtype`, `value` (alias `answer`): what to answer, all three or none.
//!   `value` may be a list when `vtype` is `multiselect`.
//! - `unseen` (bool, default false): the question is still to be asked.
//!
//! Returns: `current`, `previous` (mappings of question to value), `msg`, `diff`.
//! Check and diff mode: yes. Needs debconf-show and debconf-set-selections, and debconf-get-selections (debconf-utils) for
//! passwords.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.debconf:
//!     name: locales
//!     question: locales/default_environment_locale
//!     vtype: select
//!     value: fr_FR.UTF-8
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::{Map, Value};

use crate::convert::python_str;
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, Output, Program, Support};

/// `ansible.builtin.debconf`
pub static MODULE: Module = Module {
    name: "debconf",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::Full,
    diff: Support::Full,
    run,
};

const SPEC: ArgSpec = ArgSpec {
    args: &[
        Arg::text("name").required().alias(&["pkg"]),
        Arg::text("question").alias(&["selection", "setting"]),
        Arg::text("vtype").choices(&[
            "boolean",
            "error",
            "multiselect",
            "note",
            "password",
            "seen",
            "select",
            "string",
            "text",
            "title",
        ]),
        Arg::new("value", Kind::Raw).alias(&["answer"]),
        Arg::bool("unseen").default("false"),
    ],
    together: &[&["question", "vtype", "value"]],
    ..ArgSpec::EMPTY
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let package = args.need("name");
    let known = selections(cx, package)?;
    let Some(question) = args.text("question") else {
        return Ok(Reply::ok().with("msg", "").with("current", known));
    };
    let kind = args.need("vtype");
    let Some(given) = args.get("value") else {
        return Err(ModuleError::msg("when supplying a question you must supply a valid vtype and value"));
    };
    let existing = known.get(question).map(python_str);
    let (mut value, same) = compared(cx, package, question, kind, given, existing.as_deref())?;
    if same {
        return Ok(Reply::ok().with("msg", "").with("current", known));
    }
    let mut msg = String::new();
    if !cx.check() {
        let text = match &value {
            Value::List(list) => list.iter().map(python_str).collect::<Vec<_>>().join(", "),
            other => python_str(other),
        };
        // What was told is what is shown: the choices in one text.
        if let Value::List(_) = value {
            value = Value::from(text.as_str());
        }
        let mut argv = vec![tool(cx, "debconf-set-selections")?];
        if args.flag("unseen") {
            argv.push("-u".to_owned());
        }
        let output = ran(cx, &Program::new(argv).stdin(format!("{package} {question} {kind} {text}")))?;
        if !output.success() {
            return Err(ModuleError::msg(output.err()));
        }
        msg = output.out();
    }
    let current = Map::from_iter([(question, value)]);
    let mut previous = known;
    match &existing {
        Some(existing) => previous = Map::from_iter([(question, existing.as_str())]),
        None => _ = previous.insert(question, ""),
    }
    let mut reply = Reply::changed(true).with("msg", msg).with("current", current.clone());
    if cx.diff() {
        let mut after = previous.clone();
        after.extend(current);
        reply.diff.push(Diff::attributes(previous.clone(), after));
    }
    Ok(reply.with("previous", previous))
}

/// The value in the form it is compared in, and whether it is there already.
fn compared(
    cx: &Context<'_>,
    package: &str,
    question: &str,
    kind: &str,
    given: &Value,
    existing: Option<&str>,
) -> Result<(Value, bool), ModuleError> {
    let value = if kind == "boolean" { Value::from(python_str(given).to_lowercase()) } else { given.clone() };
    let Some(existing) = existing else { return Ok((value, false)) };
    let same = match (kind, &value) {
        ("boolean", value) => python_str(value) == existing.to_lowercase(),
        ("password", value) => {
            password(cx, package, question, kind)?.is_some_and(|old| value.as_str() == Some(old.as_str()))
        }
        ("multiselect", Value::List(list)) => {
            if list.iter().any(|item| item.as_str().is_none()) {
                let found = list.iter().find(|item| item.as_str().is_none()).map_or("", Value::type_name);
                let msg = format!("Invalid value provided for 'multiselect': expected texts, {found} found");
                return Err(ModuleError::msg(msg));
            }
            let mut wanted: Vec<String> = list.iter().map(python_str).collect();
            let mut there: Vec<&str> = existing.split(',').map(str::trim).collect();
            wanted.sort_unstable();
            there.sort_unstable();
            let same = wanted == there;
            return Ok((Value::from(wanted), same));
        }
        (_, value) => value.as_str() == Some(existing),
    };
    Ok((value, same))
}

/// What debconf knows of a package, by question.
fn selections(cx: &Context<'_>, package: &str) -> Result<Map, ModuleError> {
    let output = ran(cx, &Program::new([tool(cx, "debconf-show")?.as_str(), package]))?;
    if !output.success() {
        return Err(ModuleError::msg(output.err()));
    }
    let text = output.out();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(question, value)| (question.trim_matches('*').trim().to_owned(), value.trim().to_owned())).collect())
}

/// A password, which only the complete list of selections holds.
fn password(cx: &Context<'_>, package: &str, question: &str, kind: &str) -> Result<Option<String>, ModuleError> {
    let output = ran(cx, &Program::new([tool(cx, "debconf-get-selections")?]))?;
    if !output.success() {
        let msg = format!("Failed to get the value '{question}' from '{package}': {}", output.err());
        return Err(ModuleError::msg(msg));
    }
    Ok(output.out().lines().filter(|line| line.starts_with(package)).find_map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [_, found, of, value, ..] if *found == question && *of == kind => Some((*value).to_owned()),
            [_, _, _, _, ..] => None,
            _ => Some(String::new()),
        }
    }))
}

fn tool(cx: &Context<'_>, name: &str) -> Result<String, ModuleError> {
    let found = cx.sys().which(name);
    found.map(|path| path.to_string_lossy().into_owned()).ok_or_else(|| {
        let path = cx.sys().var("PATH").unwrap_or_default();
        ModuleError::msg(format!("Failed to find required executable \"{name}\" in paths: {path}"))
    })
}

fn ran(cx: &Context<'_>, program: &Program) -> Result<Output, ModuleError> {
    cx.sys().run(program).map_err(|error| ModuleError::msg(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    fn fake() -> Fake {
        let fake = Fake::new().unwrap();
        fake.on("debconf-show", 0, "* a/flag: true\n  a/list: x, y\n* a/pass: (password omitted)\n")
            .on("debconf-get-selections", 0, "pkg\ta/pass\tpassword\told\n")
            .on("debconf-set-selections", 0, "")
    }

    fn set(question: &'static str, kind: &'static str, value: Value) -> Reply {
        let entries = [("name", "pkg".into()), ("question", question.into()), ("vtype", kind.into()), ("value", value)];
        fake().call("debconf", args(entries))
    }

    /// Results recorded from ansible-core 2.19.
    #[test]
    fn what_is_known_is_listed() {
        let reply = fake().call("debconf", args([("name", "pkg")]));
        let shown = reply.data.get("current").unwrap().repr();
        assert_eq!(shown, "{'a/flag': 'true', 'a/list': 'x, y', 'a/pass': '(password omitted)'}");
        assert!(!reply.changed);
    }

    #[test]
    fn every_kind_is_compared_as_debconf_keeps_it() {
        assert!(!set("a/flag", "boolean", true.into()).changed);
        assert!(set("a/flag", "boolean", "no".into()).changed);
        assert!(!set("a/list", "multiselect", vec!["y", "x"].into()).changed);
        assert!(set("a/list", "multiselect", vec!["y"].into()).changed);
        assert!(!set("a/pass", "password", "old".into()).changed);
        assert!(set("a/pass", "password", "new".into()).changed);
        let reply = set("a/new", "select", "v".into());
        assert_eq!(reply.data.get("previous").unwrap().as_map().unwrap().get("a/new"), Some(&"".into()));
        assert_eq!(reply.data.get("current").unwrap().repr(), "{'a/new': 'v'}");
    }
}
