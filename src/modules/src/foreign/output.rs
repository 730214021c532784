//! What a module that is a program printed, as a reply.

use rplay_protocol::{Deprecation, Reply};
use rplay_value::json::loads;
use rplay_value::{List, Map, Value};

use crate::Output;

/// Key of a failed result without `msg`: the text of the exception that ended the module.
pub const RAISED: &str = "_ansible_raised";

/// Reads a module's output: JSON, perhaps with other words around it.
pub(super) fn reply(output: &Output) -> Reply {
    let text = output.out();
    let (json, junk) = match json_lines(&text) {
        Ok(found) => found,
        Err(problem) => return unreadable(output, problem),
    };
    let mut data = match loads(&json) {
        Ok(Value::Map(data)) => data,
        Ok(other) => {
            return unreadable(output, &format!("Module result is not a dictionary but {}", other.type_name()));
        }
        Err(error) => return unreadable(output, &error.to_string()),
    };
    let mut reply = Reply::default();
    reply.warnings.extend(junk.map(|junk| format!("Module invocation had junk after the JSON data: {junk}")));
    for warning in listed(data.remove("warnings")) {
        reply.warnings.push(message(&warning));
    }
    for deprecation in listed(data.remove("deprecations")) {
        reply.deprecations.push(deprecated(&deprecation));
    }
    if let Some(Value::Map(exception)) = data.get("exception") {
        let chain = chain(exception);
        data.remove("exception");
        if !data.contains("msg") {
            data.insert(RAISED, chain);
        }
    }
    reply.changed = data.remove("changed").is_some_and(|changed| changed.is_true());
    reply.failed = data.get("failed").is_some_and(Value::is_true);
    if reply.failed {
        data.remove("failed");
    }
    if data.get("results").is_some_and(|results| !matches!(results, Value::List(_) | Value::Null)) {
        let results = data.remove("results").unwrap_or_default();
        data.insert("ansible_module_results", results);
        let warning = "Found internal 'results' key in module return, renamed to 'ansible_module_results'.";
        reply.warnings.push(warning.to_owned());
    }
    data = data.iter().filter(|(key, _)| !is_internal(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    for (from, to) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        if let Some(said) = data.get(from).filter(|_| !data.contains(to)) {
            let text = if said.is_true() { said.to_str().into_owned() } else { String::new() };
            let lines: List = text.lines().map(Value::from).collect();
            data.insert(to, lines);
        }
    }
    reply.data = data;
    reply
}

/// Keys that Ansible keeps for itself.
fn is_internal(key: &Value) -> bool {
    key.as_str().is_some_and(|key| key.starts_with("_ansible_") && key != RAISED)
}

/// A failure because there was no result to read.
fn unreadable(output: &Output, problem: &str) -> Reply {
    Reply::failure(format!("Module result deserialization failed: {problem}"))
        .with("module_stdout", output.out())
        .with("module_stderr", output.err())
        .with("rc", i64::from(output.rc))
}

/// A failure because the interpreter is not there, as a shell reports it.
pub(super) fn no_interpreter(name: &str) -> Reply {
    Reply::failure(format!("The module interpreter '{name}' was not found."))
        .with("module_stdout", "")
        .with("module_stderr", format!("/bin/sh: 1: {name}: not found\n"))
        .with("rc", 127_i64)
}

/// The lines from the first that begins with a brace to the last that ends with one, and what comes after.
fn json_lines(text: &str) -> Result<(String, Option<String>), &'static str> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.trim_start().starts_with('{'));
    let start = start.ok_or("No start of json char found")?;
    let end = lines[start..].iter().rposition(|line| line.trim_end().ends_with('}'));
    let end = start + end.ok_or("No end of json char found")?;
    let rest = &lines[end + 1..];
    let junk = rest.iter().any(|line| !line.trim().is_empty()).then(|| rest.join("\n"));
    Ok((lines[start..=end].join("\n"), junk))
}

fn listed(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::List(list)) => list.iter().cloned().collect(),
        None | Some(Value::Null) => Vec::new(),
        Some(other) => vec![other],
    }
}

/// The words of a warning: text, or ansible-core's own form of it.
fn message(value: &Value) -> String {
    match value.get("event").and_then(Value::as_map) {
        Some(event) => {
            let words = [event.get("msg"), event.get("help_text")];
            words.into_iter().flatten().filter(|w| !w.is_null()).map(Value::to_string).collect::<Vec<_>>().join(" ")
        }
        None => value.get("msg").unwrap_or(value).to_str().into_owned(),
    }
}

/// What will stop working: text, a mapping, or ansible-core's own form of it.
fn deprecated(value: &Value) -> Deprecation {
    let text = |from: &Value, key: &str| from.get(key).filter(|v| !v.is_null()).map(Value::to_string);
    let own = value.get("event").filter(|event| event.as_map().is_some());
    let by = value.get("deprecator").filter(|by| by.as_map().is_some());
    Deprecation {
        message: own.map_or_else(|| message(value), |event| text(event, "msg").unwrap_or_default()),
        help: text(own.unwrap_or(value), "help_text"),
        version: text(value, "version"),
        date: text(value, "date"),
        by: by.and_then(|by| text(by, "resolved_name")).or_else(|| text(value, "collection_name")),
        // A kind of plugin comes as its name, or as ansible-core's form of an enumeration.
        kind: by.and_then(|by| by.get("type")).and_then(|kind| {
            let value = kind.get("value").unwrap_or(kind);
            (!value.is_null()).then(|| value.to_string())
        }),
    }
}

/// The messages of an exception and of what caused it.
fn chain(summary: &Map) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut event = summary.get("event").and_then(Value::as_map);
    while let Some(at) = event {
        let said = at.get("msg").map(Value::to_string).unwrap_or_default();
        let said = said.trim_end_matches('.').to_owned();
        // Many exceptions repeat the words of their cause.
        if !said.is_empty() && !parts.iter().any(|known| known.ends_with(&said)) {
            parts.push(said);
        }
        // What was under way when an exception came up is not its cause.
        let chain = at.get("chain").filter(|chain| chain.get("follow").is_none_or(Value::is_true));
        event = chain.and_then(|chain| chain.get("event")).and_then(Value::as_map);
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &str) -> Reply {
        reply(&Output { rc: 3, stdout: stdout.into(), stderr: b"oops".to_vec() })
    }

    #[test]
    fn a_result_is_found_among_other_words() {
        let reply = read("motd\n\n{\"changed\": true, \"a\": [1], \"_ansible_x\": 1, \"warnings\": [\"w\"]}\n\nbye\n");
        assert!(reply.changed && !reply.failed);
        assert_eq!(reply.data, Map::from_iter([("a", Value::from(List::from_iter([Value::Int(1)])))]));
        assert_eq!(reply.warnings, ["Module invocation had junk after the JSON data: \nbye", "w"]);
    }

    #[test]
    fn what_is_no_result_is_a_failure_with_everything_that_was_said() {
        for (stdout, problem) in [
            ("hello\n", "No start of json char found"),
            ("{ hello\n", "No end of json char found"),
            ("{hello}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ] {
            let reply = read(stdout);
            assert!(reply.failed);
            let text = |key: &str| reply.data.get(key).unwrap().to_string();
            assert_eq!(text("msg"), format!("Module result deserialization failed: {problem}"));
            assert_eq!(
                (text("module_stdout"), text("module_stderr"), text("rc")),
                (stdout.into(), "oops".into(), "3".into())
            );
        }
    }

    #[test]
    fn ansible_cores_own_forms_are_read() {
        let reply = read(
            r#"{"failed": true, "exception": {"event": {"msg": "outer", "chain": {"event": {"msg": "inner"}}}},
            "warnings": [{"event": {"msg": "careful", "help_text": "Do so."}}],
            "deprecations": [{"event": {"msg": "old"}, "version": "2.99"}, {"msg": "plain", "date": "2029-01-01", "collection_name": "a.b"}]}"#,
        );
        assert_eq!(reply.data.get(RAISED).unwrap().to_str(), "outer: inner");
        assert_eq!(reply.warnings, ["careful Do so."]);
        let some = |text: &str| Some(text.to_owned());
        let of = |message: &str| Deprecation { message: message.to_owned(), ..Deprecation::default() };
        assert_eq!(
            reply.deprecations,
            [
                Deprecation { version: some("2.99"), ..of("old") },
                Deprecation { date: some("2029-01-01"), by: some("a.b"), ..of("plain") },
            ]
        );
    }

    #[test]
    fn outputs_are_split_and_results_renamed() {
        let reply = read(r#"{"stdout": "a\nb", "stderr": false, "results": {"a": 1}}"#);
        assert_eq!(reply.data.get("stdout_lines").unwrap().repr(), "['a', 'b']");
        assert_eq!(reply.data.get("stderr_lines").unwrap().repr(), "[]");
        assert_eq!(reply.data.get("ansible_module_results").unwrap().repr(), "{'a': 1}");
    }
}
