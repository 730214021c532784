//! Any text is read or refused; any value survives being written.

use proptest::prelude::*;
use rplay_diag::{Diagnose, SourceId, Sources, render};
use rplay_value::{Map, Value};
use rplay_yaml::{DumpStyle, Options, dump, parse, parse_all, parse_text};

fn value() -> impl Strategy<Value = Value> {
    // Line separators other than "\n" and characters beyond YAML's are the emitter's to escape, and it does.
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("NaN is not equal to itself", |f| !f.is_nan()).prop_map(Value::from),
        "[ -~\n\té中😀\u{a0}\u{2028}\u{85}\u{feff}\u{7}]{0,30}".prop_map(Value::from),
        "[0-9.:_+-]{1,10}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[ -~\n]{0,12}", inner), 0..6)
                .prop_map(|e| Value::Map(e.into_iter().collect::<Map>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives(value in value(), flow in any::<Option<bool>>(), indent in prop::option::of(0..12), width in prop::option::of(-1..120)) {
        let style = DumpStyle { flow, indent, width, sort_keys: false, ..DumpStyle::default() };
        let text = dump(&value, &style).unwrap();
        let document = parse_text(&text, SourceId::UNKNOWN, Options::default()).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(document.node.to_data(), value, "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse_all(&text, SourceId::UNKNOWN, Options::default());
    }

    #[test]
    fn yaml_like_text_is_read_or_refused(text in "([ \t]{0,4}[-?:a-c'\"{}\\[\\],&*!|>%@#é=<~0-9.]{0,8}\n){0,8}") {
        let sources = Sources::new();
        let source = sources.add("x", text.as_str());
        match parse(&sources, source) {
            Ok(document) => drop(document.node.to_value()),
            Err(error) => drop(render(&error.diagnostic(), &sources, false)),
        }
    }
}
