//! `ansible.builtin`, one file each.

pub mod apt;
pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod file;
pub mod get_url;
pub mod group;
pub mod lineinfile;
pub mod package;
pub mod ping;
pub mod replace;
pub mod script;
pub mod service;
pub mod setup;
pub mod shell;
pub mod stat;
pub mod systemd;
pub mod systemd_service;
pub mod uri;
pub mod user;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
