//! JMESPath over template values, as Python's library evaluates it: entries keep their order, texts can be compared,
//! integers stay integers. The parser is the jmespath crate's.

mod functions;

use jmespath::Variable;
use jmespath::ast::{Ast, Comparator};
use minijinja::Value as Mj;
use rplay_value::Value;

use crate::TemplateError;
use crate::py::{self, Kind, Order};

/// Why a query has no result, in the library's words.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The query is none, or a function got what it cannot take.
    Query(String),
    /// A value failed, or an operator of Python's.
    Value(TemplateError),
}

impl From<TemplateError> for QueryError {
    fn from(error: TemplateError) -> Self {
        Self::Value(error)
    }
}

/// What an argument of a function is.
enum Argument<'a> {
    Value(Mj),
    /// `&expression`, which the function applies itself.
    Expression(&'a Ast),
}

/// What a query finds in a value.
pub(crate) fn search(query: &str, value: &Mj) -> Result<Mj, QueryError> {
    let ast = jmespath::parse(query).map_err(|error| QueryError::Query(error.to_string()))?;
    visit(&ast, value)
}

fn visit(ast: &Ast, value: &Mj) -> Result<Mj, QueryError> {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || step(ast, value))
}

fn step(ast: &Ast, value: &Mj) -> Result<Mj, QueryError> {
    Ok(match ast {
        Ast::Identity { .. } => value.clone(),
        Ast::Field { name, .. } => field(value, name)?,
        Ast::Literal { value, .. } => py::from_value(literal(value)),
        Ast::Subexpr { lhs, rhs, .. } => visit(rhs, &visit(lhs, value)?)?,
        Ast::Index { idx, .. } => match py::kind(value) {
            Kind::List(_) | Kind::Tuple(_) => {
                let found = py::get_item(value, &Mj::from(i64::from(*idx)));
                if py::is_undefined(&found) { py::none() } else { found }
            }
            _ => py::none(),
        },
        Ast::Slice { start, stop, step, .. } => match py::kind(value) {
            Kind::List(_) => {
                let bound = |bound: Option<i32>| bound.map_or_else(py::none, |at| Mj::from(i64::from(at)));
                py::slice(value, &bound(*start), &bound(*stop), &bound(Some(*step)))?
            }
            _ => py::none(),
        },
        Ast::ObjectValues { node, .. } => {
            let object = visit(node, value)?;
            if !py::is_mapping(&object) {
                return Ok(py::none());
            }
            py::list(py::pairs(&object)?.into_iter().map(|(_, value)| value).collect())
        }
        Ast::Flatten { node, .. } => {
            let Some(items) = items(&visit(node, value)?)? else { return Ok(py::none()) };
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                match self::items(&item)? {
                    Some(inner) => out.extend(inner),
                    None => out.push(item),
                }
            }
            py::list(out)
        }
        Ast::Projection { lhs, rhs, .. } => {
            let Some(items) = items(&visit(lhs, value)?)? else { return Ok(py::none()) };
            let mut out = Vec::new();
            for item in items {
                let found = visit(rhs, &item)?;
                if !found.is_none() {
                    out.push(found);
                }
            }
            py::list(out)
        }
        Ast::Condition { predicate, then, .. } => {
            if is_false(&visit(predicate, value)?) {
                return Ok(py::none());
            }
            visit(then, value)?
        }
        Ast::Comparison { comparator, lhs, rhs, .. } => compare(comparator, &visit(lhs, value)?, &visit(rhs, value)?)?,
        Ast::And { lhs, rhs, .. } => {
            let left = visit(lhs, value)?;
            if is_false(&left) { left } else { visit(rhs, value)? }
        }
        Ast::Or { lhs, rhs, .. } => {
            let left = visit(lhs, value)?;
            if is_false(&left) { visit(rhs, value)? } else { left }
        }
        Ast::Not { node, .. } => {
            let found = visit(node, value)?;
            // Zero is as true as any number here.
            Mj::from(!is_number(&found) && !py::truthy(&found)?)
        }
        Ast::MultiList { .. } | Ast::MultiHash { .. } if value.is_none() => py::none(),
        Ast::MultiList { elements, .. } => {
            py::list(elements.iter().map(|element| visit(element, value)).collect::<Result<_, _>>()?)
        }
        Ast::MultiHash { elements, .. } => {
            let mut pairs = Vec::with_capacity(elements.len());
            for element in elements {
                pairs.push((py::text(element.key.as_str()), visit(&element.value, value)?));
            }
            py::dict(pairs)?
        }
        Ast::Function { name, args, .. } => {
            let mut found = Vec::with_capacity(args.len());
            for arg in args {
                found.push(match arg {
                    Ast::Expref { ast, .. } => Argument::Expression(ast),
                    arg => Argument::Value(visit(arg, value)?),
                });
            }
            functions::call(name, &found)?
        }
        Ast::Expref { .. } => py::none(),
    })
}

/// An entry of a mapping; nothing for what is none or lacks it.
fn field(value: &Mj, name: &str) -> Result<Mj, QueryError> {
    let found = match py::kind(value) {
        Kind::Dict(dict) => dict.get_text(name),
        Kind::Object(object) if object.is_mapping() => object.item(&Mj::from(name))?,
        _ => None,
    };
    let found = found.unwrap_or_else(py::none);
    py::trip(&found)?;
    Ok(found)
}

/// The items of a list; `None` for anything else.
fn items(value: &Mj) -> Result<Option<Vec<Mj>>, QueryError> {
    let items = match py::kind(value) {
        Kind::List(list) => list.items(),
        Kind::Tuple(items) => items.to_vec(),
        _ => return Ok(None),
    };
    for item in &items {
        py::trip(item)?;
    }
    Ok(Some(items))
}

/// What counts as false: nothing, `false` and what is empty; every number is true.
fn is_false(value: &Mj) -> bool {
    match py::kind(value) {
        Kind::None => true,
        Kind::Bool(b) => !b,
        Kind::Str(text) => text.is_empty(),
        Kind::List(list) => list.is_empty(),
        Kind::Dict(dict) => dict.is_empty(),
        _ => false,
    }
}

fn is_number(value: &Mj) -> bool {
    matches!(py::kind(value), Kind::Int(_) | Kind::Big(_) | Kind::Float(_))
}

fn compare(comparator: &Comparator, left: &Mj, right: &Mj) -> Result<Mj, QueryError> {
    let equal = || {
        // A number is no boolean.
        let mixed = matches!(
            (py::kind(left), py::kind(right)),
            (Kind::Bool(_), Kind::Int(_) | Kind::Float(_)) | (Kind::Int(_) | Kind::Float(_), Kind::Bool(_))
        );
        !mixed && py::equal(left, right)
    };
    let order = match comparator {
        Comparator::Equal => return Ok(Mj::from(equal())),
        Comparator::NotEqual => return Ok(Mj::from(!equal())),
        Comparator::LessThan => Order::Less,
        Comparator::LessThanEqual => Order::LessEqual,
        Comparator::GreaterThan => Order::Greater,
        Comparator::GreaterThanEqual => Order::GreaterEqual,
    };
    let has_order = |value: &Mj| is_number(value) || value.as_str().is_some();
    if !has_order(left) || !has_order(right) {
        return Ok(py::none());
    }
    Ok(Mj::from(py::order(left, order, right)?))
}

/// The key under which serde_json shows numbers of any precision.
const NUMBER: &str = "$serde_json::private::Number";

/// A literal of the query.
fn literal(found: &Variable) -> Value {
    match found {
        Variable::Null | Variable::Expref(_) => Value::Null,
        Variable::Bool(b) => Value::Bool(*b),
        Variable::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Variable::String(text) => Value::data(text.as_str()),
        Variable::Array(items) => Value::List(items.iter().map(|item| literal(item)).collect()),
        Variable::Object(entries) => match entries.get(NUMBER).and_then(|text| text.as_string()) {
            Some(text) => {
                let float = || text.parse().map_or(Value::Null, Value::Float);
                text.parse().map_or_else(|_| float(), Value::Int)
            }
            None => Value::Map(entries.iter().map(|(key, item)| (key.as_str(), literal(item))).collect()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str, value: &Mj) -> String {
        search(query, value).map_or_else(|error| format!("{error:?}"), |found| py::repr(&found))
    }

    #[test]
    fn texts_are_sorted_by() {
        let row = |day: &str| py::dict_of([("d", py::text(day)), ("n", Mj::from(1))]);
        let rows = py::list(vec![row("2024-01-02"), row("2023-05-06")]);
        assert_eq!(found("sort_by(@, &d)[*].d", &rows), "['2023-05-06', '2024-01-02']");
        assert_eq!(found("max_by(@, &d).d", &rows), "'2024-01-02'");
        assert_eq!(
            found("map(@, &d)", &rows),
            "Query(\"In function map(), invalid type for value: [{'d': '2024-01-02', 'n': 1}, {'d': '2023-05-06', 'n': 1}], \
             expected one of: ['expref'], received: \\\"array\\\"\")"
        );
    }
}
