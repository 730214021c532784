//! What no scenario owns any more, of this user: labs whose folder or time is gone, builders that a kill left, cached images that
//! nothing uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LabError, Lease};
use crate::provider::docker::Docker;
use crate::provider::{Object, Provider, SCENARIO};

/// Objects of one scenario that nobody owns.
pub struct Strays {
    /// The scenario.
    pub scenario: String,
    /// Why nobody owns them.
    pub why: String,
    /// They are removed only when their scenario is named: this user made them, and where is not known here.
    pub unknown: bool,
    /// The objects.
    pub objects: Vec<Object>,
}

/// What is on this machine's daemon.
pub struct Yard {
    runtime: tokio::runtime::Runtime,
    provider: Arc<dyn Provider>,
    user: String,
}

impl Yard {
    /// Asks the daemon of the environment.
    pub fn open() -> Result<Self, LabError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let docker = runtime.block_on(Docker::connect(None))?;
        Ok(Self { runtime, provider: Arc::new(docker), user: super::user() })
    }

    /// What nobody owns, by scenario.
    pub fn strays(&self) -> Result<Vec<Strays>, LabError> {
        let mut by_scenario: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in self.runtime.block_on(self.provider.everything(&self.user))? {
            let scenario = object.labels.get(SCENARIO).cloned().unwrap_or_default();
            by_scenario.entry(scenario).or_default().push(object);
        }
        let leases = Lease::all();
        let mut strays = Vec::new();
        for (scenario, objects) in by_scenario {
            let lease = leases.iter().find(|lease| lease.scenario == scenario);
            let (why, unknown) = match lease {
                Some(lease) => match lease.over() {
                    Some(why) => (why, false),
                    None => continue,
                },
                None => ("no folder of it is known here".to_owned(), true),
            };
            strays.push(Strays { scenario, why, unknown, objects });
        }
        Ok(strays)
    }

    /// Cached images that no container and no other image begins as.
    pub fn images(&self) -> Result<Vec<Object>, LabError> {
        Ok(self.runtime.block_on(self.provider.cached())?)
    }

    /// Removes them: nodes first, which hold the others.
    pub fn remove(&self, objects: &[Object]) -> Result<(), LabError> {
        let mut objects: Vec<&Object> = objects.iter().collect();
        objects.sort_by_key(|object| object.kind);
        for object in objects {
            self.runtime.block_on(self.provider.remove(object))?;
        }
        Ok(())
    }
}
