//! Loops over names.

use rplay_value::Version;
use rplay_yaml::Node;

use crate::{Level, Lint, Rule};

static BARE: Rule = Rule {
    name: "bare-loop",
    since: Version::new(2, 2),
    about: "`with_items: name`: the text, not the variable of that name.",
};
static LOOP: Rule =
    Rule { name: "loop-type", since: Version::new(2, 5), about: "`loop` over something that is no list." };

pub(crate) static RULES: &[&Rule] = &[&BARE, &LOOP];

/// Lookups whose terms are lists, not names of files or of hosts.
const LISTS: [&str; 9] =
    ["items", "list", "dict", "nested", "together", "subelements", "indexed_items", "flattened", "random_choice"];

impl Lint {
    /// `with_X`.
    pub(crate) fn with_loop(&mut self, lookup: &str, value: &Node) {
        let lookup = lookup.rsplit('.').next().unwrap_or(lookup);
        if !LISTS.contains(&lookup) {
            return;
        }
        match value.as_sequence() {
            None => self.bare(lookup, value),
            Some(items) if matches!(lookup, "nested" | "together") => {
                for item in items {
                    self.bare(lookup, item);
                }
            }
            Some(items) if lookup == "subelements" => items.iter().take(1).for_each(|item| self.bare(lookup, item)),
            Some(_) => {}
        }
    }

    fn bare(&mut self, lookup: &str, value: &Node) {
        let Some(text) = value.as_str().map(str::trim) else { return };
        let name: &str = text.split(['.', '[', '|', ' ']).next().unwrap_or_default();
        if text.contains("{{") || name.is_empty() {
            return;
        }
        // A word may be meant as the only item, unless a variable has that name.
        let expression = name.len() < text.len() && !text.contains('/');
        let known = self.variables.contains(name) && !text.contains('/');
        if !known && !matches!(lookup, "dict" | "subelements") {
            return;
        }
        let written = format!("\"{{{{ {text} }}}}\"");
        let help = format!("write `{written}`");
        let what = if expression { "an expression" } else { "the name of a variable" };
        let message = format!("`with_{lookup}` takes this as text: {what} needs `{{{{ }}}}`");
        self.found(&BARE, Level::Error, value.span(), message, help).replacement = Some(written);
    }

    /// `loop`.
    pub(crate) fn loop_value(&mut self, value: &Node) {
        if let Some(text) = value.as_str()
            && !text.contains("{{")
            && !text.contains("{%")
        {
            let written = format!("\"{{{{ {} }}}}\"", text.trim());
            let help = format!("write `{written}`");
            self.found(&LOOP, Level::Error, value.span(), "`loop` takes a list, not text", help).replacement =
                Some(written);
        } else if value.as_mapping().is_some() {
            let help = "write `{{ name | dict2items }}`, or a list";
            self.found(&LOOP, Level::Error, value.span().at_start(), "`loop` takes a list, not a mapping", help);
        }
    }
}
