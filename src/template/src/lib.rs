//! Jinja as ansible-core 2.19 means it: own lexer and parser, Python's value semantics, native results, lazy and
//! recursive variables, trust. Statements are lowered to minijinja, whose VM runs them; expressions are evaluated by
//! `eval.rs`, which the lowered code calls.
//!
//! One text's way: [`Engine::render`] finds it trusted and holding a delimiter -> lexer -> parser -> tree, kept by
//! text -> evaluated in a [`Scope`] -> a native value.
//!
//! Start reading at [`Engine`], then [`Scope`], then `py`. A filter, test or lookup is one file in its folder.

mod about;
mod ahead;
mod classic;
mod condition;
mod configparser;
mod csv;
mod defined;
mod engine;
mod error;
mod eval;
mod files;
pub mod filters;
mod foreign;
mod frame;
mod globals;
mod header;
mod inspect;
mod ipaddr;
mod jmes;
pub mod lookups;
mod lower;
mod omit;
mod plugin;
mod protomatter;
pub mod py;
mod pyrandom;
mod pyregex;
mod pytime;
mod scope;
mod since;
mod syntax;
pub mod tests;
mod versions;
mod vm;
mod xml;

pub use ahead::Ahead;
pub use engine::{
    Engine, EngineOptions, FileOptions, Notices, PluginSetting, Reading, Rendered, Settings, TemplateSource, Vault,
};
pub use error::{ErrorKind, TemplateError, Through};
pub use files::{Files, PlainFiles};
pub use filters::encoding::encode;
pub use foreign::{Foreign, ForeignCall, PluginKind, is_native};
pub use inspect::{Inspection, Use, Used, Yields};
pub use omit::{is_omit, omit};
pub use plugin::{
    Filter, FilterCall, Keywords, Lookup, LookupCall, Test, TestCall, filters, find_filter, find_lookup, find_test,
    lookups, tests,
};
pub use scope::{Scope, Slot, Surroundings, Variables};
