//! Text with the matches of a regular expression replaced; `\1` and `\g<name>` stand for groups.

use crate::filters::regular;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text with the matches of a regular expression replaced; `\1` and `\g<name>` stand for groups.
pub static FILTER: Filter = Filter {
    name: "regex_replace",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let pattern = regular::pattern(call, "pattern")?;
    let text = py::str(call.input());
    let replacement = call.text_or("replacement", "")?;
    let count = call.int("count", 0)?;
    let wanted = call.int("mandatory_count", 0)?;
    let (out, found) = pattern.substitute(&replacement, &text, usize::try_from(count).unwrap_or(0))?;
    if wanted != 0 && wanted != found as i64 {
        let shown = call.text_or("pattern", "")?;
        let message = format!("'{shown}' should match {wanted} times, but matches {count} times in '{text}'");
        return Err(call.error(message));
    }
    Ok(py::text(out))
}
