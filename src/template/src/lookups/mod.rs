//! Lookups, one file each: `pub static LOOKUP: Lookup`.

pub mod cartesian;
pub mod config;
pub mod csvfile;
pub mod dict;
pub mod env;
pub mod file;
pub mod fileglob;
pub mod filetree;
pub mod first_found;
pub mod flattened;
pub(crate) mod glob;
pub mod indexed_items;
pub mod ini;
pub mod inventory_hostnames;
pub mod items;
pub mod lines;
pub mod list;
pub mod nested;
pub mod password;
pub mod pipe;
pub mod random_choice;
pub mod sequence;
pub mod subelements;
pub mod template;
pub(crate) mod terms;
pub mod together;
pub mod unvault;
pub mod url;
pub mod varnames;
pub mod vars;

include!(concat!(env!("OUT_DIR"), "/lookups.rs"));
