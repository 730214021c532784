//! What Python made of the same values (fixtures/value/record.py).
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use rplay_value::number::{float_repr, parse_float, parse_int};
use rplay_value::{Comparison, JsonStyle, Value, ValueError, json, literal_eval};

fn cases(name: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/value/cases.json");
    let all = json::loads(&std::fs::read_to_string(path).unwrap()).unwrap();
    all.get(name).and_then(Value::as_list).unwrap().to_vec()
}

fn field<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap()
}

fn shown(result: Result<Value, ValueError>) -> String {
    match result {
        Ok(value) => value.repr(),
        Err(error) => format!("{}: {error}", error.kind),
    }
}

/// Runs every case and lists those that differ.
fn check(name: &str, run: impl Fn(&Value) -> String) {
    let cases = cases(name);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let got = run(case);
            (got != field(case, "want")).then(|| format!("{case}\n    {got}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn operators() {
    check("binary", |case| {
        let (a, b) = (literal_eval(field(case, "a")).unwrap(), literal_eval(field(case, "b")).unwrap());
        let compare = |comparison| a.compare(comparison, &b).map(Value::from);
        shown(match field(case, "op") {
            "+" => a.add(&b),
            "-" => a.subtract(&b),
            "*" => a.multiply(&b),
            "/" => a.divide(&b),
            "//" => a.floor_divide(&b),
            "%" => a.modulo(&b),
            "**" => a.power(&b),
            "<" => compare(Comparison::Less),
            "<=" => compare(Comparison::LessEqual),
            ">" => compare(Comparison::Greater),
            ">=" => compare(Comparison::GreaterEqual),
            _ => Ok(Value::from(a == b)),
        })
    });
}

#[test]
fn strings() {
    check("repr", |case| case.get("text").unwrap().repr());
}

#[test]
fn integers() {
    check("int", |case| {
        let base = case.get("base").and_then(Value::as_int).unwrap();
        shown(parse_int(field(case, "text"), base as u32))
    });
}

#[test]
fn floats() {
    check("float", |case| match parse_float(field(case, "text")) {
        Ok(number) => float_repr(number),
        Err(error) => format!("{}: {error}", error.kind),
    });
}

/// Tuples and sets are lists here, and errors have no text of Python's.
#[test]
fn literals() {
    let cases = cases("literal");
    for case in &cases {
        let text = field(case, "text");
        let want = field(case, "want");
        let refused = want.contains("Error: ") || want == "Ellipsis" || want.ends_with('j');
        match literal_eval(text) {
            Ok(value) => {
                let want = want.replace("(1,)", "[1]").replace("(1, 2)", "[1, 2]").replace("{1, 2}", "[1, 2]");
                let want = want.replace("set()", "[]").replace("()", "[]");
                assert!(!refused, "{case}");
                assert_eq!(value.repr(), want, "{text:?}");
            }
            Err(_) => assert!(refused, "{case}"),
        }
    }
}

#[test]
fn json_texts() {
    check("dumps", |case| {
        let style = case.get("style").unwrap();
        let mut chosen = JsonStyle::default();
        if let Some(indent) = style.get("indent") {
            chosen.indent = Some(indent.as_int().map_or_else(|| indent.to_string(), |n| " ".repeat(n as usize)));
        }
        if let Some(separators) = style.get("separators").and_then(Value::as_list) {
            chosen.separators = Some((separators[0].to_string(), separators[1].to_string()));
        }
        chosen.sort_keys = style.get("sort_keys").is_some_and(Value::is_true);
        chosen.ensure_ascii = style.get("ensure_ascii").is_none_or(Value::is_true);
        json::dumps(&literal_eval(field(case, "value")).unwrap(), &chosen).unwrap()
    });
}
