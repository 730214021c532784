//! Text cut to `length` (255) characters, `end` included; at a word unless `killwords`; not if `leeway` (5) covers it.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// Text cut to `length` (255) characters, `end` included; at a word unless `killwords`; not if `leeway` (5) covers it.
pub static FILTER: Filter = Filter {
    name: "truncate",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["length", "killwords", "end", "leeway"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let end = call.text_or("end", "...")?;
    let length = call.int("length", 255)?;
    let leeway = match call.opt("leeway").filter(|leeway| !leeway.is_none()) {
        Some(_) => call.int("leeway", 5)?,
        None => 5,
    };
    let end_length = end.chars().count() as i64;
    if length < end_length {
        return Err(call.error(format!("expected length >= {end_length}, got {length}")));
    }
    if leeway < 0 {
        return Err(call.error(format!("expected leeway >= 0, got {leeway}")));
    }
    if text.chars().count() as i64 <= length + leeway {
        return Ok(call.input().clone());
    }
    let kept: String = text.chars().take(usize::try_from(length - end_length).unwrap_or(0)).collect();
    let kept =
        if call.bool("killwords", false)? { &*kept } else { kept.rsplit_once(' ').map_or(&*kept, |(head, _)| head) };
    Ok(py::text(format!("{kept}{end}")))
}
