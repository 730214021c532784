//! A value as JSON, with the options of Python's `json.dumps` (`indent`, `sort_keys`, `ensure_ascii`, `separators`).

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;
use rplay_value::JsonStyle;

/// A value as JSON, with the options of Python's `json.dumps` (`indent`, `sort_keys`, `ensure_ascii`, `separators`).
pub static FILTER: Filter = Filter {
    name: "to_json",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["profile", "vault_to_text", "preprocess_unsafe", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::json_text::write(call, JsonStyle::default(), false)
}
