//! A list of dicts with only the keys that match.

use crate::filters::keys;
use crate::{Filter, FilterCall, TemplateError};
use minijinja::Value as Mj;

/// A list of dicts with only the keys that match.
pub static FILTER: Filter = Filter {
    name: "keep_keys",
    collection: "community.general",
    aliases: &[],
    params: &["target", "matching_parameter"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let targets = keys::targets(call)?;
    keys::rename(call, |key| targets.iter().any(|target| target.fits(key)).then(|| key.to_owned()))
}
