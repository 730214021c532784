//! What the regex filters and tests share.

use std::sync::Arc;

use crate::pyregex::{self, Flags, Pattern, PatternError};
use crate::{FilterCall, TemplateError, py};

impl From<PatternError> for TemplateError {
    fn from(error: PatternError) -> Self {
        Self::value_error(error.0)
    }
}

/// The pattern argument `name`, compiled with the call's `ignorecase` and `multiline`.
pub(crate) fn pattern(call: &FilterCall<'_>, name: &str) -> Result<Arc<Pattern>, TemplateError> {
    let pattern = match call.opt(name) {
        Some(pattern) => match pattern.as_str() {
            Some(pattern) => pattern.to_owned(),
            None => return Err(TemplateError::type_error("first argument must be string or compiled pattern")),
        },
        None => String::new(),
    };
    let flags = Flags::new(call.bool("ignorecase", false)?, call.bool("multiline", false)?);
    pyregex::compile(&pattern, flags).map_err(|error| {
        TemplateError::from(error).note(format!("in the regular expression {}", py::repr(&py::text(pattern))))
    })
}
