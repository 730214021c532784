//! `community.general`, one file each.

pub mod alternatives;
pub mod archive;
pub mod capabilities;
pub mod filesystem;
pub mod git_config;
pub mod ini_file;
pub mod interfaces_file;
pub mod locale_gen;
pub mod lvg;
pub mod lvg_rename;
pub mod lvol;
pub mod make;
pub mod modprobe;
pub mod pam_limits;
pub mod parted;
pub mod sefcontext;
pub mod sudoers;
pub mod timezone;
pub mod xml;

include!(concat!(env!("OUT_DIR"), "/general.rs"));
