//! Python's `dict`: shared, mutable, and lazy where it comes from a variable.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{Equivalent, IndexMap};
use minijinja::Value as Mj;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use rplay_value::{Map, Value};

use super::lazy::{Lazy, Origin, Reading, Tree, separate};
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
pub struct Dict {
    items: Mutex<Items>,
    origin: Origin,
}

enum Items {
    /// A variable's mapping, untouched; values are rendered in the scope when they are read.
    Shared(Lazy<Map>),
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
        Self::of(Entries::new())
    }

    /// A dict of these entries.
    pub fn of(entries: Entries) -> Self {
        Self { items: Mutex::new(Items::Own(entries)), origin: Origin::here() }
    }

    pub(crate) fn shared(map: Map, scope: Option<Scope>) -> Self {
        Self { items: Mutex::new(Items::Shared(Lazy::new(map, scope))), origin: Origin::here() }
    }

    pub(super) fn branch(map: Map, scope: Option<Scope>, tree: Tree) -> Self {
        Self { items: Mutex::new(Items::Shared(Lazy::new(map, scope))), origin: Origin::within(Some(tree)) }
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        match &*self.lock() {
            Items::Shared(lazy) => lazy.source.len(),
            Items::Own(entries) => entries.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value under a text key.
    pub fn get_text(&self, key: &str) -> Option<Mj> {
        let source = match &mut *self.lock() {
            Items::Own(entries) => return entries.get(&TextKey(key)).cloned(),
            Items::Shared(lazy) => {
                let source = lazy.source.clone();
                if let Reading::Done(value) = lazy.read(source.get(key)?, &self.origin) {
                    return Some(value);
                }
                source
            }
        };
        source.get(key).map(|element| self.render(element))
    }

    /// The value under any key. A key that Python could not hash is an error.
    pub fn get(&self, key: &Mj) -> Result<Option<Mj>, TemplateError> {
        if let Some(text) = key.as_str() {
            return Ok(self.get_text(text));
        }
        let key = Key::new(key.clone())?;
        let (source, plain) = match &mut *self.lock() {
            Items::Own(entries) => return Ok(entries.get(&key).cloned()),
            Items::Shared(lazy) => {
                let source = lazy.source.clone();
                let Ok(plain) = super::to_value(&key.0) else { return Ok(None) };
                let Some(element) = source.get_value(&plain) else { return Ok(None) };
                if let Reading::Done(value) = lazy.read(element, &self.origin) {
                    return Ok(Some(value));
                }
                (source, plain)
            }
        };
        Ok(source.get_value(&plain).map(|element| self.render(element)))
    }

    /// Renders a value that a variable's mapping holds as a template.
    fn render(&self, element: &Value) -> Mj {
        let scope = match &*self.lock() {
            Items::Shared(lazy) => lazy.scope.clone(),
            Items::Own(_) => None,
        };
        let made = wrap(element, scope.as_ref());
        match &mut *self.lock() {
            Items::Shared(lazy) => lazy.keep(element, made),
            Items::Own(_) => made,
        }
    }

    /// Whether a key is there.
    pub fn has(&self, key: &Mj) -> Result<bool, TemplateError> {
        let key = Key::new(key.clone())?;
        Ok(match &*self.lock() {
            Items::Own(entries) => entries.contains_key(&key),
            Items::Shared(lazy) => match key.0.as_str() {
                Some(text) => lazy.source.contains(text),
                None => super::to_value(&key.0).is_ok_and(|key| lazy.source.get_value(&key).is_some()),
            },
        })
    }

    /// Keys in insertion order.
    pub fn keys(&self) -> Vec<Mj> {
        let (source, scope) = match &*self.lock() {
            Items::Own(entries) => return entries.keys().map(|key| key.0.clone()).collect(),
            Items::Shared(lazy) => (lazy.source.clone(), lazy.scope.clone()),
        };
        source.keys().map(|key| wrap(key, scope.as_ref())).collect()
    }

    /// Values in insertion order. Templates among a variable's values are rendered, once.
    pub fn values(&self) -> Vec<Mj> {
        let (source, (mut values, waiting)) = match &mut *self.lock() {
            Items::Own(entries) => return entries.values().cloned().collect(),
            Items::Shared(lazy) => {
                let source = lazy.source.clone();
                let read = lazy.read_all(source.values(), &self.origin);
                (source, read)
            }
        };
        if !waiting.is_empty() {
            let mut waiting = waiting.into_iter().peekable();
            for (at, element) in source.values().enumerate() {
                if waiting.next_if_eq(&at).is_some() {
                    values[at] = self.render(element);
                }
            }
        }
        values
    }

    /// Keys and values in insertion order. Templates among a variable's values are rendered, once.
    pub fn pairs(&self) -> Vec<(Mj, Mj)> {
        if let Items::Own(entries) = &*self.lock() {
            return entries.iter().map(|(key, value)| (key.0.clone(), value.clone())).collect();
        }
        self.keys().into_iter().zip(self.values()).collect()
    }

    /// Keys and values for another dict: those of a variable that nothing changed yet get identities of their own.
    pub fn copied(&self) -> Vec<(Mj, Mj)> {
        let is_variable = matches!(&*self.lock(), Items::Shared(_));
        match self.separate(self.origin.render()).filter(|_| is_variable) {
            Some(copy) => copy.downcast_object_ref::<Self>().map_or_else(Vec::new, Self::pairs),
            None => self.pairs(),
        }
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
        let is_variable = matches!(&*self.lock(), Items::Shared(_));
        self.origin.changes(is_variable);
        let pairs = if is_variable { self.pairs() } else { Vec::new() };
        let mut guard = self.lock();
        if let Items::Shared(_) = &*guard {
            *guard = Items::Own(pairs.into_iter().map(|(key, value)| (Key(key), value)).collect());
        }
        match &mut *guard {
            Items::Own(entries) => change(entries),
            Items::Shared(_) => change(&mut Entries::new()),
        }
    }

    /// The variable's mapping this stands for, when nothing in it can change by rendering or was changed in place.
    pub(crate) fn plain(&self) -> Option<Map> {
        if self.origin.is_changed() {
            return None;
        }
        match &*self.lock() {
            Items::Shared(lazy) if lazy.scope.is_none() || !Value::Map(lazy.source.clone()).holds_template() => {
                Some(lazy.source.clone())
            }
            _ => None,
        }
    }

    /// Whether reading an entry may render something in a scope.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(&*self.lock(), Items::Shared(lazy) if lazy.scope.is_some())
    }

    /// The same entries under an identity of their own, unless the render of this number made it.
    pub(super) fn separate(&self, render: u64) -> Option<Mj> {
        if !self.origin.is_changed()
            && let Items::Shared(lazy) = &*self.lock()
        {
            return Some(Mj::from_object(Self::shared(lazy.source.clone(), lazy.scope.clone())));
        }
        (self.origin.render() != render).then(|| {
            let entries = self.pairs().into_iter().map(|(key, value)| (Key(key), separate(value, render)));
            Mj::from_object(Self::of(entries.collect()))
        })
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
