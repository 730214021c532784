//! What Ansible takes for a boolean.

use crate::Value;

/// Texts that mean true, in lower case.
pub const TRUE_TEXTS: [&str; 6] = ["y", "yes", "on", "1", "true", "t"];
/// Texts that mean false, in lower case.
pub const FALSE_TEXTS: [&str; 6] = ["n", "no", "off", "0", "false", "f"];

/// A text as ansible-core's `boolean()` reads it, ignoring case and surrounding space.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if TRUE_TEXTS.iter().any(is) {
        Some(true)
    } else if FALSE_TEXTS.iter().any(is) {
        Some(false)
    } else {
        None
    }
}

impl Value {
    /// A boolean as ansible-core's `boolean()` reads it: booleans, `1`, `0`, and the texts of [`parse_bool`].
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            Self::Int(1) => Some(true),
            Self::Int(0) => Some(false),
            Self::Float(1.0) => Some(true),
            Self::Float(0.0) => Some(false),
            Self::Text(text) => parse_bool(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_ansible_does() {
        assert_eq!(Value::from(" Yes ").to_bool(), Some(true));
        assert_eq!(Value::from("off").to_bool(), Some(false));
        assert_eq!(Value::from("2").to_bool(), None);
        assert_eq!(Value::from(2).to_bool(), None);
        assert_eq!(Value::Null.to_bool(), None);
    }
}
