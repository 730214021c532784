//! ansible-core's internal collection, and what `!vault` values and undefined arguments are to plugins.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::sync::Arc;

use rplay_diag::Span;
use rplay_template::{Engine, EngineOptions, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value, Vaulted};

struct Written(Map);

impl Variables for Written {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

/// An expression's value, with a variable of every kind.
fn evaluate(expression: &str) -> Result<Value, String> {
    let engine = Engine::new(EngineOptions::default());
    let source = engine.sources().add("site.yml", "a: Hello\nb: {{ x }}\n");
    let envelope = rplay_vault_envelope();
    let mut map = Map::new();
    map.insert("some", Value::Text(Text::written("Hello", Span::new(source, 3, 8))));
    map.insert("untrusted", Value::Text(Text::data("{{ 1 }}")));
    map.insert("sealed", Value::Vault(Vaulted { ciphertext: envelope.into(), origin: None }));
    map.insert("deep", Value::Map(Map::from_iter([("key", map.get("some").cloned().unwrap())])));
    map.insert("broken", Value::Text(Text::trusted("{{ 1 + }}")));
    map.insert("number", 1);
    let scope = Scope::new(Arc::new(Written(map)), Arc::new(Surroundings::default()));
    engine.evaluate(&Text::trusted(expression), &scope).map_err(|error| error.to_string())
}

/// `plain`, encrypted with `secret`.
fn rplay_vault_envelope() -> String {
    let mut secrets = rplay_vault::Secrets::new();
    secrets.add("filter_default", rplay_vault::Password::new(b"secret".to_vec()).unwrap());
    secrets.encrypt("plain", Some("filter_default")).unwrap()
}

fn text(expression: &str) -> String {
    match evaluate(expression) {
        Ok(value) => value.repr(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn what_is_known_about_a_value() {
    let ours = "ansible._protomatter";
    for (expression, expected) in [
        ("'inline' | X.origin", "None"),
        ("some | X.origin", "'site.yml:1:4'"),
        ("deep.key | X.origin", "'site.yml:1:4'"),
        ("deep['key'] | X.tag_names", "['Origin', 'TrustedAsTemplate']"),
        ("missing | X.origin is undefined", "True"),
        ("'inline' | X.tag_names", "[]"),
        ("untrusted is X.tagged_with('TrustedAsTemplate')", "False"),
        ("untrusted | X.apply_trust is X.tagged_with('TrustedAsTemplate')", "True"),
        ("number | X.apply_trust", "1"),
        ("sealed is X.tagged_with('VaultedValue')", "error: Attempting to decrypt but no vault secrets found."),
        ("'a' | vault('s', salt=123, wrap_object=True) is X.tagged_with('VaultedValue')", "True"),
        ("'a' | vault('s', salt=123) is X.tagged", "False"),
        (
            "some is X.tagged_with('Bogus')",
            "error: The test plugin 'ansible._protomatter.tagged_with' failed: Unknown tag name 'Bogus'.",
        ),
        ("some | X.true_type", "'_AnsibleTaggedStr'"),
        ("'inline' | X.true_type", "'str'"),
        ("missing | X.true_type", "'UndefinedMarker'"),
        ("('x[1' | X.python_literal_eval) | X.true_type", "'CapturedExceptionMarker'"),
        ("'x[1' | X.python_literal_eval(ignore_errors=true)", "'x[1'"),
        ("'[1, None]' | X.python_literal_eval", "[1, None]"),
        ("[(1, 2)] | X.finalize", "[[1, 2]]"),
        ("(broken | X.dump_object).exception.message is contains 'Syntax error in template'", "True"),
        ("1 | X.unmask(['PluginInfo'])", "1"),
        ("lookup('ansible._protomatter.config', 'DISPLAY_TRACEBACK')", "[]"),
        ("lookup('env', 'HOME') | X.origin", "\"<environment variable 'HOME'>\""),
        ("some | origin", "error: Syntax error in expression: No filter named 'origin'."),
    ] {
        assert_eq!(text(&expression.replace('X', ours)), expected, "{expression}");
    }
}

#[test]
fn unvault_opens_what_the_run_s_secrets_do_not() {
    assert_eq!(text("sealed | unvault('secret')"), "'plain'");
    assert_eq!(text("('a' | vault('s', wrap_object=true)) | unvault('s')"), "'a'");
    assert!(text("sealed | upper").contains("no vault secrets found"));
}

#[test]
fn the_env_lookup_takes_a_default_that_is_not_there() {
    assert_eq!(text("lookup('env', 'HOME', default=undef()) != ''"), "True");
    assert!(text("lookup('env', 'NO_SUCH_VARIABLE', default=undef())").contains("'NO_SUCH_VARIABLE' is not set"));
    assert!(text("lookup('env', 'NO_SUCH_VARIABLE', default=bogus)").contains("'bogus' is undefined"));
    assert!(text("lookup('list', bogus)").contains("'bogus' is undefined"));
}
