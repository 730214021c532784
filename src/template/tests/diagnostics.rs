//! What a template error shows: the place inside the file, the chain of variables, a hint.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::sync::Arc;

use rplay_diag::{Diagnose, Sources, Span, render};
use rplay_template::{Engine, EngineOptions, FileOptions, Scope, Slot, Surroundings, TemplateSource, Variables};
use rplay_value::{Map, Text, Value};

struct Vars(Map);

impl Variables for Vars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

/// A vars file of `name: value` lines, each value a template at its place.
fn setting(file: &str) -> (Engine, Scope) {
    let sources = Sources::new();
    let id = sources.add("vars.yml", file);
    let mut vars = Map::new();
    let mut at = 0;
    for line in file.split_inclusive('\n') {
        let (name, value) = line.trim_end().split_once(": ").unwrap();
        let start = at + name.len() + 2;
        let value = Text::written(value, Span::new(id, start, start + value.len()));
        vars.insert(name, Value::Text(value));
        at += line.len();
    }
    vars.insert(
        "facts",
        Value::Map([("kernel", Value::from("6.1")), ("os_family", Value::from("RedHat"))].into_iter().collect()),
    );
    let engine = Engine::new(EngineOptions { sources, ..EngineOptions::default() });
    (engine, Scope::new(Arc::new(Vars(vars)), Arc::new(Surroundings::default())))
}

fn shown(engine: &Engine, scope: &Scope, template: &str) -> String {
    let id = engine.sources().add("play.yml", format!("- msg: \"{template}\"\n"));
    let text = Text::written(template, Span::new(id, 7, 9 + template.len()));
    let error = engine.render(&Value::Text(text), scope).unwrap_err();
    render(&error.diagnostic(), engine.sources(), false)
}

#[test]
fn an_undefined_name_shows_where_it_stands_and_what_is_near() {
    let (engine, scope) = setting("release: x\n");
    insta::assert_snapshot!(shown(&engine, &scope, "a {{ relaese }} b"), @r#"
    error: 'relaese' is undefined
     --> play.yml:1:14
      |
    1 | - msg: "a {{ relaese }} b"
      |              ^^^^^^^
      |
      = hint: there is a variable `release`
    "#);
}

#[test]
fn a_nested_variable_shows_the_chain() {
    let (engine, scope) = setting("url: http://{{ host }}/\nhost: '{{ prefix }}.example'\n");
    insta::assert_snapshot!(shown(&engine, &scope, "get {{ url }}"), @r#"
    error: 'prefix' is undefined
     --> vars.yml:2:11
      |
    1 | url: http://{{ host }}/
      |      ------------------ in variable `url`
    2 | host: '{{ prefix }}.example'
      |       ----^^^^^^------------ in variable `host`
    "#);
}

#[test]
fn a_missing_key_names_the_nearest_one() {
    let (engine, scope) = setting("a: b\n");
    insta::assert_snapshot!(shown(&engine, &scope, "{{ facts.os_famly }}"), @r#"
    error: object of type 'dict' has no attribute 'os_famly'
     --> play.yml:1:12
      |
    1 | - msg: "{{ facts.os_famly }}"
      |            ^^^^^^^^^^^^^^
      |
      = hint: there is a key `os_family`
    "#);
}

#[test]
fn a_circle_is_named() {
    let (engine, scope) = setting("a: '{{ b }}'\nb: '{{ a }}'\n");
    insta::assert_snapshot!(shown(&engine, &scope, "{{ a }}"), @r#"
    error: Recursive loop detected in template: a -> b -> a
     --> vars.yml:1:4
      |
    1 | a: '{{ b }}'
      |    ^^^^^^^^^
      |    |
      |    this needs its own value
      |    in variable `a`
    2 | b: '{{ a }}'
      |    --------- in variable `b`
      |
      = hint: a variable cannot be defined through itself: give one of them another name
    "#);
}

#[test]
fn a_syntax_error_points_at_the_token() {
    let (engine, scope) = setting("a: b\n");
    insta::assert_snapshot!(shown(&engine, &scope, "{{ a b }}"), @r#"
    error: Syntax error in template: expected token 'end of print statement', got 'b'
     --> play.yml:1:14
      |
    1 | - msg: "{{ a b }}"
      |              ^
      |
      = hint: put an operator, a `|` or a comma between the two values
    "#);
    insta::assert_snapshot!(shown(&engine, &scope, "{% fro x in a %}{% endfor %}"), @r#"
    error: Syntax error in template: Encountered unknown tag 'fro'.
     --> play.yml:1:12
      |
    1 | - msg: "{% fro x in a %}{% endfor %}"
      |            ^^^
      |
      = hint: there is a tag `for`
    "#);
}

#[test]
fn a_file_shows_its_own_line() {
    let (engine, scope) = setting("a: b\n");
    let text = "one\n{% for x in [1] %}\n  {{ x + nothing }}\n{% endfor %}\n";
    let source =
        TemplateSource { name: "t.j2".to_owned(), text: text.into(), source: Some(engine.sources().add("t.j2", text)) };
    let error = engine.render_template(&source, &FileOptions::default(), &scope).unwrap_err();
    insta::assert_snapshot!(render(&error.diagnostic(), engine.sources(), false), @r#"
    error: 'nothing' is undefined
     --> t.j2:3:10
      |
    3 |   {{ x + nothing }}
      |          ^^^^^^^
    "#);
}
