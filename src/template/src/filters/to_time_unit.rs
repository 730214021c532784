//! A period such as `1d 2h` in a unit (`ms`).

use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// A period such as `1d 2h` in a unit (`ms`).
pub static FILTER: Filter = Filter {
    name: "to_time_unit",
    collection: "community.general",
    aliases: &[],
    params: &["unit", "year", "month"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let unit = call.text_or("unit", "ms")?;
    crate::filters::periods::convert(call, &unit)
}
