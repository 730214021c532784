//! Removal: only of what carries the labels of this scenario and this user.

use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{Ending, Lab, LabError, Told, one_of};
use crate::provider::{Object, ObjectKind, Provider};

impl Lab<'_> {
    /// Removes everything that was made, then the folder. `agreed` is shown exactly what goes.
    pub fn destroy(&self, agreed: impl FnOnce(&[Object]) -> Result<bool, LabError>) -> Result<usize, LabError> {
        let lock = self.folder.lock(&self.scenario.name)?;
        let objects = self.objects()?;
        let shown: Vec<Object> = objects.iter().map(|(object, _)| object.clone()).collect();
        if !agreed(&shown)? {
            return Ok(0);
        }
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
        self.unlink()?;
        self.folder.remove()?;
        drop(lock);
        Ok(objects.len())
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
