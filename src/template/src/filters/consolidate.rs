//! Lists of dicts brought together by the value of a key that each list has.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Lists of dicts brought together by the value of a key that each list has.
pub static FILTER: Filter = Filter {
    name: "consolidate",
    collection: "ansible.utils",
    aliases: &[],
    params: &["fail_missing_match_key", "fail_missing_match_value", "fail_duplicate"],
    accepts_undefined: false,
    run,
};

/// One of the lists: its name, the key to match and its dicts.
struct Source {
    name: Mj,
    key: Mj,
    rows: Vec<Mj>,
}

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let mut sources = Vec::new();
    for source in py::iterate(call.input())? {
        let part = |name: &str| {
            let found = py::get_attr(&source, name);
            py::trip(&found).map(|()| found)
        };
        sources.push(Source { name: part("name")?, key: part("match_key")?, rows: py::iterate(&part("data")?)? });
    }
    let fail = |errors: Vec<String>, what: &str| {
        let reported = format!("'{what}' reported {}", errors.join(", "));
        if errors.is_empty() { None } else { Some(reported) }
    };
    let joined = |failures: Vec<String>| {
        let all: Vec<String> = failures.iter().map(|f| format!("Error when using plugin 'consolidate': {f}")).collect();
        call.error(all.join("; "))
    };
    let (mut missing, mut duplicate) = (Vec::new(), Vec::new());
    let mut values: Vec<Vec<Mj>> = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let mut found: Vec<Mj> = Vec::new();
        let mut twice = false;
        for (entry, row) in source.rows.iter().enumerate() {
            if py::contains(row, &source.key)? {
                let value = py::get_item(row, &source.key);
                if found.iter().any(|known| py::equal(known, &value)) {
                    twice = true;
                } else {
                    found.push(value);
                }
            } else {
                let (key, number, entry) = (py::str(&source.key), number + 1, entry + 1);
                missing.push(format!("missing match key '{key}' in data source {number} in list entry {entry}"));
            }
        }
        if twice {
            duplicate.push(format!("duplicate values in data source {}", number + 1));
        }
        values.push(found);
    }
    let missing = if call.bool("fail_missing_match_key", true)? { missing } else { Vec::new() };
    let duplicate = if call.bool("fail_duplicate", true)? { duplicate } else { Vec::new() };
    let failures: Vec<String> =
        [fail(missing, "fail_missing_match_key"), fail(duplicate, "fail_duplicate")].into_iter().flatten().collect();
    if !failures.is_empty() {
        return Err(joined(failures));
    }
    let mut all: Vec<Mj> = Vec::new();
    for value in values.iter().flatten() {
        if !all.iter().any(|known| py::equal(known, value)) {
            all.push(value.clone());
        }
    }
    py::sort(&mut all, |value| value, false)?;
    if call.bool("fail_missing_match_value", true)? {
        let mut lacking = Vec::new();
        for (number, values) in values.iter().enumerate() {
            let absent: Vec<String> =
                all.iter().filter(|value| !values.iter().any(|own| py::equal(own, value))).map(py::str).collect();
            if !absent.is_empty() {
                lacking.push(format!("missing match value {} in data source {}", absent.join(", "), number + 1));
            }
        }
        if let Some(failure) = fail(lacking, "fail_missing_match_value") {
            return Err(joined(vec![failure]));
        }
    }
    let mut out = Vec::new();
    for value in &all {
        let mut parts = Vec::new();
        for source in &sources {
            let row = source.rows.iter().rev().find(|row| {
                py::contains(row, &source.key).unwrap_or(false) && py::equal(&py::get_item(row, &source.key), value)
            });
            parts.push((source.name.clone(), row.cloned().unwrap_or_else(|| py::dict_of([]))));
        }
        out.push((value.clone(), py::dict(parts)?));
    }
    py::dict(out)
}
