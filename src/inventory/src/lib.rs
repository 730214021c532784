//! The hosts of a run: read from files, scripts, directories and lists, grouped, given variables, chosen by patterns.
//!
//! An [`Inventory`] is a graph of groups over hosts. Variables stay in shared layers, one for each place they were
//! written in; [`Inventory::layers`] lists those of a host, weakest first, and nothing is ever merged host by host.
//! Nothing here renders templates or connects anywhere.
//!
//! Start reading at [`Inventory`]; [`Loader`] fills one; `pattern.rs` chooses hosts.

mod address;
mod error;
mod inventory;
mod layers;
mod listing;
mod load;
mod pattern;
mod plugins;
mod shlex;
mod sources;

pub use error::InventoryError;
pub use inventory::{Group, GroupId, Host, HostId, Inventory};
pub use layers::{HostLayers, Layer, Level};
pub use listing::Show;
pub use load::{Attempt, Files, InvalidGroupNames, Loader, PlainFiles, Settings, Templates};
pub use pattern::{Order, Selection, split_patterns};
pub use plugins::{Change, Plugins, VarsPlugins};
