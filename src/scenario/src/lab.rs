//! A lab: a scenario on this machine. What `rplay scenario` does, without how it is typed and printed.
//!
//! Nothing is remembered but in labels of what was made; the folder holds the key and what nodes and stages gave. Every
//! change holds the folder's lock. Playbooks are run by whoever opens the lab ([`Playbooks`]).
//!
//! `create.rs` makes nodes, `deploy.rs` runs stages, `look.rs` checks, `harm.rs` breaks and mends, `destroy.rs` removes.

mod budget;
mod create;
mod deploy;
mod destroy;
mod fresh;
mod gc;
mod harm;
mod lease;
mod link;
mod logs;
mod look;
mod mend;
mod past;
mod pattern;
mod play;
mod portable;
mod power;
mod shell;
mod told;
mod up;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rplay_diag::{Diagnose, Diagnostic};
use rplay_value::Value;

pub use budget::{Estimate, Free};
pub use create::{Created, Parts};
pub use deploy::{Choice, Idempotence};
pub use destroy::Level;
pub use fresh::Freshness;
pub use gc::{Strays, Yard};
pub use lease::Lease;
pub use logs::{Bad, Logs};
pub use past::Past;
pub use play::{Gate, INTERRUPTED, Play, Playbooks, Ran, Recap, Stop, TaskRan};
pub use portable::{Unpacked, unpack};
pub use power::Power;
pub use told::{Ending, Listener, Told};

use crate::folder::{Folder, FolderError, Lock};
use crate::handoff::{self, Reached, Spelling, Way};
use crate::node::Provider as Kind;
use crate::provider::docker::Docker;
use crate::provider::libvirt::Libvirt;
use crate::provider::uml::Uml;
use crate::provider::{Object, ObjectKind, Owner, Provider, ProviderError, SSH, State};
use crate::scenario::Scenario;
use crate::stage::StageError;
use crate::topology::{Counts, Known, Node, Port, TopologyError};

/// What went wrong in a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Nodes cannot be laid out.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Stages cannot be run.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Something else that is said with its place and its hint.
    #[error("{}", .0.message)]
    Said(Box<Diagnostic>),
    /// Logs could not be collected.
    #[error(transparent)]
    Collect(Box<LabError>),
    /// Several things at once.
    #[error("{} things went wrong", .0.len())]
    Several(Vec<LabError>),
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl LabError {
    pub(crate) fn said(diagnostic: Diagnostic) -> Self {
        Self::Said(Box::new(diagnostic))
    }

    /// Everything that went wrong.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Provider(error) => vec![error.diagnostic()],
            Self::Folder(error) => vec![error.diagnostic()],
            Self::Topology(error) => vec![error.diagnostic()],
            Self::Stage(error) => vec![error.diagnostic()],
            Self::Said(diagnostic) => vec![(**diagnostic).clone()],
            Self::Collect(error) => error.diagnostics(),
            Self::Several(errors) => errors.iter().flat_map(Self::diagnostics).collect(),
            Self::Interrupted | Self::Io(_) => vec![Diagnostic::error(self.to_string())],
        }
    }
}

/// Something that is there, with what looks after it.
pub type Found = (Object, Arc<dyn Provider>);

/// A scenario on this machine.
pub struct Lab<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its own files.
    pub folder: Folder,
    /// Whose objects are touched, and no others.
    pub owner: Owner,
    counts: Counts,
    runtime: tokio::runtime::Runtime,
    providers: HashMap<(Kind, Option<String>), Arc<dyn Provider>>,
    listener: &'a dyn Listener,
    playbooks: &'a dyn Playbooks,
    /// What is broken on purpose now.
    broken: Mutex<Vec<mend::Mend>>,
    /// What is known of earlier runs.
    past: Mutex<Past>,
    /// Held while what stages have done is written down.
    writing: Mutex<()>,
}

impl<'a> Lab<'a> {
    /// Opens a scenario's lab: daemons are asked whether they are there, nothing is made but the folder.
    pub fn open(
        scenario: &'a Scenario,
        counts: Counts,
        folder: Option<&Path>,
        listener: &'a dyn Listener,
        playbooks: &'a dyn Playbooks,
    ) -> Result<Self, LabError> {
        let folder = Folder::open(folder, &scenario.name)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let owner = Owner { scenario: scenario.name.clone(), user: user() };
        let providers = HashMap::new();
        let (broken, past, writing) = (Mutex::default(), Mutex::new(Past::of(&scenario.name)), Mutex::default());
        let mut lab =
            Self { scenario, folder, owner, counts, runtime, providers, listener, playbooks, broken, past, writing };
        lab.connect()?;
        Ok(lab)
    }

    /// Asks every daemon that the scenario needs, side by side.
    fn connect(&mut self) -> Result<(), LabError> {
        let mut wanted: Vec<(Kind, Option<String>)> = Vec::new();
        for set in self.scenario.nodes.values() {
            let key = (set.provider, set.engine.clone());
            if set.provider != Kind::Existing && !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        let mut errors = Vec::new();
        for key in wanted {
            match key.0 {
                Kind::Docker => match self.wait(async { Ok(Docker::connect(key.1.as_deref()).await?) }) {
                    Ok(docker) => {
                        self.providers.insert(key, Arc::new(docker));
                    }
                    Err(error) => errors.push(error),
                },
                Kind::Libvirt => match self.wait(async { Ok(Libvirt::connect(key.1.as_deref()).await?) }) {
                    Ok(libvirt) => {
                        self.providers.insert(key, Arc::new(libvirt));
                    }
                    Err(error) => errors.push(error),
                },
                Kind::Uml => match Uml::new() {
                    Ok(uml) => {
                        self.providers.insert(key, Arc::new(uml));
                    }
                    Err(error) => errors.push(error.into()),
                },
                Kind::Existing => {}
            }
        }
        one_of(errors)
    }

    /// The lock, unless another command has it. What a killed command left broken is mended first.
    fn locked(&self) -> Result<Lock, LabError> {
        let lock = self.folder.lock(&self.scenario.name)?;
        self.mend_left()?;
        Ok(lock)
    }

    fn tell(&self, told: &Told) {
        self.listener.told(told);
    }

    fn note(&self, text: String) {
        self.tell(&Told::Note(text));
    }

    /// Waits for something, unless the user ends it.
    fn wait<T>(&self, work: impl Future<Output = Result<T, LabError>>) -> Result<T, LabError> {
        self.runtime.block_on(async {
            tokio::select! {
                ended = work => ended,
                _ = tokio::signal::ctrl_c() => Err(LabError::Interrupted),
            }
        })
    }

    /// Like [`Self::wait`], for what must be done also when the user is in a hurry.
    fn must<T>(&self, work: impl Future<Output = Result<T, LabError>>) -> Result<T, LabError> {
        self.runtime.block_on(work)
    }

    /// Everything that is there of this scenario and this user, with what looks after it.
    pub fn objects(&self) -> Result<Vec<Found>, LabError> {
        let mut all = Vec::new();
        for provider in self.providers.values() {
            let objects = self.must(async { Ok(provider.objects(&self.owner).await?) })?;
            all.extend(objects.into_iter().map(|object| (object, Arc::clone(provider))));
        }
        // Two engines can be two names of one daemon.
        all.sort_by(|(a, _), (b, _)| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        all.dedup_by(|(a, _), (b, _)| a.kind == b.kind && a.id == b.id);
        Ok(all)
    }

    /// The nodes of the scenario; those that are there keep their addresses.
    pub fn nodes(&self, objects: &[Found]) -> Result<Vec<Node<'a>>, LabError> {
        let mut known = Known::new();
        for (object, _) in objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node) {
            let Some(name) = object.name() else { continue };
            for (network, at) in &object.addresses {
                known.insert((name.to_owned(), network.clone()), *at);
            }
        }
        Ok(self.scenario.topology(&self.counts, &known)?)
    }

    fn provider(&self, node: &Node<'_>) -> Result<Arc<dyn Provider>, LabError> {
        let key = (node.set.provider, node.set.engine.clone());
        self.providers.get(&key).cloned().ok_or_else(|| {
            let text = format!("`{}` exists already: rplay does not start, stop or change it", node.name);
            LabError::said(Diagnostic::error(text).at(node.set.span, "this node"))
        })
    }

    /// The object that is a node.
    fn object<'o>(objects: &'o [Found], node: &str) -> Option<&'o Found> {
        objects.iter().find(|(object, _)| object.kind == ObjectKind::Node && object.name() == Some(node))
    }

    /// How nodes are reached; one that should be there and is not is an error.
    pub fn reached<'n>(&self, nodes: &'n [Node<'a>], objects: &[Found]) -> Result<Vec<Reached<'n>>, LabError> {
        let mut reached = Vec::with_capacity(nodes.len());
        let mut missing = Vec::new();
        for node in nodes {
            let set = node.set;
            let way = if set.provider == Kind::Existing {
                Way::Ssh { host: node.host().unwrap_or_default().to_owned(), port: set.port }
            } else if let Some((object, _)) = Self::object(objects, &node.name) {
                let forwarded = object.labels.get(SSH).and_then(|at| at.split_once(' '));
                match self.port(node, nodes) {
                    _ if let Some((host, Ok(port))) = forwarded.map(|(host, port)| (host, port.parse())) => {
                        Way::Ssh { host: host.to_owned(), port }
                    }
                    Some(port) if set.over_ssh() => Way::Ssh { host: port.address.to_string(), port: set.port },
                    _ => Way::Docker { container: object.id.clone(), engine: set.engine.clone() },
                }
            } else {
                missing.push(node.name.as_str());
                continue;
            };
            let image = set.image.as_ref().and_then(|image| self.scenario.images.get(&image.text));
            let user = set.user.clone().or_else(|| image.map(|image| image.user.clone()));
            let ssh = matches!(way, Way::Ssh { .. });
            let own = (set.provider != Kind::Existing).then(|| self.folder.key());
            reached.push(Reached {
                node,
                way,
                user: user.unwrap_or_else(|| "root".to_owned()),
                key: set.key.clone().or(own).filter(|_| ssh),
            });
        }
        if missing.is_empty() {
            return Ok(reached);
        }
        let names = rplay_diag::quoted_list(missing.iter().copied());
        let text = format!("{names} {} not there", if missing.len() == 1 { "is" } else { "are" });
        Err(LabError::said(Diagnostic::error(text).hint("`rplay scenario create` makes nodes")))
    }

    /// Where ssh finds a node: in a network of the node that connections go through, else in one that this machine is in too.
    fn port<'n>(&self, node: &'n Node<'_>, nodes: &[Node<'_>]) -> Option<&'n Port> {
        let via = node.set.via.as_ref().and_then(|via| nodes.iter().find(|node| node.name == via.text));
        let near = |port: &&Port| match via {
            Some(via) => via.ports.iter().any(|other| other.network == port.network),
            None => self.scenario.networks.get(&port.network).is_some_and(|network| network.gateway.is_some()),
        };
        node.ports.iter().find(near).or(node.ports.first())
    }

    /// Writes `hosts` and `ssh.config.ansible`; gives their paths.
    pub fn handoff(&self, reached: &[Reached<'_>], spelling: Spelling) -> Result<(PathBuf, PathBuf), LabError> {
        let known_hosts = self.folder.file("known_hosts");
        let config = self.folder.write("ssh.config.ansible", &handoff::ssh_config(reached, &known_hosts))?;
        let hosts = self.folder.write("hosts", &handoff::hosts(self.scenario, reached, &config, spelling))?;
        Ok((hosts, config))
    }

    /// The node of this name.
    pub fn node<'n>(&self, nodes: &'n [Node<'a>], name: &str) -> Result<&'n Node<'a>, LabError> {
        nodes.iter().find(|node| node.name == name).ok_or_else(|| {
            let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
            let error = Diagnostic::error(format!("there is no node `{name}`"));
            LabError::said(match rplay_diag::nearest(name, known.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the nodes are {}", rplay_diag::quoted_list(known))),
            })
        })
    }

    /// What a node has written to its console.
    pub fn console(&self, name: &str) -> Result<Vec<u8>, LabError> {
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let node = self.node(&nodes, name)?;
        self.reached(std::slice::from_ref(node), &objects)?;
        let Some((object, provider)) = Self::object(&objects, &node.name) else {
            let text = format!("`{name}` exists already: its console is not rplay's to read");
            return Err(LabError::said(Diagnostic::error(text)));
        };
        self.wait(async { Ok(provider.console(object).await?) })
    }

    /// Keeps the disks of all nodes under a name, or puts them back.
    pub fn snapshots(&self, name: &str, back: bool) -> Result<(), LabError> {
        let _lock = self.locked()?;
        if back {
            let kept = self.kept()?;
            // A provider that does not say what it has refuses by itself.
            if !kept.is_empty() && !kept.iter().any(|kept| kept == name) {
                let error = Diagnostic::error(format!("there is no snapshot `{name}`"));
                let near = rplay_diag::nearest(name, kept.iter().map(String::as_str));
                let hint = near.map_or_else(
                    || format!("there is {}", rplay_diag::quoted_list(kept.iter().map(String::as_str))),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(LabError::said(error.hint(hint)));
            }
        }
        self.snapshot(name, back)
    }

    /// Names of snapshots that a node has.
    pub fn kept(&self) -> Result<Vec<String>, LabError> {
        let mut names = Vec::new();
        for (object, provider) in self.objects()?.iter().filter(|(object, _)| object.kind == ObjectKind::Node) {
            names.extend(self.must(async { Ok(provider.snapshots(object).await?) })?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn snapshot(&self, name: &str, back: bool) -> Result<(), LabError> {
        let objects = self.objects()?;
        for (object, provider) in objects.iter().filter(|(object, _)| object.kind == ObjectKind::Node) {
            let what = if back { "back" } else { "snapshot" };
            self.step(what, object.name().unwrap_or_default(), || {
                self.wait(async {
                    if back {
                        provider.back(object, name).await?;
                    } else {
                        provider.snapshot(object, name).await?;
                    }
                    Ok(Ending::Changed)
                })
            })?;
        }
        if back {
            // Outputs and what stages have done are of the time after it.
            match fs_err::read(self.folder.file(&format!("snapshot-{name}.json"))) {
                Ok(text) => drop(self.folder.write("stages.json", &String::from_utf8_lossy(&text))?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        } else {
            let done = fs_err::read_to_string(self.folder.file("stages.json")).unwrap_or_else(|_| "{}".to_owned());
            self.folder.write(&format!("snapshot-{name}.json"), &done)?;
        }
        if !back {
            return Ok(());
        }
        // Those that started anew from their disks.
        let nodes = self.nodes(&objects)?;
        let runs = |(object, _): &&Found| object.state == Some(State::Running);
        let names: Vec<String> =
            objects.iter().filter(runs).filter_map(|(object, _)| object.name().map(str::to_owned)).collect();
        self.up(&self.reached(&nodes, &objects)?, &names)
    }

    /// Names of all nodes that are asked for.
    fn names(&self) -> Vec<String> {
        self.scenario.nodes.values().flat_map(|set| set.names(self.counts.of(set))).collect()
    }

    /// Tells of a step from its beginning to its end.
    fn step<E: Into<LabError>>(
        &self,
        what: &'static str,
        name: &str,
        work: impl FnOnce() -> Result<Ending, E>,
    ) -> Result<Ending, LabError> {
        let start = std::time::Instant::now();
        self.tell(&Told::Begun(what, name.to_owned()));
        let ended = work().map_err(Into::into);
        let (ending, note) = match &ended {
            Ok(ending) => (*ending, None),
            Err(error) => (Ending::Failed, Some(error.to_string())),
        };
        self.tell(&Told::Ended { what, name: name.to_owned(), ending, note, took: start.elapsed() });
        ended
    }
}

/// Who runs this: their objects and no others are touched.
fn user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    user.map_or_else(|| nix::unistd::geteuid().to_string(), |user| user.name)
}

/// No error, the one error, or all of them.
fn one_of(mut errors: Vec<LabError>) -> Result<(), LabError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(LabError::Several(errors)),
    }
}

/// A value as a command's environment has it.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => {
            rplay_value::json::dumps(other, &rplay_value::json::JsonStyle::default()).unwrap_or_else(|_| other.repr())
        }
    }
}
