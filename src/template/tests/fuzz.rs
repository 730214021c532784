//! Templates that nobody would write: grown from a grammar, and cut and mixed from the recorded probes. Whatever the text,
//! lexer, parser and evaluator give a value or an error, in bounded time and memory.
//!
//! `cargo test` tries a few thousand. `RPLAY_FUZZ_SECONDS=600 tests/run fuzz` goes on for that long in a process of its own
//! and prints the text that broke it. `RPLAY_FUZZ_SEED` picks another sequence.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]
#![expect(clippy::print_stdout, reason = "functions of a test are tests too")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rplay_template::{Engine, EngineOptions, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

/// How long one text may take. Tests are not optimised, and machines are busy.
const LONGEST: Duration = Duration::from_secs(20);
/// How much the process may grow over one text, in bytes.
const LARGEST: u64 = 1 << 30;

struct Vars(Map);

impl Variables for Vars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

fn variables() -> Map {
    let json = r#"{"s": "Hello World", "n": 42, "f": 1.5, "b": true, "z": null, "l": [3, 1, 2], "e": [], "u": "né\tü\n",
        "d": {"a": 1, "b": {"c": [1, 2, {"x": "y"}]}}, "ld": [{"name": "x", "v": 1}, {"name": "y", "v": 2, "w": [1]}],
        "t": "{{ n + 1 }}", "r": "{{ r }}", "deep": {"k": "{{ s }} {{ l }}"}}"#;
    let Value::Map(map) = serde_json::from_str(json).unwrap() else { unreachable!() };
    map.iter().map(|(key, value)| (key.clone(), trusted(value))).collect()
}

fn trusted(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(Text::trusted(text.as_str())),
        Value::List(items) => Value::List(items.iter().map(trusted).collect::<Vec<_>>().into()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), trusted(value))).collect()),
        other => other.clone(),
    }
}

/// Runs a text in every way there is. Lookups that start programs, ask servers or write files are left out.
fn run(engine: &Engine, text: &str) {
    const OUTSIDE: [&str; 7] = ["pipe", "lines", "url", "password", "fileglob", "filetree", "first_found"];
    if OUTSIDE.iter().any(|name| text.contains(name)) {
        return;
    }
    let scope = Scope::new(Arc::new(Vars(variables())), Arc::new(Surroundings::default()));
    let written = Text::trusted(text);
    // Errors are fine; what they say has to be sayable.
    let show = |error: rplay_template::TemplateError| drop(error.to_string());
    if let Err(error) = engine.render(&Value::Text(written.clone()), &scope) {
        show(error);
    }
    if let Err(error) = engine.evaluate(&written, &scope) {
        show(error);
    }
}

/// The text that runs now, and since when, for whoever watches.
#[derive(Default)]
struct Now {
    text: Mutex<Option<(String, Instant)>>,
    grown: AtomicU64,
    done: AtomicBool,
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Runs texts one by one while another thread looks at time and memory. `last` is where the text is kept that a crash
/// of the process would take with it.
fn run_all(texts: &mut dyn Iterator<Item = String>, last: Option<&PathBuf>) -> usize {
    let now = Arc::new(Now::default());
    let watched = Arc::clone(&now);
    let watch = std::thread::spawn(move || {
        let before = resident();
        while !watched.done.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
            watched.grown.fetch_max(resident().saturating_sub(before), Ordering::Relaxed);
            let running = watched.text.lock().unwrap().clone();
            if let Some((text, since)) = running
                && (since.elapsed() > LONGEST || watched.grown.load(Ordering::Relaxed) > LARGEST)
            {
                println!("{:?}, {} bytes more: {text:?}", since.elapsed(), watched.grown.load(Ordering::Relaxed));
                std::process::abort();
            }
        }
    });
    // As large as a thread of the runtime: what recurses has to mind the stack itself.
    let runner = |texts: &mut dyn Iterator<Item = String>| {
        let mut engine = Engine::new(EngineOptions::default());
        let mut count = 0;
        for text in texts {
            if let Some(last) = last {
                std::fs::write(last, &text).unwrap();
            }
            *now.text.lock().unwrap() = Some((text.clone(), Instant::now()));
            run(&engine, &text);
            *now.text.lock().unwrap() = None;
            count += 1;
            if count % 512 == 0 {
                // Compiled texts are kept as long as their engine.
                engine = Engine::new(EngineOptions::default());
            }
        }
        count
    };
    let count = runner(texts);
    now.done.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    count
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "s", "n", "f", "b", "z", "l", "e", "u", "d", "ld", "t", "r", "deep", "omit", "missing", "loop",
    ])
    .prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (-3i64..100).prop_map(|n| n.to_string()),
        1 => prop::sample::select(vec!["1000000000", "10**9", "2**63", "9223372036854775807", "-1e308", "1e-9", "0x1f", "1_000"])
            .prop_map(str::to_owned),
        1 => Just("True".to_owned()),
        1 => Just("none".to_owned()),
        4 => "'[a-z%{}#\\\\.*+?()é ]{0,8}'",
        1 => prop::sample::select(vec!["'%s'", "'%1000000000d'", "'{:>99999999999}'", "'(a*)*b'", "'%Y-%m'", "'10.0.0.0/8'", "'::/0'", "'a'*9"])
            .prop_map(str::to_owned),
    ]
}

fn of(names: Vec<String>) -> impl Strategy<Value = String> {
    prop::sample::select(names)
}

fn plugin_names(table: impl Iterator<Item = &'static str>) -> Vec<String> {
    table.map(str::to_owned).collect()
}

fn expression() -> BoxedStrategy<String> {
    let filters = plugin_names(rplay_template::filters::TABLE.iter().map(|(_, filter, _)| filter.name));
    let tests = plugin_names(rplay_template::tests::TABLE.iter().map(|(_, test, _)| test.name));
    let lookups = plugin_names(rplay_template::lookups::TABLE.iter().map(|(_, lookup, _)| lookup.name));
    let methods: Vec<String> = [
        "split",
        "format",
        "join",
        "items",
        "keys",
        "get",
        "append",
        "center",
        "zfill",
        "encode",
        "replace",
        "count",
        "index",
        "update",
        "pop",
        "sort",
        "strip",
        "splitlines",
        "expandtabs",
        "ljust",
        "title",
        "__getitem__",
        "isdigit",
        "partition",
        "insert",
        "extend",
        "copy",
        "setdefault",
        "translate",
        "bit_length",
    ]
    .map(str::to_owned)
    .to_vec();
    let leaf = prop_oneof![name(), literal()];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        let args = prop::collection::vec(
            prop_oneof![4 => inner.clone(), 1 => (prop::sample::select(vec!["width", "default", "indent", "attribute", "sep", "start", "base", "wantlist"]), inner.clone()).prop_map(|(k, v)| format!("{k}={v}"))],
            0..4,
        )
        .prop_map(|args| args.join(", "))
        .boxed();
        let two = (inner.clone(), inner.clone());
        let operators = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "and", "or", "in", "not in",
        ]);
        prop_oneof![
            3 => (two.clone(), operators).prop_map(|((a, b), op)| format!("({a} {op} {b})")),
            6 => (inner.clone(), of(filters.clone()), args.clone()).prop_map(|(a, f, args)| format!("{a} | {f}({args})")),
            2 => (inner.clone(), of(filters.clone())).prop_map(|(a, f)| format!("({a}) | {f}")),
            2 => (inner.clone(), of(tests.clone()), inner.clone()).prop_map(|(a, t, b)| format!("({a} is {t}({b}))")),
            1 => (inner.clone(), of(tests.clone())).prop_map(|(a, t)| format!("{a} is not {t}")),
            1 => (of(lookups.clone()), args.clone()).prop_map(|(l, args)| format!("lookup('{l}', {args})")),
            3 => (inner.clone(), of(methods.clone()), args.clone()).prop_map(|(a, m, args)| format!("{a}.{m}({args})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a}[{b}:{c}]")),
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            1 => prop::collection::vec((inner.clone(), inner.clone()), 0..3)
                .prop_map(|items| format!("{{{}}}", items.iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join(", "))),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => args.prop_map(|args| format!("range({args})")),
        ]
    })
    .boxed()
}

fn template() -> BoxedStrategy<String> {
    let text = "[a-z \\n{}%#é-]{0,6}";
    let leaf = prop_oneof![3 => expression().prop_map(|e| format!("{{{{ {e} }}}}")), 1 => text.prop_map(String::from)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| parts.concat()).boxed();
        prop_oneof![
            2 => body.clone(),
            2 => (name(), expression(), body.clone()).prop_map(|(x, e, b)| format!("{{% for {x} in {e} %}}{b}{{% endfor %}}")),
            2 => (expression(), body.clone(), body.clone()).prop_map(|(e, a, b)| format!("{{% if {e} %}}{a}{{%- else -%}}{b}{{% endif %}}")),
            2 => (name(), expression()).prop_map(|(x, e)| format!("{{% set {x} = {e} %}}{{{{ {x} }}}}")),
            1 => (name(), body.clone()).prop_map(|(x, b)| format!("{{% macro {x}(a=1) %}}{b}{{% endmacro %}}{{{{ {x}(2) }}}}")),
            1 => (name(), body.clone()).prop_map(|(x, b)| format!("{{% set {x} %}}{b}{{% endset %}}")),
            1 => body.clone().prop_map(|b| format!("{{% filter upper %}}{b}{{% endfilter %}}")),
            1 => body.clone().prop_map(|b| format!("{{% raw %}}{b}{{% endraw %}}{{# {b} #}}")),
            1 => body.prop_map(|b| format!("{{% with x = 1 %}}{b}{{% endwith %}}")),
        ]
    })
    .boxed()
}

/// The texts of the recorded probes.
fn corpus() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/jinja");
    let read =
        |name: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap() };
    let files = ["expressions.json", "methods.json", "statements.json", "probes.json"].map(read);
    let probes = files.iter().filter_map(|file| match file {
        Value::List(items) => Some(items.iter()),
        _ => None,
    });
    let text = |probe: &Value| Some(probe.as_map()?.get("expr")?.as_str()?.to_owned());
    probes.flatten().filter_map(text).collect()
}

/// One or two texts, cut, joined, repeated or with other characters in them.
fn mutated(texts: Vec<String>) -> BoxedStrategy<String> {
    let one = prop::sample::select(texts);
    let bits = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "'",
        "\"",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "|",
        ".",
        ",",
        ":",
        "~",
        "**",
        "1000000000",
        "é",
        "\0",
        "\n",
        "{% raw %}",
        "{% endfor %}",
        " is ",
        " not ",
        " in ",
        " if ",
        " else ",
        "%s",
        "{}",
        "*",
        "+",
        "e",
        "0",
        "_",
    ]);
    (one.clone(), one, prop::collection::vec((any::<prop::sample::Index>(), bits, 0..4u8), 1..5))
        .prop_map(|(mut text, other, changes)| {
            for (place, bits, kind) in changes {
                let mut at = place.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                match kind {
                    0 => text.insert_str(at, bits),
                    1 => {
                        let end = text[at..].char_indices().nth(3).map_or(text.len(), |(i, _)| at + i);
                        text.replace_range(at..end, bits);
                    }
                    2 => text.insert_str(at, &other[..other.floor_char_boundary(at)]),
                    _ => text.truncate(at),
                }
            }
            text
        })
        .boxed()
}

fn endless(seed: u64) -> impl Iterator<Item = String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let strategy = prop_oneof![
        3 => template(),
        3 => expression().prop_map(|e| format!("{{{{ {e} }}}}")),
        1 => expression(),
        3 => mutated(corpus()),
    ]
    .boxed();
    std::iter::repeat_with(move || strategy.new_tree(&mut runner).unwrap().current())
}

/// Texts that ask for more time, memory or stack than there is.
fn bombs() -> Vec<String> {
    let many = |part: &str| part.repeat(20_000);
    let expressions = [
        "range(10**9) | list",
        "range(10**18)",
        "range(10**7) | list | length",
        "'a' * 10**9",
        "'a' * 10**18",
        "[1] * 10**10",
        "2 ** 10**9",
        "10 ** 10 ** 10",
        "(10 ** 5000) | string",
        "('9' * 200000) | int",
        "'%1000000000d' % 1",
        "'%.1000000000f' % 1.5",
        "'%*d' % (1000000000, 1)",
        "'{:1000000000}'.format(1)",
        "'{:.1000000000f}'.format(1.5)",
        "'{0:>{1}}'.format(1, 10**10)",
        "'x'.center(10**10)",
        "'x'.ljust(10**10)",
        "'x'.rjust(10**10)",
        "'x'.zfill(10**10)",
        "'\\t'.expandtabs(10**10)",
        "'a\\nb' | indent(10**10)",
        "[1] | batch(10**10, 'x') | list",
        "[1] | slice(10**10) | list",
        "'a b' | wordwrap(1, true, 'x' * 1000)",
        "'x' | center(10**10)",
        "lipsum(n=10**9)",
        "lipsum(min=10**9, max=10**9+1)",
        "range(30) | permutations | list",
        "range(40) | combinations(20) | list",
        "range(1000) | product(range(1000), range(1000), range(1000)) | list",
        "'0.0.0.0/0' | ansible.utils.nthhost(10**12)",
        "lookup('sequence', 'end=1000000000')",
        "lookup('sequence', 'start=0 end=9223372036854775807 stride=1')",
        "{'a': [{'b': 1}]} | to_nice_json(indent=10**10)",
        "{'a': [{'b': 1}]} | to_nice_yaml(indent=10**10)",
        "('a' * 100000) | replace('a', 'b' * 100000)",
        "('a' * 100000).replace('', 'b' * 100000)",
        "('b' * 100000).join(['a'] * 100000)",
        "['a'] * 100000 | join('b' * 100000)",
        "('a' * 40 ~ '!') | regex_search('(a+)+$')",
        "'x' | regex_search('(((a{1000}){1000}){1000}){1000}')",
        "'x' | regex_replace('x', 'y' * 10) * 10**9",
        "pow(10, 10**9)",
        "10 | pow(10**9)",
        "5 | root(10**9)",
        "'x' | password_hash('sha512', rounds=999999999)",
        "'x' | comment(decoration='x' * 10**9)",
        "('x' * 10**6) | list | unique | length",
        "1e308 * 10 | int",
        "(1e308 | int) ** 100",
        "'1' * 5000 | int",
        "range(10**6) | map('string') | join | length",
        "0 | random(start=0, step=0)",
        "'x'.format(*range(10**9))",
        "dict(range(10**9))",
        "zip_longest(range(10**9))",
        "[range(10**9)] | flatten",
        "range(10**9) | sum",
        "range(10**9) | max",
        "(10**9) in range(10**18)",
        "r",
        "'a' | ljust(10**9)",
        "'%s' * 10**6 % 1",
        "l.append(l)",
        "[l, l.append(l), l][2] | string",
        "d.update({'x': d}) or d | string",
        "l.insert(0, l) or l == l",
        "l.append(l) or l | to_json",
        "l.append(l) or l | flatten",
        "l.append(l) or l | hash",
        "d.update(d=d) or d | combine(d, recursive=true)",
    ];
    let mut texts: Vec<String> = expressions.iter().map(|expression| format!("{{{{ {expression} }}}}")).collect();
    texts.extend([
        format!("{{{{ {}1{} }}}}", many("("), many(")")),
        format!("{{{{ {}1{} }}}}", many("["), many("]")),
        format!("{{{{ {}1{} }}}}", many("{'a':"), many("}")),
        format!("{{{{ {}1 }}}}", many("not ")),
        format!("{{{{ {}1 }}}}", many("-")),
        format!("{{{{ {}1 }}}}", many("- ")),
        format!("{{{{ 1{} }}}}", many(" + 1")),
        format!("{{{{ 1{} }}}}", many(" ** 1")),
        format!("{{{{ 1{} }}}}", many(" ~ 1")),
        format!("{{{{ 1{} }}}}", many(" and 1")),
        format!("{{{{ 1{} }}}}", many(" < 2")),
        format!("{{{{ 1{} }}}}", many(" if 1 else 1")),
        format!("{{{{ s{} }}}}", many(" | upper")),
        format!("{{{{ s{} }}}}", many(".a")),
        format!("{{{{ s{} }}}}", many("[0]")),
        format!("{{{{ s{} }}}}", many("()")),
        format!("{{{{ s{} }}}}", many(" is string")),
        format!("{{{{ l{} }}}}", many(" | map('upper')")),
        many("{{ 1 }}"),
        many("{% if 1 %}"),
        format!("{}{}", many("{% if 1 %}"), many("{% endif %}")),
        format!("{}{}", many("{% for x in [1] %}"), many("{% endfor %}")),
        format!("{{% if 0 %}}{}{{% endif %}}", many("{% elif 0 %}")),
        format!("{}{}", many("{% set x %}"), many("{% endset %}")),
        format!("{}{}", many("{% macro m() %}"), many("{% endmacro %}")),
        format!("{}{}", many("{% filter upper %}"), many("{% endfilter %}")),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_owned(),
        "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}".to_owned(),
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}".to_owned(),
        "{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(3000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=10) %}{% for i in range(64) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}".to_owned(),
    ]);
    texts
}

fn seed() -> u64 {
    std::env::var("RPLAY_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

/// Runs one of the ignored tests below in a process of its own, since what overflows a stack takes its process with it.
fn in_a_process_of_its_own(test: &str) {
    let last = std::env::temp_dir().join(format!("rplay-fuzz-{}", std::process::id()));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("RPLAY_FUZZ_LAST", &last)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&last).unwrap_or_default();
    let _ = std::fs::remove_file(&last);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    let start: String = text.chars().take(500).collect();
    assert!(output.status.success(), "{}\n{said}\n{errors}\n--- the last text ---\n{start}", output.status);
}

fn last() -> Option<PathBuf> {
    std::env::var_os("RPLAY_FUZZ_LAST").map(PathBuf::from)
}

#[test]
fn bombs_are_errors() {
    in_a_process_of_its_own("every_bomb");
}

#[test]
fn any_text_is_a_value_or_an_error() {
    in_a_process_of_its_own("many_texts");
}

#[test]
#[ignore = "run by bombs_are_errors"]
fn every_bomb() {
    let only: Option<usize> = std::env::var("RPLAY_FUZZ_BOMB").ok().and_then(|number| number.parse().ok());
    let all = bombs().into_iter().enumerate().filter(|(number, _)| only.is_none_or(|only| only == *number));
    let ran = run_all(&mut all.map(|(_, text)| text), last().as_ref());
    assert!(ran > 100 || only.is_some());
}

#[test]
#[ignore = "run by any_text_is_a_value_or_an_error"]
fn many_texts() {
    let seconds = std::env::var("RPLAY_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let end = Instant::now() + Duration::from_secs(seconds);
    let ran = run_all(&mut endless(seed()).take_while(|_| Instant::now() < end), last().as_ref());
    println!("{ran} texts in {seconds} seconds");
    assert!(ran > 100);
}
