//! What a variable's list and mapping share: elements become values of the template when they are read, once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use minijinja::Value as Mj;
use rplay_value::Value;

use super::{Dict, List, wrap};
use crate::{Scope, frame};

/// Whether anything in one variable's tree of containers was changed; every container of the tree holds the same flag.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(Arc<AtomicBool>);

/// Where a container comes from.
#[derive(Debug)]
pub(super) struct Origin {
    /// The render that made it.
    render: u64,
    tree: OnceLock<Tree>,
}

impl Origin {
    pub(super) fn here() -> Self {
        Self { render: frame::current(), tree: OnceLock::new() }
    }

    pub(super) fn within(tree: Option<Tree>) -> Self {
        Self { render: frame::current(), tree: tree.map(OnceLock::from).unwrap_or_default() }
    }

    pub(super) fn render(&self) -> u64 {
        self.render
    }

    /// The flag that containers inside share.
    pub(super) fn tree(&self) -> Tree {
        self.tree.get_or_init(Tree::default).clone()
    }

    /// The container is about to change.
    pub(super) fn changes(&self, is_variable: bool) {
        if let Some(tree) = self.tree.get() {
            tree.0.store(true, Ordering::Relaxed);
        }
        if is_variable || self.render != frame::current() {
            frame::changes();
        }
    }

    /// Whether the container or one inside it was changed.
    pub(super) fn is_changed(&self) -> bool {
        self.tree.get().is_some_and(|tree| tree.0.load(Ordering::Relaxed))
    }
}

/// A variable's container and the elements read from it so far.
#[derive(Debug)]
pub(super) struct Lazy<S> {
    pub(super) source: S,
    pub(super) scope: Option<Scope>,
    /// By the element's address inside `source`, which is shared and does not change.
    read: HashMap<usize, Mj, RandomState>,
}

/// What reading an element takes.
pub(super) enum Reading {
    /// Nothing: this is its value.
    Done(Mj),
    /// Its text has to be rendered, without holding the container's lock.
    Render,
}

impl<S> Lazy<S> {
    pub(super) fn new(source: S, scope: Option<Scope>) -> Self {
        Self { source, scope, read: HashMap::default() }
    }

    /// An element's value, unless it has to be rendered first.
    pub(super) fn read(&mut self, element: &Value, origin: &Origin) -> Reading {
        match element {
            Value::List(_) | Value::Map(_) => {
                let scope = self.scope.as_ref();
                let made = self.read.entry(address(element)).or_insert_with(|| branch(element, scope, origin.tree()));
                Reading::Done(made.clone())
            }
            Value::Text(text) if self.scope.is_some() && crate::engine::is_template(text) => {
                self.read.get(&address(element)).map_or(Reading::Render, |made| Reading::Done(made.clone()))
            }
            Value::Vault(_) => Reading::Render,
            _ => Reading::Done(wrap(element, None)),
        }
    }

    /// Every element's value, and where those stand that have to be rendered first.
    pub(super) fn read_all<'v>(
        &mut self,
        elements: impl Iterator<Item = &'v Value>,
        origin: &Origin,
    ) -> (Vec<Mj>, Vec<usize>) {
        let mut waiting = Vec::new();
        let read = |(at, element)| match self.read(element, origin) {
            Reading::Done(value) => value,
            Reading::Render => {
                waiting.push(at);
                Mj::UNDEFINED
            }
        };
        let values = elements.enumerate().map(read).collect();
        (values, waiting)
    }

    /// Remembers what an element was rendered to; what was remembered first is what it is.
    pub(super) fn keep(&mut self, element: &Value, made: Mj) -> Mj {
        if made.downcast_object_ref::<super::Marker>().is_some() {
            return made;
        }
        self.read.entry(address(element)).or_insert(made).clone()
    }
}

fn address(element: &Value) -> usize {
    std::ptr::from_ref(element) as usize
}

/// A container inside a variable's container.
fn branch(element: &Value, scope: Option<&Scope>, tree: Tree) -> Mj {
    match element {
        Value::List(list) => Mj::from_object(List::branch(list.clone(), scope.cloned(), tree)),
        Value::Map(map) => Mj::from_object(Dict::branch(map.clone(), scope.cloned(), tree)),
        other => wrap(other, scope),
    }
}

/// A variable's value with identities of its own, as a second variable defined through the first has: changing the one
/// leaves the other. What the render of this number made is its own already.
pub(crate) fn separate(value: Mj, render: u64) -> Mj {
    if let Some(list) = value.downcast_object_ref::<List>() {
        return list.separate(render).unwrap_or(value);
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        return dict.separate(render).unwrap_or(value);
    }
    value
}
