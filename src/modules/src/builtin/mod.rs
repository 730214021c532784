//! `ansible.builtin`, one file each.

pub mod apt;
pub mod package;
pub mod ping;
pub mod setup;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
