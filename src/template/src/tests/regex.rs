//! Whether a regular expression matches: anywhere (`search`), at the start (`match`) or all of it (`fullmatch`).

use crate::filters::regular;
use crate::{TemplateError, Test, TestCall, py};

/// Whether a regular expression matches: anywhere (`search`), at the start (`match`) or all of it (`fullmatch`).
pub static TEST: Test = Test {
    name: "regex",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["pattern", "ignorecase", "multiline", "match_type"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let pattern = regular::pattern(call, "pattern")?;
    let text = py::str(call.input());
    Ok(match &*call.text_or("match_type", "search")? {
        "match" => pattern.is_at_start(&text)?,
        "fullmatch" => pattern.is_whole(&text)?,
        "search" => pattern.is_found(&text)?,
        other => {
            return Err(call.error(format!("regex: unknown match_type '{other}'")).hint("search, match or fullmatch"));
        }
    })
}
