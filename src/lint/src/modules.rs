//! Modules and their arguments.

use rplay_value::Version;
use rplay_yaml::Node;

use crate::{Level, Lint, Rule};

static OPTION: Rule =
    Rule { name: "unknown-option", since: Version::new(1, 9), about: "An argument that the module does not have." };
static REMOVED: Rule = Rule {
    name: "removed-option",
    since: Version::new(2, 14),
    about: "An argument that the module does not have any more (`warn` of `command`).",
};
static MOVED: Rule = Rule {
    name: "moved-module",
    since: Version::new(2, 10),
    about: "A module that lives in a collection, which has to be installed.",
};
static OLD_ACTION: Rule = Rule {
    name: "action-text",
    since: Version::new(2, 0),
    about: "`local_action` and `action` with the module and its arguments in one text.",
};

pub(crate) static RULES: &[&Rule] = &[&OPTION, &REMOVED, &MOVED, &OLD_ACTION];

/// Options that were taken away: module, option, release, what to do.
const GONE: [(&str, &str, Version, &str); 3] = [
    ("command", "warn", Version::new(2, 14), "remove it: nothing is warned about any more"),
    ("shell", "warn", Version::new(2, 14), "remove it: nothing is warned about any more"),
    ("get_url", "sha256sum", Version::new(2, 14), "write `checksum: \"sha256:...\"`"),
];

/// A module's name without Ansible's own namespaces.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}

/// Whether there is an action of that name.
pub(crate) fn is_known(name: &str) -> bool {
    rplay_playbook::is_include(name)
        || short(name) == "meta"
        || rplay_modules::find(name).is_some()
        || rplay_engine::moved_to(name).is_some()
        || rplay_engine::is_action(name)
}

impl Lint {
    /// The action of a task.
    pub(crate) fn action(&mut self, key: &Node, value: &Node, task: &Node) {
        let name = key.as_str().unwrap_or_default();
        if short(name) == "include" {
            self.tasks_include(key, value, task);
        }
        self.moved(key, name);
        if let Some(entries) = value.as_mapping() {
            self.options(name, entries);
        }
        if let Some(args) = task.get("args").and_then(Node::as_mapping) {
            self.options(name, args);
        }
        if let Some(text) = value.as_str() {
            self.text_options(name, text, value);
        }
        if short(name) == "assert"
            && let Some(that) = value.get("that")
        {
            self.conditions(that);
            for (key, value) in value.as_mapping().unwrap_or_default() {
                if key.as_str() != Some("that") {
                    self.templates(value);
                }
            }
            return;
        }
        self.templates(value);
    }

    fn moved(&mut self, key: &Node, name: &str) {
        if let Some(full) = rplay_engine::moved_to(name) {
            let collection = full.rsplit_once('.').map_or(full, |(collection, _)| collection);
            let message = format!("the module `{name}` is the collection {collection}'s");
            let help = format!("install {collection}, and write `{full}`");
            self.found(&MOVED, Level::Warning, key.span(), message, help).replacement = Some(full.to_owned());
        }
    }

    fn options(&mut self, name: &str, entries: &[(Node, Node)]) {
        for (key, _) in entries {
            let Some(option) = key.as_str().filter(|option| !option.contains("{{")) else { continue };
            if !self.gone(name, option, key) {
                self.known_option(name, option, key);
            }
        }
    }

    /// `key=value` options of a text.
    fn text_options(&mut self, name: &str, text: &str, value: &Node) {
        let Ok(words) = rplay_playbook::args::split(text) else { return };
        for word in words {
            if let Some((option, _)) = word.trim().split_once('=') {
                self.gone(name, option, value);
            }
        }
    }

    fn gone(&mut self, name: &str, option: &str, at: &Node) -> bool {
        let Some((.., until, help)) = GONE.iter().find(|(m, o, ..)| *m == short(name) && *o == option) else {
            return false;
        };
        let message = format!("`{}` has no option `{option}` any more", short(name));
        self.found(&REMOVED, Level::Error, at.span(), message, *help).since = *until;
        true
    }

    fn known_option(&mut self, name: &str, option: &str, at: &Node) {
        // Actions of the controller take more than the module of their name.
        let Some(module) = rplay_modules::find(name).filter(|_| !rplay_engine::is_action(name)) else { return };
        let spec = module.spec;
        let known = spec.args.iter().any(|arg| arg.name == option || arg.aliases.contains(&option));
        let file = spec.file
            && [
                "owner",
                "group",
                "mode",
                "attributes",
                "attr",
                "seuser",
                "serole",
                "setype",
                "selevel",
                "unsafe_writes",
            ]
            .contains(&option);
        let free = spec.free_form && option == "_raw_params";
        if known || file || free || spec.open || option.starts_with('_') {
            return;
        }
        let names = spec.args.iter().flat_map(|arg| std::iter::once(arg.name).chain(arg.aliases.iter().copied()));
        let near = rplay_diag::nearest(option, names);
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it".to_owned(),
        };
        let message = format!("`{}` has no option `{option}`", short(name));
        self.found(&OPTION, Level::Error, at.span(), message, help).replacement = near.map(str::to_owned);
    }

    /// `action: module args` and `local_action: module args`.
    pub(crate) fn old_action(&mut self, key: &Node, value: &Node) {
        let written = match (key.as_str(), value.as_str()) {
            (Some(_), Some(text)) => text.trim(),
            _ => return,
        };
        let (module, _) = written.split_once(char::is_whitespace).unwrap_or((written, ""));
        if module.contains("{{") {
            return;
        }
        let local = key.as_str() == Some("local_action");
        let help = if local {
            format!("write `{module}:` with its arguments below, and `delegate_to: localhost`")
        } else {
            format!("write `{module}:` with its arguments below")
        };
        let message = format!("`{}` holds the module and its arguments in one text", key.as_str().unwrap_or_default());
        self.found(&OLD_ACTION, Level::Info, key.span(), message, help);
        self.moved(value, module);
        self.text_options(module, written, value);
    }
}
