//! How long things took and how much memory nodes had when this scenario was last run: what a plan reckons with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Lab, LabError};
use crate::folder::cache;
use crate::provider::ObjectKind;
use crate::units::Size;

/// What was measured, the latest of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// How long a stage, or a node of a type, took.
    times: BTreeMap<String, f64>,
    /// How much memory a node of a type had in use after the stages.
    memory: BTreeMap<String, u64>,
}

impl Past {
    /// How long this took: `stage NAME` or `node NAME`, a node by the name it has in the file.
    pub fn time(&self, what: &str, name: &str) -> Option<Duration> {
        self.times.get(&format!("{what} {name}")).map(|seconds| Duration::from_secs_f64(seconds.max(0.0)))
    }

    /// How much memory one of these nodes had in use.
    pub fn memory(&self, name: &str) -> Option<Size> {
        self.memory.get(name).map(|bytes| Size(*bytes))
    }

    fn path(scenario: &str) -> PathBuf {
        cache().join("scenario-past").join(format!("{scenario}.json"))
    }

    /// What is known of a scenario; nothing when it never ran here.
    pub fn of(scenario: &str) -> Self {
        let text = fs_err::read_to_string(Self::path(scenario)).unwrap_or_default();
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        let entries = |key: &str| json[key].as_object().cloned().unwrap_or_default();
        Self {
            times: entries("times").into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect(),
            memory: entries("memory").into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect(),
        }
    }

    fn keep(&self, scenario: &str) -> std::io::Result<()> {
        let path = Self::path(scenario);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        let temporary = path.with_extension(format!("new.{}", std::process::id()));
        fs_err::write(&temporary, json!({"times": self.times, "memory": self.memory}).to_string())?;
        fs_err::rename(temporary, path)
    }
}

impl Lab<'_> {
    /// Keeps how long something took.
    pub(super) fn took(&self, what: &str, name: &str, time: Duration) {
        let mut past = self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        past.times.insert(format!("{what} {name}"), time.as_secs_f64());
        // Only an estimate is lost.
        let _ = past.keep(&self.scenario.name);
    }

    /// Asks how much memory the nodes have in use, for the next plan.
    pub(super) fn weigh(&self) -> Result<(), LabError> {
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let asked: Vec<(String, Option<u64>)> = self.wait(async {
            let asking =
                objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node).map(async |(object, provider)| {
                    let set =
                        nodes.iter().find(|node| Some(node.name.as_str()) == object.name()).map(|node| &node.set.name);
                    let bytes = provider.memory(object).await.ok().flatten();
                    set.map(|set| (set.clone(), bytes))
                });
            Ok(futures_util::future::join_all(asking).await.into_iter().flatten().collect())
        })?;
        let mut past = self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut most: BTreeMap<String, u64> = BTreeMap::new();
        for (name, bytes) in asked {
            let known = most.entry(name).or_default();
            *known = (*known).max(bytes.unwrap_or_default());
        }
        past.memory.extend(most.into_iter().filter(|(_, bytes)| *bytes > 0));
        let _ = past.keep(&self.scenario.name);
        Ok(())
    }

    /// What is known of earlier runs.
    pub fn past(&self) -> Past {
        self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
