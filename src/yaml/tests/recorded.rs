//! What ansible-core made of the same texts and values (fixtures/yaml/record.py).
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use rplay_diag::{SourceId, Sources};
use rplay_value::{JsonStyle, Map, Text, Value, json};
use rplay_yaml::{DumpStyle, Options, Style, YamlError, dump, parse_text};

fn cases() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/yaml/cases.json");
    json::loads(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// As `show` in the recorder.
fn show(value: &Value) -> String {
    match value {
        Value::Vault(_) => "<vault>".to_owned(),
        Value::Map(map) => {
            let entries: Vec<_> = map.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Text(text) if !text.is_trusted() => format!("<data>{}", value.repr()),
        other => other.repr(),
    }
}

fn field<'a>(case: &'a Value, name: &str) -> Option<&'a str> {
    case.get(name).and_then(Value::as_str)
}

#[test]
fn every_text_is_read_as_ansible_reads_it() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in cases.get("load").and_then(Value::as_list).unwrap() {
        let text = field(case, "text").unwrap();
        let sources = Sources::new();
        let source = sources.add("x", text);
        let got = parse_text(text, source, Options::default());
        match (&got, field(case, "value"), field(case, "error")) {
            (Ok(document), Some(want), _) => {
                // `bytes` are text here, and are not trusted there.
                let got = show(&document.node.to_value());
                if got != want && !text.contains("!!binary") {
                    wrong.push(format!("{text:?}: {got}, not {want}"));
                }
            }
            (Err(YamlError::Syntax { problem, span, mistake, .. }), _, Some(want)) => {
                let at = sources.position(*span).unwrap();
                let place = |name: &str| case.get(name).and_then(Value::as_int).unwrap_or_default();
                // libyaml knows more line ends, and puts the end of the text on a line of its own.
                let other_lines = text.contains(['\u{85}', '\u{2028}']) || span.start as usize == text.len();
                let placed = mistake.is_some()
                    || other_lines
                    || (at.line as i64, at.column as i64) == (place("line"), place("column"));
                if problem != want || !placed {
                    wrong.push(format!("{text:?}: {problem} at {}:{}, not {case}", at.line, at.column));
                }
            }
            (Err(_), _, Some(_)) => {}
            _ => wrong.push(format!("{text:?}: {got:?}, not {case}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn style_of(arguments: &Map) -> DumpStyle {
    let mut style = DumpStyle::default();
    for (name, value) in arguments.texts() {
        match name.as_str() {
            "default_flow_style" => style.flow = value.as_bool(),
            "indent" => style.indent = value.as_int().map(|i| i as i32),
            "width" => style.width = value.as_int().map(|i| i as i32),
            "sort_keys" => style.sort_keys = value.is_true(),
            "explicit_start" => style.explicit_start = value.is_true(),
            "explicit_end" => style.explicit_end = value.is_true(),
            "allow_unicode" => style.allow_unicode = value.is_true(),
            "canonical" => style.canonical = value.is_true(),
            "default_style" => {
                style.scalars = Some(if value.as_str() == Some("|") { Style::Literal } else { Style::DoubleQuoted });
            }
            other => panic!("{other}"),
        }
    }
    style
}

#[test]
fn every_value_is_written_as_ansible_writes_it() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in cases.get("dump").and_then(Value::as_list).unwrap() {
        let value = json::loads(field(case, "value").unwrap()).unwrap();
        let style = case.get("style").and_then(Value::as_map).unwrap();
        let got = dump(&value, &style_of(style)).unwrap();
        let want = field(case, "text").unwrap();
        if got != want {
            let style = json::dumps(&Value::Map(style.clone()), &JsonStyle::default()).unwrap();
            wrong.push(format!("{style} {value}\n{got:?}\n{want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn texts_know_their_place() {
    let sources = Sources::new();
    let source = sources.add("x", "é:\n  - 'ü b'\n  - |\n    text\n  - {a: &x [1, 2], b: *x}\n# end\n");
    let document = rplay_yaml::parse(&sources, source).unwrap();
    let list = document.node.get("é").unwrap().as_sequence().unwrap();
    let snippet = |i: usize| sources.snippet(list[i].span()).unwrap();
    assert_eq!(snippet(0), "'ü b'");
    assert_eq!(snippet(1), "|\n    text");
    assert_eq!(snippet(2), "{a: &x [1, 2], b: *x}");
    assert_eq!(
        sources.snippet(document.node.span()).unwrap(),
        "é:\n  - 'ü b'\n  - |\n    text\n  - {a: &x [1, 2], b: *x}"
    );
    let value = document.node.to_value();
    let first = value.get("é").and_then(|l| l.as_list()?.first()).and_then(Value::as_text).cloned().unwrap();
    assert_eq!(first.origin(), Some(list[0].span()));
    assert!(first.is_trusted());
    let inner = value.get("é").and_then(|l| l.as_list()?.get(2)).and_then(Value::as_map).unwrap();
    assert!(inner.get("a").unwrap().as_list().unwrap().same(inner.get("b").unwrap().as_list().unwrap()));
}

#[test]
fn many_aliases_do_not_multiply() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..40 {
        let items = vec![format!("*a{}", i - 1); 9].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    let document = parse_text(&text, SourceId::UNKNOWN, Options::default()).unwrap();
    assert_eq!(document.node.to_value().as_map().unwrap().len(), 40);
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "{a: ".repeat(10_000), "- ".repeat(5_000)] {
        assert!(parse_text(&text, SourceId::UNKNOWN, Options::default()).is_err());
    }
}

#[test]
fn json_is_read_as_json_and_data_stays_data() {
    let load = |text: &str| rplay_yaml::load_str(text, SourceId::UNKNOWN, rplay_yaml::Trust::Written).unwrap().0;
    let value = load("{\"a\": \"yes\", \"b\": {\"__ansible_unsafe\": \"{{ x }}\"},\t\"<<\": 1}");
    assert_eq!(value.repr(), "{'a': 'yes', 'b': '{{ x }}', '<<': 1}");
    assert!(!value.holds_template());
    assert_eq!(load("[1, 2,]").repr(), "[1, 2]");
    assert!(load("").is_null());
    let data = rplay_yaml::load_str("a: '{{ b }}'", SourceId::UNKNOWN, rplay_yaml::Trust::Data).unwrap().0;
    assert!(!data.holds_template());
    assert!(Value::Text(Text::trusted("{{ b }}")).holds_template());
}
