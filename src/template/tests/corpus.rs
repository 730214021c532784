//! Compiles the texts of `tests/corpus/survey.py` (`RPLAY_CORPUS` names its output) and compares with Jinja2: what
//! compiles there must compile here, what fails must fail with the same message on the same line.

use std::collections::BTreeMap;

use rplay_diag::Span;
use rplay_template::{Engine, EngineOptions, Reading, TemplateError};
use rplay_value::{Map, Text, Value};

/// What came out for the texts of a repository.
#[derive(Default)]
struct Counts {
    places: i64,
    texts: usize,
    compile: usize,
    fail: usize,
    lenient: usize,
    differ: usize,
}

/// Whether a text that Jinja2 refuses compiles here on purpose: booleans in quotes in a `#jinja2:` header.
fn lenient(want: &str) -> bool {
    want.ends_with("_blocks must be <class 'bool'> instead of <class 'str'>")
}

fn field<'a>(entry: &'a Map, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The message without ours around it, and the line in the text.
fn shown(engine: &Engine, error: &TemplateError) -> (String, Option<i64>) {
    let line = error.span().and_then(|span| engine.sources().position(span)).map(|position| position.line);
    (error.message().to_owned(), line.and_then(|line| i64::try_from(line).ok()))
}

#[test]
#[ignore = "needs a survey of repositories"]
fn texts_of_repositories_compile_or_fail_as_under_jinja2() {
    let path = std::env::var("RPLAY_CORPUS").unwrap();
    let survey = std::fs::read_to_string(path).unwrap();
    let engine = Engine::new(EngineOptions::default());
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for line in survey.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let entry = entry.as_map().unwrap();
        let text = field(entry, "text");
        let id = engine.sources().add("text", text);
        let reading = match field(entry, "kind") {
            "condition" => Reading::Condition,
            "expression" => Reading::Expression,
            "template" => Reading::Template,
            _ => Reading::File,
        };
        let got = engine.check(&Text::written(text, Span::new(id, 0, text.len())), reading);
        let count = counts.entry(field(entry, "repo").to_owned()).or_default();
        count.places += entry.get("count").and_then(Value::as_int).unwrap_or(1);
        count.texts += 1;
        let want = entry.get("error").and_then(Value::as_str);
        let want_line = entry.get("error_line").and_then(Value::as_int);
        match (&got, want) {
            (Ok(()), None) => count.compile += 1,
            (Ok(()), Some(want)) if lenient(want) => count.lenient += 1,
            (Err(error), Some(want))
                if error.message() == want && (want_line.is_none() || shown(&engine, error).1 == want_line) =>
            {
                count.fail += 1;
            }
            _ => {
                count.differ += 1;
                println!(
                    "{} {} line {} ({}) {:?}",
                    field(entry, "repo"),
                    field(entry, "file"),
                    entry.get("line").and_then(Value::as_int).unwrap_or_default(),
                    field(entry, "kind"),
                    text.chars().take(300).collect::<String>()
                );
                println!("     got {:?}\n    want {want:?} {want_line:?}", got.map_err(|error| shown(&engine, &error)));
            }
        }
    }
    for (repo, count) in &counts {
        println!(
            "{repo}: {} texts, {} distinct: {} compile in both, {} fail alike, {} refused by Jinja2 only, {} differ",
            count.places, count.texts, count.compile, count.fail, count.lenient, count.differ
        );
    }
    assert!(!counts.is_empty(), "the survey is empty");
    assert!(counts.values().all(|count| count.differ == 0), "some texts differ");
}
