//! What the `ipaddr` family shares.

use minijinja::Value as Mj;
use rplay_value::Value;

use crate::ipaddr::{self, IpError};
use crate::{FilterCall, TemplateError, py};

impl From<IpError> for TemplateError {
    fn from(error: IpError) -> Self {
        Self::plugin(error.0)
    }
}

/// The input as addresses are: text, number, or a list of them.
pub(crate) fn input(call: &FilterCall<'_>) -> Result<Value, TemplateError> {
    let value = py::to_value(call.input())?;
    match value {
        Value::Text(_) | Value::List(_) | Value::Int(_) | Value::Big(_) | Value::Bool(_) => Ok(value),
        other => {
            let message = format!("Unrecognized type <{}> for {} filter <value>", other.type_name(), call.name());
            Err(TemplateError::plugin(message))
        }
    }
}

/// Answers the call's `query` about its input.
pub(crate) fn answer(call: &FilterCall<'_>, version: Option<u8>, alias: &str) -> Result<Mj, TemplateError> {
    let query = call.opt("query").map(py::str).unwrap_or_default();
    Ok(py::from_value(ipaddr::ipaddr(&input(call)?, &query, version, alias)?))
}
