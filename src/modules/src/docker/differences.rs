//! What is different from what was asked for, in the shapes that the collection's modules report it.

use rplay_value::{List, Map, Value};

/// Differences in the order they were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Differences(Vec<Difference>);

#[derive(Clone, Debug)]
struct Difference {
    name: String,
    wanted: Value,
    active: Value,
}

impl Differences {
    /// Notes that this is `active` but should be `wanted`.
    pub(super) fn add(&mut self, name: impl Into<String>, wanted: impl Into<Value>, active: impl Into<Value>) {
        self.0.push(Difference { name: name.into(), wanted: wanted.into(), active: active.into() });
    }

    /// Takes over what was found elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `before` and `after` as they are shown.
    pub(super) fn before_after(&self) -> (Map, Map) {
        let before = self.0.iter().map(|d| (d.name.as_str(), d.active.clone())).collect();
        let after = self.0.iter().map(|d| (d.name.as_str(), d.wanted.clone())).collect();
        (before, after)
    }

    /// Their names.
    pub(super) fn names(&self) -> List {
        self.0.iter().map(|d| d.name.as_str()).collect()
    }

    /// `[{name: {parameter: .., container: ..}}]`, as containers report them.
    pub(super) fn of_container(&self) -> List {
        let entry = |d: &Difference| {
            let both = Map::from_iter([("parameter", d.wanted.clone()), ("container", d.active.clone())]);
            Map::from_iter([(d.name.as_str(), both)])
        };
        self.0.iter().map(entry).collect()
    }
}
