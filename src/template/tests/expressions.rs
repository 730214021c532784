//! Runs the probe expressions of `fixtures/jinja/expressions.json` and compares with what ansible-core 2.19 gave.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]
#![expect(clippy::print_stdout, reason = "functions of a test are tests too")]

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_template::{Engine, EngineOptions, Files, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Release, Text, Value};

/// Of the 604 probes, this many must agree. Raise it, never lower it.
const AGREEING: usize = 601;

/// The same under 2.18's rules.
const CLASSIC: usize = 591;

/// The same for the statement probes.
const STATEMENTS: usize = 347;

/// The same for the method probes. The others are slips of 2.19 itself (`count` of its lazy lists is 0, `fromkeys` fails).
const METHODS: usize = 609;

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

struct Memory(HashMap<PathBuf, String>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// Where the probes run; messages call it `/t`.
fn folder() -> PathBuf {
    std::env::temp_dir()
}

/// What a probe gave under a release: the value as JSON, or the error's text.
fn outcome(probe: &Map, release: Release) -> Result<Value, String> {
    let templates = probe.get("templates").and_then(Value::as_map).cloned().unwrap_or_default();
    let files = templates
        .texts()
        .map(|(name, text)| {
            (folder().join("templates").join(name.as_str()), text.as_str().unwrap_or_default().to_owned())
        })
        .collect::<HashMap<_, _>>();
    let mut files: HashMap<_, _> = files;
    files.insert(folder().join("probes.txt"), "text of a file\n".to_owned());
    let engine = Engine::new(EngineOptions {
        files: Arc::new(Memory(files)),
        compat: release.into(),
        ..EngineOptions::default()
    });
    let vars = probe.get("vars").and_then(Value::as_map).cloned().unwrap_or_default();
    let Value::Map(mut vars) = trusted(&Value::Map(vars)) else { return Err("vars".to_owned()) };
    for (name, value) in probe.get("unsafe").and_then(Value::as_map).into_iter().flatten() {
        vars.insert(name.clone(), value.clone());
    }
    let surroundings = Surroundings { basedir: folder(), search_path: vec![folder()] };
    let scope = Scope::new(Arc::new(Written(vars)), Arc::new(surroundings));
    if let Some(condition) = probe.get("cond") {
        return engine.condition(&trusted(condition), &scope).map(Value::from).map_err(|error| error.to_string());
    }
    let expr = probe.get("expr").and_then(Value::as_str).unwrap_or_default();
    match engine.render(&Value::Text(Text::trusted(expr)), &scope) {
        Ok(Rendered::Value(value)) => Ok(value),
        Ok(Rendered::Omit) => Ok(Value::from("<omit>")),
        Err(error) => Err(error.to_string()),
    }
}

/// The probes of a file that disagree, as text, and how many there are in all.
fn misses(text: &str, release: Release) -> (Vec<String>, usize) {
    let probes: Value = serde_json::from_str(text).unwrap();
    let probes = probes.as_list().unwrap();
    let mut misses = Vec::new();
    for probe in probes {
        let probe = probe.as_map().unwrap();
        let got = outcome(probe, release);
        let agrees = match (&got, probe.get("want")) {
            (Ok(got), Some(want)) => {
                let infinite = got.as_float() == Some(f64::INFINITY);
                let got = serde_json::to_string(got).unwrap();
                got == serde_json::to_string(want).unwrap() || (infinite && want.as_str() == Some("<float inf>"))
            }
            (Err(_), None) => true,
            _ => false,
        };
        if !agrees {
            let want = probe.get("want").or_else(|| probe.get("error")).unwrap();
            let text = probe.get("expr").or_else(|| probe.get("cond")).unwrap();
            misses.push(format!("{}\n     got {got:?}\n    want {}", text.to_str(), want.repr()));
        } else if let (Err(got), Some(want)) = (&got, probe.get("error")) {
            let want = want.as_str().unwrap();
            if std::env::var_os("RPLAY_SHOW_ERRORS").is_some() && got != want {
                println!(
                    "error texts differ for {}\n     got {got}\n    want {want}",
                    probe.get("expr").or_else(|| probe.get("cond")).unwrap().to_str()
                );
            }
        }
    }
    (misses, probes.len())
}

/// The value as `fixtures/jinja/record.py` writes it.
fn recorded(value: &Value) -> Value {
    match value {
        Value::Time(time) => {
            let kind = time.type_name();
            Value::data(format!("<{} {}>", kind.strip_prefix("datetime.").unwrap_or(kind), value.to_str()))
        }
        Value::List(items) => Value::List(items.iter().map(recorded).collect::<Vec<_>>().into()),
        Value::Map(map) => map.iter().map(|(key, value)| (recorded(key), recorded(value))).collect::<Map>().into(),
        other => other.clone(),
    }
}

/// What people write to get values, errors and surprises: values by their `repr`, errors by their text.
///
/// A probe that differs for a reason says so in `fixtures/jinja/probes.py`; any other must agree.
#[test]
fn recorded_probes_agree_with_ansible_core_2_19() {
    let probes: Value = serde_json::from_str(include_str!("../../../fixtures/jinja/probes.json")).unwrap();
    let mut misses = Vec::new();
    for probe in probes.as_list().unwrap() {
        let probe = probe.as_map().unwrap();
        let got = outcome(probe, Release::V2_19);
        let shown = folder().display().to_string();
        let got = match &got {
            Ok(value) if value.as_str() == Some("<omit>") => ("gives", "<omit>".to_owned()),
            Ok(value) => ("gives", recorded(value).repr().replace(&*shown, "/t")),
            Err(error) => ("error", error.replace(&*shown, "/t")),
        };
        let want = ["gives", "error"]
            .into_iter()
            .find_map(|key| Some((key, probe.get(key)?.as_str()?.to_owned())))
            .expect("a recorded outcome");
        if (got == want) == probe.get("differs").is_some() {
            let text = probe.get("expr").or_else(|| probe.get("cond")).unwrap();
            let text = probe.get("templates").and_then(|files| files.as_map()?.get("main.j2")).unwrap_or(text);
            let query = probe.get("vars").and_then(|vars| vars.get("q")).map_or_else(String::new, Value::repr);
            misses.push(format!(
                "{}{query}\n     got {}: {}\n    want {}: {}",
                text.to_str(),
                got.0,
                got.1,
                want.0,
                want.1
            ));
        }
    }
    assert!(misses.is_empty(), "{} probes differ:\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn probes_agree_with_ansible_core_2_19() {
    let (misses, all) = misses(include_str!("../../../fixtures/jinja/expressions.json"), Release::V2_19);
    let agreeing = all - misses.len();
    println!("{agreeing} of {all} probes agree; the others:\n{}", misses.join("\n"));
    assert!(agreeing >= AGREEING, "{agreeing} of {all} probes agree");
}

/// The same expressions under ansible-core 2.18, whose templates are text. Not among them: `repr` of Python's own
/// functions and classes, which has memory addresses.
#[test]
fn probes_agree_with_the_classic_results_of_2_18() {
    let (misses, all) = misses(include_str!("../../../fixtures/jinja/classic.json"), Release::V2_16);
    let agreeing = all - misses.len();
    println!("{agreeing} of {all} probes agree; the others:\n{}", misses.join("\n"));
    assert!(agreeing >= CLASSIC, "{agreeing} of {all} probes agree");
}

/// Statements, macros, includes, undefined values, lazy variables, syntax errors and conditions.
#[test]
fn statements_and_conditions_agree_with_ansible_core_2_19() {
    let (misses, all) = misses(include_str!("../../../fixtures/jinja/statements.json"), Release::V2_19);
    let agreeing = all - misses.len();
    println!("{agreeing} of {all} probes agree; the others:\n{}", misses.join("\n"));
    assert!(agreeing >= STATEMENTS, "{agreeing} of {all} probes agree");
}

/// Methods of str, list and dict, operators over mixed types, both kinds of formatting; not looked at while writing.
#[test]
fn methods_and_operators_agree_with_ansible_core_2_19() {
    let (misses, all) = misses(include_str!("../../../fixtures/jinja/methods.json"), Release::V2_19);
    let agreeing = all - misses.len();
    println!("{agreeing} of {all} probes agree; the others:\n{}", misses.join("\n"));
    assert!(agreeing >= METHODS, "{agreeing} of {all} probes agree");
}
