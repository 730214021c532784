//! The first bits of an address, or with a negative number the last ones, as parts of an address.

use crate::ipaddr::Network;
use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The first bits of an address, or with a negative number the last ones, as parts of an address.
pub static FILTER: Filter = Filter {
    name: "ipcut",
    collection: "ansible.utils",
    aliases: &[],
    params: &["amount"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = py::str(call.input());
    let Some(address) = Network::lone(&text) else {
        return Err(call.error(format!("You must pass a valid IP address; {text} is invalid")));
    };
    let amount = call.arg("amount").and_then(|amount| {
        py::as_index(amount).ok_or_else(|| {
            let shown = py::str(amount);
            call.error(format!("You must pass an integer for arithmetic; {shown} is not a valid integer"))
        })
    })?;
    let bits = format!("{:0width$b}", address.value(), width = usize::from(address.width()));
    let count = usize::try_from(amount.unsigned_abs()).unwrap_or(usize::MAX).min(bits.len());
    let kept = if amount < 0 { &bits[bits.len() - count..] } else { &bits[..count] };
    let (size, separator) = if address.version() == 4 { (8, ".") } else { (16, ":") };
    let parts: Vec<String> = kept
        .as_bytes()
        .chunks(size)
        .map(|chunk| {
            let number = chunk.iter().fold(0_u32, |number, bit| number * 2 + u32::from(bit - b'0'));
            if address.version() == 4 { number.to_string() } else { format!("{number:x}") }
        })
        .collect();
    Ok(py::text(parts.join(separator)))
}
