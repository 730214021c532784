//! What the steps of one play share.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use rplay_playbook::Role;
use rplay_value::{Map, Value};

/// A role that the play has come to. All of them are in `ansible_play_role_names`; the variables of the public ones are
/// seen by the whole play.
#[derive(Clone, Debug)]
pub(crate) struct PlayRole {
    pub(crate) role: Arc<Role>,
    /// The roles it depends on, flattened, in the order in which they run.
    pub(crate) dependencies: Vec<Arc<Role>>,
}

/// One entry of `vars_files`.
#[derive(Clone, Debug)]
pub(crate) enum VarsFile {
    /// Read when the play began.
    Read(Map),
    /// Depends on the host.
    PerHost {
        /// The first that exists is taken.
        candidates: Vec<Value>,
        /// What they give without a host, for the play itself.
        without: Option<Map>,
    },
}

/// One batch of a play.
#[derive(Debug)]
pub(crate) struct PlayScope {
    /// Its name as shown.
    pub(crate) name: String,
    /// `vars`, and the answers to `vars_prompt`.
    pub(crate) vars: Map,
    pub(crate) files: Vec<VarsFile>,
    /// Its `hosts`, rendered.
    pub(crate) patterns: Vec<String>,
    hosts: RwLock<Hosts>,
    roles: RwLock<Roles>,
}

#[derive(Debug, Default)]
struct Hosts {
    all: Arc<[Arc<str>]>,
    batch: Arc<[Arc<str>]>,
    removed: HashSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Roles {
    known: Arc<[PlayRole]>,
    vars: Arc<[Map]>,
    defaults: Arc<[Map]>,
}

impl PlayScope {
    pub(crate) fn new(name: String, vars: Map, files: Vec<VarsFile>, all: Vec<Arc<str>>, batch: Vec<Arc<str>>) -> Self {
        let hosts = RwLock::new(Hosts { all: all.into(), batch: batch.into(), removed: HashSet::new() });
        Self { name, vars, files, patterns: Vec::new(), hosts, roles: RwLock::default() }
    }

    fn hosts<T>(&self, read: impl FnOnce(&Hosts) -> T) -> T {
        read(&self.hosts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The hosts of all batches.
    pub(crate) fn hosts_all(&self) -> Arc<[Arc<str>]> {
        self.hosts(|hosts| Arc::clone(&hosts.all))
    }

    /// The hosts of this batch.
    pub(crate) fn batch(&self) -> Arc<[Arc<str>]> {
        self.hosts(|hosts| Arc::clone(&hosts.batch))
    }

    /// Those that still take part.
    pub(crate) fn remaining(&self, of: &[Arc<str>]) -> Vec<Arc<str>> {
        self.hosts(|hosts| of.iter().filter(|host| !hosts.removed.contains(*host)).cloned().collect())
    }

    /// Those that no longer take part.
    pub(crate) fn removed(&self, of: &[Arc<str>]) -> Vec<Arc<str>> {
        self.hosts(|hosts| of.iter().filter(|host| hosts.removed.contains(*host)).cloned().collect())
    }

    /// The host failed, was unreachable, or has ended.
    pub(crate) fn remove(&self, host: &Arc<str>) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).removed.insert(Arc::clone(host));
    }

    /// The host takes part again: it was rescued.
    pub(crate) fn restore(&self, host: &str) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).removed.remove(host);
    }

    /// What matches now that the inventory has been read anew. The batch stays as it is.
    pub(crate) fn set_hosts_all(&self, hosts: Vec<Arc<str>>) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).all = hosts.into();
    }

    /// A host that `add_host` added counts for later plays.
    pub(crate) fn add_host(&self, host: &Arc<str>) {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if !hosts.all.contains(host) {
            hosts.all = hosts.all.iter().chain([host]).cloned().collect();
        }
    }

    fn roles<T>(&self, read: impl FnOnce(&Roles) -> T) -> T {
        read(&self.roles.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn known_roles(&self) -> Arc<[PlayRole]> {
        self.roles(|roles| Arc::clone(&roles.known))
    }

    /// `vars/` of the roles that everybody sees, strongest first.
    pub(crate) fn role_vars(&self) -> Arc<[Map]> {
        self.roles(|roles| Arc::clone(&roles.vars))
    }

    /// Defaults of the roles that everybody sees, strongest first.
    pub(crate) fn role_defaults(&self) -> Arc<[Map]> {
        self.roles(|roles| Arc::clone(&roles.defaults))
    }

    /// The play came to these roles: makes variables of public ones visible to all of it.
    pub(crate) fn publish(&self, added: &[PlayRole]) {
        if added.is_empty() {
            return;
        }
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        roles.known = roles.known.iter().chain(added).cloned().collect();
        if added.iter().all(|added| !added.role.public) {
            return;
        }
        // The role itself is stronger than what it depends on, later roles than earlier ones.
        let ordered = || {
            roles
                .known
                .iter()
                .rev()
                .filter(|known| known.role.public)
                .flat_map(|public| [&public.role].into_iter().chain(public.dependencies.iter().rev()))
        };
        let vars = ordered().map(|role| &role.vars).filter(|map| !map.is_empty()).cloned().collect();
        let defaults = ordered().map(|role| &role.defaults).filter(|map| !map.is_empty()).cloned().collect();
        (roles.vars, roles.defaults) = (vars, defaults);
    }
}
