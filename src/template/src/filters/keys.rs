//! What `keep_keys`, `remove_keys` and `replace_keys` share: keys matched by a target.

use std::sync::Arc;

use minijinja::Value as Mj;

use crate::py::{self, Kind};
use crate::pyregex::{self, Flags, Pattern};
use crate::{FilterCall, TemplateError};

/// How keys are compared with targets.
pub(crate) enum Target {
    Equal(String),
    StartsWith(String),
    EndsWith(String),
    Regex(Arc<Pattern>),
}

impl Target {
    pub(crate) fn new(call: &FilterCall<'_>, text: String) -> Result<Self, TemplateError> {
        Ok(match &*call.text_or("matching_parameter", "equal")? {
            "equal" => Self::Equal(text),
            "starts_with" => Self::StartsWith(text),
            "ends_with" => Self::EndsWith(text),
            "regex" => Self::Regex(pyregex::compile(&text, Flags::default())?),
            other => {
                let message = format!("Incorrect value for matching_parameter='{other}'");
                return Err(call.error(message).hint("one of equal, starts_with, ends_with, regex"));
            }
        })
    }

    pub(crate) fn fits(&self, key: &str) -> bool {
        match self {
            Self::Equal(text) => key == text,
            Self::StartsWith(text) => key.starts_with(text.as_str()),
            Self::EndsWith(text) => key.ends_with(text.as_str()),
            Self::Regex(pattern) => pattern.is_at_start(key).unwrap_or(false),
        }
    }
}

/// The targets of `keep_keys` and `remove_keys`: one text or a list of them.
pub(crate) fn targets(call: &FilterCall<'_>) -> Result<Vec<Target>, TemplateError> {
    let target = call.arg("target")?;
    let texts = match target.as_str() {
        Some(text) => vec![text.to_owned()],
        None => py::iterate(target)?.iter().map(py::str).collect(),
    };
    texts.into_iter().map(|text| Target::new(call, text)).collect()
}

/// The list of dicts with every key renamed, or dropped when nothing comes back for it.
pub(crate) fn rename(call: &FilterCall<'_>, name: impl Fn(&str) -> Option<String>) -> Result<Mj, TemplateError> {
    let mut out = Vec::new();
    for item in py::iterate(call.input())? {
        let Kind::Dict(dict) = py::kind(&item) else {
            let message = format!("The elements must be dictionaries, not {}", py::type_name(&item));
            return Err(call.error(message));
        };
        let mut pairs = Vec::new();
        for (key, value) in dict.pairs() {
            if let Some(renamed) = name(&py::str(&key)) {
                pairs.push((py::text(renamed), value));
            }
        }
        out.push(py::dict(pairs)?);
    }
    Ok(py::list(out))
}
