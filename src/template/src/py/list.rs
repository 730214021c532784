//! Python's `list`: shared, mutable, and lazy where it comes from a variable.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Value as Mj;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::wrap;
use crate::Scope;

/// A list with Python's identity: a change is seen through every name.
pub struct List(Mutex<Items>);

enum Items {
    /// A variable's list, untouched; elements are rendered in the scope when they are read.
    Shared(rplay_value::List, Option<Scope>),
    Own(Vec<Mj>),
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({})", self.len())
    }
}

impl List {
    /// A list of these items.
    pub fn new(items: Vec<Mj>) -> Self {
        Self(Mutex::new(Items::Own(items)))
    }

    pub(crate) fn shared(list: rplay_value::List, scope: Option<Scope>) -> Self {
        Self(Mutex::new(Items::Shared(list, scope)))
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many items.
    pub fn len(&self) -> usize {
        match &*self.lock() {
            Items::Shared(list, _) => list.len(),
            Items::Own(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Item number `index`.
    pub fn get(&self, index: usize) -> Option<Mj> {
        let (list, scope) = match &*self.lock() {
            Items::Own(items) => return items.get(index).cloned(),
            Items::Shared(list, scope) => (list.clone(), scope.clone()),
        };
        list.get(index).map(|value| wrap(value, scope.as_ref()))
    }

    /// All items. Templates among a variable's items are rendered, once.
    pub fn items(&self) -> Vec<Mj> {
        let (list, scope) = match &*self.lock() {
            Items::Own(items) => return items.clone(),
            Items::Shared(list, scope) => (list.clone(), scope.clone()),
        };
        list.iter().map(|value| wrap(value, scope.as_ref())).collect()
    }

    /// Changes the items in place.
    pub fn change<R>(&self, change: impl FnOnce(&mut Vec<Mj>) -> R) -> R {
        let shared = match &*self.lock() {
            Items::Own(_) => None,
            Items::Shared(..) => Some(()),
        };
        if shared.is_some() {
            let items = self.items();
            *self.lock() = Items::Own(items);
        }
        let mut guard = self.lock();
        if let Items::Shared(..) = &*guard {
            *guard = Items::Own(Vec::new());
        }
        match &mut *guard {
            Items::Own(items) => change(items),
            Items::Shared(..) => change(&mut Vec::new()),
        }
    }

    /// The variable's list this stands for, when nothing in it can change by rendering.
    pub(crate) fn plain(&self) -> Option<rplay_value::List> {
        match &*self.lock() {
            Items::Shared(list, None) => Some(list.clone()),
            Items::Shared(list, Some(_)) if !list.iter().any(rplay_value::Value::holds_template) => Some(list.clone()),
            _ => None,
        }
    }

    /// Whether reading an item may render something in a scope.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(&*self.lock(), Items::Shared(_, Some(_)))
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Mj) -> Option<Mj> {
        self.get(key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::repr(&Mj::from_dyn_object(Arc::clone(self))))
    }
}
