//! Conditions: `when`, `failed_when`, `changed_when`, `until`, `assert`.

use minijinja::Value as Mj;
use rplay_diag::{Diagnostic, Severity};
use rplay_value::{Conditions, Text, Value};

use crate::engine::{Asked, How, finish};
use crate::{Engine, ErrorKind, Scope, TemplateError, py};

impl Engine {
    /// Decides a condition: a boolean, or the text of an expression, as a task's `when` gives it.
    ///
    /// Templates in it (outside of string literals) are rendered first; text that comes out is the expression, if all of
    /// it was written by the user. What text from hosts may say, and whether the result has to be a boolean, differs
    /// between releases: [`rplay_value::Profile`].
    pub fn condition(&self, condition: &Value, scope: &Scope) -> Result<bool, TemplateError> {
        scope.bind(self);
        let Value::Text(text) = condition else {
            return match condition {
                Value::Bool(decided) => Ok(*decided),
                _ if self.profile().conditions == Conditions::Boolean => {
                    Err(TemplateError::new(ErrorKind::Condition, "Conditional expressions must be strings."))
                }
                other => Ok(other.is_true()),
            };
        };
        self.decide(text, scope).map_err(|error| finish(error, Asked::Condition, scope))
    }

    fn decide(&self, text: &Text, scope: &Scope) -> Result<bool, TemplateError> {
        let profile = self.profile();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            if profile.empty_conditions {
                return Ok(true);
            }
            let error = TemplateError::new(ErrorKind::Condition, "Empty conditional expressions are not allowed.");
            return Err(error.located(text.origin()));
        }
        if !text.is_trusted() {
            // What the user did not write may only be a constant, whatever the release.
            let constant = crate::syntax::constant(text).ok_or_else(|| self.untrusted(text))?;
            return self.decided(&constant, text);
        }
        let value = if profile.bare_conditions && is_name(trimmed) && scope.has(trimmed) {
            match scope.get(trimmed) {
                Some(value) => self.said(value, text, scope)?,
                None => self.run(text, How::Condition, scope)?,
            }
        } else if self.holds_template(trimmed) {
            self.notice(
                Diagnostic::new(
                    Severity::Deprecated,
                    "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}.",
                )
                .at_maybe(text.origin(), "")
                .hint("write the expression alone"),
            );
            let (value, written) = self.run_condition(text, scope)?;
            match value.as_str() {
                Some(_) if !written && profile.conditions == Conditions::Boolean => {
                    return Err(self.untrusted(text));
                }
                Some(_) if written => self.said(value, text, scope)?,
                Some(inner) if !inner.trim().is_empty() => self.said(value, text, scope)?,
                _ => value,
            }
        } else {
            self.run(text, How::Condition, scope)?
        };
        self.decided(&value, text)
    }

    /// What a text says as a condition. Text that is not the user's may only be a constant.
    fn said(&self, value: Mj, text: &Text, scope: &Scope) -> Result<Mj, TemplateError> {
        let Some(inner) = value.as_str().map(str::trim) else { return Ok(value) };
        if inner.is_empty() {
            return Ok(value);
        }
        let inner = Text::trusted(inner).with_origin(text.origin());
        if value.is_safe() {
            return self.run(&inner, How::Condition, scope);
        }
        if let Some(constant) = crate::syntax::constant(&inner) {
            return Ok(constant);
        }
        // No release takes text for its own truth: it is evaluated where it may be, and refused where it may not.
        Err(self.untrusted(text))
    }

    /// The refusal of a condition that the user did not write.
    fn untrusted(&self, text: &Text) -> TemplateError {
        let message = if self.compat().is_strict() && self.profile().conditions != Conditions::Boolean {
            "Conditional is marked as unsafe, and cannot be evaluated."
        } else {
            "Encountered untrusted template or expression."
        };
        TemplateError::new(ErrorKind::Condition, message)
            .located(text.origin())
            .hint("compare the value in the condition instead of making it the condition")
    }

    /// Whether templates stand in the condition outside of its string literals.
    fn holds_template(&self, text: &str) -> bool {
        let delimited = text.starts_with("{{") && text.ends_with("}}") || text.starts_with("{%");
        delimited
            || (self.profile().conditions != Conditions::Boolean
                && (text.contains("{{") || text.contains("{%"))
                && crate::syntax::parse_expression(text, crate::syntax::Mode::File).is_err())
    }

    fn decided(&self, value: &Mj, text: &Text) -> Result<bool, TemplateError> {
        let decided = py::truthy(value)?;
        if matches!(py::kind(value), py::Kind::Bool(_)) {
            return Ok(decided);
        }
        if !self.compat().is_strict() && matches!(value.as_str(), Some("False" | "false")) {
            // The oldest releases evaluated such text once more.
            return Ok(false);
        }
        let shown = if decided { "True" } else { "False" };
        let place = text.origin().and_then(|span| self.sources().position(span));
        let message = format!(
            "Conditional result ({shown}) was derived from value of type '{}' at '{}'. Conditionals must have a boolean result.",
            py::type_name(value),
            place.map_or_else(|| "<unknown>".to_owned(), |place| place.to_string())
        );
        if self.profile().conditions == Conditions::Boolean {
            return Err(TemplateError::new(ErrorKind::Condition, message)
                .located(text.origin())
                .hint("compare it, or convert it with `| bool`"));
        }
        self.notice(
            Diagnostic::new(Severity::Deprecated, message)
                .at_maybe(text.origin(), "")
                .hint("compare it, or convert it with `| bool`"),
        );
        Ok(decided)
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
