//! What a JMESPath expression finds.

use std::collections::BTreeMap;

use jmespath::ast::Ast;
use jmespath::{Context, DEFAULT_RUNTIME, Rcvar, Variable, interpret};
use minijinja::Value as Mj;
use rplay_value::{Map, Value};

use crate::{Filter, FilterCall, TemplateError, py};

/// What a JMESPath expression finds.
pub static FILTER: Filter = Filter {
    name: "json_query",
    collection: "community.general",
    aliases: &[],
    params: &["expr"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let expression = json_literals(&py::str(call.arg("expr")?));
    let data = Rcvar::new(variable(&py::to_value(call.input())?));
    let found = jmespath::parse(&expression).and_then(|mut query| {
        real_numbers(&mut query);
        interpret(&data, &query, &mut Context::new(&expression, &DEFAULT_RUNTIME))
    });
    let found = found.map_err(|e| call.error(format!("JMESPathError in json_query filter plugin:\n{e}")))?;
    Ok(py::from_value(value(&found)))
}

/// The key under which serde_json shows numbers of any precision.
const NUMBER: &str = "$serde_json::private::Number";

/// Numbers among the literals: serde_json hands them over as mappings of one private key.
fn real_numbers(ast: &mut Ast) {
    match ast {
        Ast::Literal { value, .. } => *value = real_number(value),
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => {
            real_numbers(lhs);
            real_numbers(rhs);
        }
        Ast::Condition { predicate, then, .. } => {
            real_numbers(predicate);
            real_numbers(then);
        }
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => real_numbers(node),
        Ast::Function { args: nodes, .. } | Ast::MultiList { elements: nodes, .. } => {
            nodes.iter_mut().for_each(real_numbers);
        }
        Ast::MultiHash { elements, .. } => elements.iter_mut().for_each(|pair| real_numbers(&mut pair.value)),
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Slice { .. } => {}
    }
}

fn real_number(literal: &Rcvar) -> Rcvar {
    match &**literal {
        Variable::Object(entries) => {
            if let Some(text) = entries.get(NUMBER).and_then(|text| text.as_string()) {
                Rcvar::new(number(text))
            } else {
                let entries = entries.iter().map(|(key, item)| (key.clone(), real_number(item)));
                Rcvar::new(Variable::Object(entries.collect()))
            }
        }
        Variable::Array(items) => Rcvar::new(Variable::Array(items.iter().map(real_number).collect())),
        _ => Rcvar::clone(literal),
    }
}

fn number(text: &str) -> Variable {
    let float = || text.parse().ok().and_then(serde_json::Number::from_f64);
    text.parse::<i64>().ok().map(Into::into).or_else(float).map_or(Variable::Null, Variable::Number)
}

/// Literals that are no JSON made texts: Python's jmespath reads `` `web1` `` as `` `"web1"` ``, and playbooks rely on it.
fn json_literals(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(at) = rest.find(['`', '\'', '"']) {
        let quote = &rest[at..=at];
        let mut end = at + 1;
        let mut escaped = false;
        for c in rest[at + 1..].chars() {
            end += c.len_utf8();
            if c.to_string() == quote && !escaped {
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        let token = &rest[at..end];
        out.push_str(&rest[..at]);
        let inner = token.strip_prefix('`').and_then(|inner| inner.strip_suffix('`'));
        match inner.filter(|inner| serde_json::from_str::<serde_json::Value>(&inner.replace("\\`", "`")).is_err()) {
            Some(inner) => out.push_str(&format!("`\"{}\"`", inner.trim_start())),
            None => out.push_str(token),
        }
        rest = &rest[end..];
    }
    out + rest
}

fn variable(value: &Value) -> Variable {
    match value {
        Value::Null => Variable::Null,
        Value::Bool(b) => Variable::Bool(*b),
        Value::Int(i) => Variable::Number((*i).into()),
        Value::Float(f) => serde_json::Number::from_f64(*f).map_or(Variable::Null, Variable::Number),
        Value::List(items) => Variable::Array(items.iter().map(|item| Rcvar::new(variable(item))).collect()),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, item)| (key.to_str().into_owned(), Rcvar::new(variable(item))));
            Variable::Object(entries.collect::<BTreeMap<_, _>>())
        }
        other => Variable::String(other.to_str().into_owned()),
    }
}

fn value(found: &Variable) -> Value {
    match found {
        Variable::Null | Variable::Expref(_) => Value::Null,
        Variable::Bool(b) => Value::Bool(*b),
        Variable::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            // The crate computes in floats; whole results are integers in Python.
            None => match number.as_f64() {
                Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::Int(float as i64),
                float => float.map_or(Value::Null, Value::Float),
            },
        },
        Variable::String(text) => Value::from(text.as_str()),
        Variable::Array(items) => Value::List(items.iter().map(|item| value(item)).collect()),
        Variable::Object(entries) if entries.contains_key(NUMBER) => value(&real_number(&Rcvar::new(found.clone()))),
        Variable::Object(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.as_str(), value(item))).collect::<Map>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_are_no_json_become_texts() {
        assert_eq!(json_literals("[?a==`web1` && b=='x`y']"), "[?a==`\"web1\"` && b=='x`y']");
        assert_eq!(json_literals("[?a==`1` || a==`\"x\"` || a==`[1]`]"), "[?a==`1` || a==`\"x\"` || a==`[1]`]");
    }
}
