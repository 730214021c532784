//! A prefix completed to a random hardware address; with `seed` always the same one.

use crate::filters::seeded;
use crate::py::Kind;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// A prefix completed to a random hardware address; with `seed` always the same one.
pub static FILTER: Filter = Filter {
    name: "random_mac",
    collection: "community.general",
    aliases: &[],
    params: &["seed"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Kind::Str(prefix) = py::kind(call.input()) else {
        let (shown, name) = (py::str(call.input()), py::type_name(call.input()));
        return Err(call.error(format!("Invalid value type ({name}) for random_mac ({shown})")));
    };
    let prefix = prefix.to_lowercase();
    let parts: Vec<&str> = prefix.split(':').collect();
    if parts.len() > 5 {
        let message = format!("Invalid value ({prefix}) for random_mac: 5 colon(:) separated items max");
        return Err(call.error(message));
    }
    let mut wrong = Vec::new();
    for part in &parts {
        if part.is_empty() {
            wrong.push("empty item".to_owned());
        } else if part.len() < 2 || !part.chars().take(2).all(|c| c.is_ascii_hexdigit()) {
            wrong.push(format!("{part} not hexa byte"));
        }
    }
    if !wrong.is_empty() {
        return Err(call.error(format!("Invalid value ({prefix}) for random_mac: {}", wrong.join(","))));
    }
    // Ten digits that do not start with a zero.
    let (low, high) = (0x10_0000_0000_u64, 0xff_ffff_ffff_u64);
    let number = low + seeded::random(call.opt("seed"))?.below(high - low + 1);
    let digits: String = format!("{number:x}").chars().take(2 * (6 - parts.len())).collect();
    let mut out = prefix.clone();
    for (at, digit) in digits.chars().enumerate() {
        if at % 2 == 0 {
            out.push(':');
        }
        out.push(digit);
    }
    Ok(py::text(out))
}
