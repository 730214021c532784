//! Attribute paths (`a.b.0`) and the key functions of `sort`, `unique`, `groupby`, `min`, `max`, `map` and `select`.

use minijinja::Value as Mj;

use crate::py::{self, Kind};

/// A path through items: `a.b.0`, or a single number.
#[derive(Clone, Debug)]
pub(crate) struct Attribute(Vec<Mj>);

impl Attribute {
    /// The path a filter's `attribute` argument means; `None` is the item itself.
    pub(crate) fn new(attribute: Option<&Mj>) -> Self {
        let Some(attribute) = attribute else { return Self(Vec::new()) };
        match py::kind(attribute) {
            Kind::None => Self(Vec::new()),
            Kind::Str(path) => Self::parse(path),
            _ => Self(vec![attribute.clone()]),
        }
    }

    fn parse(path: &str) -> Self {
        let step = |part: &str| match part.parse::<i64>() {
            Ok(index) if part.bytes().all(|b| b.is_ascii_digit()) => Mj::from(index),
            _ => Mj::from(part),
        };
        Self(path.split('.').map(step).collect())
    }

    /// Comma-separated paths (`sort(attribute='a,b.c')`).
    pub(crate) fn several(attribute: Option<&Mj>) -> Vec<Self> {
        match attribute.map(|attribute| (attribute, attribute.as_str())) {
            Some((_, Some(paths))) => paths.split(',').map(Self::parse).collect(),
            other => vec![Self::new(other.map(|(attribute, _)| attribute))],
        }
    }

    /// What the path leads to; a marker when something on the way is not there, unless a default stands for it.
    pub(crate) fn get(&self, item: &Mj, default: Option<&Mj>) -> Mj {
        let mut found = item.clone();
        for step in &self.0 {
            found = py::get_item(&found, step);
            if let Some(default) = default
                && py::is_undefined(&found)
            {
                found = default.clone();
            }
        }
        found
    }
}

/// Text in lower case, anything else as it is.
pub(crate) fn fold_case(value: Mj) -> Mj {
    match value.as_str() {
        Some(text) => Mj::from(text.to_lowercase()),
        None => value,
    }
}
