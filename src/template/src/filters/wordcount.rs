//! How many words.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// How many words.
pub static FILTER: Filter = Filter {
    name: "wordcount",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let words = text.split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|word| !word.is_empty());
    Ok(Mj::from(words.count() as i64))
}
