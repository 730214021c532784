//! Keywords that may hold templates: rendered and converted when their turn comes.

use rplay_diag::Span;
use rplay_playbook::{Field, Written};
use rplay_template::{Rendered, Scope};
use rplay_value::{Text, Value};

use crate::run::Run;
use crate::trouble::Trouble;

/// The type of a keyword's value.
pub(crate) trait Keyword: Clone {
    /// What it is called in messages.
    const KIND: &'static str;
    /// Converts as Ansible converts a keyword of this type; `None` when it does not fit.
    fn convert(value: &Value) -> Option<Self>;
}

impl Keyword for bool {
    const KIND: &'static str = "bool";
    fn convert(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(*b),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            Value::Float(f) if *f == 0.0 => Some(false),
            Value::Float(f) if (*f - 1.0).abs() < f64::EPSILON => Some(true),
            Value::Text(text) => truth_word(text.as_str()),
            _ => None,
        }
    }
}

/// The words Ansible takes for booleans.
pub(crate) fn truth_word(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
        _ => None,
    }
}

impl Keyword for i64 {
    const KIND: &'static str = "int";
    fn convert(value: &Value) -> Option<Self> {
        match value {
            Value::Int(i) => Some(*i),
            Value::Bool(b) => Some(Self::from(*b)),
            Value::Float(f) => Some(*f as Self),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

impl Keyword for f64 {
    const KIND: &'static str = "float";
    fn convert(value: &Value) -> Option<Self> {
        match value {
            Value::Int(i) => Some(*i as Self),
            Value::Bool(b) => Some(Self::from(*b)),
            Value::Float(f) => Some(*f),
            Value::Text(text) => text.trim().trim_end_matches('%').parse().ok(),
            _ => None,
        }
    }
}

impl Keyword for Text {
    const KIND: &'static str = "str";
    fn convert(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) | Value::Null => None,
            other => Some(Self::data(&*other.to_str())),
        }
    }
}

/// Text lists: a list, or text split at commas.
impl Keyword for Vec<Text> {
    const KIND: &'static str = "list";
    fn convert(value: &Value) -> Option<Self> {
        match value {
            Value::List(list) => list.iter().map(Text::convert).collect(),
            Value::Text(text) => Some(text.split(',').map(|part| Text::data(part.trim())).collect()),
            other => Some(vec![Text::convert(other)?]),
        }
    }
}

impl Run {
    /// The value of a keyword; `None` when it renders to `omit`.
    pub(crate) fn field<T: Keyword>(&self, name: &str, field: &Field<T>, scope: &Scope) -> Result<Option<T>, Trouble> {
        match &field.value {
            Written::Const(value) => Ok(Some(value.clone())),
            Written::Template(value) => {
                match self.render_at(value, scope, || format!("Error processing keyword '{name}'"))? {
                    Rendered::Omit => Ok(None),
                    Rendered::Value(value) => convert(name, &value, field.span).map(Some),
                }
            }
        }
    }

    /// As [`Run::field`], for a keyword that may be missing, or is given on several levels, nearest first: an omitted
    /// one leaves the word to the next.
    pub(crate) fn maybe<'f, T: Keyword + 'f>(
        &self,
        name: &str,
        fields: impl IntoIterator<Item = &'f Field<T>>,
        scope: &Scope,
    ) -> Result<Option<T>, Trouble> {
        for field in fields {
            let value = self.field(name, field, scope)?;
            if value.is_some() {
                return Ok(value);
            }
        }
        Ok(None)
    }
}

fn convert<T: Keyword>(name: &str, value: &Value, span: Option<Span>) -> Result<T, Trouble> {
    T::convert(value).ok_or_else(|| {
        Trouble::message(format!(
            "The keyword '{name}' has an invalid value {}, it could not be converted to '{}'.",
            value.repr(),
            T::KIND
        ))
        .at(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_convert_as_ansible_does() {
        assert_eq!(bool::convert(&Value::from("Yes")), Some(true));
        assert_eq!(bool::convert(&Value::from("maybe")), None);
        assert_eq!(i64::convert(&Value::from(" 3 ")), Some(3));
        assert_eq!(f64::convert(&Value::from("30%")), Some(30.0));
        assert_eq!(Text::convert(&Value::from(5)).as_deref(), Some("5"));
        assert_eq!(Text::convert(&Value::List(vec![Value::from(1)].into())), None);
        assert_eq!(Vec::<Text>::convert(&Value::from("a, b")).map(|l| l.len()), Some(2));
    }
}
