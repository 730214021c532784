//! A random text of some `length` from the kinds of characters wanted; with `seed` always the same one.

use crate::lookups::terms;
use crate::pyrandom::Random;
use crate::{Lookup, LookupCall, TemplateError, py};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value as Mj;

/// A random text of some `length` from the kinds of characters wanted; with `seed` always the same one.
pub static LOOKUP: Lookup =
    Lookup { name: "random_string", collection: "community.general", accepts_undefined: false, run };

const OPTIONS: [&str; 15] = [
    "length",
    "upper",
    "lower",
    "numbers",
    "special",
    "min_numeric",
    "min_upper",
    "min_lower",
    "min_special",
    "override_special",
    "override_all",
    "ignore_similar_chars",
    "similar_chars",
    "base64",
    "seed",
];

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    terms::only_options(call, &OPTIONS)?;
    let text = |name: &str| call.opt(name).filter(|given| !given.is_none()).map(py::str);
    let dropped = if call.bool("ignore_similar_chars", false)? {
        text("similar_chars").unwrap_or_else(|| "il1LoO0".to_owned())
    } else {
        String::new()
    };
    let kept = |chars: &str| chars.chars().filter(|c| !dropped.contains(*c)).collect::<Vec<char>>();
    let numbers = kept("0123456789");
    let lower = kept("abcdefghijklmnopqrstuvwxyz");
    let upper = kept("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let mut special = kept("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
    let mut random = match text("seed") {
        Some(seed) => Random::from_text(&seed),
        None => Random::System,
    };
    let is_seeded = text("seed").is_some();
    let length = usize::try_from(call.int("length", 8)?).unwrap_or(0);
    let mut out: Vec<char> = Vec::with_capacity(length);
    let mut pool = Vec::new();
    let mut take = |chars: &[char], count: usize, out: &mut Vec<char>| {
        if chars.is_empty() {
            return Err(call.error("Available characters cannot be None, please change constraints"));
        }
        out.extend((0..count).map(|_| chars[random.below(chars.len() as u64) as usize]));
        Ok(())
    };
    if let Some(all) = text("override_all").filter(|all| !all.is_empty()) {
        pool.extend(all.chars());
    } else {
        if let Some(own) = text("override_special").filter(|own| !own.is_empty()) {
            special = own.chars().collect();
        }
        for (name, chars) in [("upper", &upper), ("lower", &lower), ("numbers", &numbers), ("special", &special)] {
            if call.bool(name, true)? {
                pool.extend(chars);
            }
        }
        let least =
            [("min_numeric", &numbers), ("min_lower", &lower), ("min_upper", &upper), ("min_special", &special)];
        for (name, chars) in least {
            let count = usize::try_from(call.int(name, 0)?).unwrap_or(0);
            if count > 0 {
                take(chars, count, &mut out)?;
            }
        }
    }
    let rest = length.saturating_sub(out.len());
    take(&pool, rest, &mut out)?;
    if !is_seeded {
        Random::System.shuffle(&mut out);
    }
    let value: String = out.into_iter().collect();
    Ok(vec![py::text(if call.bool("base64", false)? { STANDARD.encode(value) } else { value })])
}
