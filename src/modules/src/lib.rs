//! The modules that run without Python: one file each, synchronous, the same code on the controller and in the agent.
//!
//! A module is a [`Module`]: its name, its arguments ([`ArgSpec`]), what it supports, and `run`. It plans against the
//! target through [`Sys`] and applies unless the call is in check mode. Folders are collections: `builtin` is
//! `ansible.builtin`, `posix` is `ansible.posix`, `general` is `community.general`. Adding a module is one new file
//! and its `mod` line.
//!
//! Start reading at [`Module`], then `builtin/lineinfile.rs`.

mod args;
pub mod builtin;
mod context;
pub mod general;
mod module;
pub mod posix;
mod sys;

pub use args::{Arg, ArgError, ArgSpec, Args, Kind};
pub use context::Context;
pub use module::{Module, ModuleError, Support, find, run, table};
pub use sys::{Output, Program, Real, Sys};
