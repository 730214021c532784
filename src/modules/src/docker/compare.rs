//! Whether an option's value and what a container has are equal, the way the user wants them compared.

use rplay_value::{List, Map, Value};

/// What kind of value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value.
    Value,
    /// A list whose order matters.
    List,
    /// A list whose order does not.
    Set,
    /// A list of mappings whose order does not.
    SetOfMaps,
    /// A mapping.
    Map,
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Always equal.
    Ignore,
    /// Equal when nothing differs.
    Strict,
    /// The container may have more.
    AllowMorePresent,
}

impl Shape {
    /// How it is compared when the user says nothing.
    pub(super) fn usual(self) -> Comparison {
        match self {
            Self::Value | Self::List => Comparison::Strict,
            Self::Set | Self::SetOfMaps | Self::Map => Comparison::AllowMorePresent,
        }
    }
}

/// Compares what is wanted with what is there.
pub(super) fn equal(wanted: &Value, there: &Value, comparison: Comparison, shape: Shape) -> bool {
    if comparison == Comparison::Ignore {
        return true;
    }
    if wanted.is_null() || there.is_null() {
        if wanted == there {
            return true;
        }
        return match shape {
            Shape::Value => false,
            _ if comparison == Comparison::AllowMorePresent && wanted.is_null() => true,
            _ => is_empty(if wanted.is_null() { there } else { wanted }),
        };
    }
    let strict = comparison == Comparison::Strict;
    match (shape, wanted, there) {
        (Shape::List, Value::List(a), Value::List(b)) if !strict => {
            let mut rest = b.iter();
            a.iter().all(|item| rest.any(|other| other == item))
        }
        (Shape::Map, Value::Map(a), Value::Map(b)) if !strict => holds(b, a),
        (Shape::Set, ..) => {
            let (a, b) = (members(wanted), members(there));
            let within = |some: &List, all: &List| some.iter().all(|item| all.contains(item));
            within(&a, &b) && (!strict || within(&b, &a))
        }
        (Shape::SetOfMaps, Value::List(a), Value::List(b)) => {
            let matches = |a: &Value, b: &Value| match (a, b) {
                (Value::Map(a), Value::Map(b)) => holds(b, a),
                _ => a == b,
            };
            a.iter().all(|item| b.iter().any(|other| matches(item, other)))
                && (!strict || b.iter().all(|other| a.iter().any(|item| matches(item, other))))
        }
        _ => wanted == there,
    }
}

/// A set's members; of a mapping its keys, as Python's `set()` takes them.
fn members(value: &Value) -> List {
    match value {
        Value::List(list) => list.clone(),
        Value::Map(map) => map.keys().cloned().collect(),
        other => [other.clone()].into_iter().collect(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether every entry of `part` is in `whole`.
pub(super) fn holds(whole: &Map, part: &Map) -> bool {
    part.iter().all(|(key, value)| whole.get_value(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Value {
        Value::from(items.to_vec())
    }

    #[test]
    fn lists_and_sets() {
        use Comparison::{AllowMorePresent, Ignore, Strict};
        assert!(equal(&list(&["a", "c"]), &list(&["a", "b", "c"]), AllowMorePresent, Shape::List));
        assert!(!equal(&list(&["c", "a"]), &list(&["a", "b", "c"]), AllowMorePresent, Shape::List));
        assert!(equal(&list(&["c", "a"]), &list(&["a", "b", "c"]), AllowMorePresent, Shape::Set));
        assert!(!equal(&list(&["c", "a"]), &list(&["a", "b", "c"]), Strict, Shape::Set));
        assert!(equal(&list(&["x"]), &Value::Null, Ignore, Shape::Set));
        assert!(equal(&list(&[]), &Value::Null, Strict, Shape::Set));
        assert!(!equal(&list(&["x"]), &Value::Null, AllowMorePresent, Shape::Set));
        assert!(!equal(&Value::Int(1), &Value::Null, Strict, Shape::Value));
    }

    #[test]
    fn mappings() {
        let small = Map::from_iter([("a", 1)]);
        let large = Map::from_iter([("a", 1), ("b", 2)]);
        let compare = |a: &Map, b: &Map, how| equal(&a.clone().into(), &b.clone().into(), how, Shape::Map);
        assert!(compare(&small, &large, Comparison::AllowMorePresent));
        assert!(!compare(&large, &small, Comparison::AllowMorePresent));
        assert!(!compare(&small, &large, Comparison::Strict));
        let set = |map: &Map| Value::from(vec![map.clone()]);
        assert!(equal(&set(&small), &set(&large), Comparison::Strict, Shape::SetOfMaps));
        assert!(!equal(&set(&large), &set(&small), Comparison::AllowMorePresent, Shape::SetOfMaps));
    }
}
