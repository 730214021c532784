//! Results as text.

use rplay_value::{JsonStyle, Map, Value, json};

use crate::terminal::Look;

/// A result as it follows `=> `: sorted keys, on one line unless `pretty` or very verbose.
pub(crate) fn result(data: &Map, pretty: bool, look: &Look) -> String {
    let mut shown = data.clone();
    for key in ["exception", "warnings", "deprecations"] {
        shown.remove(key);
    }
    if look.verbosity < 3 {
        shown.remove("invocation");
        shown.remove("diff");
    }
    let indent = (pretty || look.verbosity > 2).then_some(4);
    dumps(&Value::Map(shown), indent, false)
}

/// Attributes before or after a change, as the difference shows them.
pub(crate) fn attributes(map: &Map, _look: &Look) -> String {
    dumps(&Value::Map(map.clone()), Some(4), true) + "\n"
}

/// Custom statistics on one line.
pub(crate) fn statistics(map: &Map) -> String {
    dumps(&Value::Map(map.clone()), Some(1), false).replace('\n', "")
}

fn dumps(value: &Value, indent: Option<usize>, ensure_ascii: bool) -> String {
    let style = JsonStyle { indent: indent.map(|n| " ".repeat(n)), sort_keys: true, ensure_ascii, separators: None };
    json::dumps(value, &style)
        .or_else(|_| json::dumps(value, &JsonStyle { sort_keys: false, ..style }))
        .unwrap_or_else(|_| value.repr())
}
