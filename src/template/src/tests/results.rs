//! What the tests of task results and of truth share.

use minijinja::Value as Mj;

use crate::filters::url::Url;
use crate::{TemplateError, TestCall, py};

/// The input as a task's result.
pub(crate) fn result<'c>(call: &'c TestCall<'_>) -> Result<&'c Mj, TemplateError> {
    if py::is_mapping(call.input()) {
        return Ok(call.input());
    }
    Err(call.error(format!("The '{}' test expects a dictionary", call.name())))
}

/// An entry of a result.
pub(crate) fn entry(result: &Mj, name: &str) -> Option<Mj> {
    let key = Mj::from(name);
    py::contains(result, &key).unwrap_or(false).then(|| py::get_item(result, &key))
}

/// The truth of an entry; one that is not there is false.
pub(crate) fn flag(call: &TestCall<'_>, name: &str) -> Result<bool, TemplateError> {
    entry(result(call)?, name).map_or(Ok(false), |found| py::truthy(&found))
}

/// The truth of the input, words such as `yes` understood when `convert_bool` asks for it.
pub(crate) fn truth(call: &TestCall<'_>) -> Result<bool, TemplateError> {
    if call.bool("convert_bool", false)?
        && let Some(word) = call.input().as_str()
        && let Some(truth) = rplay_value::parse_bool(word)
    {
        return Ok(truth);
    }
    py::truthy(call.input())
}

/// Whether the input is a URI, of one of the schemes when the call names some.
pub(crate) fn is_uri(call: &TestCall<'_>) -> Result<bool, TemplateError> {
    let Ok(url) = Url::parse(&py::str(call.input())) else { return Ok(false) };
    match call.opt("schemes").filter(|schemes| schemes.is_true()) {
        None => Ok(true),
        Some(schemes) => py::contains(schemes, &Mj::from(url.scheme)),
    }
}
