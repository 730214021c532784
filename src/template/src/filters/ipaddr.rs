//! Addresses and networks among the input, or what `query` asks about them: `address`, `net`, `prefix`, `netmask`, ...

use crate::filters::addresses;
use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// Addresses and networks among the input, or what `query` asks about them: `address`, `net`, `prefix`, `netmask`, ...
pub static FILTER: Filter = Filter {
    name: "ipaddr",
    collection: "ansible.utils",
    aliases: &[],
    params: &["query", "version", "alias"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let version = match call.opt("version").filter(|version| version.is_true()) {
        Some(_) => u8::try_from(call.int("version", 4)?).ok(),
        None => None,
    };
    addresses::answer(call, version, "ipaddr")
}
