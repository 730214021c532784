//! Kinds of what can be documented.

use std::fmt;

use clap::ValueEnum;

/// What kind of thing a name is looked for among.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Modules and actions
    Module,
    /// Ways to become another user
    Become,
    /// Keepers of facts
    Cache,
    /// Those who hear results
    Callback,
    /// Command lines of network devices
    Cliconf,
    /// Ways to reach hosts
    Connection,
    /// Filters
    Filter,
    /// APIs of network devices
    Httpapi,
    /// Sources of hosts
    Inventory,
    /// Lookups
    Lookup,
    /// NETCONF of network devices
    Netconf,
    /// Shells of targets
    Shell,
    /// Ways through a play
    Strategy,
    /// Tests
    Test,
    /// Sources of variables
    Vars,
    /// Roles with `meta/argument_specs.yml`
    Role,
    /// Keywords of plays, blocks, tasks, roles and loops
    Keyword,
}

impl Kind {
    /// All kinds of plugins, modules first.
    pub(super) const PLUGINS: [Self; 15] = [
        Self::Module,
        Self::Become,
        Self::Cache,
        Self::Callback,
        Self::Cliconf,
        Self::Connection,
        Self::Filter,
        Self::Httpapi,
        Self::Inventory,
        Self::Lookup,
        Self::Netconf,
        Self::Shell,
        Self::Strategy,
        Self::Test,
        Self::Vars,
    ];

    /// As it is written after `-t`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Become => "become",
            Self::Cache => "cache",
            Self::Callback => "callback",
            Self::Cliconf => "cliconf",
            Self::Connection => "connection",
            Self::Filter => "filter",
            Self::Httpapi => "httpapi",
            Self::Inventory => "inventory",
            Self::Lookup => "lookup",
            Self::Netconf => "netconf",
            Self::Shell => "shell",
            Self::Strategy => "strategy",
            Self::Test => "test",
            Self::Vars => "vars",
            Self::Role => "role",
            Self::Keyword => "keyword",
        }
    }

    /// The folder below a collection's `plugins/`.
    pub(super) fn folder(self) -> &'static str {
        if self == Self::Module { "modules" } else { self.name() }
    }

    /// The folder beside a playbook or in a role.
    pub(super) fn beside(self) -> String {
        if self == Self::Module { "library".to_owned() } else { format!("{}_plugins", self.name()) }
    }

    /// The setting that names further folders.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Module => "DEFAULT_MODULE_PATH",
            Self::Become => "BECOME_PLUGIN_PATH",
            Self::Cache => "DEFAULT_CACHE_PLUGIN_PATH",
            Self::Callback => "DEFAULT_CALLBACK_PLUGIN_PATH",
            Self::Cliconf => "DEFAULT_CLICONF_PLUGIN_PATH",
            Self::Connection => "DEFAULT_CONNECTION_PLUGIN_PATH",
            Self::Filter => "DEFAULT_FILTER_PLUGIN_PATH",
            Self::Httpapi => "DEFAULT_HTTPAPI_PLUGIN_PATH",
            Self::Inventory => "DEFAULT_INVENTORY_PLUGIN_PATH",
            Self::Lookup => "DEFAULT_LOOKUP_PLUGIN_PATH",
            Self::Netconf => "DEFAULT_NETCONF_PLUGIN_PATH",
            Self::Strategy => "DEFAULT_STRATEGY_PLUGIN_PATH",
            Self::Test => "DEFAULT_TEST_PLUGIN_PATH",
            Self::Vars => "DEFAULT_VARS_PLUGIN_PATH",
            Self::Role => "DEFAULT_ROLES_PATH",
            Self::Shell | Self::Keyword => "",
        }
    }

    /// The kind as collections route it; those of network devices are never routed elsewhere.
    pub(super) fn routed(self) -> Option<rplay_collection::Kind> {
        use rplay_collection::Kind as Routed;
        Some(match self {
            Self::Module => Routed::Module,
            Self::Become => Routed::Become,
            Self::Cache => Routed::Cache,
            Self::Callback => Routed::Callback,
            Self::Connection => Routed::Connection,
            Self::Filter => Routed::Filter,
            Self::Inventory => Routed::Inventory,
            Self::Lookup => Routed::Lookup,
            Self::Shell => Routed::Shell,
            Self::Strategy => Routed::Strategy,
            Self::Test => Routed::Test,
            Self::Vars => Routed::Vars,
            Self::Cliconf | Self::Httpapi | Self::Netconf | Self::Role | Self::Keyword => return None,
        })
    }

    /// Whether one file may hold several of them, under names that are not the file's.
    pub(super) fn shares_files(self) -> bool {
        matches!(self, Self::Filter | Self::Test)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
