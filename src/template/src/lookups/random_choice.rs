//! One of the terms, picked at random.

use crate::pyrandom::Random;
use crate::{Lookup, LookupCall, TemplateError};
use minijinja::Value as Mj;

/// One of the terms, picked at random.
pub static LOOKUP: Lookup =
    Lookup { name: "random_choice", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    let terms = call.terms();
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![terms[Random::System.below(terms.len() as u64) as usize].clone()])
}
