//! The items for which a test holds; without a test, the true ones.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The items for which a test holds; without a test, the true ones.
pub static FILTER: Filter = Filter {
    name: "select",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::chosen::choose(call, false, true)
}
