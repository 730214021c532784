//! The items for whose attribute a test holds; without a test, those where it is true.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The items for whose attribute a test holds; without a test, those where it is true.
pub static FILTER: Filter = Filter {
    name: "selectattr",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::chosen::choose(call, true, true)
}
