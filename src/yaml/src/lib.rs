//! YAML 1.1 as Ansible reads and writes it: the parser and emitter PyYAML's C classes wrap, with a place on every node.
//!
//! [`parse`] turns a text into a [`Node`] tree (anchors and merge keys already resolved), [`Node::to_value`] a node into
//! a [`Value`](rplay_value::Value). [`load`] does both, trying JSON first as Ansible does. [`dump`] writes what
//! `to_yaml` and `to_nice_yaml` write. Errors carry places and hints through [`rplay_diag::Diagnose`].
//!
//! Start reading at [`Node`], then `compose.rs`; what a plain scalar means is in `resolve.rs`.

mod compose;
mod dump;
mod emitter;
mod error;
mod events;
mod load;
mod mistake;
mod node;
mod resolve;
mod tags;

pub use compose::{Document, Options, parse, parse_all, parse_text};
pub use dump::{DumpError, DumpStyle, dump, dump_all};
pub use error::YamlError;
pub use load::{Trust, load, load_str};
pub use mistake::Mistake;
pub use node::{Kind, Node, Scalar, Style};
pub use tags::Tag;
