//! As `ipaddr`, for IPv6 alone.

use crate::filters::addresses;
use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// As `ipaddr`, for IPv6 alone.
pub static FILTER: Filter = Filter {
    name: "ipv6",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    addresses::answer(call, Some(6), "ipv6")
}
