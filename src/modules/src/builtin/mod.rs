//! `ansible.builtin`, one file each.

pub mod ping;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
