//! What Python would have raised.

use std::fmt;

/// An operation Python refuses. The text is Python's, because playbooks match on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// Which exception it is in Python.
    pub kind: Raised,
    /// Python's message.
    pub message: String,
}

/// The Python exception an error stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raised {
    /// `TypeError`: this operation is not defined for these types.
    Type,
    /// `ValueError`: the right type, but not a value that works.
    Value,
    /// `ZeroDivisionError`.
    ZeroDivision,
    /// `OverflowError`, and `MemoryError` for results that would not fit.
    Overflow,
    /// `KeyError`.
    Key,
    /// `IndexError`.
    Index,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "TypeError",
            Self::Value => "ValueError",
            Self::ZeroDivision => "ZeroDivisionError",
            Self::Overflow => "OverflowError",
            Self::Key => "KeyError",
            Self::Index => "IndexError",
        })
    }
}

impl ValueError {
    /// An error of any kind.
    pub fn new(kind: Raised, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(Raised::Type, message)
    }

    /// A `ValueError`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Raised::Value, message)
    }
}
