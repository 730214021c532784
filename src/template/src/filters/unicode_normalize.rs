//! Text in a Unicode normalization form: NFC, NFD, NFKC or NFKD.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use unicode_normalization::UnicodeNormalization as _;

/// Text in a Unicode normalization form: NFC, NFD, NFKC or NFKD.
pub static FILTER: Filter = Filter {
    name: "unicode_normalize",
    collection: "community.general",
    aliases: &[],
    params: &["form"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(text) = call.input().as_str() else {
        let name = py::type_name(call.input());
        return Err(call.error(format!("<class '{name}'> is not a valid input type")));
    };
    Ok(py::text(match &*call.text_or("form", "NFC")? {
        "NFC" => text.nfc().collect::<String>(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        other => return Err(call.error(format!("{other} is not a valid form"))),
    }))
}
