//! Whether a version compares so with another: `is version("1.2", ">=")`; `version_type` is `loose`, `strict`, `semver` or `pep440`.

use crate::versions::{self, Scheme};
use crate::{TemplateError, Test, TestCall, py};

/// Whether a version compares so with another: `is version("1.2", ">=")`; `version_type` is `loose`, `strict`, `semver` or `pep440`.
pub static TEST: Test = Test {
    name: "version",
    collection: "ansible.builtin",
    aliases: &["version_compare"],
    params: &["version", "operator", "strict", "version_type"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let given = |name| call.opt(name).filter(|value| !value.is_none());
    if given("strict").is_some() && given("version_type").is_some() {
        return Err(call.error("Cannot specify both 'strict' and 'version_type'"));
    }
    if !py::truthy(call.input())? {
        return Err(call.error("Input version value cannot be empty"));
    }
    if !py::truthy(call.arg("version")?)? {
        return Err(call.error("Version parameter to compare against cannot be empty"));
    }
    let scheme = if call.bool("strict", false)? {
        Scheme::Strict
    } else {
        match given("version_type").map(py::str).as_deref() {
            None | Some("loose" | "") => Scheme::Loose,
            Some("strict") => Scheme::Strict,
            Some("semver" | "semantic") => Scheme::Semantic,
            Some("pep440") => Scheme::Pep440,
            Some(other) => {
                let known = "'loose', 'strict', 'semver', 'semantic', 'pep440'";
                return Err(call.error(format!("Invalid version type ({other}). Must be one of {known}")));
            }
        }
    };
    let operator = call.text_or("operator", "eq")?;
    let order = versions::compare(&py::str(call.input()), &py::str(call.arg("version")?), scheme)
        .map_err(|e| call.error(format!("Version comparison failed: {e}")));
    Ok(match &*operator {
        "==" | "=" | "eq" => order?.is_eq(),
        "<" | "lt" => order?.is_lt(),
        "<=" | "le" => order?.is_le(),
        ">" | "gt" => order?.is_gt(),
        ">=" | "ge" => order?.is_ge(),
        "!=" | "<>" | "ne" => order?.is_ne(),
        other => {
            let known = "'==', '=', 'eq', '<', 'lt', '<=', 'le', '>', 'gt', '>=', 'ge', '!=', '<>', 'ne'";
            return Err(call.error(format!("Invalid operator type ({other}). Must be one of {known}")));
        }
    })
}
