//! A value as YAML over several lines, indented by 4.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;
use rplay_yaml::DumpStyle;

/// A value as YAML over several lines, indented by 4.
pub static FILTER: Filter = Filter {
    name: "to_nice_yaml",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["indent", "*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::yaml_text::write(call, DumpStyle::nice())
}
