//! What the filters of keys of ansible.utils share: they go through nested data, where those of community.general take
//! a list of dicts.

use minijinja::Value as Mj;

use crate::py::{self, Kind};
use crate::pyregex::{self, Flags};
use crate::{FilterCall, TemplateError};

/// How keys are compared with targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    Equal,
    StartsWith,
    EndsWith,
    Regex,
}

impl Matching {
    /// The call's `matching_parameter`, for input that is a list or dict.
    pub(crate) fn of(call: &FilterCall<'_>, plugin: &str, purpose: &str) -> Result<Self, TemplateError> {
        if !matches!(py::kind(call.input()), Kind::List(_) | Kind::Dict(_)) {
            let message = format!("Error when using plugin '{plugin}': Input is not valid for {purpose}");
            return Err(call.error(message));
        }
        Ok(match &*call.text_or("matching_parameter", "equality")? {
            "equality" => Self::Equal,
            "starts_with" => Self::StartsWith,
            "ends_with" => Self::EndsWith,
            "regex" => Self::Regex,
            other => {
                let known = "starts_with, ends_with, regex";
                return Err(call.error(format!("value of matching_parameter must be one of: {known}, got: {other}")));
            }
        })
    }

    /// Whether a key fits a target.
    pub(crate) fn fits(self, key: &str, target: &str) -> Result<bool, TemplateError> {
        Ok(match self {
            Self::Equal => key == target,
            Self::StartsWith => key.starts_with(target),
            Self::EndsWith => key.ends_with(target),
            Self::Regex => pyregex::compile(target, Flags::default())?.is_at_start(key)?,
        })
    }
}

/// The call's `target` as texts.
pub(crate) fn targets(call: &FilterCall<'_>) -> Result<Vec<String>, TemplateError> {
    let target = call.arg("target")?;
    Ok(match target.as_str() {
        Some(one) => vec![one.to_owned()],
        None => py::iterate(target)?.iter().map(py::str).collect(),
    })
}

/// Whether nothing is left of a list or dict.
pub(crate) fn is_empty(value: &Mj) -> bool {
    match py::kind(value) {
        Kind::List(list) => list.is_empty(),
        Kind::Dict(dict) => dict.is_empty(),
        _ => false,
    }
}
