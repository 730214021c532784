//! The largest item, or the one whose `attribute` is largest.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// The largest item, or the one whose `attribute` is largest.
pub static FILTER: Filter = Filter {
    name: "max",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["case_sensitive", "attribute"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::extremes::extreme(call, true)
}
