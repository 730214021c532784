//! Lookups, one file each: `pub static LOOKUP: Lookup`.

include!(concat!(env!("OUT_DIR"), "/lookups.rs"));
