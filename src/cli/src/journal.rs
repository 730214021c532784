//! The journals of runs: where they are, and what of a command line they keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rplay_diag::Sources;
use rplay_journal::{NewRun, Runs};
use rplay_value::{Map, Value};

use crate::extra_vars;
use crate::options::PlaybookOptions;
use crate::settings::Settings;

/// The folder of journals: asked for, set, or the user's own.
pub(crate) fn runs(given: Option<&Path>, settings: &Settings) -> Runs {
    let keep = settings.int("RPLAY_JOURNAL_KEEP").and_then(|keep| usize::try_from(keep).ok()).unwrap_or(50);
    let folder = given.map(Path::to_owned).or_else(|| settings.path("RPLAY_JOURNAL_DIR")).unwrap_or_else(|| {
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        state.unwrap_or_else(|| crate::settings::expand("~/.local/state")).join("rplay/runs")
    });
    Runs::new(std::path::absolute(&folder).unwrap_or(folder), keep)
}

/// What a new run's journal says of how it was started.
pub(crate) fn new_run(options: &PlaybookOptions, sealed: bool) -> NewRun {
    let (open, withheld) = without_secrets(&options.extra_vars);
    let kept = PlaybookOptions { extra_vars: open, ..options.clone() };
    NewRun {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        playbooks: options.playbooks.iter().map(|path| path.display().to_string()).collect(),
        options: serde_json::to_value(&kept).unwrap_or_default(),
        secret_options: (sealed && !withheld.is_empty())
            .then(|| serde_json::to_value(&options.extra_vars).unwrap_or_default()),
        env: environment(),
        withheld,
    }
}

/// Words in the name of a variable whose value is not for a file.
const SECRET_WORDS: &[&str] = &["pass", "pwd", "secret", "token", "credential", "api_key", "apikey", "private"];

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let file = name.ends_with("_file") || name.ends_with("_path");
    !file && SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The `-e` that may be kept, and the names of variables in those that may not.
fn without_secrets(given: &[String]) -> (Vec<String>, Vec<String>) {
    let mut open = Vec::new();
    let mut withheld = Vec::new();
    for text in given {
        let names = if text.starts_with('@') { Vec::new() } else { secret_names(text) };
        if names.is_empty() {
            open.push(text.clone());
        } else {
            withheld.extend(names);
        }
    }
    (open, withheld)
}

/// The names of all variables in an `-e` that holds a secret.
fn secret_names(text: &str) -> Vec<String> {
    let none = |_: &Path| Err("not read here".to_owned());
    // What cannot be read ends the run before there is a journal.
    let read = extra_vars::read(std::slice::from_ref(&text.to_owned()), &Sources::new(), false, &none);
    let Ok((vars, _)) = read else { return Vec::new() };
    if !holds_secret(&vars) {
        return Vec::new();
    }
    vars.texts().map(|(name, _)| name.to_string()).collect()
}

fn holds_secret(vars: &Map) -> bool {
    vars.iter().any(|(name, value)| {
        name.as_str().is_some_and(is_secret)
            || match value {
                Value::Map(inner) => holds_secret(inner),
                Value::List(items) => items.iter().filter_map(Value::as_map).any(holds_secret),
                _ => false,
            }
    })
}

/// Ansible's and rplay's settings in the environment, without secrets and without what belongs to a process.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| is_setting(name)).collect()
}

/// Whether a variable of the environment is a setting that a run goes on with.
pub(crate) fn is_setting(name: &str) -> bool {
    let own = name.starts_with("ANSIBLE_")
        || name.starts_with("RPLAY_")
            && !["RPLAY_LOG", "RPLAY_AGENT"].contains(&name)
            && !name.starts_with("RPLAY_JOURNAL");
    own && !is_secret(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_command_line_are_left_out_by_name() {
        let given = ["a=1 b=2", "db_password=x user=y", "@vars.yml", "{\"app\": {\"api_key\": 1}}", "password_file=/x"];
        let (open, withheld) = without_secrets(&given.map(str::to_owned));
        assert_eq!(open, ["a=1 b=2", "@vars.yml", "password_file=/x"]);
        assert_eq!(withheld, ["db_password", "user", "app"]);
        assert!(is_setting("ANSIBLE_VAULT_PASSWORD_FILE") && !is_setting("ANSIBLE_GALAXY_TOKEN"));
        assert!(!is_setting("HOME") && !is_setting("RPLAY_JOURNAL_DIR"));
    }
}
