//! Roles as they are used.

use std::path::PathBuf;
use std::sync::Arc;

use rplay_diag::Span;
use rplay_value::{Map, Text, Value};

use crate::{Common, Item};

/// A role at one place of use: what its tasks need to know about it. Its tasks are in [`RoleUse`].
#[derive(Clone, Debug)]
pub struct Role {
    /// Name without collection: `common`, `a/b`.
    pub name: Arc<str>,
    /// Collection it came from: `ns.col`.
    pub collection: Option<Arc<str>>,
    /// Its folder, absolute.
    pub path: PathBuf,
    /// Defaults, the weakest variables.
    pub defaults: Map,
    /// `vars/`.
    pub vars: Map,
    /// Parameters given where it is used (`- role: x, port: 80`), stronger than play vars.
    pub params: Map,
    /// Keywords (and `vars:`) given where it is used; its tasks inherit them.
    pub common: Arc<Common>,
    /// `meta/main.yml`.
    pub meta: Arc<RoleMeta>,
    /// The role that depends on, imports or includes this one.
    pub parent: Option<Arc<Role>>,
    /// Files chosen in place of `main`.
    pub from: RoleFiles<Arc<str>>,
    /// Whether `import_role` or `include_role` brought it in.
    pub from_include: bool,
    /// Whether its variables are seen by the whole play (`roles:` and `import_role` yes, `include_role` unless `public`).
    pub public: bool,
    /// Whether it runs again when an equal use already ran on a host.
    pub allow_duplicates: bool,
    /// Equal for uses that count as the same run of the role (same role, parameters, tags, conditions, files).
    pub identity: u64,
    /// Where it is used.
    pub span: Option<Span>,
}

impl Role {
    /// `role_name` and `role_path`.
    pub(crate) fn magic(&self) -> Map {
        let path = Value::data(self.path.display().to_string());
        [("role_name", Value::data(Arc::clone(&self.name))), ("role_path", path)].into_iter().collect()
    }
}

/// A role with everything to run, in this order: its dependencies, then its tasks.
#[derive(Clone, Debug)]
pub struct RoleUse {
    /// The role.
    pub role: Arc<Role>,
    /// Roles of `meta/main.yml`, to be run before.
    pub dependencies: Vec<Arc<RoleUse>>,
    /// `tasks/main.yml` or the file chosen.
    pub tasks: Vec<Item>,
    /// `handlers/main.yml` or the file chosen.
    pub handlers: Vec<Item>,
}

/// `tasks_from`, `vars_from`, `defaults_from`, `handlers_from`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleFiles<T> {
    /// In place of `tasks/main`.
    pub tasks: Option<T>,
    /// In place of `vars/main`.
    pub vars: Option<T>,
    /// In place of `defaults/main`.
    pub defaults: Option<T>,
    /// In place of `handlers/main`.
    pub handlers: Option<T>,
}

/// What `meta/main.yml` says, dependencies apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleMeta {
    /// `allow_duplicates`.
    pub allow_duplicates: bool,
    /// `collections`.
    pub collections: Vec<Text>,
    /// `galaxy_info`, kept as data.
    pub galaxy_info: Option<Value>,
    /// `argument_specs` by entry point, kept as data (of `meta/argument_specs.yml` or `meta/main.yml`).
    pub argument_specs: Map,
}
