//! The items for whose attribute a test does not hold; without a test, those where it is false.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The items for whose attribute a test does not hold; without a test, those where it is false.
pub static FILTER: Filter = Filter {
    name: "rejectattr",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::chosen::choose(call, true, false)
}
