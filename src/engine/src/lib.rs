//! The engine: plays over hosts, variables and their order, loops, conditions, handlers, includes, delegation.
//!
//! [`Run`] takes everything from its caller ([`RunOptions`], inventory, connections, an emitter) and tells what happens
//! only through events. One task's way: `strategy/linear.rs` finds the next step and its hosts, `task.rs` runs it on
//! one host, `actions/` do the controller's part, `strategy/results.rs` takes the result in.
//!
//! Start reading at [`Run`], then `strategy/linear.rs` and `task.rs`; who sees which variable is `vars/precedence.rs`.

mod action;
pub mod actions;
mod background;
mod connect;
mod error;
mod explain;
mod fields;
mod foreign;
mod handlers;
mod include;
mod iterate;
mod journal;
mod loops;
mod merge;
mod options;
mod plan;
mod play;
mod prompt;
mod python_action;
mod python_connection;
mod python_files;
mod ran;
mod resolve;
mod run;
mod strategy;
mod task;
mod trouble;
mod vars;
mod worker;

pub use action::{Action, ActionCx, Done, Traits, actions, find_action};
pub use error::EngineError;
pub use options::{ConnectionDefaults, Gathering, InventoryReading, ModuleDefaults, RunOptions};
pub use prompt::{NoPrompter, Prompter, Question};
pub use resolve::{Resolver, is_action, moved_to};
pub use run::{Run, RunOutcome};
pub use trouble::Trouble;
pub use vars::why::{Answer, Asked, Later, Place, Setting, Used, Why};
pub use vars::{CacheSettings, FactCaching, PythonCache};
