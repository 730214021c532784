//! Inventories that plugins outside of this crate make.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rplay_diag::Diagnostic;
use rplay_value::{Map, Value};

use crate::InventoryError;
use crate::inventory::Inventory;
use crate::load::Target;

/// Runs inventory plugins that are not native.
pub trait Plugins: Send + Sync {
    /// Whether there is a plugin of that name.
    fn has(&self, name: &str) -> bool;

    /// Whether the plugin wants the source.
    fn wants(&self, name: &str, source: &str) -> Result<bool, Diagnostic>;

    /// Those that have variables for hosts and groups, if there are any.
    fn variables(&self) -> Option<Arc<dyn VarsPlugins>> {
        None
    }

    /// What the plugin does to the inventory that sources before this one made.
    fn read(&self, name: &str, source: &str, before: &Inventory) -> Result<Vec<Change>, Diagnostic>;
}

/// Runs vars plugins.
pub trait VarsPlugins: fmt::Debug + Send + Sync {
    /// The variables that plugins have for a host or group, in the name of a folder that may hold `group_vars`: those that
    /// lie beneath its files, and those that lie over them.
    fn vars(&self, folder: &Path, of_group: bool, name: &str) -> Result<[Map; 2], Diagnostic>;
}

/// What a plugin does to the inventory.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds a host, if it is new, and puts it into a group.
    Host {
        /// Its name.
        name: String,
        /// The group.
        group: Option<String>,
        /// The port of a new one.
        port: Option<i64>,
    },
    /// Adds a group.
    Group(String),
    /// Puts a group beneath another.
    Child {
        /// The one above.
        parent: String,
        /// The one beneath.
        child: String,
    },
    /// Sets a variable of a group or host.
    Variable {
        /// Its name.
        entity: String,
        /// The variable's.
        name: String,
        /// What it is.
        value: Value,
    },
}

/// Lets a plugin read the target's source.
pub(crate) fn read(plugins: &dyn Plugins, name: &str, target: &mut Target<'_>) -> Result<(), InventoryError> {
    let failed = |error| InventoryError::Document(Box::new(error));
    for change in plugins.read(name, target.source, target.inventory).map_err(failed)? {
        apply(target, change)?;
    }
    Ok(())
}

fn apply(target: &mut Target<'_>, change: Change) -> Result<(), InventoryError> {
    match change {
        Change::Group(name) => _ = target.inventory.add_group(&name),
        Change::Host { name, group, port } => {
            let new = target.inventory.host_id(&name).is_none();
            let host = target.host(&name);
            if let Some(port) = port.filter(|_| new) {
                target.inventory.set_host_var(host, "ansible_port", port);
            }
            if let Some(group) = group {
                let group = target.inventory.add_group(&group);
                target.inventory.join(host, group);
            }
        }
        Change::Child { parent, child } => {
            let (parent, child) = (target.inventory.add_group(&parent), target.inventory.add_group(&child));
            target.inventory.add_child(parent, child)?;
        }
        Change::Variable { entity, name, value } => {
            if let Some(group) = target.inventory.group_id(&entity) {
                target.inventory.set_group_var(group, name, value);
            } else {
                let host = target.host(&entity);
                target.inventory.set_host_var(host, name, value);
            }
        }
    }
    Ok(())
}
