//! From files to the model.

mod action;
mod adhoc;
mod fields;
mod import;
mod loader;
mod play;
mod roles;
mod tasks;

pub use adhoc::AdHoc;
pub use import::{Included, is_include};
pub use loader::{Context, Loader, Resolve, Settings};
pub use roles::RoleRequest;
