//! Python's `dict`: shared, mutable, and lazy where it comes from a variable.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{Equivalent, IndexMap};
use minijinja::Value as Mj;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use rplay_value::{Map, Value};

use super::{Kind, equal, kind, wrap};
use crate::{Scope, TemplateError};

/// A key of a dict: hashed and compared as Python does (`1`, `1.0` and `True` are one key).
#[derive(Clone, Debug)]
pub struct Key(Mj);

impl Key {
    /// A key, when Python could hash it.
    pub fn new(value: Mj) -> Result<Self, TemplateError> {
        super::trip(&value)?;
        if hashable(&value) {
            Ok(Self(value))
        } else {
            Err(TemplateError::type_error(format!("unhashable type: '{}'", super::type_name(&value))))
        }
    }

    /// The value.
    pub fn value(&self) -> &Mj {
        &self.0
    }
}

fn hashable(value: &Mj) -> bool {
    match kind(value) {
        Kind::List(_) | Kind::Dict(_) => false,
        Kind::Tuple(items) => items.iter().all(hashable),
        _ => true,
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

fn hash<H: Hasher>(value: &Mj, state: &mut H) {
    match kind(value) {
        Kind::Str(s) => s.hash(state),
        Kind::Bool(b) => i64::from(b).hash(state),
        Kind::Int(i) => i.hash(state),
        Kind::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => (f as i64).hash(state),
        Kind::Float(f) => f.to_bits().hash(state),
        Kind::Big(big) => big.hash(state),
        Kind::Bytes(bytes) => bytes.hash(state),
        Kind::Tuple(items) => items.iter().for_each(|item| hash(item, state)),
        _ => 0_u8.hash(state),
    }
}

struct TextKey<'a>(&'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_str() == Some(self.0)
    }
}

/// Entries in insertion order.
pub type Entries = IndexMap<Key, Mj>;

/// A dict with Python's identity: a change is seen through every name.
pub struct Dict(Mutex<Items>);

enum Items {
    /// A variable's mapping, untouched; values are rendered in the scope when they are read.
    Shared(Map, Option<Scope>),
    Own(Entries),
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dict({})", self.len())
    }
}

impl Default for Dict {
    fn default() -> Self {
        Self::new()
    }
}

impl Dict {
    /// An empty dict.
    pub fn new() -> Self {
        Self(Mutex::new(Items::Own(Entries::new())))
    }

    /// A dict of these entries.
    pub fn of(entries: Entries) -> Self {
        Self(Mutex::new(Items::Own(entries)))
    }

    pub(crate) fn shared(map: Map, scope: Option<Scope>) -> Self {
        Self(Mutex::new(Items::Shared(map, scope)))
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        match &*self.lock() {
            Items::Shared(map, _) => map.len(),
            Items::Own(entries) => entries.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value under a text key.
    pub fn get_text(&self, key: &str) -> Option<Mj> {
        let (value, scope) = match &*self.lock() {
            Items::Own(entries) => return entries.get(&TextKey(key)).cloned(),
            Items::Shared(map, scope) => (map.get(key)?.clone(), scope.clone()),
        };
        Some(wrap(&value, scope.as_ref()))
    }

    /// The value under any key. A key that Python could not hash is an error.
    pub fn get(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        if let Some(text) = key.as_str() {
            return Ok(self.get_text(text));
        }
        let key = Key::new(key.clone())?;
        let (value, scope) = match &*self.lock() {
            Items::Own(entries) => return Ok(entries.get(&key).cloned()),
            Items::Shared(map, scope) => {
                (super::to_value(&key.0).ok().and_then(|key| map.get_value(&key).cloned()), scope.clone())
            }
        };
        Ok(value.map(|value| wrap(&value, scope.as_ref())))
    }

    /// Whether a key is there.
    pub fn has(&self, key: &Mj) -> Result<bool, TemplateError> {
        let key = Key::new(key.clone())?;
        Ok(match &*self.lock() {
            Items::Own(entries) => entries.contains_key(&key),
            Items::Shared(map, _) => match key.0.as_str() {
                Some(text) => map.contains(text),
                None => super::to_value(&key.0).is_ok_and(|key| map.get_value(&key).is_some()),
            },
        })
    }

    /// Keys in insertion order.
    pub fn keys(&self) -> Vec<Mj> {
        let map = match &*self.lock() {
            Items::Own(entries) => return entries.keys().map(|key| key.0.clone()).collect(),
            Items::Shared(map, scope) => (map.clone(), scope.clone()),
        };
        map.0.keys().map(|key| wrap(key, map.1.as_ref())).collect()
    }

    /// Values in insertion order. Templates among a variable's values are rendered.
    pub fn values(&self) -> Vec<Mj> {
        let map = match &*self.lock() {
            Items::Own(entries) => return entries.values().cloned().collect(),
            Items::Shared(map, scope) => (map.clone(), scope.clone()),
        };
        map.0.values().map(|value| wrap(value, map.1.as_ref())).collect()
    }

    /// Keys and values in insertion order. Templates among a variable's values are rendered.
    pub fn pairs(&self) -> Vec<(Mj, Mj)> {
        let map = match &*self.lock() {
            Items::Own(entries) => return entries.iter().map(|(key, value)| (key.0.clone(), value.clone())).collect(),
            Items::Shared(map, scope) => (map.clone(), scope.clone()),
        };
        map.0.iter().map(|(key, value)| (wrap(key, map.1.as_ref()), wrap(value, map.1.as_ref()))).collect()
    }

    /// Sets a key; an existing key keeps its place.
    pub fn set(&self, key: Mj, value: Mj) -> Result<(), TemplateError> {
        let key = Key::new(key)?;
        self.change(|entries| entries.insert(key, value));
        Ok(())
    }

    /// Sets a text key.
    pub fn set_text(&self, key: &str, value: Mj) {
        self.change(|entries| entries.insert(Key(Mj::from(key)), value));
    }

    /// Changes the entries in place.
    pub fn change<R>(&self, change: impl FnOnce(&mut Entries) -> R) -> R {
        let is_shared = matches!(&*self.lock(), Items::Shared(..));
        if is_shared {
            let entries = self.pairs().into_iter().map(|(key, value)| (Key(key), value)).collect();
            *self.lock() = Items::Own(entries);
        }
        let mut guard = self.lock();
        if let Items::Shared(..) = &*guard {
            *guard = Items::Own(Entries::new());
        }
        match &mut *guard {
            Items::Own(entries) => change(entries),
            Items::Shared(..) => change(&mut Entries::new()),
        }
    }

    /// The variable's mapping this stands for, when nothing in it can change by rendering.
    pub(crate) fn plain(&self) -> Option<Map> {
        match &*self.lock() {
            Items::Shared(map, None) => Some(map.clone()),
            Items::Shared(map, Some(_)) if !Value::Map(map.clone()).holds_template() => Some(map.clone()),
            _ => None,
        }
    }

    /// Whether reading an entry may render something in a scope.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(&*self.lock(), Items::Shared(_, Some(_)))
    }
}

impl Object for Dict {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Mj) -> Option<Mj> {
        self.get(key).ok().flatten()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.keys())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::repr(&Mj::from_dyn_object(Arc::clone(self))))
    }
}
