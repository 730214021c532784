//! Blocks, and what stands in them.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::Span;
use rplay_value::Text;

use crate::{Common, Role, RoleUse, Task};

/// One entry of a list of tasks.
#[derive(Clone, Debug)]
pub enum Item {
    /// A group of entries.
    Block(Arc<Block>),
    /// A task.
    Task(Arc<Task>),
}

/// `block` with `rescue` and `always`; also what a static import became.
#[derive(Clone, Debug)]
pub struct Block {
    /// Name as written.
    pub name: Option<Text>,
    /// Keywords that everything inside inherits. For imports: those written on the import statement.
    pub common: Arc<Common>,
    /// The entries.
    pub block: Vec<Item>,
    /// What to do when one failed.
    pub rescue: Vec<Item>,
    /// What to do in any case.
    pub always: Vec<Item>,
    /// Where it came from.
    pub origin: Origin,
    /// The role it was written in.
    pub role: Option<Arc<Role>>,
    /// Its mapping in its file.
    pub span: Option<Span>,
}

/// Where a block came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Written as `block:`.
    Plain,
    /// `import_tasks` of this file, expanded.
    ImportTasks(PathBuf),
    /// `import_role`, expanded: walk the [`RoleUse`] (dependencies, then tasks) where this block stands. The three
    /// lists of the block itself are empty, the block's `common` surrounds all of it.
    ImportRole(Arc<RoleUse>),
}
