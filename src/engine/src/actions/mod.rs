//! Actions: the controller's part of a task, one file each.

mod add_host;
mod assemble;
mod assert;
mod async_status;
mod config_template;
mod copy;
mod debug;
mod evaluate;
mod fail;
mod fetch;
mod gather_facts;
mod group_by;
mod include_vars;
mod merge_configs;
mod merge_yaml;
pub(crate) mod normal;
mod patch;
mod pause;
mod raw;
mod reboot;
mod script;
mod set_fact;
mod set_stats;
mod synchronize;
mod template;
mod unarchive;
mod validate_argument_spec;
mod wait_for_connection;

include!(concat!(env!("OUT_DIR"), "/actions.rs"));
