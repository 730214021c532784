//! Virtual machines through libvirt: what it is told, and what this machine can do.
//!
//! Domains carry the labels of their owner as metadata. Networks cannot (before libvirt 9.7): theirs are in their UUID,
//! which is made of owner, scenario and name, and in the bridge's hardware address, which is made of the digest.

pub mod kvm;
pub mod seed;
pub mod xml;
