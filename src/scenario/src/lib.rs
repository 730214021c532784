//! Scenarios: topologies of nodes, what is deployed on them, and how it is checked.
//!
//! A scenario is a YAML file ([`Scenario`]): networks, images, types of nodes, nodes, stages, checks and faults. Its format
//! is written down once, in `format.rs`; checking, reading and the JSON [`schema`](schema::schema) come from there. All
//! mistakes of a file are told at once. What makes nodes implements
//! [`Provider`](provider::Provider).
//!
//! Start reading at `format.rs`, then `scenario.rs`, `stage.rs` for the order of stages.

mod check;
pub mod fault;
pub mod folder;
pub mod format;
pub mod handoff;
pub mod image;
pub mod import;
pub mod lab;
pub mod network;
pub mod node;
pub mod provider;
mod read;
pub mod scenario;
pub mod schema;
pub mod shape;
pub mod stage;
pub mod topology;
pub mod units;
pub mod verify;

pub use read::Spot;
pub use scenario::{Scenario, ScenarioError, find};
