//! Mappings and lists laid over one another.

use rplay_value::{List, Map, Value};

/// Two values that cannot be laid over one another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TreeError {
    /// A list was to be extended by something else.
    #[error(
        "Failure merging key `{key}` in dictionary `{within}`. Expecting a list, but received: `{value}`, which is of type: `<class '{kind}'>`"
    )]
    NotAList { key: String, within: String, value: String, kind: &'static str },
    /// A mapping was to go into something else.
    #[error("key `{key}` is a mapping in one file and of type {kind} in another: they cannot be merged")]
    NotAMapping { key: String, kind: &'static str },
}

fn below<'a>(base: &'a mut Map, key: &Value) -> Result<&'a mut Map, TreeError> {
    let entry = base.make_mut().entry(key.clone()).or_insert_with(|| Value::Map(Map::new()));
    match entry {
        Value::Map(map) => Ok(map),
        other => Err(TreeError::NotAMapping { key: key.to_str().into_owned(), kind: other.type_name() }),
    }
}

/// Lays a mapping over another: mappings go into one another, everything else is replaced. `extend` adds lists to lists.
pub(crate) fn overlay(base: &mut Map, over: &Map, extend: bool) -> Result<(), TreeError> {
    for (key, value) in over {
        match value {
            Value::Map(map) => overlay(below(base, key)?, map, extend)?,
            _ if extend && matches!(base.get_value(key), Some(Value::List(_))) => {
                let Value::List(more) = value else {
                    return Err(TreeError::NotAList {
                        key: key.to_str().into_owned(),
                        within: Value::Map(base.clone()).to_str().into_owned(),
                        value: value.to_str().into_owned(),
                        kind: value.type_name(),
                    });
                };
                extend_list(base, key, more);
            }
            _ => {
                base.make_mut().insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn extend_list(base: &mut Map, key: &Value, more: &List) {
    if let Some(Value::List(list)) = base.make_mut().get_mut(key) {
        list.make_mut().extend(more.iter().cloned());
    }
}

/// How `config_template` lays overrides over a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overriding {
    /// Lists are added to lists.
    pub(crate) extend: bool,
    /// Texts of several lines stay texts.
    pub(crate) lines: bool,
}

/// Lays overrides over a mapping as `config_template` does: a text with commas or several lines becomes a list.
pub(crate) fn override_map(base: &mut Map, over: &Map, how: Overriding) -> Result<(), TreeError> {
    for (key, value) in over {
        match value {
            Value::Map(map) => override_map(below(base, key)?, map, how)?,
            Value::Text(text) if text.contains(',') || text.contains('\n') && !how.lines => {
                let parts = text.split([',', '\n']).filter(|part| !part.is_empty());
                let list: List = parts.map(|part| Value::from(part.trim())).collect();
                base.make_mut().insert(key.clone(), Value::List(list));
            }
            Value::List(more) if how.extend && matches!(base.get_value(key), Some(Value::List(_))) => {
                extend_list(base, key, more);
            }
            _ => {
                base.make_mut().insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

/// What differs between two mappings, as `config_template --diff` shows it: `added`, `removed` and `changed`, one level
/// of mappings deep; and whether anything does.
pub(crate) fn differences(old: &Map, new: &Map) -> (Map, bool) {
    let (mut added, mut removed, mut changed) = (Map::new(), Map::new(), Map::new());
    let pair =
        |old: &Value, new: &Value| Value::Map(Map::from_iter([("current_val", old.clone()), ("new_val", new.clone())]));
    let put = |into: &mut Map, section: &Value, key: &Value, value: Value| {
        let entry = into.make_mut().entry(section.clone()).or_insert_with(|| Value::Map(Map::new()));
        if let Value::Map(map) = entry {
            map.make_mut().insert(key.clone(), value);
        }
    };
    for (name, value) in new {
        match (old.get_value(name), value) {
            (None, _) => {
                added.make_mut().insert(name.clone(), value.clone());
            }
            (Some(before), after) if before == after => {}
            (Some(Value::Map(before)), Value::Map(after)) => {
                for (key, value) in after {
                    match before.get_value(key) {
                        None => put(&mut added, name, key, value.clone()),
                        Some(known) if known != value => put(&mut changed, name, key, pair(known, value)),
                        Some(_) => {}
                    }
                }
                for (key, value) in before.iter().filter(|(key, _)| after.get_value(key).is_none()) {
                    put(&mut removed, name, key, value.clone());
                }
            }
            (Some(before), after) => {
                changed.make_mut().insert(name.clone(), pair(before, after));
            }
        }
    }
    for (name, value) in old.iter().filter(|(name, _)| new.get_value(name).is_none()) {
        removed.make_mut().insert(name.clone(), value.clone());
    }
    let any = ![&added, &removed, &changed].iter().all(|part| part.is_empty());
    (Map::from_iter([("added", added), ("removed", removed), ("changed", changed)]), any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        rplay_value::json::loads(text).unwrap().as_map().unwrap().clone()
    }

    fn text(map: &Map) -> String {
        rplay_value::json::dumps(&Value::Map(map.clone()), &rplay_value::json::JsonStyle::default()).unwrap()
    }

    #[test]
    fn mappings_go_into_one_another_and_lists_are_replaced() {
        let mut base = map(r#"{"a": {"x": 1, "l": [1]}, "b": 2}"#);
        overlay(&mut base, &map(r#"{"a": {"y": 3, "l": [2]}, "c": 4}"#), false).unwrap();
        assert_eq!(text(&base), r#"{"a": {"x": 1, "l": [2], "y": 3}, "b": 2, "c": 4}"#);
        overlay(&mut base, &map(r#"{"a": {"l": [5]}}"#), true).unwrap();
        assert_eq!(text(&base), r#"{"a": {"x": 1, "l": [2, 5], "y": 3}, "b": 2, "c": 4}"#);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = overlay(&mut map(r#"{"l": [1]}"#), &map(r#"{"l": "x"}"#), true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Failure merging key `l` in dictionary `{'l': [1]}`. Expecting a list, but received: `x`, which is of type: `<class 'str'>`"
        );
        let error = overlay(&mut map(r#"{"a": 1}"#), &map(r#"{"a": {"b": 1}}"#), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "key `a` is a mapping in one file and of type int in another: they cannot be merged"
        );
    }

    #[test]
    fn overrides_split_texts() {
        let mut base = map(r#"{"l": [1]}"#);
        let over = map(r#"{"l": [2], "t": "a, b,", "m": "x\ny", "n": 5}"#);
        override_map(&mut base, &over, Overriding { extend: true, lines: false }).unwrap();
        assert_eq!(text(&base), r#"{"l": [1, 2], "t": ["a", "b"], "m": ["x", "y"], "n": 5}"#);
        override_map(&mut base, &over, Overriding { extend: false, lines: true }).unwrap();
        assert_eq!(text(&base), r#"{"l": [2], "t": ["a", "b"], "m": "x\ny", "n": 5}"#);
    }

    #[test]
    fn differences_are_told_one_level_deep() {
        let old = map(r#"{"s": {"a": 1, "b": 2}, "gone": {"x": 1}, "v": 1}"#);
        let new = map(r#"{"s": {"a": 9, "c": 3}, "v": 2, "n": {}}"#);
        let (found, any) = differences(&old, &new);
        assert!(any);
        assert_eq!(
            text(&found),
            r#"{"added": {"s": {"c": 3}, "n": {}}, "removed": {"s": {"b": 2}, "gone": {"x": 1}}, "changed": {"s": {"a": {"current_val": 1, "new_val": 9}}, "v": {"current_val": 1, "new_val": 2}}}"#
        );
        assert!(!differences(&old, &old).1);
    }
}
