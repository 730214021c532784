//! Modules of the collection this folder stands for, one file each.

include!(concat!(env!("OUT_DIR"), "/general.rs"));
