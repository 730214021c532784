//! `ansible.posix`, one file each.

pub mod authorized_key;

pub mod sysctl;

include!(concat!(env!("OUT_DIR"), "/posix.rs"));
