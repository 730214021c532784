//! What is a template and what is data, and whose variables a template sees.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::sync::Arc;

use rplay_template::{
    Engine, EngineOptions, FileOptions, Rendered, Scope, Slot, Surroundings, TemplateSource, Variables,
};
use rplay_value::{Map, Release, Text, Value};

/// Variables of two hosts: `hostvars` leads from one to the other.
struct Vars {
    own: Vec<(&'static str, Slot)>,
}

impl Variables for Vars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.own.iter().find(|(key, _)| *key == name).map(|(_, slot)| slot.clone())
    }

    fn names(&self) -> Vec<Text> {
        self.own.iter().map(|(key, _)| Text::data(*key)).collect()
    }
}

fn written(text: &str) -> Value {
    Value::Text(Text::trusted(text))
}

fn scope(own: Vec<(&'static str, Slot)>) -> Scope {
    Scope::new(Arc::new(Vars { own }), Arc::new(Surroundings::default()))
}

fn render(scope: &Scope, template: &str) -> Value {
    match Engine::new(EngineOptions::default()).render(&written(template), scope).unwrap() {
        Rendered::Value(value) => value,
        Rendered::Omit => Value::from("<omit>"),
    }
}

#[test]
fn text_from_hosts_is_never_rendered() {
    let list = Value::from(vec![Value::from("{{ secret }}")]);
    let scope = scope(vec![
        ("secret", Slot::Done(Value::from("s3cret"))),
        ("stdout", Slot::Done(Value::from("{{ secret }}"))),
        ("lines", Slot::Lazy(list)),
        // Trusted text that came out of a rendering once is data too.
        ("done", Slot::Done(written("{{ secret }}"))),
        ("through", Slot::Lazy(written("{{ stdout }}!"))),
    ]);
    assert_eq!(render(&scope, "{{ stdout }}"), Value::from("{{ secret }}"));
    assert_eq!(render(&scope, "{{ lines[0] }}"), Value::from("{{ secret }}"));
    assert_eq!(render(&scope, "{{ done }}"), Value::from("{{ secret }}"));
    assert_eq!(render(&scope, "{{ through }}"), Value::from("{{ secret }}!"));
    assert_eq!(render(&scope, "{% set x = stdout %}{{ x }}"), Value::from("{{ secret }}"));
    for template in ["{{ stdout }}", "{{ stdout ~ '' }}", "{{ [stdout] | join }}", "{% set x = stdout %}{{ x }}"] {
        assert!(!render(&scope, template).holds_template(), "{template} made data a template");
    }
}

#[test]
fn only_written_text_becomes_a_condition() {
    let engine = Engine::new(EngineOptions::default());
    let scope = scope(vec![
        ("mode", Slot::Lazy(written("x"))),
        ("rule", Slot::Lazy(written("mode == 'y'"))),
        ("stdout", Slot::Done(Value::from("mode == 'y'"))),
    ]);
    // Written text is the condition and false; the host's text is none, and its being there is no answer.
    assert!(!engine.condition(&written("{{ rule }}"), &scope).unwrap());
    assert!(engine.condition(&written("{{ stdout }}"), &scope).is_err());
    let strict = Engine::new(EngineOptions { compat: Release::V2_19.into(), ..EngineOptions::default() });
    assert!(strict.condition(&written("{{ stdout }}"), &scope).is_err());
}

#[test]
fn hostvars_are_rendered_where_they_belong() {
    let other = scope(vec![
        ("name", Slot::Lazy(written("beta"))),
        ("greeting", Slot::Lazy(written("hello from {{ name }}"))),
        ("nested", Slot::Lazy(Value::Map([("g", written("{{ greeting }}"))].into_iter().collect()))),
    ]);
    let hosts = Arc::new(Vars { own: vec![("b", Slot::Scoped(other))] });
    let scope = scope(vec![("name", Slot::Lazy(written("alpha"))), ("hostvars", Slot::Namespace(hosts))]);
    assert_eq!(render(&scope, "{{ hostvars['b'].greeting }}"), Value::from("hello from beta"));
    assert_eq!(render(&scope, "{{ hostvars.b.nested.g }} to {{ name }}"), Value::from("hello from beta to alpha"));
    assert_eq!(render(&scope, "{{ hostvars['zz'].x | default('none') }}"), Value::from("none"));
    assert_eq!(render(&scope, "{{ 'b' in hostvars and 'c' not in hostvars }}"), Value::Bool(true));
    assert_eq!(render(&scope, "{{ hostvars['b']['nope'] is defined }}"), Value::Bool(false));
    assert_eq!(render(&scope, "{% set x = hostvars['b'].nested %}{{ x.g }}"), Value::from("hello from beta"));
}

#[test]
fn an_item_is_seen_by_lazy_variables_and_not_remembered() {
    let engine = Engine::new(EngineOptions::default());
    let scope = scope(vec![
        ("base", Slot::Lazy(written("/srv"))),
        ("path", Slot::Lazy(written("{{ base }}/{{ item | default('none') }}"))),
        ("conf", Slot::Lazy(Value::Map([("p", written("{{ path }}"))].into_iter().collect()))),
    ]);
    let show = |scope: &Scope, text: &str| engine.render(&written(text), scope).unwrap().value().unwrap();
    assert_eq!(show(&scope, "{{ path }}"), Value::from("/srv/none"));
    for item in ["a", "b"] {
        let inner = scope.with("item", Value::from(item));
        assert_eq!(show(&inner, "{{ path }}"), Value::from(format!("/srv/{item}")));
        assert_eq!(show(&inner, "{{ conf.p }}"), Value::from(format!("/srv/{item}")));
        let hidden = inner.with("base", Value::from("/opt"));
        assert_eq!(show(&hidden, "{{ conf.p }}"), Value::from(format!("/opt/{item}")));
    }
    assert_eq!(show(&scope, "{{ path }}"), Value::from("/srv/none"));
}

#[test]
fn omitted_entries_leave_containers() {
    let engine = Engine::new(EngineOptions::default());
    let scope = scope(vec![]);
    let args: Map =
        [("name", written("{{ 'x' }}")), ("mode", written("{{ mode | default(omit) }}"))].into_iter().collect();
    let rendered = engine.render(&Value::Map(args), &scope).unwrap();
    assert_eq!(rendered, Rendered::Value(Value::Map([("name", Value::from("x"))].into_iter().collect())));
    assert_eq!(engine.render(&written("{{ omit }}"), &scope).unwrap(), Rendered::Omit);
}

#[test]
fn files_keep_their_newlines_and_follow_their_options() {
    let engine = Engine::new(EngineOptions::default());
    let scope = scope(vec![("on", Slot::Done(Value::Bool(true)))]);
    let file = |text: &str, options: &FileOptions| {
        let source = TemplateSource { name: "t.j2".to_owned(), text: text.into(), source: None };
        engine.render_template(&source, options, &scope).unwrap()
    };
    let plain = FileOptions::default();
    assert_eq!(file("a\n{% if on %}\nb\n{% endif %}\n", &plain), "a\nb\n");
    assert_eq!(
        file("a\n  {% if on %}\nb\n  {% endif %}\nc", &FileOptions { lstrip_blocks: true, ..plain.clone() }),
        "a\nb\nc"
    );
    assert_eq!(
        file("{{ on }}\n{{ 1 + 1 }}\n", &FileOptions { newline_sequence: "\r\n".to_owned(), ..plain.clone() }),
        "True\r\n2\r\n"
    );
    assert_eq!(file("#jinja2: trim_blocks: false\n{% if on %}\nx{% endif %}\n", &plain), "\nx\n");
    // Text that is not empty is true in Python, whatever it says.
    assert_eq!(file("#jinja2: trim_blocks: \"false\"\n{% if on %}\nx{% endif %}\n", &plain), "x\n");
    assert_eq!(file("{{ [1, none, 'a'] }} {{ none }}|{{ 'a\\tb' }}\n", &plain), "[1, None, 'a'] |a\tb\n");
    assert_eq!(file("no template {not} at all\n\n", &plain), "no template {not} at all\n\n");
}
