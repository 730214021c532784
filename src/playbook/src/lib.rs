//! What a playbook says: the static model that the engine walks, every part with its place in the sources.
//!
//! Nothing here runs and nothing here knows a host. Keywords that may hold templates stay as written in a [`Field`];
//! the engine renders and converts them when their turn comes. There are no parent pointers: whoever walks the tree
//! keeps the lineage (play, role, blocks) and reads inheritable keywords from the [`Common`] of each level.
//!
//! Start reading at [`Playbook`], [`Play`] and [`Task`]; `keyword.rs` is the one table of everything that may be written.

pub mod args;
mod block;
mod common;
mod error;
mod field;
pub mod keyword;
pub mod listing;
mod load;
mod play;
mod playbook;
mod role;
mod tags;
mod task;

pub use block::{Block, Item, Origin};
pub use common::{Common, Condition};
pub use error::PlaybookError;
pub use field::{Field, Written};
pub use listing::{Listing, Render, listing, texts_of};
pub use load::{AdHoc, Context, Included, Loader, Resolve, RoleRequest, Settings, is_include};
pub use play::{Play, PromptVar};
pub use playbook::Playbook;
pub use role::{Role, RoleFiles, RoleMeta, RoleUse};
pub use tags::TagSelection;
pub use task::{Action, Include, Loop, LoopControl, LoopKind, Task};
