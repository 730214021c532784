//! Removal: only of what carries the labels of this scenario and this user.

use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{Ending, Lab, LabError, Told, one_of, pattern};
use crate::provider::{Object, ObjectKind, Provider};
use crate::topology::Node;

/// How much is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    None,
    /// Nodes with their volumes and snapshots; networks, keys and outputs stay.
    Nodes,
    /// Everything.
    All,
}

impl Lab<'_> {
    /// Removes what was made: all of it with the folder, or less by `level`, or only nodes that a pattern means. `agreed` is shown
    /// exactly what goes.
    pub fn destroy(
        &self,
        level: Level,
        hosts: Option<&str>,
        agreed: impl FnOnce(&[Object]) -> Result<bool, LabError>,
    ) -> Result<usize, LabError> {
        let lock = self.folder.lock(&self.scenario.name)?;
        let mut objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let of_nodes = |object: &Object| object.kind != ObjectKind::Network;
        match (level, hosts) {
            (Level::None, _) => return Ok(0),
            (_, Some(hosts)) => {
                let all: Vec<&Node<'_>> = nodes.iter().collect();
                let chosen = pattern::nodes(self.scenario, &all, Some(hosts))?;
                let chosen = |object: &Object| chosen.iter().any(|node| object.name() == Some(&node.name));
                objects.retain(|(object, _)| {
                    matches!(object.kind, ObjectKind::Node | ObjectKind::Image) && chosen(object)
                });
            }
            (Level::Nodes, None) => objects.retain(|(object, _)| of_nodes(object)),
            (Level::All, None) => {}
        }
        let shown: Vec<Object> = objects.iter().map(|(object, _)| object.clone()).collect();
        if !agreed(&shown)? {
            return Ok(0);
        }
        let gone = |node: &Node<'_>| Self::object(&objects, &node.name).is_some();
        self.no_bmc(&nodes, gone);
        // Networks and volumes cannot go while nodes use them.
        let order = [&[ObjectKind::Node][..], &[ObjectKind::Volume, ObjectKind::Network, ObjectKind::Image]];
        for kinds in order {
            let of_kind = objects.iter().filter(|(object, _)| kinds.contains(&object.kind));
            let removed: Vec<Result<(), LabError>> = self.wait(async {
                let removing = of_kind.map(|(object, provider)| self.gone(object, provider));
                Ok(futures_util::stream::iter(removing).buffer_unordered(16).collect().await)
            })?;
            one_of(removed.into_iter().filter_map(Result::err).collect())?;
        }
        if level == Level::All && hosts.is_none() {
            self.unlink()?;
            self.forget_lab();
            self.folder.remove()?;
        } else {
            let gone: Vec<&str> = shown.iter().filter_map(Object::name).collect();
            self.forget_stages(&nodes, &gone)?;
        }
        drop(lock);
        Ok(objects.len())
    }

    /// Stages that ran on nodes that are gone have not run, and what they gave is gone.
    fn forget_stages(&self, nodes: &[Node<'_>], gone: &[&str]) -> Result<(), LabError> {
        let all: Vec<&Node<'_>> = nodes.iter().collect();
        for stage in self.scenario.stages.iter() {
            let of_stage = pattern::nodes(self.scenario, &all, stage.on.as_deref())?;
            if of_stage.iter().any(|node| gone.contains(&node.name.as_str())) {
                self.forget(stage)?;
            }
        }
        Ok(())
    }

    async fn gone(&self, object: &Object, provider: &Arc<dyn Provider>) -> Result<(), LabError> {
        let start = std::time::Instant::now();
        let what = kind(object.kind);
        let removed = provider.remove(object).await;
        let note = removed.as_ref().err().map(ToString::to_string);
        let ending = if removed.is_ok() { Ending::Done } else { Ending::Failed };
        self.tell(&Told::Ended { what, name: object.id.clone(), ending, note, took: start.elapsed() });
        Ok(removed?)
    }
}

/// A word for what an object is.
pub(super) fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Node => "node",
        ObjectKind::Volume => "volume",
        ObjectKind::Network => "network",
        ObjectKind::Image => "image",
    }
}
