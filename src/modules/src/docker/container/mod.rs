//! What `docker_container` knows of a container: its options, how they are compared, and how they change.

pub(super) mod comparison;
pub(super) mod mounts;
pub(super) mod network;
pub(super) mod option;
mod orders;
pub(super) mod platform;
mod ports;
pub(super) mod prepare;
pub(super) mod state;
