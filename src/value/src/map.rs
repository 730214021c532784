//! A shared, copy-on-write mapping that keeps insertion order, as Python's dict does.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap};

use crate::{Text, Value};

type Entries = IndexMap<Value, Value, RandomState>;

/// A mapping of values to values in insertion order. Keys follow Python: `1`, `1.0` and `True` are one key.
///
/// Clones share; a change copies when somebody else looks at the same mapping.
#[derive(Clone, Debug, Default)]
pub struct Map(Arc<Entries>);

impl Equivalent<Value> for str {
    fn equivalent(&self, key: &Value) -> bool {
        matches!(key, Value::Text(text) if text.as_str() == self)
    }
}

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty mapping with room for `n` entries.
    pub fn with_capacity(n: usize) -> Self {
        Self(Arc::new(Entries::with_capacity_and_hasher(n, RandomState::default())))
    }

    /// The value under a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The key as stored (with its origin) and the value under a text key.
    pub fn get_entry(&self, key: &str) -> Option<(&Value, &Value)> {
        self.0.get_key_value(key)
    }

    /// The value under any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        self.0.get(key)
    }

    /// Entry number `index` in insertion order.
    pub fn get_index(&self, index: usize) -> Option<(&Value, &Value)> {
        self.0.get_index(index)
    }

    /// The value under a text key, for changing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.make_mut().get_mut(key)
    }

    /// Whether a text key is present.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Sets a key; an existing key keeps its place. Returns what was there.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        self.make_mut().insert(key.into(), value.into())
    }

    /// Takes a text key out, keeping the order of the rest.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        if !self.contains(key) {
            return None;
        }
        self.make_mut().shift_remove(key)
    }

    /// The entries for changing.
    pub fn make_mut(&mut self) -> &mut Entries {
        Arc::make_mut(&mut self.0)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Entries in insertion order.
    pub fn iter(&self) -> indexmap::map::Iter<'_, Value, Value> {
        self.0.iter()
    }

    /// Entries with text keys, in insertion order.
    pub fn texts(&self) -> impl Iterator<Item = (&Text, &Value)> {
        self.0.iter().filter_map(|(key, value)| match key {
            Value::Text(text) => Some((text, value)),
            _ => None,
        })
    }

    /// Keys in insertion order.
    pub fn keys(&self) -> impl Iterator<Item = &Value> {
        self.0.keys()
    }

    /// Values in insertion order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    /// Whether both are the very same mapping in memory.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sets every entry of `other`, later ones winning.
    pub fn extend(&mut self, other: impl IntoIterator<Item = (Value, Value)>) {
        self.make_mut().extend(other);
    }
}

/// As Python: equal when the same keys have equal values, in whatever order.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || *self.0 == *other.0
    }
}

impl Eq for Map {}

impl Hash for Map {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Value, &'a Value);
    type IntoIter = indexmap::map::Iter<'a, Value, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = indexmap::map::IntoIter<Value, Value>;
    fn into_iter(self) -> Self::IntoIter {
        Arc::try_unwrap(self.0).unwrap_or_else(|shared| (*shared).clone()).into_iter()
    }
}
