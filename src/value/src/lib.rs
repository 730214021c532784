//! The one value type of rplay: what YAML files hold, variables carry, templates yield and modules return.
//!
//! A [`Value`] is cheap to clone (containers and texts are shared) and behaves like Python's where people can tell:
//! text, `repr`, truth, ordering, arithmetic, equality of `1`, `1.0` and `True`. A [`Text`] remembers where it was
//! written and whether it may be treated as a template.
//!
//! Start reading at [`Value`], then `text.rs`; Python's rules are in `python.rs`.

mod list;
mod map;
mod serde_impl;
mod text;
mod value;

pub use list::List;
pub use map::Map;
pub use num_bigint::BigInt;
pub use text::Text;
pub use value::{Value, Vaulted};
