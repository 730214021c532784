//! Objects beyond the basic types: what a filter's `datetime`, a `range` or a dict's view can do.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value as Mj;
use minijinja::value::{self, Enumerator, ObjectRepr};
use rplay_value::{BigInt, Value};

use crate::plugin::Keywords;
use crate::{Scope, TemplateError};

/// An integer that does not fit 64 bits.
#[derive(Debug)]
pub struct Big(pub BigInt);

impl value::Object for Big {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The behaviour of an object; every method has Python's answer for "cannot do that" as its default.
#[expect(
    clippy::len_without_is_empty,
    reason = "a length may be missing, as in Python; truth says whether it is empty"
)]
pub trait Instance: Any + fmt::Debug + Send + Sync {
    /// The name of its Python type.
    fn type_name(&self) -> &'static str;
    /// `str(x)`.
    fn str(&self) -> String;
    /// `repr(x)`.
    fn repr(&self) -> String {
        self.str()
    }
    /// Truth.
    fn truthy(&self) -> bool {
        self.len().is_none_or(|len| len > 0)
    }
    /// `x.name`.
    fn attr(&self, _name: &str) -> Option<Mj> {
        None
    }
    /// `x[key]`.
    fn item(&self, _key: &Mj) -> Result<Option<Mj>, TemplateError> {
        Ok(None)
    }
    /// `x.name = value` in a `set` statement; false when it cannot.
    fn set_attr(&self, _name: &str, _value: Mj) -> bool {
        false
    }
    /// `x.name(..)`; `None` when there is no such method.
    fn method(
        &self,
        _name: &str,
        _args: &[Mj],
        _keywords: &Keywords,
        _scope: &Scope,
    ) -> Option<Result<Mj, TemplateError>> {
        None
    }
    /// `x(..)`; `None` when it cannot be called.
    fn call(&self, _args: &[Mj], _keywords: &Keywords, _scope: &Scope) -> Option<Result<Mj, TemplateError>> {
        None
    }
    /// Whether [`Instance::call`] does something.
    fn is_callable(&self) -> bool {
        false
    }
    /// Whether it is a mapping.
    fn is_mapping(&self) -> bool {
        false
    }
    /// Whether it has a length and items by index.
    fn is_sequence(&self) -> bool {
        false
    }
    /// The items, when it can be iterated.
    fn items(&self) -> Option<Vec<Mj>> {
        None
    }
    /// The length, when it has one.
    fn len(&self) -> Option<usize> {
        None
    }
    /// `x[start:stop:step]` by a type of its own; `None` means: a list of the items.
    fn slice(&self, _start: Option<i64>, _stop: Option<i64>, _step: Option<i64>) -> Option<Mj> {
        None
    }
    /// `key in x`; `None` means: look through the items.
    fn contains(&self, _key: &Mj) -> Option<bool> {
        None
    }
    /// `x + other` (or `other + x` when `reversed`); `None` when it cannot.
    fn add(&self, _other: &Mj, _reversed: bool) -> Option<Result<Mj, TemplateError>> {
        None
    }
    /// `x - other` (or `other - x` when `reversed`); `None` when it cannot.
    fn sub(&self, _other: &Mj, _reversed: bool) -> Option<Result<Mj, TemplateError>> {
        None
    }
    /// Order against another value; `None` when they have none.
    fn compare(&self, _other: &Mj) -> Option<Ordering> {
        None
    }
    /// What leaves the template for this; `None` when nothing can (an error is raised).
    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        self.items()
            .map(|items| Ok(Value::List(items.iter().map(super::to_value).collect::<Result<Vec<_>, _>>()?.into())))
    }
}

/// Any [`Instance`] as a minijinja object.
pub struct Object(Box<dyn Instance>);

impl Object {
    /// The value for an instance.
    pub fn value(instance: impl Instance) -> Mj {
        Mj::from_object(Self(Box::new(instance)))
    }

    /// The instance inside a value, when it is of this type.
    pub fn downcast<T: Instance>(value: &Mj) -> Option<&T> {
        let object = value.downcast_object_ref::<Self>()?;
        (&*object.0 as &dyn Any).downcast_ref()
    }

    /// Whether Python could iterate over it.
    pub fn is_iterable(&self) -> bool {
        self.0.is_mapping() || self.0.is_sequence() || self.0.items().is_some()
    }
}

impl std::ops::Deref for Object {
    type Target = dyn Instance;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl value::Object for Object {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.0.is_mapping() {
            ObjectRepr::Map
        } else if self.0.is_sequence() {
            ObjectRepr::Seq
        } else if self.0.items().is_some() {
            ObjectRepr::Iterable
        } else {
            ObjectRepr::Plain
        }
    }

    fn get_value(self: &Arc<Self>, key: &Mj) -> Option<Mj> {
        if let Ok(Some(found)) = self.0.item(key) {
            return Some(found);
        }
        self.0.attr(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.0.items().map_or(Enumerator::NonEnumerable, Enumerator::Values)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.0.truthy()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.str())
    }
}

/// What an inline `if` without `else` gives when its test fails: undefined, but silent as text.
#[derive(Debug)]
pub struct Silent;

impl Instance for Silent {
    fn type_name(&self) -> &'static str {
        "Undefined"
    }

    fn str(&self) -> String {
        String::new()
    }

    fn repr(&self) -> String {
        "Undefined".to_owned()
    }

    fn truthy(&self) -> bool {
        false
    }

    fn items(&self) -> Option<Vec<Mj>> {
        Some(Vec::new())
    }

    fn len(&self) -> Option<usize> {
        Some(0)
    }

    fn compare(&self, other: &Mj) -> Option<Ordering> {
        Object::downcast::<Self>(other).map(|_| Ordering::Equal)
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        let error = TemplateError::type_error("Type 'Undefined' is unsupported for variable storage.");
        let error = error.note("the inline if-expression evaluated to false and has no else");
        Some(Err(error.hint("give it an `else`, such as `else omit` or `else ''`")))
    }
}

/// A method looked up without being called (`{{ d.items }}`).
#[derive(Debug)]
pub struct Method {
    /// The value it belongs to.
    pub owner: Mj,
    /// Its name.
    pub name: String,
}

impl Instance for Method {
    fn type_name(&self) -> &'static str {
        "builtin_function_or_method"
    }

    fn str(&self) -> String {
        format!("<built-in method {} of {} object>", self.name, super::type_name(&self.owner))
    }

    fn call(&self, args: &[Mj], keywords: &Keywords, scope: &Scope) -> Option<Result<Mj, TemplateError>> {
        Some(super::call_method(&self.owner, &self.name, args, keywords, scope))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn snapshot(&self) -> Option<Result<Value, TemplateError>> {
        None
    }
}
