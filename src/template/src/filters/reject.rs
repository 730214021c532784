//! The items for which a test does not hold; without a test, the false ones.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The items for which a test does not hold; without a test, the false ones.
pub static FILTER: Filter = Filter {
    name: "reject",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["*", "**"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::chosen::choose(call, false, false)
}
