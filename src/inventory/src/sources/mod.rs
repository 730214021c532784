//! Readers, one for each kind of source.

pub(crate) mod constructed;
pub(crate) mod generator;
pub(crate) mod host_list;
pub(crate) mod ini;
pub(crate) mod script;
pub(crate) mod toml;
pub(crate) mod yaml;
