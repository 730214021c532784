//! `ansible.posix`, one file each.

pub mod authorized_key;

include!(concat!(env!("OUT_DIR"), "/posix.rs"));
