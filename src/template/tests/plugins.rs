//! Runs the expressions of `fixtures/filters/recorded.json` and compares with what ansible-core 2.19 gave for them.

use std::path::Path;
use std::sync::Arc;

use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

/// Expressions that work here and are errors there, on purpose.
const BETTER: [&str; 2] = [
    // The documented `default` of groupby; 2.19 loses it behind its own undefined type.
    "gappy | groupby('a', default=0)",
    // Hexadecimal `start=` is documented; 2.19's option types refuse it.
    "query('sequence', 'start=0x0f00 count=4 format=%04x')",
];

/// Variables as a vars file would give them: every text trusted.
struct Written(Map);

impl Variables for Written {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

fn trusted(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(Text::trusted(text.as_str())),
        Value::List(items) => Value::List(items.iter().map(trusted).collect::<Vec<_>>().into()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), trusted(value))).collect()),
        other => other.clone(),
    }
}

/// A value as the recorder writes it: keys as Python's text, floats that JSON cannot hold and dates as text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Float(f) if !f.is_finite() => Value::from(value.to_str().into_owned()),
        Value::Time(_) => Value::from(value.to_str().into_owned()),
        Value::List(items) => Value::List(items.iter().map(plain).collect::<Vec<_>>().into()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.to_str().into_owned(), plain(v))).collect()),
        other => other.clone(),
    }
}

#[test]
fn filters_tests_and_lookups_agree_with_ansible_core_2_19() {
    let text = include_str!("../../../fixtures/filters/recorded.json");
    let recorded: Value = serde_json::from_str(text).unwrap();
    let Value::Map(vars) = trusted(recorded.get("vars").unwrap()) else { panic!("vars") };
    let engine = Engine::new(EngineOptions::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/filters");
    let surroundings = Surroundings { basedir: folder.clone(), search_path: vec![folder] };
    let scope = Scope::new(Arc::new(Written(vars)), Arc::new(surroundings));
    let cases = recorded.get("cases").and_then(Value::as_list).unwrap();
    let mut misses = Vec::new();
    for case in cases {
        let expr = case.get("expr").and_then(Value::as_str).unwrap();
        let template = Value::Text(Text::trusted(format!("{{{{ {expr} }}}}")));
        let got = match engine.render(&template, &scope) {
            Ok(Rendered::Value(value)) => Ok(plain(&value)),
            Ok(Rendered::Omit) => Ok(Value::from("<omit>")),
            Err(error) => Err(error.to_string()),
        };
        let json = |value: &Value| serde_json::to_string(value).unwrap();
        match (&got, case.get("want")) {
            (Ok(got), Some(want)) if json(got) == json(want) => {}
            (Err(_), None) => {}
            (Ok(_), None) if BETTER.contains(&expr) => {}
            (got, want) => {
                let got = got.as_ref().map_or_else(|error| format!("error: {error}"), json);
                let error = case.get("error").and_then(Value::as_str).unwrap_or_default();
                let want = want.map_or_else(|| format!("error: {error}"), json);
                misses.push(format!("{expr}\n    want {want}\n    got  {got}"));
            }
        }
    }
    assert!(misses.is_empty(), "{} of {} expressions differ:\n{}", misses.len(), cases.len(), misses.join("\n"));
}
