//! `community.libvirt`, one file each, through the `virsh` program on the target: the agent links no libvirt.

mod document;
mod virsh;

pub mod virt;
pub mod virt_net;
pub mod virt_pool;

include!(concat!(env!("OUT_DIR"), "/libvirt.rs"));
