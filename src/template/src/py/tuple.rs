//! Python's `tuple`.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use minijinja::Value as Mj;
use minijinja::value::{Enumerator, Object, ObjectRepr};

/// An immutable sequence.
#[derive(Debug)]
pub struct Tuple(Vec<Mj>);

impl Tuple {
    /// A tuple of these items.
    pub fn new(items: Vec<Mj>) -> Self {
        Self(items)
    }
}

impl Deref for Tuple {
    type Target = [Mj];
    fn deref(&self) -> &[Mj] {
        &self.0
    }
}

impl Object for Tuple {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Mj) -> Option<Mj> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::repr::tuple_repr(self))
    }
}
