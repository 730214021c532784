//! A value as YAML, with the options of Python's `yaml.dump`.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;
use rplay_yaml::DumpStyle;

/// A value as YAML, with the options of Python's `yaml.dump`.
pub static FILTER: Filter = Filter {
    name: "to_yaml",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::yaml_text::write(call, DumpStyle::default())
}
