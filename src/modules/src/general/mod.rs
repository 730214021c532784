//! `community.general`, one file each.

pub mod ini_file;
pub mod modprobe;
pub mod timezone;

include!(concat!(env!("OUT_DIR"), "/general.rs"));
