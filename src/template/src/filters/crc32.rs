//! The CRC-32 checksum of a text, in hexadecimal.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;

/// The CRC-32 checksum of a text, in hexadecimal.
pub static FILTER: Filter =
    Filter { name: "crc32", collection: "community.general", aliases: &[], params: &[], accepts_undefined: false, run };

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let (shown, name) = (py::repr(call.input()), py::type_name(call.input()));
        return Err(call.error(format!("Invalid value type ({name}) for crc32 ({shown})")));
    };
    let mut sum = u32::MAX;
    for byte in text.bytes() {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    Ok(py::text(format!("{:x}", !sum)))
}
