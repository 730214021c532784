//! Lookups that need files they may write, or an inventory.
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

struct Written(Map);

impl Variables for Written {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

fn evaluate(basedir: &Path, variables: &Value, expression: &str) -> Result<Value, String> {
    let Value::Map(variables) = variables.clone() else { return Err("variables are no mapping".to_owned()) };
    let surroundings = Surroundings { basedir: basedir.to_owned(), search_path: vec![basedir.to_owned()] };
    let scope = Scope::new(Arc::new(Written(variables)), Arc::new(surroundings));
    let template = Value::Text(Text::trusted(format!("{{{{ {expression} }}}}")));
    match Engine::new(EngineOptions::default()).render(&template, &scope) {
        Ok(Rendered::Value(value)) => Ok(value),
        Ok(Rendered::Omit) => Err("omitted".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A folder of one test, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rplay-lookups-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn text(&self, expression: &str) -> Result<String, String> {
        evaluate(&self.0, &Value::Map(Map::new()), expression).map(|value| value.to_str().into_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_password_is_written_once_and_read_again() {
    let folder = Folder::new("password");
    let first = folder.text("lookup('password', 'deep/secret length=12 chars=digits')").unwrap();
    assert_eq!(first.len(), 12);
    assert!(first.chars().all(|c| c.is_ascii_digit()), "{first}");
    let path = folder.0.join("deep/secret");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{first}\n"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // The file wins over what a new password would be made of.
    assert_eq!(folder.text("lookup('password', 'deep/secret', length=3)").unwrap(), first);
    // No draft is left beside it.
    assert_eq!(std::fs::read_dir(folder.0.join("deep")).unwrap().count(), 1);
}

#[test]
fn an_encrypted_password_keeps_its_salt() {
    let folder = Folder::new("encrypt");
    let first = folder.text("lookup('password', 'new', encrypt='md5_crypt')").unwrap();
    assert!(first.starts_with("$1$"), "{first}");
    assert_eq!(folder.text("lookup('password', 'new', encrypt='md5_crypt')").unwrap(), first);
    let content = std::fs::read_to_string(folder.0.join("new")).unwrap();
    let (plain, salt) = content.trim_end().split_once(" salt=").unwrap();
    assert!(first.contains(&format!("${salt}$")), "{content}");
    assert_eq!(folder.text("lookup('password', 'new')").unwrap(), plain);
}

#[test]
fn stored_salts_give_the_hashes_of_ansible_core_2_19() {
    let folder = Folder::new("salts");
    std::fs::write(folder.0.join("pw1"), "secret salt=abcdefgh\n").unwrap();
    std::fs::write(folder.0.join("pw2"), "secret salt=abcdefghijklmnopqrstuu ident=2b\n").unwrap();
    for (expression, want) in [
        (
            "lookup('password', 'pw1 encrypt=sha512_crypt')",
            "$6$rounds=656000$abcdefgh$/Ei/7YaGhLUaj/.Vzhbn8/qTav7snBIiSWc4ltNfH/h5CKGCnV8KtAzHxd56WDXc3DF7SfbULGkU/EoGIlOV70",
        ),
        ("lookup('password', 'pw1', encrypt='md5_crypt')", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"),
        ("lookup('password', 'pw2', encrypt='bcrypt')", "$2b$12$abcdefghijklmnopqrstuuT1Iwu6o8Wx7BoOyIMHfgVJq6JO/IJhW"),
        ("lookup('password', 'pw1')", "secret"),
    ] {
        assert_eq!(folder.text(expression).as_deref(), Ok(want), "{expression}");
    }
}

#[test]
fn inventory_patterns_give_the_hosts_of_ansible_core_2_19() {
    let groups = serde_json::json!({
        "groups": {"all": ["w1", "w2", "d1"], "ungrouped": [], "web": ["w1", "w2"], "db": ["d1", "w2"]},
    });
    let variables: Value = serde_json::from_value(groups).unwrap();
    for (pattern, want) in [
        ("all", "w1,w2,d1"),
        ("web", "w1,w2"),
        ("web:db", "w1,w2,d1"),
        ("web:&db", "w2"),
        ("all:!db", "w1"),
        ("w*", "w1,w2"),
        ("~[wd]1", "w1,d1"),
        ("web[0]", "w1"),
        ("web[-1]", "w2"),
        ("all[0:1]", "w1,w2"),
        ("web,d1", "w1,w2,d1"),
        ("nope", ""),
        ("web:!w1:!w2", ""),
    ] {
        let expression = format!("query('inventory_hostnames', '{pattern}') | join(',')");
        assert_eq!(evaluate(Path::new("."), &variables, &expression), Ok(Value::from(want)), "{pattern}");
    }
}

#[test]
fn what_is_undefined_in_a_quoted_template_is_for_the_lookup_to_refuse() {
    let folder = Folder::new("embedded");
    let text = |expression: &str| folder.text(expression);
    assert_eq!(text("lookup('dict', '{{ nothing }}', errors='ignore') | default('none')").unwrap(), "none");
    assert!(text("lookup('vars', '{{ nothing }}')").unwrap_err().contains("'nothing' is undefined"));
}
