//! The functions of JMESPath.

use jmespath::ast::Ast;
use minijinja::Value as Mj;
use rplay_value::JsonStyle;
use rplay_value::json::dumps;
use rplay_value::number::{f64_to_int, parse_float};

use super::{Argument, QueryError, items, visit};
use crate::py::{self, Kind, Order};

/// What a function takes in one place.
type Types = &'static [&'static str];

/// The types of every argument, and whether the last may be given several times. No types: any value.
fn signature(name: &str) -> Option<(&'static [Types], bool)> {
    const ANY: Types = &[];
    const NUMBERS_OR_TEXTS: Types = &["array-number", "array-string"];
    Some(match name {
        "abs" | "ceil" | "floor" => (&[&["number"]], false),
        "avg" | "sum" => (&[&["array-number"]], false),
        "not_null" => (&[ANY], true),
        "to_array" | "to_string" | "to_number" | "type" => (&[ANY], false),
        "contains" => (&[&["array", "string"], ANY], false),
        "length" => (&[&["string", "array", "object"]], false),
        "ends_with" | "starts_with" => (&[&["string"], &["string"]], false),
        "reverse" => (&[&["array", "string"]], false),
        "join" => (&[&["string"], &["array-string"]], false),
        "map" => (&[&["expref"], &["array"]], false),
        "max" | "min" => (&[NUMBERS_OR_TEXTS], false),
        "sort" => (&[&["array-string", "array-number"]], false),
        "merge" => (&[&["object"]], true),
        "keys" | "values" => (&[&["object"]], false),
        "sort_by" | "min_by" | "max_by" => (&[&["array"], &["expref"]], false),
        _ => return None,
    })
}

pub(super) fn call(name: &str, args: &[Argument<'_>]) -> Result<Mj, QueryError> {
    let Some((types, variadic)) = signature(name) else {
        return Err(QueryError::Query(format!("Unknown function: {name}()")));
    };
    let fits = if variadic { args.len() >= types.len() } else { args.len() == types.len() };
    if !fits {
        let least = if variadic { "at least " } else { "" };
        let plural = if types.len() == 1 { "" } else { "s" };
        let (wanted, given) = (types.len(), args.len());
        let message = format!("Expected {least}{wanted} argument{plural} for function {name}(), received {given}");
        return Err(QueryError::Query(message));
    }
    for (arg, types) in args.iter().zip(types) {
        check(name, arg, types)?;
    }
    let value = |at: usize| match &args[at] {
        Argument::Value(value) => value.clone(),
        Argument::Expression(_) => py::none(),
    };
    let list = |at: usize| items(&value(at)).map(Option::unwrap_or_default);
    Ok(match (name, args) {
        ("map", [Argument::Expression(ast), _]) => {
            py::list(list(1)?.iter().map(|item| visit(ast, item)).collect::<Result<_, _>>()?)
        }
        ("sort_by" | "min_by" | "max_by", [_, Argument::Expression(ast)]) => by_key(name, list(0)?, ast)?,
        ("abs", _) => match py::as_float(&value(0)) {
            Some(number) if number < 0.0 => py::neg(&value(0))?,
            _ => value(0),
        },
        ("ceil" | "floor", _) => match py::kind(&value(0)) {
            Kind::Float(number) => {
                let whole = if name == "ceil" { number.ceil() } else { number.floor() };
                f64_to_int(whole).map_or_else(py::none, py::from_value)
            }
            _ => value(0),
        },
        ("avg", _) if list(0)?.is_empty() => py::none(),
        ("avg", _) => py::div(&sum(&list(0)?)?, &Mj::from(list(0)?.len()))?,
        ("sum", _) => sum(&list(0)?)?,
        ("not_null", _) => (0..args.len()).map(value).find(|value| !value.is_none()).unwrap_or_else(py::none),
        ("to_array", _) => match py::kind(&value(0)) {
            Kind::List(_) => value(0),
            _ => py::list(vec![value(0)]),
        },
        ("to_string", _) if value(0).as_str().is_some() => value(0),
        ("to_string", _) => {
            let separators = Some((",".to_owned(), ":".to_owned()));
            let style = JsonStyle { separators, ..JsonStyle::default() };
            let text = dumps(&py::to_value(&value(0))?, &style);
            py::text(text.map_err(|error| QueryError::Query(error.to_string()))?)
        }
        ("to_number", _) => match value(0).as_str() {
            Some(text) => match (text.trim().parse::<i64>(), parse_float(text)) {
                (Ok(int), _) => Mj::from(int),
                (_, Ok(float)) => Mj::from(float),
                _ => py::none(),
            },
            None if super::is_number(&value(0)) => value(0),
            None => py::none(),
        },
        ("contains", _) => Mj::from(py::contains(&value(0), &value(1))?),
        ("length", _) => Mj::from(py::len(&value(0))?),
        ("ends_with", _) => Mj::from(text(&value(0)).ends_with(&*text(&value(1)))),
        ("starts_with", _) => Mj::from(text(&value(0)).starts_with(&*text(&value(1)))),
        ("reverse", _) if value(0).as_str().is_some() => py::text(text(&value(0)).chars().rev().collect::<String>()),
        ("reverse", _) => {
            let mut items = list(0)?;
            items.reverse();
            py::list(items)
        }
        ("join", _) => {
            let parts: Vec<String> = list(1)?.iter().map(text).collect();
            py::text(parts.join(&text(&value(0))))
        }
        ("max" | "min", _) => extreme(name, list(0)?.into_iter().map(|item| (item.clone(), item)).collect())?,
        ("sort", _) => {
            let mut items = list(0)?;
            py::sort(&mut items, |item| item, false)?;
            py::list(items)
        }
        ("merge", _) => {
            let mut pairs = Vec::new();
            for at in 0..args.len() {
                pairs.extend(py::pairs(&value(at))?);
            }
            py::dict(pairs)?
        }
        ("keys", _) => py::list(py::iterate(&value(0))?),
        ("values", _) => py::list(py::pairs(&value(0))?.into_iter().map(|(_, value)| value).collect()),
        ("type", _) => py::text(kind(&value(0))),
        _ => py::none(),
    })
}

fn text(value: &Mj) -> String {
    py::str(value)
}

/// The name of a value's type.
fn kind(value: &Mj) -> &'static str {
    match py::kind(value) {
        Kind::Bool(_) => "boolean",
        Kind::Int(_) | Kind::Big(_) | Kind::Float(_) => "number",
        Kind::Str(_) => "string",
        Kind::List(_) | Kind::Tuple(_) => "array",
        Kind::None => "null",
        _ if py::is_mapping(value) => "object",
        _ => "unknown",
    }
}

fn wrong(name: &str, value: &str, received: &str, types: &[&str]) -> QueryError {
    let expected: Vec<String> = types.iter().map(|name| format!("'{name}'")).collect();
    QueryError::Query(format!(
        "In function {name}(), invalid type for value: {value}, expected one of: [{}], received: \"{received}\"",
        expected.join(", ")
    ))
}

/// Refuses an argument of another type; of arrays the items too, which must be of one type.
fn check(name: &str, arg: &Argument<'_>, types: &[&str]) -> Result<(), QueryError> {
    if types.is_empty() {
        return Ok(());
    }
    let value = match arg {
        Argument::Expression(_) if types.contains(&"expref") => return Ok(()),
        Argument::Expression(_) => return Err(wrong(name, "an expression", "expref", types)),
        Argument::Value(value) => value,
    };
    let found = kind(value);
    if !types.iter().any(|wanted| wanted.split('-').next() == Some(found)) {
        return Err(wrong(name, &py::str(value), found, types));
    }
    let inner: Vec<&str> = types.iter().filter_map(|wanted| wanted.strip_prefix("array-")).collect();
    if found != "array" || inner.is_empty() {
        return Ok(());
    }
    let mut first = None;
    for item in items(value)?.unwrap_or_default() {
        let found = kind(&item);
        if !inner.contains(&found) || *first.get_or_insert(found) != found {
            return Err(wrong(name, &py::str(&item), py::type_name(&item), types));
        }
    }
    Ok(())
}

fn sum(items: &[Mj]) -> Result<Mj, QueryError> {
    let mut total = Mj::from(0);
    for item in items {
        total = py::add(&total, item)?;
    }
    Ok(total)
}

/// The item with the first largest or smallest key.
fn extreme(name: &str, rows: Vec<(Mj, Mj)>) -> Result<Mj, QueryError> {
    let order = if name.starts_with("max") { Order::Greater } else { Order::Less };
    let mut best: Option<(Mj, Mj)> = None;
    for (key, item) in rows {
        let better = match &best {
            Some((known, _)) => py::order(&key, order, known)?,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(py::none, |(_, item)| item))
}

/// `sort_by`, `min_by`, `max_by`: keys are numbers or texts; those of a sort are of the first one's type.
fn by_key(name: &str, items: Vec<Mj>, ast: &Ast) -> Result<Mj, QueryError> {
    let mut wanted: Vec<&str> = if name == "sort_by" { vec!["string", "number"] } else { vec!["number", "string"] };
    let mut rows = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let key = visit(ast, &item)?;
        let found = kind(&key);
        if !wanted.contains(&found) {
            let shown = if at == 0 && name == "sort_by" { &item } else { &key };
            return Err(wrong(name, &py::str(shown), found, &wanted));
        }
        if name == "sort_by" {
            wanted = vec![found];
        }
        rows.push((key, item));
    }
    if name != "sort_by" {
        return extreme(name, rows);
    }
    py::sort(&mut rows, |row| &row.0, false)?;
    Ok(py::list(rows.into_iter().map(|(_, item)| item).collect()))
}
