//! `ansible.builtin`, one file each.

pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod file;
pub mod lineinfile;
pub mod ping;
pub mod replace;
pub mod script;
pub mod shell;
pub mod stat;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
