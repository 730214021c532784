//! `ansible.builtin`, one file each.

pub mod apt;
pub mod assemble;
pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod cron;
pub mod fetch;
pub mod file;
pub mod find;
pub mod get_url;
pub mod getent;
pub mod git;
pub mod group;
pub mod hostname;
pub mod iptables;
pub mod known_hosts;
pub mod lineinfile;
pub mod package;
pub mod package_facts;
pub mod ping;
pub mod replace;
pub mod script;
pub mod service;
pub mod service_facts;
pub mod setup;
pub mod shell;
pub mod slurp;
pub mod stat;
pub mod systemd;
pub mod systemd_service;
pub mod tempfile;
pub mod unarchive;
pub mod uri;
pub mod user;
pub mod wait_for;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
