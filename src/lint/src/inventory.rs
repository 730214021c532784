//! Inventories: names of groups, names of variables.

use rplay_diag::{SourceId, Span};
use rplay_value::Version;
use rplay_yaml::Node;

use crate::templates::renamed;
use crate::{Level, Lint, Rule};

static GROUP: Rule = Rule {
    name: "group-name",
    since: Version::new(2, 8),
    about: "A group whose name cannot be a variable's: warned about, and unreachable as `groups.name`.",
};

pub(crate) static RULES: &[&Rule] = &[&GROUP];

fn is_valid(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Lint {
    fn group(&mut self, name: &str, span: Span) {
        if is_valid(name) || name.contains("{{") {
            return;
        }
        let fixed: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let message = format!("`{name}` is no valid name of a group");
        let help = format!("names of groups are letters, digits and `_`: `{fixed}`");
        self.found(&GROUP, Level::Warning, span, message, help).replacement = Some(fixed);
    }

    /// An inventory in INI.
    pub(crate) fn ini(&mut self, text: &str, source: SourceId) {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let trimmed = line.trim();
            if trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some((section, _)) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let name = section.split(':').next().unwrap_or_default();
                if let Some(offset) = line.find(name) {
                    self.group(name, Span::new(source, start + offset, start + offset + name.len()));
                }
                continue;
            }
            for word in trimmed.split_whitespace() {
                if let Some((name, _)) = word.split_once('=')
                    && let Some(new) = renamed(name)
                    && let Some(offset) = line.find(name)
                {
                    self.legacy(name, new, Span::new(source, start + offset, start + offset + name.len()));
                }
            }
        }
    }

    /// An inventory in YAML.
    pub(crate) fn groups(&mut self, node: &Node) {
        for (key, value) in node.as_mapping().unwrap_or_default() {
            self.group(key.as_str().unwrap_or("_"), key.span());
            if let Some(children) = value.get("children") {
                self.groups(children);
            }
        }
    }
}
