//! `community.general`, one file each.

pub mod ini_file;

include!(concat!(env!("OUT_DIR"), "/general.rs"));
