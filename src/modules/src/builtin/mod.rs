//! `ansible.builtin`, one file each.

pub mod apt;
pub mod package;
pub mod ping;
pub mod service;
pub mod setup;
pub mod systemd;
pub mod systemd_service;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
