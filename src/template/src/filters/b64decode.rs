//! What was encoded in Base64, as text.

use crate::filters::encoding;
use crate::{Filter, FilterCall, TemplateError, py};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use minijinja::Value as Mj;

/// What was encoded in Base64, as text.
pub static FILTER: Filter = Filter {
    name: "b64decode",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["encoding", "urlsafe"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let urlsafe = call.bool("urlsafe", false)?;
    let text = py::str(call.input());
    // As Python's decoder without validation: whatever is not in the alphabet is skipped.
    let kept: String = text
        .chars()
        .map(|c| match c {
            '-' if urlsafe => '+',
            '_' if urlsafe => '/',
            c => c,
        })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
        .collect();
    let data = kept.split('=').next().unwrap_or_default();
    if data.len() % 4 == 1 {
        let message = format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            data.len()
        );
        return Err(TemplateError::value_error(message));
    }
    let padding = kept.len() - data.len();
    if !(data.len() + padding).is_multiple_of(4) && !(data.len() + padding.min(2)).is_multiple_of(4) {
        return Err(TemplateError::value_error("Incorrect padding"));
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(data)
        .map_err(|e| TemplateError::value_error(e.to_string()))?;
    Ok(py::text(encoding::decode(bytes, &call.text_or("encoding", "utf-8")?)?))
}
