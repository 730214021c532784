//! A task's result in words: labels of hosts and items, and what is worth showing.

use rplay_event::{TaskInfo, TaskResult};
use rplay_value::Map;

/// Keys that `debug` shows besides `msg`.
const DEBUG_ALLOWED: &[&str] = &["msg", "exception", "warnings", "deprecations"];
/// Keys that `debug: var=` hides.
const DEBUG_HIDDEN: &[&str] = &["changed", "failed", "skipped", "invocation", "skip_reason"];

/// `host`, or `host -> delegate`, or `host -> delegate(address)`.
pub(crate) fn host_label(host: &str, result: &TaskResult) -> String {
    match &result.delegated_to {
        Some(delegate) if delegate.host != host => match delegate.address.as_deref().filter(|a| *a != delegate.host) {
            Some(address) => format!("{host} -> {}({address})", delegate.host),
            None => format!("{host} -> {}", delegate.host),
        },
        _ => host.to_owned(),
    }
}

pub(crate) fn item_label(result: &TaskResult) -> String {
    if result.no_log {
        return "(censored due to no_log)".to_owned();
    }
    let label = result.label.as_ref().or_else(|| result.data.get("item"));
    label.map_or_else(|| "None".to_owned(), |v| v.to_str().into_owned())
}

/// `debug` shows what it was asked for and nothing else.
pub(crate) fn cleaned(data: &Map, task: &TaskInfo) -> Map {
    if !matches!(task.action.as_str(), "debug" | "ansible.builtin.debug" | "ansible.legacy.debug") {
        return data.clone();
    }
    if data.contains("msg") {
        let kept =
            data.iter().filter(|(k, _)| k.as_str().is_some_and(|k| DEBUG_ALLOWED.contains(&k) || k.starts_with('_')));
        return kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    }
    data.iter()
        .filter(|(k, _)| !k.as_str().is_some_and(|k| DEBUG_HIDDEN.contains(&k)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use rplay_event::Delegate;

    use super::*;

    #[test]
    fn delegates_and_addresses_are_named() {
        let delegated_to = Some(Delegate { host: "b".into(), address: Some("10.0.0.1".into()) });
        let mut r = TaskResult { delegated_to, ..TaskResult::default() };
        assert_eq!(host_label("a", &r), "a -> b(10.0.0.1)");
        r.delegated_to = Some(Delegate { host: "a".into(), address: None });
        assert_eq!(host_label("a", &r), "a");
    }
}
