//! Python's semantics over [`minijinja::Value`]: types, text, truth, equality, order, arithmetic, containers.
//!
//! Operators, filters, tests and the formatter all go through here, so there is one answer to what `[1] + [2]`,
//! `none < 1` or `str(1e16)` is. Scalars are minijinja's own; lists, tuples, dicts and what is undefined are objects
//! of ours ([`List`], [`Tuple`], [`Dict`], [`Marker`]).
//!
//! Start reading at [`Kind`], then `operators.rs`.

mod access;
mod compare;
mod convert;
mod dict;
mod dict_methods;
mod format;
mod lazy;
pub(crate) mod limits;
mod list;
mod list_methods;
mod marker;
mod methods;
mod objects;
mod operators;
mod printf;
mod repr;
mod str_methods;
mod time;
mod tuple;

use std::sync::Arc;

use minijinja::Value as Mj;
use minijinja::value::ValueKind;
use rplay_value::BigInt;

pub use access::{contains, get_attr, get_item, iterate, len, slice};
pub use compare::{Order, equal, less, order, sort};
pub(crate) use convert::{from_text, wrap};
pub use convert::{from_value, to_value};
pub use dict::{Dict, Entries, Key};
pub use dict_methods::pairs;
pub(crate) use lazy::separate;
pub use list::List;
pub use marker::Marker;
pub use methods::call_method;
pub(crate) use methods::has_method;
pub use objects::{Big, Instance, Method, Object, Silent};
pub use operators::{add, add_all, concat, div, floor_div, modulo, mul, neg, pos, pow, sub};
pub use printf::percent;
pub use repr::{repr, str, str_into};
pub use rplay_value::number::float_repr as float_text;
pub use time::{Moment, as_time, time};
pub use tuple::Tuple;

use crate::TemplateError;

/// A value by its Python type.
#[derive(Debug)]
pub enum Kind<'a> {
    /// Something that is not there, or an error kept as a value.
    Marker(&'a Marker),
    /// `None`.
    None,
    /// `bool`.
    Bool(bool),
    /// `int` that fits 64 bits.
    Int(i64),
    /// `int` that does not.
    Big(BigInt),
    /// `float`.
    Float(f64),
    /// `str`.
    Str(&'a str),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// `list`.
    List(&'a List),
    /// `tuple`.
    Tuple(&'a Tuple),
    /// `dict`.
    Dict(&'a Dict),
    /// An object of another crate part: `datetime`, `range`, a view, a macro, ...
    Object(&'a Object),
    /// minijinja's own undefined.
    Undefined,
    /// An object of minijinja's (`loop`, an imported module).
    Foreign,
}

/// Looks at a value as Python would.
#[expect(clippy::same_functions_in_if_condition, reason = "each branch asks for another type")]
pub fn kind(value: &Mj) -> Kind<'_> {
    match value.kind() {
        ValueKind::Undefined => Kind::Undefined,
        ValueKind::None => Kind::None,
        ValueKind::Bool => Kind::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::String => value.as_str().map_or(Kind::Foreign, Kind::Str),
        ValueKind::Bytes => value.as_bytes().map_or(Kind::Foreign, Kind::Bytes),
        _ => {
            if let Some(list) = value.downcast_object_ref() {
                Kind::List(list)
            } else if let Some(dict) = value.downcast_object_ref() {
                Kind::Dict(dict)
            } else if let Some(tuple) = value.downcast_object_ref() {
                Kind::Tuple(tuple)
            } else if let Some(marker) = value.downcast_object_ref() {
                Kind::Marker(marker)
            } else if let Some(Big(big)) = value.downcast_object_ref() {
                Kind::Big(big.clone())
            } else if let Some(object) = value.downcast_object_ref() {
                Kind::Object(object)
            } else {
                Kind::Foreign
            }
        }
    }
}

fn number(value: &Mj) -> Kind<'_> {
    if value.is_integer() {
        if let Some(int) = value.as_i64() {
            return Kind::Int(int);
        }
        return match (i128::try_from(value.clone()), u128::try_from(value.clone())) {
            (Ok(int), _) => Kind::Big(BigInt::from(int)),
            (_, Ok(int)) => Kind::Big(BigInt::from(int)),
            _ => Kind::Foreign,
        };
    }
    f64::try_from(value.clone()).map_or(Kind::Foreign, Kind::Float)
}

/// The name of a value's Python type, as error messages show it.
pub fn type_name(value: &Mj) -> &'static str {
    match kind(value) {
        Kind::Marker(_) | Kind::Undefined => "Undefined",
        Kind::None => "NoneType",
        Kind::Bool(_) => "bool",
        Kind::Int(_) | Kind::Big(_) => "int",
        Kind::Float(_) => "float",
        Kind::Str(_) => "str",
        Kind::Bytes(_) => "bytes",
        Kind::List(_) => "list",
        Kind::Tuple(_) => "tuple",
        Kind::Dict(_) => "dict",
        Kind::Object(object) => object.type_name(),
        Kind::Foreign => match value.kind() {
            ValueKind::Map => "dict",
            ValueKind::Seq | ValueKind::Iterable => "list",
            _ => "object",
        },
    }
}

/// Whether this is something that is not there (an error kept as a value counts only when it is about that).
pub fn is_undefined(value: &Mj) -> bool {
    match kind(value) {
        Kind::Undefined => true,
        Kind::Marker(marker) => marker.error().is_undefined(),
        Kind::Object(_) => Object::downcast::<Silent>(value).is_some(),
        _ => false,
    }
}

/// Raises the error of a marker; anything else passes.
pub fn trip(value: &Mj) -> Result<(), TemplateError> {
    if value.is_undefined() {
        return Err(TemplateError::undefined("value is undefined"));
    }
    match value.downcast_object_ref::<Marker>() {
        Some(marker) => Err(marker.error().clone()),
        None => Ok(()),
    }
}

/// As [`trip`], for what stands in lists, tuples and mappings too: before they are shown.
pub(crate) fn trip_within(value: &Mj) -> Result<(), TemplateError> {
    within(value, limits::DEEPEST)
}

fn within(value: &Mj, left: usize) -> Result<(), TemplateError> {
    let left = left.checked_sub(1).ok_or_else(limits::too_deep)?;
    let each = |items: &[Mj]| {
        stacker::maybe_grow(crate::scope::RED_ZONE, crate::scope::SEGMENT, || {
            items.iter().try_for_each(|item| within(item, left))
        })
    };
    match kind(value) {
        // What needs no rendering holds no markers.
        Kind::List(list) if list.plain().is_none() => each(&list.items()),
        Kind::Dict(dict) if dict.plain().is_none() => each(&dict.values()),
        Kind::Tuple(items) => each(items),
        _ => trip(value),
    }
}

/// The marker that stands for an error.
pub fn marker(error: TemplateError) -> Mj {
    Mj::from_object(Marker::new(error))
}

/// Makes a marker one that `default` and `is defined` do not replace.
pub(crate) fn insist(value: Mj) -> Mj {
    match value.downcast_object_ref::<Marker>() {
        Some(found) if found.error().is_undefined() => marker(found.error().clone().of_kind(crate::ErrorKind::Plugin)),
        Some(_) => value,
        None => value,
    }
}

/// Python's truth. Something undefined raises.
pub fn truthy(value: &Mj) -> Result<bool, TemplateError> {
    Ok(match kind(value) {
        Kind::Marker(marker) => return Err(marker.error().clone()),
        Kind::Undefined => return Err(TemplateError::undefined("value is undefined")),
        Kind::None => false,
        Kind::Bool(b) => b,
        Kind::Int(i) => i != 0,
        Kind::Big(_) => true,
        Kind::Float(f) => f != 0.0,
        Kind::Str(s) => !s.is_empty(),
        Kind::Bytes(b) => !b.is_empty(),
        Kind::List(list) => !list.is_empty(),
        Kind::Tuple(tuple) => !tuple.is_empty(),
        Kind::Dict(dict) => !dict.is_empty(),
        Kind::Object(object) => object.truthy(),
        Kind::Foreign => value.is_true(),
    })
}

/// `None`.
pub fn none() -> Mj {
    Mj::from(())
}

/// Data text.
pub fn text(text: impl Into<Arc<str>>) -> Mj {
    Mj::from(text.into())
}

/// An integer of any size.
pub fn int(number: BigInt) -> Mj {
    i64::try_from(&number).map_or_else(|_| Mj::from_object(Big(number)), Mj::from)
}

/// A new list.
pub fn list(items: Vec<Mj>) -> Mj {
    Mj::from_object(List::new(items))
}

/// A new tuple.
pub fn tuple(items: Vec<Mj>) -> Mj {
    Mj::from_object(Tuple::new(items))
}

/// A new dict; later pairs win. A key that Python could not hash is an error.
pub fn dict(pairs: impl IntoIterator<Item = (Mj, Mj)>) -> Result<Mj, TemplateError> {
    let dict = Dict::new();
    for (key, value) in pairs {
        dict.set(key, value)?;
    }
    Ok(Mj::from_object(dict))
}

/// A new dict with text keys.
pub fn dict_of<'k>(pairs: impl IntoIterator<Item = (&'k str, Mj)>) -> Mj {
    let dict = Dict::new();
    for (key, value) in pairs {
        dict.set_text(key, value);
    }
    Mj::from_object(dict)
}

/// A sequence in Jinja's sense (`is sequence`): has a length and can be indexed.
pub fn is_sequence(value: &Mj) -> bool {
    match kind(value) {
        Kind::Str(_) | Kind::Bytes(_) | Kind::List(_) | Kind::Tuple(_) | Kind::Dict(_) => true,
        Kind::Object(object) => object.is_sequence(),
        Kind::Foreign => matches!(value.kind(), ValueKind::Seq | ValueKind::Map),
        _ => false,
    }
}

/// A mapping (`is mapping`).
pub fn is_mapping(value: &Mj) -> bool {
    match kind(value) {
        Kind::Dict(_) => true,
        Kind::Object(object) => object.is_mapping(),
        Kind::Foreign => value.kind() == ValueKind::Map,
        _ => false,
    }
}

/// Whether Python could iterate over it (`is iterable`).
pub fn is_iterable(value: &Mj) -> bool {
    match kind(value) {
        Kind::Str(_) | Kind::Bytes(_) | Kind::List(_) | Kind::Tuple(_) | Kind::Dict(_) => true,
        Kind::Object(object) => object.is_iterable(),
        Kind::Foreign => value.try_iter().is_ok(),
        _ => false,
    }
}

/// Whether it can be called (`is callable`).
pub fn is_callable(value: &Mj) -> bool {
    match kind(value) {
        Kind::Object(object) => object.is_callable(),
        _ => false,
    }
}

/// An integer where Python takes one (`__index__`): `int` and `bool`.
pub fn as_index(value: &Mj) -> Option<i64> {
    match kind(value) {
        Kind::Int(i) => Some(i),
        Kind::Bool(b) => Some(i64::from(b)),
        _ => None,
    }
}

/// A number as a float: `int`, `bool`, `float`.
pub fn as_float(value: &Mj) -> Option<f64> {
    match kind(value) {
        Kind::Int(i) => Some(i as f64),
        Kind::Bool(b) => Some(f64::from(u8::from(b))),
        Kind::Float(f) => Some(f),
        Kind::Big(big) => Some(operators::big_to_float(&big)),
        _ => None,
    }
}

/// Whether it is a number and not a boolean.
pub fn is_number(value: &Mj) -> bool {
    matches!(kind(value), Kind::Int(_) | Kind::Big(_) | Kind::Float(_) | Kind::Bool(_))
}
