//! Keywords that came or went, `include`, lists of variables, names of variables.

use rplay_playbook::keyword::{self, Place};
use rplay_value::Version;
use rplay_yaml::Node;

use crate::{Level, Lint, Rule};

static REMOVED: Rule = Rule {
    name: "removed-keyword",
    since: Version::new(2, 0),
    about: "A keyword that newer releases do not have (`sudo`, `su`, `always_run`, `static`, ...).",
};
static INCLUDE: Rule = Rule {
    name: "include",
    since: Version::new(2, 16),
    about: "`include`, which `import_tasks`, `include_tasks` and `import_playbook` replaced.",
};
static VARS_LIST: Rule = Rule { name: "vars-list", since: Version::new(2, 19), about: "`vars` as a list of mappings." };
static OWN: Rule = Rule { name: "own-keyword", since: Version::new(1, 9), about: "A keyword that only rplay has." };
static NAME: Rule =
    Rule { name: "variable-name", since: Version::new(1, 9), about: "A name that no variable can have." };

pub(crate) static RULES: &[&Rule] = &[&REMOVED, &INCLUDE, &VARS_LIST, &OWN, &NAME];

/// Keywords that are not known at all any more, with what to write.
const GONE: [(&str, Version, &str); 4] = [
    ("accelerate", Version::new(2, 6), "remove it; pipelining and ControlPersist replaced it"),
    ("accelerate_port", Version::new(2, 6), "remove it"),
    ("accelerate_ipv6", Version::new(2, 6), "remove it"),
    ("first_available_file", Version::new(2, 8), "write `with_first_found`, or the `first_found` lookup"),
];

impl Lint {
    /// A keyword, wherever it stands.
    pub(crate) fn keyword(&mut self, key: &Node, value: &Node, place: Place) {
        let name = key.as_str().unwrap_or_default();
        let gone = GONE.iter().find(|(gone, ..)| *gone == name).map(|(_, until, help)| (*until, *help));
        let known = keyword::find(name, place);
        // Other keys of a role's entry are its parameters, and were never keywords.
        let removed = known.and_then(|keyword| Some((keyword.until?, keyword.help)));
        if let Some((until, help)) = gone.filter(|_| place != Place::Role).or(removed) {
            let message = format!("`{name}` was removed in Ansible {until}");
            let renamed = help.strip_prefix("write `").and_then(|rest| rest.strip_suffix('`'));
            let replacement = renamed.filter(|rest| !rest.contains('`')).map(str::to_owned);
            let finding = self.found(&REMOVED, Level::Error, key.span(), message, help);
            finding.since = until;
            finding.replacement = replacement;
        }
        if known.is_some_and(|keyword| keyword.own) {
            let message = format!("`{name}` is rplay's own, and Ansible refuses it");
            self.found(&OWN, Level::Error, key.span(), message, "remove it where Ansible has to read this too");
        }
        if name == "vars" && value.as_sequence().is_some() {
            let message = "`vars` must be a mapping, not a list of mappings";
            self.found(
                &VARS_LIST,
                Level::Error,
                value.span().at_start(),
                message,
                "write one mapping: `name: value` lines",
            );
        }
    }

    /// `include` of playbooks.
    pub(crate) fn playbook_include(&mut self, play: &Node) {
        if let Some((key, value)) = play.get_entry("include") {
            let parameters = value.as_str().is_some_and(|file| file.contains('='));
            let help = if parameters {
                "write `import_playbook`, and what follows the file's name as `vars`"
            } else {
                "write `import_playbook`"
            };
            let finding = self.found(&INCLUDE, Level::Error, key.span(), "`include` of a playbook was removed", help);
            finding.replacement = (!parameters).then(|| "import_playbook".to_owned());
        }
    }

    /// `include` of tasks.
    pub(crate) fn tasks_include(&mut self, key: &Node, value: &Node, task: &Node) {
        let entries = task.as_mapping().unwrap_or_default();
        let loops = entries.iter().any(|(key, _)| key.as_str().is_some_and(|k| k == "loop" || k.starts_with("with_")));
        let dynamic = loops || value.as_str().is_some_and(|file| file.contains("{{"));
        let written = if dynamic { "include_tasks" } else { "import_tasks" };
        let why = if dynamic { "its file is known at run time" } else { "its file is known before" };
        let parameters = value.as_str().filter(|file| !file.contains("{{")).is_some_and(|file| file.contains('='));
        let help = if parameters {
            format!("write `{written}`, and what follows the file's name as `vars`")
        } else {
            format!("write `{written}` ({why})")
        };
        let finding = self.found(&INCLUDE, Level::Error, key.span(), "`include` of tasks was removed", help);
        finding.replacement = (!parameters).then(|| written.to_owned());
    }

    /// Names of variables in a mapping.
    pub(crate) fn variable_names(&mut self, vars: &Node) {
        for (key, _) in vars.as_mapping().unwrap_or_default() {
            let Some(name) = key.as_str() else { continue };
            let mut chars = name.chars();
            let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
            let valid = first && chars.all(|c| c.is_alphanumeric() || c == '_');
            if !valid && !name.contains("{{") {
                let fixed: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
                let message = format!("`{name}` is no valid name of a variable");
                let help = format!("names are letters, digits and `_`: `{fixed}`");
                self.found(&NAME, Level::Error, key.span(), message, help).replacement = Some(fixed);
            }
        }
    }
}
