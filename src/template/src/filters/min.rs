//! The smallest item, or the one whose `attribute` is smallest.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The smallest item, or the one whose `attribute` is smallest.
pub static FILTER: Filter = Filter {
    name: "min",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["case_sensitive", "attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::extremes::extreme(call, false)
}
