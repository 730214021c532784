//! The one value type of rplay: what YAML files hold, variables carry, templates yield and modules return.
//!
//! A [`Value`] is cheap to clone (containers and texts are shared) and behaves like Python's where people can tell:
//! text, `repr`, truth, ordering, arithmetic, equality of `1`, `1.0` and `True`. A [`Text`] remembers where it was
//! written and whether it may be treated as a template.
//!
//! Start reading at [`Value`], then `text.rs`; Python's rules are in `python.rs`, `arithmetic.rs`, `order.rs`; [`json`] is
//! Python's `json` module, [`literal`] its `ast.literal_eval`, [`Time`] its `datetime`. [`Compat`] says which release of
//! Ansible a run follows, and [`PROFILES`] what that changes.

mod arithmetic;
mod boolean;
mod error;
pub mod json;
mod list;
pub mod literal;
mod map;
mod merge;
pub mod number;
mod order;
mod path;
mod python;
mod release;
mod serde_impl;
mod text;
mod time;
mod value;

pub use boolean::{FALSE_TEXTS, TRUE_TEXTS, parse_bool};
pub use error::{Raised, ValueError};
pub use json::JsonStyle;
pub use list::List;
pub use literal::literal_eval;
pub use map::Map;
pub use merge::ListMerge;
pub use num_bigint::BigInt;
pub use order::{Comparison, sort_by_key};
pub use path::{Path, PathError, Step};
pub use python::{is_printable, push_repr, push_str_repr};
pub use release::{Compat, Conditions, PROFILES, Profile, Release, Results, UNION, UnknownRelease, Verdict, Version};
pub use text::Text;
pub use time::Time;
pub use value::{Value, Vaulted};
