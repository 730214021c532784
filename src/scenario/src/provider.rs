//! What makes nodes: containers, virtual machines, kernels that are programs. One implementation a provider.
//!
//! Nothing is remembered in a file: what is there is what the daemon or hypervisor says, found by the labels of
//! [`Owner`]. Every call can be repeated: making what is there changes nothing, removing what is gone is no error.

pub mod docker;
mod fetch;
pub mod libvirt;
pub mod machine;
mod recipe;
pub mod uml;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use rplay_diag::{Diagnose, Diagnostic};
use sha2::{Digest as _, Sha256};

use crate::handoff::Way;
use crate::image::Image;
use crate::network::{Impairment, Network};
use crate::topology::Node;

/// Label whose value is the scenario's name.
pub const SCENARIO: &str = "rplay.scenario";
/// Label whose value is the user who made it.
pub const OWNER: &str = "rplay.owner";
/// Label whose value is the name in the scenario: of the node, network or image.
pub const NAME: &str = "rplay.name";
/// Label whose value is a digest of what was asked for: another one means that the object must be made anew.
pub const DIGEST: &str = "rplay.digest";

/// Begins what nodes are attached to when it is a bridge of another provider; the bridge's name follows.
pub(crate) const BRIDGE: &str = "bridge:";

/// Label of a node that is reached at a port of this machine: the address, and the port.
pub(crate) const SSH: &str = "rplay.ssh";

/// The digest of what is asked for: the same parts give the same text, in any process.
pub fn digest(parts: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep parts apart.
        hash.update((part.as_ref().len() as u64).to_le_bytes());
        hash.update(part.as_ref());
    }
    hexadecimal(&hash.finalize()[..8])
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whose objects they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The scenario.
    pub scenario: String,
    /// The user.
    pub user: String,
}

impl Owner {
    /// Labels of an object.
    pub fn labels(&self, name: &str, digest: &str) -> BTreeMap<String, String> {
        let pairs = [(SCENARIO, self.scenario.as_str()), (OWNER, &self.user), (NAME, name), (DIGEST, digest)];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Whether an object with these labels is this owner's.
    pub fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(SCENARIO) == Some(&self.scenario) && labels.get(OWNER) == Some(&self.user)
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A container, domain or kernel.
    Node,
    /// A volume or disk.
    Volume,
    /// A network or bridge.
    Network,
    /// An image, of this scenario alone or cached for all.
    Image,
}

/// Whether a node is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It runs.
    Running,
    /// It stands still.
    Paused,
    /// It does not run.
    Stopped,
}

/// Something that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// What its provider calls it.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Of a node: whether it is at work.
    pub state: Option<State>,
    /// Of a node: address and hardware address by network.
    pub addresses: BTreeMap<String, (IpAddr, [u8; 6])>,
}

impl Object {
    /// Its name in the scenario.
    pub fn name(&self) -> Option<&str> {
        self.labels.get(NAME).map(String::as_str)
    }
}

/// What a node is made of besides what the file says.
#[derive(Clone, Debug)]
pub struct Making<'a> {
    /// The node.
    pub node: &'a Node<'a>,
    /// Its image, made already: what [`Provider::image`] gave.
    pub image: String,
    /// Its networks by name: what [`Provider::network`] or [`Provider::join`] gave.
    pub networks: BTreeMap<String, String>,
    /// The same networks as the file has them.
    pub about: BTreeMap<String, &'a Network>,
    /// Public key of the scenario, one line.
    pub key: String,
    /// The folder of the scenario's own files: console logs, seeds.
    pub folder: PathBuf,
    /// Digest of what is asked for.
    pub digest: String,
}

/// What did not work.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Something is missing on this machine.
    #[error("{what}")]
    Missing {
        /// What.
        what: String,
        /// What mends it.
        fix: String,
    },
    /// The daemon or hypervisor refused.
    #[error("cannot {what}: {why}")]
    Refused {
        /// What was asked, such as ``make network `inner` ``.
        what: String,
        /// Its answer.
        why: String,
    },
    /// It took too long.
    #[error("{what} took longer than {seconds} s")]
    Deadline {
        /// What.
        what: String,
        /// The limit.
        seconds: u64,
    },
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Diagnose for ProviderError {
    fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::Missing { fix, .. } => diagnostic.hint(fix.as_str()),
            _ => diagnostic,
        }
    }
}

/// Something that makes nodes.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in files.
    fn name(&self) -> &'static str;

    /// Whether it works here, within two seconds: the daemon answers, the user may ask it.
    async fn preflight(&self) -> Result<(), ProviderError>;

    /// Everything of an owner that is there.
    async fn objects(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError>;

    /// Makes an image unless one of the same content is cached. `base` is what this gave for the image it is a patch of.
    async fn image(&self, owner: &Owner, image: &Image, base: Option<&str>) -> Result<String, ProviderError>;

    /// Makes a network; gives what nodes are attached to.
    async fn network(&self, owner: &Owner, network: &Network) -> Result<String, ProviderError>;

    /// The bridge of a network that this made, so that nodes of other providers can be in it too.
    async fn bridge(&self, network: &str) -> Result<String, ProviderError>;

    /// Attaches nodes of this provider to a bridge that another one made; gives what nodes are attached to.
    async fn join(&self, network: &Network, bridge: &str) -> Result<String, ProviderError>;

    /// Makes a node and starts it, unless the file says otherwise; gives how it is reached once it is up.
    async fn node(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError>;

    /// Starts a node that does not run.
    async fn start(&self, object: &Object) -> Result<(), ProviderError>;

    /// Stops a node: `hard` takes its power.
    async fn stop(&self, object: &Object, hard: bool) -> Result<(), ProviderError>;

    /// Starts a running node anew, as by its button.
    async fn reset(&self, object: &Object) -> Result<(), ProviderError> {
        self.stop(object, true).await?;
        self.start(&Object { state: Some(State::Stopped), ..object.clone() }).await
    }

    /// Lets a node stand still, or go on.
    async fn pause(&self, object: &Object, pause: bool) -> Result<(), ProviderError>;

    /// Slows a node's link to a network down, or mends it.
    async fn impair(
        &self,
        object: &Object,
        network: &str,
        impairment: Option<&Impairment>,
    ) -> Result<(), ProviderError>;

    /// Cuts a node off from a network, or mends that.
    async fn cut(&self, object: &Object, network: &str, cut: bool) -> Result<(), ProviderError>;

    /// Keeps a node's disks as they are, under a name.
    async fn snapshot(&self, object: &Object, name: &str) -> Result<(), ProviderError>;

    /// Puts a node's disks back to what was kept.
    async fn back(&self, object: &Object, name: &str) -> Result<(), ProviderError>;

    /// Names that a node's disks are kept under; none where the provider does not say.
    async fn snapshots(&self, object: &Object) -> Result<Vec<String>, ProviderError> {
        let _ = object;
        Ok(Vec::new())
    }

    /// How much memory a running node has in use, in bytes, where that can be told.
    async fn memory(&self, object: &Object) -> Result<Option<u64>, ProviderError> {
        let _ = object;
        Ok(None)
    }

    /// Everything of a user, of any scenario.
    async fn everything(&self, user: &str) -> Result<Vec<Object>, ProviderError> {
        let _ = user;
        Ok(Vec::new())
    }

    /// Cached images of recipes that nothing begins as.
    async fn cached(&self) -> Result<Vec<Object>, ProviderError> {
        Ok(Vec::new())
    }

    /// Writes what is kept of nodes under a name to one file.
    async fn save(&self, nodes: &[&Object], name: &str, to: &std::path::Path) -> Result<(), ProviderError> {
        let _ = to;
        let why = "only containers can be exported so far".to_owned();
        let names: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        Err(ProviderError::Refused { what: format!("export {} as at `{name}`", names.join(", ")), why })
    }

    /// Takes what was written by [`Provider::save`].
    async fn take(&self, from: &std::path::Path) -> Result<(), ProviderError> {
        let why = "only containers can be imported so far".to_owned();
        Err(ProviderError::Refused { what: format!("import {}", from.display()), why })
    }

    /// What a node has written to its console.
    async fn console(&self, object: &Object) -> Result<Vec<u8>, ProviderError>;

    /// Removes an object that is this owner's. What is not is never asked for.
    async fn remove(&self, object: &Object) -> Result<(), ProviderError>;
}
