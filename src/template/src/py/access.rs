//! Attributes, items, length, membership, iteration and slices.

use minijinja::Value as Mj;

use super::{Dict, Kind, Method, Object, as_index, equal, kind, methods, trip, type_name};
use crate::TemplateError;

/// `object.name`: an attribute or method first, then the item of that name (Jinja's `getattr`). What is not there
/// is a marker with ansible-core 2.19's message; a marker gives itself back.
pub fn get_attr(object: &Mj, name: &str) -> Mj {
    if let Kind::Dict(dict) = kind(object) {
        if methods::is_dict_method(name) {
            return method(object, name);
        }
        return dict.get_text(name).unwrap_or_else(|| missing(object, name));
    }
    match kind(object) {
        Kind::Marker(_) => object.clone(),
        Kind::Object(instance) => instance
            .attr(name)
            .or_else(|| instance.item(&Mj::from(name)).ok().flatten())
            .unwrap_or_else(|| missing(object, name)),
        Kind::Foreign => match object.get_attr(name) {
            Ok(value) if !value.is_undefined() => value,
            _ => missing(object, name),
        },
        _ if methods::has_method(object, name) => method(object, name),
        Kind::Int(_) | Kind::Bool(_) | Kind::Big(_) => match name {
            "real" | "numerator" => object.clone(),
            "imag" => Mj::from(0),
            "denominator" => Mj::from(1),
            _ => missing(object, name),
        },
        _ => missing(object, name),
    }
}

/// What every Python object has and Jinja's sandbox keeps from templates.
const UNSAFE: [&str; 22] = [
    "__class__",
    "__dict__",
    "__doc__",
    "__init__",
    "__new__",
    "__module__",
    "__reduce__",
    "__reduce_ex__",
    "__getattribute__",
    "__setattr__",
    "__delattr__",
    "__subclasshook__",
    "__init_subclass__",
    "__dir__",
    "__sizeof__",
    "__hash__",
    "__eq__",
    "__ne__",
    "__repr__",
    "__str__",
    "__format__",
    "__add__",
];

/// The error for a name that templates must not reach.
pub(super) fn refused(object: &Mj, name: &str) -> Option<TemplateError> {
    let message = || format!("access to attribute '{name}' of '{}' object is unsafe.", type_name(object));
    UNSAFE.contains(&name).then(|| TemplateError::undefined(message()))
}

fn method(owner: &Mj, name: &str) -> Mj {
    Object::value(Method { owner: owner.clone(), name: name.to_owned() })
}

fn missing(object: &Mj, name: &str) -> Mj {
    if let Some(error) = refused(object, name) {
        return super::marker(error);
    }
    let error = TemplateError::undefined(format!("object of type '{}' has no attribute '{name}'", type_name(object)));
    super::marker(error.among(object, name))
}

/// `object[key]`: the item first, then the attribute of that name (Jinja's `getitem`). What is not there is a marker;
/// a marker gives itself back.
pub fn get_item(object: &Mj, key: &Mj) -> Mj {
    if matches!(kind(object), Kind::Marker(_)) {
        return object.clone();
    }
    if let Err(error) = trip(key) {
        return super::marker(error);
    }
    match item(object, key) {
        Ok(Some(value)) => return value,
        Ok(None) => {}
        // A key that cannot be hashed is not there either.
        Err(_) => {}
    }
    if let Some(name) = key.as_str() {
        if let Kind::Object(instance) = kind(object) {
            if let Some(value) = instance.attr(name) {
                return value;
            }
        } else if methods::has_method(object, name) {
            return method(object, name);
        }
        return missing_item(object, key);
    }
    missing_item(object, key)
}

fn missing_item(object: &Mj, key: &Mj) -> Mj {
    let shown = super::repr(key);
    let kind = type_name(object);
    let error = TemplateError::undefined(match super::truthy(key) {
        Ok(false) if object.is_none() => format!("None has no element {shown}"),
        Ok(false) if key.as_str().is_none() => format!("{kind} object has no element {shown}"),
        _ => format!("object of type '{kind}' has no attribute {shown}"),
    });
    super::marker(match key.as_str() {
        Some(name) => error.among(object, name),
        None => error,
    })
}

/// The item by Python's `__getitem__`, or `None` where that raises for a missing item.
fn item(object: &Mj, key: &Mj) -> Result<Option<Mj>, TemplateError> {
    let at = |len: usize| -> Option<usize> {
        let index = as_index(key)?;
        let index = if index < 0 { index + len as i64 } else { index };
        usize::try_from(index).ok().filter(|index| *index < len)
    };
    Ok(match kind(object) {
        Kind::Dict(dict) => dict.get(key)?,
        Kind::List(list) => at(list.len()).and_then(|index| list.get(index)),
        Kind::Tuple(items) => at(items.len()).and_then(|index| items.get(index).cloned()),
        Kind::Str(s) => {
            let len = if s.is_ascii() { s.len() } else { s.chars().count() };
            at(len).and_then(|index| s.chars().nth(index)).map(|c| Mj::from(c.to_string()))
        }
        Kind::Bytes(bytes) => at(bytes.len()).map(|index| Mj::from(i64::from(bytes[index]))),
        Kind::Object(instance) => match instance.item(key)? {
            Some(value) => Some(value),
            None if instance.is_sequence() => {
                let items = instance.items().unwrap_or_default();
                at(items.len()).and_then(|index| items.get(index).cloned())
            }
            None => None,
        },
        Kind::Foreign => object.get_item(key).ok().filter(|value| !value.is_undefined()),
        _ => None,
    })
}

/// The items Python's `iter()` gives: characters of text, keys of a dict. `None` and numbers cannot be iterated.
pub fn iterate(value: &Mj) -> Result<Vec<Mj>, TemplateError> {
    Ok(match kind(value) {
        Kind::List(list) => list.items(),
        Kind::Tuple(items) => items.to_vec(),
        Kind::Dict(dict) => dict.keys(),
        Kind::Str(s) => s.chars().map(|c| Mj::from(c.to_string())).collect(),
        Kind::Bytes(bytes) => bytes.iter().map(|b| Mj::from(i64::from(*b))).collect(),
        Kind::Object(object) => match object.items() {
            Some(items) => items,
            None => return Err(not_iterable(value)),
        },
        Kind::Foreign => value.try_iter().map_err(|_| not_iterable(value))?.collect(),
        Kind::Marker(marker) => return Err(marker.error().clone()),
        _ => return Err(not_iterable(value)),
    })
}

fn not_iterable(value: &Mj) -> TemplateError {
    TemplateError::type_error(format!("'{}' object is not iterable", type_name(value)))
}

/// `len(x)`.
pub fn len(value: &Mj) -> Result<usize, TemplateError> {
    trip(value)?;
    let len = match kind(value) {
        Kind::Str(s) => Some(if s.is_ascii() { s.len() } else { s.chars().count() }),
        Kind::Bytes(bytes) => Some(bytes.len()),
        Kind::List(list) => Some(list.len()),
        Kind::Tuple(items) => Some(items.len()),
        Kind::Dict(dict) => Some(dict.len()),
        Kind::Object(object) => object.len(),
        Kind::Foreign => value.len(),
        _ => None,
    };
    len.ok_or_else(|| TemplateError::type_error(format!("object of type '{}' has no len()", type_name(value))))
}

/// `needle in haystack`.
pub fn contains(haystack: &Mj, needle: &Mj) -> Result<bool, TemplateError> {
    trip(haystack)?;
    trip(needle)?;
    // As in Python, one after the other: something undefined on the way raises.
    let any = |items: &[Mj]| -> Result<bool, TemplateError> {
        for item in items {
            trip(item)?;
            if equal(item, needle) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Ok(match kind(haystack) {
        Kind::Str(s) => {
            if let Some(part) = needle.as_str() {
                s.contains(part)
            } else {
                let message = format!("'in <string>' requires string as left operand, not {}", type_name(needle));
                return Err(TemplateError::type_error(message));
            }
        }
        Kind::Dict(dict) => Dict::has(dict, needle)?,
        Kind::List(list) => any(&list.items())?,
        Kind::Tuple(items) => any(items)?,
        Kind::Object(object) => match object.contains(needle) {
            Some(answer) => answer,
            None => any(&object.items().ok_or_else(|| not_container(haystack))?)?,
        },
        Kind::Foreign => any(&iterate(haystack)?)?,
        _ => return Err(not_container(haystack)),
    })
}

fn not_container(value: &Mj) -> TemplateError {
    TemplateError::type_error(format!("argument of type '{}' is not iterable", type_name(value)))
}

/// `value[start:stop:step]`; absent parts are `None`.
pub fn slice(value: &Mj, start: &Mj, stop: &Mj, step: &Mj) -> Result<Mj, TemplateError> {
    if let Kind::Marker(marker) = kind(value) {
        return Err(marker.error().clone());
    }
    if let Kind::Dict(_) = kind(value) {
        return Err(TemplateError::type_error("unhashable type: 'slice'"));
    }
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?);
    let pick = |len: usize| indices(len, start, stop, step);
    Ok(match kind(value) {
        Kind::Str(s) => {
            let chars: Vec<char> = s.chars().collect();
            Mj::from(pick(chars.len())?.map(|i| chars[i]).collect::<String>())
        }
        Kind::List(list) => {
            let items = list.copied();
            super::list(pick(items.len())?.map(|i| items[i].clone()).collect())
        }
        Kind::Tuple(items) => super::tuple(pick(items.len())?.map(|i| items[i].clone()).collect()),
        Kind::Bytes(bytes) => Mj::from_bytes(pick(bytes.len())?.map(|i| bytes[i]).collect()),
        Kind::Object(object) if object.is_sequence() => {
            let places = pick(object.len().unwrap_or(0))?;
            if let Some(part) = object.slice(start, stop, step) {
                return Ok(part);
            }
            drop(places);
            let items = object.items().unwrap_or_default();
            super::list(pick(items.len())?.map(|i| items[i].clone()).collect())
        }
        _ => {
            let message = format!("'{}' object is not subscriptable", type_name(value));
            return Err(TemplateError::undefined(message));
        }
    })
}

fn bound(value: &Mj) -> Result<Option<i64>, TemplateError> {
    if value.is_none() {
        return Ok(None);
    }
    trip(value)?;
    as_index(value)
        .map(Some)
        .ok_or_else(|| TemplateError::type_error("slice indices must be integers or None or have an __index__ method"))
}

fn indices(
    len: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
) -> Result<impl Iterator<Item = usize>, TemplateError> {
    let len = len as i64;
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(TemplateError::value_error("slice step cannot be zero"));
    }
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |at: i64| (if at < 0 { at + len } else { at }).clamp(low, high);
    let first = start.map_or(if step > 0 { low } else { high }, clamp);
    let last = stop.map_or(if step > 0 { high } else { low }, clamp);
    let mut at = first;
    Ok(std::iter::from_fn(move || {
        if (step > 0 && at >= last) || (step < 0 && at <= last) {
            return None;
        }
        let found = at;
        at = at.saturating_add(step);
        usize::try_from(found).ok()
    }))
}
