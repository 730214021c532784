//! Secrets cut out of results, as Ansible's `remove_values` does.

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::convert::python_str;

/// What stands where a whole value was a secret.
const PLACEHOLDER: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";
/// What stands where a secret was a part of a text.
pub(crate) const STARS: &str = "********";

/// Cuts every secret out of everything the reply shows.
pub(crate) fn censor(reply: &mut Reply, secrets: &[String]) {
    if secrets.is_empty() {
        return;
    }
    let mut secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    // Longer first: a secret may hold another one.
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    reply.data = censored_map(&reply.data, &secrets);
    for diff in &mut reply.diff {
        for side in [&mut diff.before, &mut diff.after] {
            *side = side.as_ref().map(|value| censored(value, &secrets));
        }
        for text in [&mut diff.before_header, &mut diff.after_header, &mut diff.prepared] {
            *text = text.as_ref().map(|text| without(text, &secrets));
        }
    }
    for warning in &mut reply.warnings {
        *warning = without(warning, &secrets);
    }
    for gone in &mut reply.deprecations {
        gone.message = without(&gone.message, &secrets);
    }
}

/// Every text and number in a value that must not be shown.
pub(crate) fn collect_texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::List(list) => list.iter().for_each(|item| collect_texts(item, out)),
        Value::Map(map) => map.values().for_each(|item| collect_texts(item, out)),
        other => out.extend(Some(python_str(other)).filter(|s| !s.is_empty())),
    }
}

fn censored_map(map: &Map, secrets: &[&str]) -> Map {
    map.iter().map(|(key, value)| (key.clone(), censored(value, secrets))).collect()
}

fn censored(value: &Value, secrets: &[&str]) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Text(text) if secrets.contains(&text.as_str()) => Value::from(PLACEHOLDER),
        Value::Text(text) if secrets.iter().any(|s| text.contains(s)) => Value::from(without(text, secrets)),
        Value::Text(_) | Value::Vault(_) => value.clone(),
        Value::List(list) => Value::List(list.iter().map(|item| censored(item, secrets)).collect::<List>()),
        Value::Map(map) => Value::Map(censored_map(map, secrets)),
        number => {
            let text = python_str(number);
            if secrets.iter().any(|s| text.contains(s)) { Value::from(PLACEHOLDER) } else { number.clone() }
        }
    }
}

fn without(text: &str, secrets: &[&str]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, STARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_no_trace_in_values_or_texts() {
        let mut reply = Reply::failure("login with hunter2 failed").with("password", "hunter2").with("pin", 1234);
        reply.warnings.push("hunter2?".to_owned());
        censor(&mut reply, &["hunter2".to_owned(), "1234".to_owned()]);
        let result = reply.into_result();
        assert_eq!(result.get("msg"), Some(&"login with ******** failed".into()));
        assert_eq!(result.get("password"), Some(&PLACEHOLDER.into()));
        assert_eq!(result.get("pin"), Some(&PLACEHOLDER.into()));
        assert_eq!(result.get("warnings"), Some(&vec!["********?"].into()));
    }
}
