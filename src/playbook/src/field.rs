//! A keyword's value: known now, or known when its template is rendered.

use rplay_diag::Span;
use rplay_value::Value;

/// A keyword as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<T> {
    /// Where the value stands; `None` for what rplay itself made (the implicit fact gathering, ad-hoc tasks).
    pub span: Option<Span>,
    /// What it is.
    pub value: Written<T>,
}

/// Either a value of the keyword's type, or something that has to be rendered first.
#[derive(Clone, Debug, PartialEq)]
pub enum Written<T> {
    /// Converted and checked when the playbook was read.
    Const(T),
    /// Holds a template: render it, then convert with the keyword's type.
    Template(Value),
}

impl<T> Field<T> {
    /// A value without a place.
    pub fn new(value: T) -> Self {
        Self { span: None, value: Written::Const(value) }
    }

    /// A value with its place.
    pub fn at(span: Option<Span>, value: T) -> Self {
        Self { span, value: Written::Const(value) }
    }

    /// A template with its place.
    pub fn template(span: Option<Span>, value: Value) -> Self {
        Self { span, value: Written::Template(value) }
    }

    /// The value when it needs no rendering.
    pub fn constant(&self) -> Option<&T> {
        match &self.value {
            Written::Const(value) => Some(value),
            Written::Template(_) => None,
        }
    }
}
