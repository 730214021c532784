//! Kinds of plugins.

use std::fmt;

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Runs on targets.
    Module,
    /// The controller's part of a task.
    Action,
    /// Changes the user.
    Become,
    /// Keeps facts.
    Cache,
    /// Hears results.
    Callback,
    /// Reaches targets.
    Connection,
    /// `| name`.
    Filter,
    /// Reads inventories.
    Inventory,
    /// `lookup('name')` and `with_name`.
    Lookup,
    /// Speaks with a shell.
    Shell,
    /// Leads hosts through a play.
    Strategy,
    /// `is name`.
    Test,
    /// Reads variables.
    Vars,
    /// Code that modules share.
    ModuleUtils,
}

impl Kind {
    /// The folder below `plugins/` of a collection, and the key below `plugin_routing`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "modules",
            Self::Action => "action",
            Self::Become => "become",
            Self::Cache => "cache",
            Self::Callback => "callback",
            Self::Connection => "connection",
            Self::Filter => "filter",
            Self::Inventory => "inventory",
            Self::Lookup => "lookup",
            Self::Shell => "shell",
            Self::Strategy => "strategy",
            Self::Test => "test",
            Self::Vars => "vars",
            Self::ModuleUtils => "module_utils",
        }
    }

    /// The folder beside a playbook or in a role.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Module => "library",
            Self::Action => "action_plugins",
            Self::Become => "become_plugins",
            Self::Cache => "cache_plugins",
            Self::Callback => "callback_plugins",
            Self::Connection => "connection_plugins",
            Self::Filter => "filter_plugins",
            Self::Inventory => "inventory_plugins",
            Self::Lookup => "lookup_plugins",
            Self::Shell => "shell_plugins",
            Self::Strategy => "strategy_plugins",
            Self::Test => "test_plugins",
            Self::Vars => "vars_plugins",
            Self::ModuleUtils => "module_utils",
        }
    }
}

impl fmt::Display for Kind {
    /// As messages say it: `module`, `filter plugin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module => f.write_str("module"),
            other => write!(f, "{} plugin", other.name()),
        }
    }
}
