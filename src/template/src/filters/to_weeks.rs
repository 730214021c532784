//! A period such as `1d 2h` in weeks.

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// A period such as `1d 2h` in weeks.
pub static FILTER: Filter = Filter {
    name: "to_weeks",
    collection: "community.general",
    aliases: &[],
    params: &["year", "month"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    crate::filters::periods::convert(call, "w")
}
