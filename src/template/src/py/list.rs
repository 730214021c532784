//! Python's `list`: shared, mutable, and lazy where it comes from a variable.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Value as Mj;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::lazy::{Lazy, Origin, Reading, Tree, separate};
use super::wrap;
use crate::Scope;

/// A list with Python's identity: a change is seen through every name.
pub struct List {
    items: Mutex<Items>,
    origin: Origin,
}

enum Items {
    /// A variable's list, untouched; elements are rendered in the scope when they are read.
    Shared(Lazy<rplay_value::List>),
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
        Self { items: Mutex::new(Items::Own(items)), origin: Origin::here() }
    }

    pub(crate) fn shared(list: rplay_value::List, scope: Option<Scope>) -> Self {
        Self { items: Mutex::new(Items::Shared(Lazy::new(list, scope))), origin: Origin::here() }
    }

    pub(super) fn branch(list: rplay_value::List, scope: Option<Scope>, tree: Tree) -> Self {
        Self { items: Mutex::new(Items::Shared(Lazy::new(list, scope))), origin: Origin::within(Some(tree)) }
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many items.
    pub fn len(&self) -> usize {
        match &*self.lock() {
            Items::Shared(lazy) => lazy.source.len(),
            Items::Own(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Item number `index`.
    pub fn get(&self, index: usize) -> Option<Mj> {
        let source = match &mut *self.lock() {
            Items::Own(items) => return items.get(index).cloned(),
            Items::Shared(lazy) => {
                let source = lazy.source.clone();
                if let Reading::Done(value) = lazy.read(source.get(index)?, &self.origin) {
                    return Some(value);
                }
                source
            }
        };
        source.get(index).map(|element| self.render(element))
    }

    /// Renders an element that a variable's list holds as a template.
    fn render(&self, element: &rplay_value::Value) -> Mj {
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

    /// All items. Templates among a variable's items are rendered, once.
    pub fn items(&self) -> Vec<Mj> {
        let (source, (mut items, waiting)) = match &mut *self.lock() {
            Items::Own(items) => return items.clone(),
            Items::Shared(lazy) => {
                let source = lazy.source.clone();
                let read = lazy.read_all(source.iter(), &self.origin);
                (source, read)
            }
        };
        for at in waiting {
            if let Some(element) = source.get(at) {
                items[at] = self.render(element);
            }
        }
        items
    }

    /// All items for another list: those of a variable that nothing changed yet get identities of their own.
    pub fn copied(&self) -> Vec<Mj> {
        let is_variable = matches!(&*self.lock(), Items::Shared(_));
        match self.separate(self.origin.render()).filter(|_| is_variable) {
            Some(copy) => copy.downcast_object_ref::<Self>().map_or_else(Vec::new, Self::items),
            None => self.items(),
        }
    }

    /// Changes the items in place.
    pub fn change<R>(&self, change: impl FnOnce(&mut Vec<Mj>) -> R) -> R {
        let is_variable = matches!(&*self.lock(), Items::Shared(_));
        self.origin.changes(is_variable);
        let items = if is_variable { self.items() } else { Vec::new() };
        let mut guard = self.lock();
        if let Items::Shared(_) = &*guard {
            *guard = Items::Own(items);
        }
        match &mut *guard {
            Items::Own(items) => change(items),
            Items::Shared(_) => change(&mut Vec::new()),
        }
    }

    /// The variable's list this stands for, when nothing in it can change by rendering or was changed in place.
    pub(crate) fn plain(&self) -> Option<rplay_value::List> {
        if self.origin.is_changed() {
            return None;
        }
        match &*self.lock() {
            Items::Shared(lazy)
                if lazy.scope.is_none() || !lazy.source.iter().any(rplay_value::Value::holds_template) =>
            {
                Some(lazy.source.clone())
            }
            _ => None,
        }
    }

    /// Whether reading an item may render something in a scope.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(&*self.lock(), Items::Shared(lazy) if lazy.scope.is_some())
    }

    /// The same items under an identity of their own, unless the render of this number made it.
    pub(super) fn separate(&self, render: u64) -> Option<Mj> {
        if !self.origin.is_changed()
            && let Items::Shared(lazy) = &*self.lock()
        {
            return Some(Mj::from_object(Self::shared(lazy.source.clone(), lazy.scope.clone())));
        }
        (self.origin.render() != render)
            .then(|| super::list(self.items().into_iter().map(|item| separate(item, render)).collect()))
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
