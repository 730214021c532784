//! `community.libvirt`, one file each, through the `virsh` program on the target.

include!(concat!(env!("OUT_DIR"), "/libvirt.rs"));
