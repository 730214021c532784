//! Whether a file has the shape it must have. All mistakes are told at once, each with its place and what would be right.

use std::net::IpAddr;

use rplay_diag::{Diagnostic, nearest, quoted_list};
use rplay_yaml::Node;

use crate::shape::{Kind, Shape};
use crate::units::{self, Size};

/// Every mistake in a mapping of this shape.
pub(crate) fn check(node: &Node, shape: &Shape) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    of_shape(node, shape, &mut found);
    found
}

fn of_shape(node: &Node, shape: &Shape, found: &mut Vec<Diagnostic>) {
    let Some(entries) = node.as_mapping() else {
        found.push(wrong(node, &Kind::Text, &format!("{} is a mapping, not {}", a(shape.name), a(node.kind_name()))));
        return;
    };
    for (key, value) in entries {
        let Some(name) = key.as_str() else {
            let message = format!("the keys of {} are names", a(shape.name));
            found.push(Diagnostic::error(message).at(key.span(), "this is not a name"));
            continue;
        };
        match shape.field(name) {
            Some(field) if value.is_null() && field.required => {
                found.push(
                    Diagnostic::error(format!("`{name}` of {} has no value", a(shape.name)))
                        .at(key.span(), format!("needs {}", field.kind.describe())),
                );
            }
            // As if it were not there, so that a layer can take back what another one says.
            Some(_) if value.is_null() => {}
            Some(field) => of_kind(value, &field.kind, name, found),
            None => found.push(unknown_field(key, name, shape)),
        }
    }
    let given = |name: &str| node.get(name).is_some_and(|value| !value.is_null());
    for field in shape.fields.iter().filter(|field| field.required && node.get(field.name).is_none()) {
        let message = format!("{} needs `{}`", a(shape.name), field.name);
        found.push(Diagnostic::error(message).at(node.span(), "").hint(field.doc));
    }
    let chosen: Vec<&str> = shape.one_of.iter().copied().filter(|name| given(name)).collect();
    if !shape.one_of.is_empty() && chosen.len() != 1 {
        let all = quoted_list(shape.one_of.iter().copied());
        let message = match chosen.as_slice() {
            [] => format!("{} needs one of {all}", a(shape.name)),
            several => format!("{} has {}; only one can be", a(shape.name), quoted_list(several.iter().copied())),
        };
        let mut diagnostic = Diagnostic::error(message);
        match chosen.as_slice() {
            [] => diagnostic = diagnostic.at(node.span(), ""),
            several => {
                for name in several {
                    diagnostic = diagnostic.at_maybe(node.get_entry(name).map(|(key, _)| key.span()), "");
                }
            }
        }
        found.push(diagnostic);
    }
}

fn unknown_field(key: &Node, name: &str, shape: &Shape) -> Diagnostic {
    let message = format!("{} has no `{name}`", a(shape.name));
    let diagnostic = Diagnostic::error(message).at(key.span(), "unknown");
    match nearest(name, shape.fields.iter().map(|field| field.name)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("it has {}", quoted_list(shape.fields.iter().map(|field| field.name)))),
    }
}

fn wrong(node: &Node, kind: &Kind, message: &str) -> Diagnostic {
    Diagnostic::error(message).at(node.span(), format!("needs {}", kind.describe()))
}

fn of_kind(node: &Node, kind: &Kind, name: &str, found: &mut Vec<Diagnostic>) {
    match kind {
        Kind::Any => {}
        Kind::Shape(shape) => of_shape(node, shape, found),
        Kind::List(item) => match node.as_sequence() {
            Some(items) => items.iter().for_each(|node| of_kind(node, item, name, found)),
            None => of_kind(node, item, name, found),
        },
        Kind::Map(item) => {
            let Some(entries) = node.as_mapping() else {
                return found.push(wrong(node, kind, &format!("`{name}` is a mapping, not {}", a(node.kind_name()))));
            };
            for (key, value) in entries {
                match key.raw() {
                    Some(key) if value.is_null() && !matches!(item, Kind::Any | Kind::Shape(_)) => {
                        found.push(wrong(value, item, &format!("`{key}` has no value")));
                    }
                    // A mapping of no fields: everything by default.
                    Some(_) if value.is_null() => {}
                    Some(key) => of_kind(value, item, key, found),
                    None => found.push(wrong(key, &Kind::Name, &format!("the keys of `{name}` are names"))),
                }
            }
        }
        Kind::Either(kinds) => match kinds.iter().find(|kind| could_be(node, kind)) {
            Some(kind) => of_kind(node, kind, name, found),
            None => found.push(wrong(node, kind, &format!("`{name}` cannot be {}", a(node.kind_name())))),
        },
        _ if !scalar_is(node, kind) => {
            let shown = node.raw().map_or_else(|| a(node.kind_name()), |raw| format!("`{raw}`"));
            let mut diagnostic = wrong(node, kind, &format!("`{name}` cannot be {shown}"));
            if let (Kind::Choice(words), Some(raw)) = (kind, node.raw())
                && let Some(near) = nearest(raw, words.iter().copied())
            {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            }
            found.push(diagnostic);
        }
        _ => {}
    }
}

/// Whether a value is written in a way that only this kind of an `Either` can mean.
fn could_be(node: &Node, kind: &Kind) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Shape(_) | Kind::Map(_) => node.as_mapping().is_some(),
        Kind::List(item) => node.as_sequence().is_some() || could_be(node, item),
        Kind::Either(kinds) => kinds.iter().any(|kind| could_be(node, kind)),
        Kind::Bool => node.as_bool().is_some(),
        Kind::Int(..) => node.as_int().is_some(),
        scalar => scalar_is(node, scalar),
    }
}

fn scalar_is(node: &Node, kind: &Kind) -> bool {
    let Some(raw) = node.raw() else { return false };
    match kind {
        Kind::Text | Kind::Path => node.as_str().is_some() || node.as_int().is_some() || node.kind_name() == "number",
        Kind::Name => is_name(raw),
        Kind::Int(least, most) => node.as_int().is_some_and(|int| (*least..=*most).contains(&int)),
        Kind::Bool => node.as_bool().is_some(),
        Kind::Size => Size::parse(raw).is_some(),
        Kind::Time => units::time(raw).is_some(),
        Kind::Percent => units::percent(raw).is_some(),
        Kind::Rate => units::rate(raw).is_some(),
        Kind::Cidr => raw.parse::<ipnet::IpNet>().is_ok(),
        Kind::Address => raw.parse::<IpAddr>().is_ok(),
        Kind::Mac => units::mac(raw).is_some(),
        Kind::Choice(words) => words.contains(&raw),
        Kind::List(_) | Kind::Map(_) | Kind::Shape(_) | Kind::Either(_) | Kind::Any => false,
    }
}

/// Whether a text can be the name of a node, network, image or stage: also of the objects made for it.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 48
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// A noun with its article.
pub(crate) fn a(noun: &str) -> String {
    match noun {
        "text" | "null" => noun.to_owned(),
        _ if noun.starts_with(['a', 'e', 'i', 'o']) => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}
