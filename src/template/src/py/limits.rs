//! What one operation may make: an expression that asks for more than memory holds is an error, not the end of the run.

use minijinja::Value as Mj;

use super::{Kind, kind};
use crate::TemplateError;

/// Bytes of the longest text.
pub(crate) const LONGEST_TEXT: usize = 1 << 27;
/// Items of the longest list.
pub(crate) const LONGEST_LIST: usize = 10_000_000;
/// Bits of the largest whole number.
const LARGEST_NUMBER: u64 = 1 << 20;
/// Lists and mappings in one another. What holds itself is deeper than anything.
pub(super) const DEEPEST: usize = 300;

/// Whether a text of so many bytes may be made.
pub(crate) fn text(bytes: usize) -> Result<(), TemplateError> {
    if bytes > LONGEST_TEXT {
        return Err(TemplateError::value_error(format!("a text of {bytes} bytes would not fit in memory")));
    }
    Ok(())
}

/// Whether a list of so many items may be made.
pub(crate) fn list(items: usize) -> Result<(), TemplateError> {
    if items > LONGEST_LIST {
        return Err(TemplateError::value_error(format!("a list of {items} items would not fit in memory")));
    }
    Ok(())
}

/// Whether a whole number of so many bits may be made.
pub(crate) fn number(bits: u64) -> Result<(), TemplateError> {
    if bits > LARGEST_NUMBER {
        return Err(TemplateError::value_error(format!("a number of {bits} bits would not fit in memory")));
    }
    Ok(())
}

pub(super) fn too_deep() -> TemplateError {
    TemplateError::value_error("the value is nested too deeply, or holds itself")
}

/// Whether a text may be made in which every `old` is a `new`.
pub(crate) fn replaced(text_now: &str, old: &str, new: &str) -> Result<(), TemplateError> {
    if new.len() <= old.len() {
        return Ok(());
    }
    text(text_now.len().saturating_add(text_now.matches(old).count().saturating_mul(new.len())))
}

/// Whether a value may be walked to its leaves.
pub(crate) fn depth(value: &Mj) -> Result<(), TemplateError> {
    fn walk(value: &Mj, left: usize) -> Result<(), TemplateError> {
        let left = left.checked_sub(1).ok_or_else(too_deep)?;
        match kind(value) {
            // What comes unchanged from a variable holds no such value.
            Kind::List(list) if list.plain().is_none() => list.items().iter().try_for_each(|item| walk(item, left)),
            Kind::Tuple(items) => items.iter().try_for_each(|item| walk(item, left)),
            Kind::Dict(dict) if dict.plain().is_none() => {
                dict.pairs().iter().try_for_each(|(_, item)| walk(item, left))
            }
            _ => Ok(()),
        }
    }
    walk(value, DEEPEST)
}
