//! Python plugins through templates: values both ways, the context, lookups, errors, and a process that dies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that is not as it should be")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rplay_collection::Collections;
use rplay_diag::{Diagnose as _, Diagnostic, Sources};
use rplay_python::{Python, PythonOptions};
use rplay_template::{Engine, EngineOptions, Foreign as _, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

/// Plugins of ours that do what plugins do.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/plugins").canonicalize().unwrap()
}

struct Layer(Map);

impl Variables for Layer {
    fn get(&self, name: &str) -> Option<Slot> {
        Some(match self.0.get(name)? {
            Value::Map(hosts) if name == "hostvars" => Slot::Namespace(Arc::new(Layer(hosts.clone()))),
            value => Slot::Lazy(value.clone()),
        })
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

struct Bench {
    engine: Engine,
    python: Python,
    sources: Sources,
    warnings: Arc<Mutex<Vec<Diagnostic>>>,
    scope: Scope,
}

const VARS: &str = "
a: alpha
deep: '{{ a }}-deep'
numbers: [3, 1, 2]
half: {good: '{{ a }}', bad: '{{ nowhere }}'}
hostvars: {one: {addr: 10.0.0.1, name: '{{ a }}'}, two: {addr: 10.0.0.2}}
raw: !unsafe '{{ a }}'
";

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut PythonOptions)) -> Self {
        let sources = Sources::new();
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&warnings);
        let mut options = PythonOptions {
            collections: Collections::new([fixtures().join("collections")], sources.clone()),
            sources: sources.clone(),
            notify: Arc::new(move |diagnostic| heard.lock().unwrap().push(diagnostic)),
            ..PythonOptions::default()
        };
        change(&mut options);
        let python = Python::new(options);
        python.add_folder(&fixtures());
        let engine = Engine::new(EngineOptions {
            sources: sources.clone(),
            foreign: Some(Arc::new(python.clone())),
            ..EngineOptions::default()
        });
        let source = sources.add("vars", VARS);
        let Value::Map(vars) = rplay_yaml::load(&sources, source).unwrap() else { panic!("vars are a mapping") };
        let surroundings = Surroundings { basedir: fixtures(), search_path: vec![fixtures()] };
        let scope = Scope::new(Arc::new(Layer(vars)), Arc::new(surroundings));
        Self { engine, python, sources, warnings, scope }
    }

    fn run(&self, expression: &str) -> Result<Value, Diagnostic> {
        let template = Value::Text(Text::trusted(format!("{{{{ {expression} }}}}")));
        match self.engine.render(&template, &self.scope) {
            Ok(Rendered::Value(value)) => Ok(value),
            Ok(Rendered::Omit) => Ok(Value::from("OMITTED")),
            Err(error) => Err(error.diagnostic()),
        }
    }

    /// Python's `repr` of the result, or the error's message.
    fn shown(&self, expression: &str) -> String {
        self.run(expression).map_or_else(|error| format!("! {}", error.message), |value| value.repr())
    }
}

#[track_caller]
fn check(bench: &Bench, cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(bench.shown(expression), *expected, "{expression}");
    }
}

#[test]
fn nothing_is_started_for_native_names() {
    let bench = Bench::new();
    assert_eq!(bench.shown("a | upper"), "'ALPHA'");
    assert_eq!(bench.shown("a | hasher"), "! Syntax error in template: No filter named 'hasher'.");
    // Files that could hold it had to be imported for that.
    assert!(bench.python.started());
    let other = Bench::with(|options| options.collections = Collections::default());
    assert_eq!(other.shown("a | upper"), "'ALPHA'");
    assert!(!other.python.started());
}

#[test]
fn values_arrive_as_they_left() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("none | same", "None"),
            ("[true, 1, 1.5, 1e300, 'x', {}] | same", "[True, 1, 1.5, 1e+300, 'x', {}]"),
            ("123456789012345678901234567890 | same", "123456789012345678901234567890"),
            ("(1e308 * 10) | same", "inf"),
            ("'é\u{1F600}\"' | same", "'é😀\"'"),
            ("(1, (2, 3)) | python_repr", "'(1, (2, 3))'"),
            (
                "{1: 'a', none: 'b', (1, 2): 'c', '$': 'd'} | python_repr",
                "\"{1: 'a', None: 'b', (1, 2): 'c', '$': 'd'}\"",
            ),
            ("('2024-02-29 01:02:03' | to_datetime) | python_repr", "'datetime.datetime(2024, 2, 29, 1, 2, 3)'"),
            ("'2024-02-29' | a_date | string", "'2024-02-29'"),
            ("90 | a_delta | string", "'0:01:30'"),
            ("[3, 1, 3] | a_set | sort", "[1, 3]"),
            ("'abc' | a_bytes | string", "\"b'abc'\""),
            ("numbers | a_generator", "[3, 1, 2]"),
            ("[1, omit, 2] | same", "[1, 2]"),
            ("1 | second_or(omit)", "'OMITTED'"),
            ("1 | second_or", "'none given'"),
            ("1 | second_or('x')", "'x'"),
            ("1 | second_or(second='y')", "'y'"),
            ("deep | same", "'alpha-deep'"),
            ("{'k': deep} | same", "{'k': 'alpha-deep'}"),
        ],
    );
}

#[test]
fn objects_stay_in_python_and_show_their_attributes() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("3 | a_point | string", "'Point(3)'"),
            ("(3 | a_point).x", "3"),
            ("(3 | a_point) | point_x", "3"),
            ("(3 | a_point).nothing is defined", "False"),
        ],
    );
    assert!(bench.shown("3 | a_point").contains("Type 'Point' is unsupported for variable storage."));
}

#[test]
fn what_is_undefined_is_raised_before_the_call_unless_it_is_wanted() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("nowhere | same", "! 'nowhere' is undefined"),
            ("nowhere | same | default('d')", "'d'"),
            ("1 | second_or(nowhere)", "! 'nowhere' is undefined"),
            ("nowhere | or_else('d')", "'d'"),
            ("half | pick('good')", "'alpha'"),
            ("half | pick('bad')", "! 'nowhere' is undefined"),
            ("half | keep('good')", "{'good': 'alpha'}"),
            ("half | keep('bad')", "! 'nowhere' is undefined"),
            ("(half | keep('bad')).keys() | list", "['bad']"),
            ("(half | keep('bad')).bad | default('d')", "'d'"),
            ("half | use('bad')", "! 'nowhere' is undefined"),
        ],
    );
}

#[test]
fn text_from_plugins_is_data() {
    let bench = Bench::new();
    check(&bench, &[("'x' | a_template", "'{{ 7 * 7 }}'"), ("raw | same", "'{{ a }}'")]);
}

#[test]
fn the_context_is_asked_while_the_filter_runs() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("'deep' | from_context", "'alpha-deep'"),
            ("'nowhere' | from_context", "'default'"),
            ("'nowhere' | resolved", "'undefined'"),
            ("'deep' | in_context", "[True, False]"),
            ("'one' | host_address", "'10.0.0.1'"),
            ("'none' | host_address", "'no such host'"),
            ("hostvars | addresses", "['10.0.0.1', '10.0.0.2']"),
            ("'yes' | through_bool", "True"),
            ("'a' | with_environment", "['A', True, 'a!', True, False, 1]"),
            ("1 | evaluation", "False"),
        ],
    );
    let template = Value::Text(Text::trusted("{% set mine = 5 %}{{ 'mine' | from_context }}"));
    let rendered = bench.engine.render(&template, &bench.scope).unwrap();
    assert_eq!(rendered, Rendered::Value(Value::Int(5)));
}

#[test]
fn plugins_call_plugins_through_rplay() {
    let bench = Bench::new();
    check(&bench, &[("[1, 2] | map('same') | list", "[1, 2]"), ("'x' | calls('calls_twice')", "'(((x)))'")]);
}

#[test]
fn a_plugin_beside_the_playbook_hides_a_native_one() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("'x' | comment", "\"ours, not Ansible's: x\""),
            ("'x' | ansible.builtin.comment", "'#\\n# x\\n#'"),
            // Mentioned in a file, but not provided by it.
            ("'x' | upper", "'X'"),
        ],
    );
}

#[test]
fn tests_decide() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("4 is even_number", "True"),
            ("3 is even_number", "False"),
            ("[1, 2, 4] | select('even_number') | list", "[2, 4]"),
            ("3 is loosely", "True"),
            ("3 is not_there", "! Syntax error in template: No test named 'not_there'."),
        ],
    );
    let warnings = bench.warnings.lock().unwrap();
    assert!(
        warnings.iter().any(|w| w.message.contains("'loosely' returned a non-boolean result of type <class 'int'>"))
    );
}

#[test]
fn lookups_have_options_templates_and_files() {
    let bench = Bench::with(|options| options.config_file = Some(fixtures().join("ansible.cfg")));
    check(
        &bench,
        &[
            ("lookup('colors')", "['green', 3, False, [], []]"),
            ("query('colors', 1, 2)", "['green', 3, False, [], [1, 2]]"),
            ("lookup('colors', color='blue', count='5', flag='yes', words='a,b')", "['blue', 5, True, ['a', 'b'], []]"),
            (
                "lookup('colors', count='x')",
                "! The lookup plugin 'colors' failed: Config 'count' for 'colors' lookup plugin from 'Direct' has an invalid value: Invalid value provided for 'int': 'x'",
            ),
            ("lookup('surroundings', 'variable')", "['alpha', True, 9]"),
            ("query('surroundings', 'template')", "['alpha', '{{ a }}', 'alpha']"),
            ("lookup('surroundings', 'file', 'greeting.txt')", "'hello from a file\\n'"),
            (
                "lookup('surroundings', 'text')",
                "! The lookup plugin 'surroundings' failed: returned <class 'str'> instead of <class 'list'>",
            ),
            ("lookup('surroundings', 'fail')", "! The lookup plugin 'surroundings' failed: this lookup says no"),
            ("lookup('surroundings', 'fail', errors='ignore')", "None"),
        ],
    );
    assert_eq!(bench.shown("lookup('surroundings', 'path', 'nothing.txt')"), "None");
    let warnings = bench.warnings.lock().unwrap();
    assert!(warnings.iter().any(|w| w.message.starts_with("Unable to find 'nothing.txt' in expected paths")));
}

#[test]
fn collections_have_plugins_redirects_and_tombstones() {
    let bench = Bench::new();
    check(
        &bench,
        &[
            ("'x' | our.tools.wrapped", "'<x>'"),
            ("'x' | our.tools.other_name", "'(x)'"),
            ("'x' | our.tools.old_name", "'<x>'"),
            ("'x' | our.tools.to_native_upper", "'X'"),
            ("4 is our.tools.positive", "True"),
            ("lookup('our.tools.echo', 'x')", "'x'"),
            ("'x' | our.tools.nothing", "! Syntax error in template: No filter named 'our.tools.nothing'."),
            (
                "'x' | our.tools.gone",
                "! The filter plugin 'our.tools.gone' failed to load: The 'our.tools.gone' filter plugin has been removed. Use our.tools.wrapped. This feature was removed from collection 'our.tools' version 2.0.0.",
            ),
        ],
    );
}

#[test]
fn an_exception_has_the_plugins_line() {
    let bench = Bench::new();
    let error = bench.run("1 | breaks").unwrap_err();
    assert_eq!(error.message, "The filter plugin 'breaks' failed: it broke on 1");
    let shown = rplay_diag::render(&error, &bench.sources, false);
    assert!(shown.contains("fails.py:"), "{shown}");
    assert!(shown.contains("raise ValueError"), "{shown}");
    check(
        &bench,
        &[
            ("1 | refuses", "! The filter plugin 'refuses' failed: this filter says no"),
            ("1 | same(1)", "! The filter plugin 'same' failed: same() takes 1 positional argument but 2 were given"),
            ("1 | breaks_for_a_reason", "! The filter plugin 'breaks_for_a_reason' failed: outer: inner"),
            ("1 | says_nothing", "! The filter plugin 'says_nothing' failed."),
            ("1 | quits", "! The filter plugin 'quits' failed: 3"),
        ],
    );
}

#[test]
fn a_file_that_cannot_be_imported_is_skipped_and_named() {
    let bench = Bench::new();
    assert_eq!(bench.shown("1 | same"), "1");
    let warning = bench.warnings.lock().unwrap().iter().find(|w| w.message.contains("needs_more.py")).cloned().unwrap();
    assert!(warning.message.ends_with("cannot load: No module named 'a_module_nobody_has'"), "{}", warning.message);
    let error = bench.run("1 | needing").unwrap_err();
    assert_eq!(error.message, "The filter plugin 'needing' cannot be loaded: No module named 'a_module_nobody_has'");
    assert!(error.hints[0].starts_with("install the Python module `a_module_nobody_has`"), "{:?}", error.hints);
}

#[test]
fn a_process_that_dies_fails_the_call_alone() {
    let bench = Bench::new();
    let error = bench.run("1 | vanishes").unwrap_err();
    assert_eq!(
        error.message,
        "The filter plugin 'vanishes' failed: the Python process of the plugins ended with exit status 7"
    );
    assert!(error.notes.iter().any(|note| note.contains("about to vanish")), "{:?}", error.notes);
    assert_eq!(bench.shown("1 | same"), "1");
    let error = bench.run("1 | crashes").unwrap_err();
    assert!(error.message.ends_with("was killed by signal 11"), "{}", error.message);
    assert_eq!(bench.shown("2 | same"), "2");
}

#[test]
fn what_plugins_print_disturbs_nothing() {
    let bench = Bench::new();
    assert_eq!(bench.shown("'x' | prints"), "'x'");
    assert_eq!(bench.shown("'y' | prints"), "'y'");
}

#[test]
fn without_python_the_file_that_needs_it_is_named() {
    let bench = Bench::with(|options| options.interpreter = Some("/nowhere/python3".into()));
    let error = bench.run("1 | second_or").unwrap_err();
    assert!(
        error.message.starts_with("The filter 'second_or' is a Python plugin, and could not start"),
        "{}",
        error.message
    );
    assert!(error.notes.iter().any(|note| note.ends_with("filter_plugins/values.py")), "{:?}", error.notes);
    assert_eq!(bench.shown("1 | nothing_at_all"), "! Syntax error in template: No filter named 'nothing_at_all'.");
}

#[test]
fn threads_share_the_process() {
    let bench = Bench::new();
    std::thread::scope(|threads| {
        for n in 0..8 {
            let bench = &bench;
            threads.spawn(move || {
                for i in 0..20 {
                    let expected = (n * 100 + i).to_string();
                    assert_eq!(bench.shown(&format!("{expected} | calls_same")), expected);
                }
            });
        }
    });
}
