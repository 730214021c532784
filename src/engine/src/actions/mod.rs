//! Actions: the controller's part of a task, one file each.

mod add_host;
mod assert;
mod copy;
mod debug;
mod fail;
mod gather_facts;
mod group_by;
mod include_vars;
pub mod normal;
mod set_fact;
mod set_stats;
mod template;

include!(concat!(env!("OUT_DIR"), "/actions.rs"));
