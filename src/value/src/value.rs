//! The value enum, conversions, equality and hashing.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::BigInt;
use rplay_diag::Span;

use crate::{List, Map, Text, Time};

/// Anything a variable can hold.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Python's `None`, YAML's `null`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer that does not. Never holds one that fits (see [`Value::from_bigint`]).
    Big(Arc<BigInt>),
    /// A float.
    Float(f64),
    /// Text.
    Text(Text),
    /// A list.
    List(List),
    /// A mapping.
    Map(Map),
    /// A `!vault` value that is decrypted when it is read.
    Vault(Vaulted),
    /// A date, time or duration.
    Time(Time),
}

/// A `!vault` scalar: still encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vaulted {
    /// The envelope, starting with `$ANSIBLE_VAULT;`.
    pub ciphertext: Arc<str>,
    /// Where it was written.
    pub origin: Option<Span>,
}

impl Value {
    /// Data text: never a template.
    pub fn data(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::data(text))
    }

    /// The smallest representation of an integer.
    pub fn from_bigint(number: BigInt) -> Self {
        i64::try_from(&number).map_or_else(|_| Self::Big(Arc::new(number)), Self::Int)
    }

    /// The characters of a text value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A real boolean (not a truthy value).
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// A real 64-bit integer (not a numeric text, not a boolean).
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// A real float.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// Whether this is `None`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value under a text key, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Where a text or vault value was written.
    pub fn origin(&self) -> Option<Span> {
        match self {
            Self::Text(text) => text.origin(),
            Self::Vault(vaulted) => vaulted.origin,
            _ => None,
        }
    }

    /// Whether rendering could change it: a template or vault value here or in anything inside.
    pub fn holds_template(&self) -> bool {
        match self {
            Self::Text(text) => text.is_template(),
            Self::Vault(_) => true,
            Self::List(list) => list.iter().any(Self::holds_template),
            Self::Map(map) => map.iter().any(|(key, value)| key.holds_template() || value.holds_template()),
            _ => false,
        }
    }
}

/// Python's equality: numbers and booleans compare by value, everything else within its own kind.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => a.same(b) || a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Vault(a), Self::Vault(b)) => a == b,
            (Self::Big(a), Self::Big(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b || a.order(b) == Some(std::cmp::Ordering::Equal),
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Float(float), whole) | (whole, Self::Float(float)) => {
                whole.small_int().is_some_and(|whole| whole_float(*float) == Some(whole))
            }
            (a, b) => a.small_int().is_some_and(|a| b.small_int() == Some(a)),
        }
    }
}

/// The integer a float is equal to, when it fits 64 bits.
fn whole_float(float: f64) -> Option<i64> {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float);
    (fits && float.fract() == 0.0).then_some(float as i64)
}

impl Value {
    fn small_int(&self) -> Option<i64> {
        match self {
            Self::Bool(b) => Some(i64::from(*b)),
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }
}

/// Reflexive for everything but NaN, which never is a useful key.
impl Eq for Value {}

/// Agrees with equality, and gives text the hash of its `str` so that maps can be asked by `&str`.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null | Self::Vault(_) => 0_u8.hash(state),
            Self::Bool(b) => i64::from(*b).hash(state),
            Self::Int(i) => i.hash(state),
            Self::Float(f) => match whole_float(*f) {
                Some(whole) => whole.hash(state),
                None => f.to_bits().hash(state),
            },
            Self::Big(big) => big.hash(state),
            Self::Text(text) => text.as_str().hash(state),
            Self::List(list) => list.hash(state),
            Self::Map(map) => map.hash(state),
            // Aware times in different zones can be equal.
            Self::Time(time) => time.type_name().hash(state),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! from_int {
    ($($small:ty),*; $($large:ty),*) => {
        $(impl From<$small> for Value {
            fn from(value: $small) -> Self {
                Self::Int(i64::from(value))
            }
        })*
        $(impl From<$large> for Value {
            fn from(value: $large) -> Self {
                i64::try_from(value).map_or_else(|_| Self::Big(Arc::new(BigInt::from(value))), Self::Int)
            }
        })*
    };
}
from_int!(i8, i16, i32, i64, u8, u16, u32; u64, usize, isize, i128, u128);

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::Text(value)
    }
}

/// Data, as [`Text::data`].
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Text::data(value))
    }
}

/// Data, as [`Text::data`].
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Text::data(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Text::data(value.as_str()))
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        Self::List(items.into_iter().collect())
    }
}

/// `None` is Python's `None`.
impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_follow_python_keys_and_answer_to_str() {
        let mut map = Map::new();
        map.insert("a", 1);
        map.insert(1, "one");
        map.insert(true, "true");
        assert_eq!(map.get("a"), Some(&Value::Int(1)));
        assert_eq!(map.len(), 2);
        assert_eq!(map.get_value(&Value::Float(1.0)), Some(&Value::from("true")));
    }

    #[test]
    fn numbers_of_different_types_are_equal_as_in_python() {
        assert_eq!(Value::from(1e16), Value::Int(10_000_000_000_000_000));
        assert_eq!(Value::from(true), Value::from(1.0));
        assert_ne!(Value::from(1.5), Value::from(1));
        assert_ne!(Value::from(f64::NAN), Value::from(f64::NAN));
        assert_ne!(Value::from(i64::MAX), Value::from(9_223_372_036_854_775_808.0));
        assert_ne!(Value::from("1"), Value::from(1));
    }

    #[test]
    fn a_value_stays_small() {
        assert!(std::mem::size_of::<Value>() <= 40);
    }

    #[test]
    fn only_trusted_text_holds_templates() {
        assert!(Value::Text(Text::trusted("{{ a }}")).holds_template());
        assert!(!Value::from("{{ a }}").holds_template());
    }
}
