//! Filters, one file each: `pub static FILTER: Filter`.

include!(concat!(env!("OUT_DIR"), "/filters.rs"));
