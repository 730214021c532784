//! The keyword table against what releases of Ansible take (`fixtures/playbook/keywords.json`, made by
//! `record_keywords.py`), and every row of it against the loader: right and wrong values, templates, releases.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod surroundings;

use std::collections::BTreeMap;
use std::path::Path;

use rplay_diag::Sources;
use rplay_playbook::keyword::{KEYWORDS, Keyword, Kind, Place};
use rplay_playbook::{Loader, PlaybookError, Settings};
use rplay_value::{Value, Version};
use surroundings::{Fixture, show};

const PLACES: [(&str, Place); 7] = [
    ("play", Place::Play),
    ("block", Place::Block),
    ("task", Place::Task),
    ("handler", Place::Handler),
    ("role", Place::Role),
    ("loop_control", Place::LoopControl),
    ("import_playbook", Place::ImportPlaybook),
];

/// Forms that Ansible takes before it looks at its keywords.
const FORMS: [&str; 5] = ["local_action", "args", "static", "include", "user"];

type Recorded = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

fn recorded() -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/playbook/keywords.json");
    let Value::Map(all) = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() else {
        return Recorded::new();
    };
    let inner = |value: &Value| value.as_map().unwrap().clone();
    let kinds = |value: &Value| inner(value).texts().map(|(k, v)| (k.to_string(), v.to_str().into_owned())).collect();
    let places = |value: &Value| inner(value).texts().map(|(k, v)| (k.to_string(), kinds(v))).collect();
    all.texts().map(|(release, value)| (release.to_string(), places(value))).collect()
}

fn version(release: &str) -> Version {
    let (major, minor) = release.split_once('.').unwrap();
    Version::new(major.parse().unwrap(), minor.parse().unwrap())
}

fn in_release(keyword: &Keyword, release: Version) -> bool {
    !keyword.refused
        && !keyword.own
        && keyword.since.is_none_or(|since| since <= release)
        && keyword.until.is_none_or(|until| release < until)
}

fn fits(kind: Kind, isa: &str) -> bool {
    match isa {
        "bool" => kind == Kind::Bool,
        // `delay` has fractions since 2.17.
        "int" => matches!(kind, Kind::Int | Kind::Float),
        "float" => kind == Kind::Float,
        "percent" => kind == Kind::Percent,
        "string" => matches!(kind, Kind::Text | Kind::Any),
        "list" => !matches!(kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Text),
        "dict" | "class" => matches!(kind, Kind::Map | Kind::Vars | Kind::Any),
        _ => true,
    }
}

#[test]
fn the_table_is_what_releases_take() {
    let mut wrong = Vec::new();
    for (release, places) in recorded() {
        let at = version(&release);
        for (name, place) in PLACES {
            let theirs = &places[name];
            for (word, isa) in theirs {
                let row = KEYWORDS.iter().find(|k| k.name == word && k.allowed(place) && in_release(k, at));
                match row {
                    None => wrong.push(format!("{release}: no `{word}` on a {name}")),
                    Some(row) if !fits(row.kind, isa) => {
                        wrong.push(format!("{release}: `{word}` on a {name} is {isa}, not {}", row.kind));
                    }
                    Some(_) => {}
                }
            }
            for row in KEYWORDS.iter().filter(|k| k.allowed(place) && in_release(k, at)) {
                if !theirs.contains_key(row.name) && !FORMS.contains(&row.name) {
                    wrong.push(format!("{release}: `{}` is none on a {name}", row.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A playbook with a keyword in its place.
fn playbook(place: Place, word: &str, value: &str) -> String {
    let line = format!("{word}: {value}");
    let head = "hosts: all";
    match place {
        Place::Play => match word {
            "hosts" => format!("- {line}\n"),
            _ => format!("- {head}\n  {line}\n"),
        },
        Place::Block => {
            let block = if word == "block" { "" } else { "      block: [{ping: }]\n" };
            format!("- {head}\n  tasks:\n    - {line}\n{block}")
        }
        Place::Task | Place::Handler => {
            let section = if place == Place::Task { "tasks" } else { "handlers" };
            let action = if matches!(word, "action" | "local_action") { "" } else { "      ping:\n" };
            let list = if word == "loop_control" { "      loop: [1]\n" } else { "" };
            format!("- {head}\n  {section}:\n    - {line}\n{action}{list}")
        }
        Place::Role => {
            let role = if word == "role" { "" } else { "      role: one\n" };
            format!("- {head}\n  roles:\n    - {line}\n{role}")
        }
        Place::LoopControl => {
            format!("- {head}\n  tasks:\n    - ping:\n      loop: [1]\n      loop_control: {{{line}}}\n")
        }
        Place::ImportPlaybook => {
            let import =
                if matches!(word, "import_playbook" | "include") { "" } else { "  import_playbook: other.yml\n" };
            format!("- {line}\n{import}")
        }
        Place::VarsPrompt => {
            let name = if word == "name" { "" } else { "      name: x\n" };
            format!("- {head}\n  vars_prompt:\n    - {line}\n{name}")
        }
    }
}

fn load(folder: &Path, text: &str, settings: Settings) -> Result<(), (PlaybookError, String)> {
    std::fs::write(folder.join("site.yml"), text).unwrap();
    let sources = Sources::new();
    let resolve = Fixture;
    let loaded = Loader::new(&resolve, &sources, settings).playbook(&folder.join("site.yml"));
    loaded.map(drop).map_err(|error| {
        let shown = show(&error, &sources, folder);
        (error, shown)
    })
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("roles/one/tasks")).unwrap();
    std::fs::write(dir.path().join("roles/one/tasks/main.yml"), "- ping:\n").unwrap();
    std::fs::write(dir.path().join("other.yml"), "- hosts: all\n").unwrap();
    dir
}

/// Values of a kind, and values that are none.
fn samples(keyword: &Keyword) -> (Vec<&'static str>, Vec<&'static str>) {
    let right = match keyword.name {
        "action" | "local_action" => vec!["ping", "{module: ping}"],
        "debugger" => vec!["never", "on_failed"],
        "import_playbook" | "include" => vec!["other.yml"],
        "role" => vec!["one"],
        "register" => vec!["word"],
        "module_defaults" => vec!["{ping: {data: x}}", "[{ping: {}}]"],
        "vars_prompt" => vec!["[{name: x}]"],
        "vars_files" => vec!["[a.yml, [b.yml, c.yml]]", "a.yml"],
        "loop_control" => vec!["{loop_var: x}"],
        "args" => vec!["{data: x}"],
        "roles" => vec!["[one]", "[{role: one, port: 80}]"],
        "loop" => vec!["[1, 2]", "'{{ list }}'"],
        "serial" => vec!["2", "[1, 30%]"],
        _ => match keyword.kind {
            Kind::Bool => vec!["true", "'no'", "1"],
            Kind::Int => vec!["3", "'3'"],
            Kind::Float => vec!["0.5", "2", "'1.5'"],
            Kind::Percent => vec!["30", "30%"],
            Kind::Text => vec!["word", "5"],
            Kind::Texts => vec!["word", "[one, two]"],
            Kind::Conditions => vec!["x is defined", "[a, b]", "true"],
            Kind::Map => vec!["{a: b}"],
            Kind::Vars => vec!["{a: b}", "[{a: b}, {c: d}]"],
            Kind::Maps => vec!["{a: b}", "[{a: b}]"],
            Kind::Tasks => vec!["[{ping: }]"],
            Kind::Roles | Kind::Any => vec!["[]"],
        },
    };
    let wrong = match keyword.kind {
        Kind::Bool | Kind::Int | Kind::Float | Kind::Percent => vec!["{a: b}", "[x]", "word"],
        Kind::Text => vec!["{a: b}", "[x]"],
        Kind::Texts => vec!["[{a: b}]"],
        Kind::Conditions => vec!["{a: b}"],
        Kind::Map | Kind::Tasks | Kind::Roles => vec!["3"],
        Kind::Vars => vec!["word"],
        Kind::Maps => vec!["3"],
        Kind::Any => vec![],
    };
    (right, wrong)
}

#[test]
fn every_keyword_takes_what_it_says_everywhere_it_may_stand() {
    let dir = folder();
    let mut bad = Vec::new();
    let mut count = 0;
    for keyword in KEYWORDS.iter().filter(|keyword| !keyword.refused) {
        let (right, wrong) = samples(keyword);
        for place in keyword.places() {
            let text = |value: &str| playbook(place, keyword.name, value);
            for value in &right {
                count += 1;
                if let Err((_, shown)) = load(dir.path(), &text(value), Settings::default()) {
                    bad.push(format!("{} `{}: {value}` is refused:\n{shown}", place, keyword.name));
                }
            }
            for value in wrong.iter().filter(|_| !(place == Place::ImportPlaybook && keyword.name == "name")) {
                count += 1;
                match load(dir.path(), &text(value), Settings::default()) {
                    Ok(()) => bad.push(format!("{} `{}: {value}` is taken", place, keyword.name)),
                    Err((_, shown)) if !shown.contains("site.yml:") => {
                        bad.push(format!("{} `{}: {value}` has no place:\n{shown}", place, keyword.name));
                    }
                    Err(_) => {}
                }
            }
            let scalar = matches!(keyword.kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Percent | Kind::Text);
            let found_now =
                matches!(keyword.name, "role" | "action" | "local_action" | "register") || place == Place::VarsPrompt;
            if scalar && keyword.templated && !found_now {
                count += 1;
                if let Err((_, shown)) = load(dir.path(), &text("\"{{ x }}\""), Settings::default()) {
                    bad.push(format!("{} `{}` takes no template:\n{shown}", place, keyword.name));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{} of {count}\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn what_is_in_no_release_any_more_is_refused_by_name() {
    let dir = folder();
    for keyword in KEYWORDS.iter().filter(|keyword| keyword.refused) {
        for place in keyword.places() {
            let (_, shown) = load(dir.path(), &playbook(place, keyword.name, "true"), Settings::default()).unwrap_err();
            assert!(shown.contains(&format!("`{}`", keyword.name)) && shown.contains(keyword.help), "{shown}");
        }
    }
}

#[test]
fn releases_take_their_own_keywords_only() {
    let dir = folder();
    for release in ["2.9", "2.11", "2.16", "2.19"] {
        let at = version(release);
        let settings = || Settings { compat: release.parse().unwrap(), ..Settings::default() };
        for keyword in KEYWORDS.iter().filter(|k| !k.refused && !FORMS.contains(&k.name) && k.kind != Kind::Any) {
            for place in keyword.places().filter(|place| *place != Place::VarsPrompt) {
                let (right, _) = samples(keyword);
                let taken = load(dir.path(), &playbook(place, keyword.name, right[0]), settings()).is_ok();
                // Another row may be of another release.
                let known = KEYWORDS.iter().any(|k| k.name == keyword.name && k.allowed(place) && in_release(k, at));
                assert_eq!(taken, known, "{release}: `{}` on a {place}", keyword.name);
            }
        }
    }
}
