//! Conditions: what they hold and what they yield.

use rplay_diag::Diagnose as _;
use rplay_template::{Inspection, Reading, Yields};
use rplay_value::{Text, Version};
use rplay_yaml::{Kind as YamlKind, Node};

use crate::templates::SYNTAX;
use crate::{Level, Lint, Rule};

static TYPE: Rule =
    Rule { name: "condition-type", since: Version::new(2, 19), about: "A condition whose result is no boolean." };
static EMPTY: Rule = Rule { name: "empty-condition", since: Version::new(2, 19), about: "A condition without text." };
static TEMPLATE: Rule = Rule {
    name: "template-in-condition",
    since: Version::new(2, 3),
    about: "`{{ }}` or `{% %}` in a condition, which is an expression already.",
};

pub(crate) static RULES: &[&Rule] = &[&TYPE, &EMPTY, &TEMPLATE];

impl Lint {
    /// One condition or several.
    pub(crate) fn conditions(&mut self, node: &Node) {
        if let Some(items) = node.as_sequence() {
            for item in items {
                self.conditions(item);
            }
        } else if let Some(text) = node.to_text() {
            self.condition(node, &text);
        } else if let YamlKind::Scalar(scalar) = node.kind()
            && node.as_bool().is_none()
            && !node.is_null()
        {
            let message = format!("the condition `{}` is a number, not an expression", scalar.text);
            self.found(&TYPE, Level::Error, node.span(), message, "write `true` or `false`");
        }
    }

    fn condition(&mut self, node: &Node, text: &Text) {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.found(&EMPTY, Level::Error, node.span(), "the condition is empty", "remove it, or write `true`");
            return;
        }
        let read = self.engine.inspect(text, Reading::Condition);
        match read {
            Ok(found) => {
                for range in &found.embedded {
                    let literal = text.get(range.0..range.1).unwrap_or_default();
                    let help = "name the variable alone, joined with `~` where there is text around it";
                    let message = format!("the literal {literal} holds a template");
                    self.found(&TEMPLATE, Level::Warning, node.span(), message, help).replacement = unquoted(literal);
                }
                self.result(node, text, &found);
                self.uses(text, &found, node);
            }
            Err(_) if text.contains("{{") || text.contains("{%") => self.delimited(node, text),
            Err(error) => self.diagnosed_template(&SYNTAX, node, &error.diagnostic()),
        }
    }

    /// A condition with delimiters outside of its literals.
    fn delimited(&mut self, node: &Node, text: &Text) {
        let trimmed = text.trim();
        let alone = trimmed
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .filter(|inner| !inner.contains("{{") && !inner.contains("}}"));
        if let Some(inner) = alone {
            let inner = inner.trim_matches('-').trim();
            let help = "write the expression alone";
            let finding = self.found(&TEMPLATE, Level::Warning, node.span(), "the condition stands in `{{ }}`", help);
            finding.replacement = Some(inner.to_owned());
            let inner = Text::trusted(inner).with_origin(text.origin());
            if let Ok(found) = self.engine.inspect(&inner, Reading::Condition) {
                // Text that a variable holds is the condition in turn; anything else but a boolean is refused.
                if matches!(found.yields, Yields::Other(kind) if kind != "str") {
                    self.result(node, &inner, &found);
                }
                self.uses(&inner, &found, node);
            }
            return;
        }
        if trimmed.contains("{%") {
            let help = "write the statement as an expression: `a if b else c`";
            let finding = self.found(&TEMPLATE, Level::Error, node.span(), "the condition holds a statement", help);
            finding.since = Version::new(2, 19);
            return;
        }
        let help = "remove `{{` and `}}`: a condition is an expression already";
        let message = "templates in the condition yield text, which is no condition any more";
        let quoted = trimmed.match_indices("{{").any(|(at, _)| trimmed[..at].matches(['\'', '"']).count() % 2 == 1);
        let plain = trimmed.replace("{{", "").replace("}}", "");
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let reads = !quoted && self.engine.inspect(&Text::trusted(plain.as_str()), Reading::Condition).is_ok();
        let finding = self.found(&TEMPLATE, Level::Error, node.span(), message, help);
        finding.since = Version::new(2, 19);
        finding.replacement = reads.then_some(plain);
    }

    /// What an expression yields as a condition.
    fn result(&mut self, node: &Node, text: &Text, found: &Inspection) {
        let expression = text.trim();
        let (level, kind) = match found.yields {
            Yields::Other(kind) => (Level::Error, kind),
            Yields::Perhaps(kind) => (Level::Warning, kind),
            Yields::Boolean | Yields::Unknown => return,
        };
        let simple = found.uses.len() <= 2 && !expression.contains(" and ") && !expression.contains(" or ");
        let written = match kind {
            _ if !simple => None,
            "int" if expression.rsplit('.').next() == Some("rc") => Some(format!("{expression} != 0")),
            "int" => Some(format!("{expression} > 0")),
            "str" | "list" | "dict" => Some(format!("{expression} | length > 0")),
            _ => None,
        };
        let help = match &written {
            Some(written) => format!("compare it: `{written}`"),
            None => "compare what is no boolean, or convert it with `| bool`".to_owned(),
        };
        let verb = if level == Level::Error { "is" } else { "may be" };
        let message = format!("the result of the condition {verb} of type '{kind}', not a boolean");
        self.found(&TYPE, level, node.span(), message, help).replacement = written;
    }
}

/// `'{{ x }}'` as `x`.
fn unquoted(literal: &str) -> Option<String> {
    let inner = literal.trim_matches(['\'', '"']).trim();
    let inner = inner.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{")).then(|| inner.trim().to_owned())
}
