//! A playbook file with everything it imports.

use std::path::PathBuf;
use std::sync::Arc;

use crate::Play;

/// A playbook: its plays in order, those of imported playbooks in their places.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Plays in order.
    pub plays: Vec<Arc<Play>>,
}
