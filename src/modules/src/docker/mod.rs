//! `community.docker`, one file each. They talk to the daemon's own interface through [`engine`]; no Python, no client
//! program.

mod auth;
mod build_context;
mod compare;
mod container;
mod differences;
mod engine;
mod image;
mod inspect;
mod options;
mod transport;

pub mod docker_container;
pub mod docker_container_exec;
pub mod docker_container_info;
pub mod docker_host_info;
pub mod docker_image;
pub mod docker_image_info;
pub mod docker_image_load;
pub mod docker_image_pull;
pub mod docker_image_push;
pub mod docker_image_remove;
pub mod docker_image_tag;
pub mod docker_login;
pub mod docker_network;
pub mod docker_network_info;
pub mod docker_prune;
pub mod docker_volume;
pub mod docker_volume_info;

include!(concat!(env!("OUT_DIR"), "/docker.rs"));
