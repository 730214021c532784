//! The modules that run without Python: one file each, synchronous, the same code on the controller and in the agent.
//!
//! A module is a [`Module`]: its name, its arguments ([`ArgSpec`]), what it supports, and `run`. It plans against the
//! target through [`Sys`] and applies unless the call is in check mode. Folders are collections: `builtin` is
//! `ansible.builtin`, `posix` is `ansible.posix`, `general` is `community.general`, `crypto`, `docker` and `libvirt` are
//! `community.crypto`, `community.docker` and `community.libvirt`. Adding a module is one new file
//! and its `mod` line.
//!
//! Start reading at [`Module`], then `builtin/lineinfile.rs`.

mod accounts;
mod archive;
mod args;
mod atomic;
pub mod builtin;
mod censor;
mod context;
mod convert;
pub mod crypto;
mod digest;
mod dnf_program;
pub mod docker;
mod dpkg;
mod facts;
mod file_attrs;
mod file_metadata;
pub mod foreign;
pub mod general;
mod glob;
mod http;
pub mod job_output;
pub mod libvirt;
mod lines;
mod mode;
mod module;
mod mount_tables;
mod output_lines;
mod policy_rc_d;
pub mod posix;
mod pyregex;
mod real;
mod repo_file;
mod running;
mod sys;
mod sysv;
pub mod testing;
mod text_file;
mod tools;
mod validate;
pub mod words;
mod x509;
mod xml;

pub use args::{Arg, ArgError, ArgSpec, Args, Kind};
pub use atomic::{Replace, backup};
pub use context::Context;
pub use convert::{Surroundings, convert};
pub use digest::{Algorithm, digest_bytes, digest_file};
pub(crate) use file_attrs::strerror;
pub use file_attrs::{
    AttrDiff, FileAttrs, group_id, group_name, mode_text, path_info, real_path, selinux_enabled, user_id, user_name,
};
pub use lines::Lines;
pub use mode::{Mode, umask};
pub use module::{Module, ModuleError, Support, find, is_beyond_native, run, table};
pub(crate) use pyregex::PyRegex;
pub use real::{Cancel, Live, Real};
pub use running::Running;
pub use sys::{Output, Program, Sys};
pub(crate) use text_file::TextFile;
