//! Modules of the collection this folder stands for, one file each.


pub mod ini_file;
include!(concat!(env!("OUT_DIR"), "/general.rs"));
