//! A value as JSON with sorted keys, indented by 4.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;
use rplay_value::JsonStyle;

/// A value as JSON with sorted keys, indented by 4.
pub static FILTER: Filter = Filter {
    name: "to_nice_json",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["indent", "sort_keys", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let style = JsonStyle { separators: Some((",".to_owned(), ": ".to_owned())), ..JsonStyle::nice(4) };
    crate::filters::json_text::write(call, style, true)
}
