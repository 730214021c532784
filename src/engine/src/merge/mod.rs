//! Configuration files that are laid over one another: the formats behind `merge_configs`, `merge_yaml` and
//! `config_template`.

pub(crate) mod multi_key;
pub(crate) mod oslo;
pub(crate) mod tree;
