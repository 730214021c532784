//! An undefined value, or an error kept as a value until something needs it.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};

use crate::TemplateError;

/// Stands for a value that is not there. Every operator raises its error; attribute access on it gives it back, so
/// that `a.b.c | default(0)` works with a missing `a`.
#[derive(Debug)]
pub struct Marker(TemplateError);

impl Marker {
    /// A marker for an error.
    pub fn new(error: TemplateError) -> Self {
        Self(error.settled())
    }

    /// The error it raises when used.
    pub fn error(&self) -> &TemplateError {
        &self.0
    }
}

impl Object for Marker {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Undefined")
    }
}
