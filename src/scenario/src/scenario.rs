//! A scenario: a file with its layers, read and checked as a whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use rplay_diag::{Diagnose, Diagnostic, Sources, Span, nearest};
use rplay_value::Map;
use rplay_yaml::Node;

use crate::check::{check, is_name};
use crate::fault::{Fault, Harm, When};
use crate::format;
use crate::image::{Image, Origin};
use crate::network::{Impairment, Link, Network, Reach};
use crate::node::{NodeSet, Provider};
use crate::read::{Fields, Spot};
use crate::stage::{SEQUENCE, Stage, Stages};
use crate::units::Size;
use crate::verify::Check;

/// A file that is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file cannot be read.
    // The system says which file.
    #[error("{source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// Where it is named, when a scenario's layer.
        span: Option<Span>,
    },
    /// A file is not YAML.
    #[error(transparent)]
    Yaml(#[from] rplay_yaml::YamlError),
    /// Mistakes in what it says, all of them.
    #[error("{} mistake{} in the scenario", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Mistakes(Vec<Diagnostic>),
}

impl ScenarioError {
    /// Everything that is wrong.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Mistakes(found) => found.clone(),
            Self::Yaml(error) => vec![error.diagnostic()],
            Self::Read { span, .. } => vec![Diagnostic::error(self.to_string()).at_maybe(*span, "named here")],
        }
    }
}

/// A group of the inventory.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Nodes in it.
    pub nodes: Vec<Spot>,
    /// Groups in it.
    pub children: Vec<Spot>,
    /// Variables.
    pub vars: Map,
}

/// What the machine may be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Memory of all nodes together.
    pub memory: Option<Size>,
    /// Disk space of all nodes together.
    pub disk: Option<Size>,
    /// Nodes that are made at once.
    pub parallel: Option<usize>,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// What it is for.
    pub description: Option<String>,
    /// Variables of all nodes.
    pub vars: Map,
    /// Environment of runs and commands.
    pub env: IndexMap<String, String>,
    /// Settings of runs, by section.
    pub config: Map,
    /// Networks by name.
    pub networks: IndexMap<String, Network>,
    /// Links between networks.
    pub links: Vec<Link>,
    /// Images by name; each comes after the one it is a patch of.
    pub images: IndexMap<String, Image>,
    /// Nodes by name.
    pub nodes: IndexMap<String, NodeSet>,
    /// Groups by name.
    pub groups: IndexMap<String, Group>,
    /// Stages.
    pub stages: Stages,
    /// What must be true in the end.
    pub verify: Vec<Check>,
    /// What is broken on purpose.
    pub faults: IndexMap<String, Fault>,
    /// The steps of a test.
    pub test: Vec<String>,
    /// What the machine may be asked for.
    pub budget: Budget,
    /// All layers as one document, for asking where something was written.
    pub document: Node,
}

/// The file a path means: itself, `scenario.yml` in a folder, or of that name below `scenarios/`.
pub fn find(name: &Path) -> Option<PathBuf> {
    let file = |path: PathBuf| path.is_file().then_some(path);
    let names = ["scenario.yml", "scenario.yaml", "molecule.yml", "molecule.yaml"];
    let within = |folder: &Path| names.iter().find_map(|name| file(folder.join(name)));
    file(name.to_owned()).or_else(|| within(name)).or_else(|| {
        let named = Path::new("scenarios").join(name);
        within(&named).or_else(|| file(named.with_extension("yml"))).or_else(|| {
            // Of a role: without a name the usual one.
            let name = if name == Path::new("scenario.yml") { Path::new("default") } else { name };
            within(&Path::new("molecule").join(name))
        })
    })
}

impl Scenario {
    /// Reads a file with its layers; `over` are documents laid over it, such as the command line's.
    pub fn load(path: &Path, over: &[Node], sources: &Arc<Sources>) -> Result<Self, ScenarioError> {
        let mut document = if crate::import::molecule::is_molecule(path) {
            crate::import::molecule::document(path, sources)?
        } else {
            layered(path, None, sources, 0)?
        };
        for over in over {
            document = document.overlaid(over);
        }
        Self::from_document(path, document, sources)
    }

    /// Reads a document.
    pub fn from_document(path: &Path, document: Node, sources: &Arc<Sources>) -> Result<Self, ScenarioError> {
        let mut found = check(&document, &format::SCENARIO);
        if !found.is_empty() {
            return Err(ScenarioError::Mistakes(found));
        }
        let scenario = Self::read(path, document, sources, &mut found);
        match scenario {
            Some(scenario) if found.is_empty() => Ok(scenario),
            _ => Err(ScenarioError::Mistakes(found)),
        }
    }

    fn read(path: &Path, document: Node, sources: &Arc<Sources>, found: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::new(&document, sources);
        let networks: IndexMap<String, Network> = fields
            .named("networks")
            .into_iter()
            .filter_map(|(name, fields)| Some((name.text.clone(), Network::read(&name, fields)?)))
            .collect();
        let links = fields.each("links").into_iter().filter_map(|fields| link(fields, found)).collect();
        let images = fields
            .named("images")
            .into_iter()
            .filter_map(|(name, fields)| Some((name.text.clone(), Image::read(&name, fields)?)))
            .collect();
        let nodes = nodes(fields, found);
        let groups = fields.named("groups").into_iter().map(|(name, fields)| {
            let group =
                Group { nodes: fields.spots("nodes"), children: fields.spots("children"), vars: fields.vars("vars") };
            (name.text, group)
        });
        let groups = groups.collect();
        let mut stages = IndexMap::new();
        for (name, fields) in fields.named("stages") {
            if let Some(stage) = Stage::read(&name, fields, found) {
                stages.insert(name.text.clone(), stage);
            }
        }
        let faults = fields
            .named("faults")
            .into_iter()
            .filter_map(|(name, fields)| Some((name.text.clone(), Fault::read(&name, fields, found)?)))
            .collect();
        let steps = fields.spots("test");
        let test: Vec<String> = steps.iter().map(|step| step.text.clone()).collect();
        let budget = fields.below("budget").map_or_else(Budget::default, |fields| Budget {
            memory: fields.size("memory"),
            disk: fields.size("disk"),
            parallel: fields.int("parallel"),
        });
        let mut scenario = Self {
            name: fields.text("name")?,
            path: path.to_owned(),
            description: fields.text("description"),
            vars: fields.vars("vars"),
            env: fields.pairs("env"),
            config: fields.vars("config"),
            networks,
            links,
            images,
            nodes,
            groups,
            stages: Stages::new(stages, found),
            verify: fields.each("verify").into_iter().filter_map(Check::read).collect(),
            faults,
            test: if test.is_empty() { SEQUENCE.iter().map(|step| (*step).to_owned()).collect() } else { test },
            budget,
            document: document.clone(),
        };
        scenario.check_names(found);
        for step in steps {
            let known = || SEQUENCE.iter().copied().chain(scenario.stages.iter().map(|stage| stage.name.as_str()));
            if !known().any(|known| known == step.text) {
                let error =
                    Diagnostic::error(format!("there is no step and no stage `{}`", step.text)).at(step.span, "");
                let near = nearest(&step.text, known()).map(|near| format!("did you mean `{near}`?"));
                found.push(error.hint_maybe(near));
            }
        }
        scenario.check_networks(found);
        scenario.check_nodes(found);
        scenario.order_images(found);
        Some(scenario)
    }

    /// Every name that must be that of something else.
    fn check_names(&self, found: &mut Vec<Diagnostic>) {
        let mut known = |spot: &Spot, what: &str, names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.map(String::as_str).collect();
            if !names.contains(&spot.text.as_str()) {
                let diagnostic = Diagnostic::error(format!("there is no {what} `{}`", spot.text)).at(spot.span, "");
                found.push(match nearest(&spot.text, names.iter().copied()) {
                    Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                    None if names.is_empty() => diagnostic.hint(format!("the scenario has no {what}s")),
                    None => diagnostic.hint(format!("there is {}", rplay_diag::quoted_list(names))),
                });
            }
        };
        for link in &self.links {
            link.between.iter().for_each(|end| known(end, "network", &mut self.networks.keys()));
        }
        for network in self.networks.values() {
            if let Some((_, parent)) = &network.vlan {
                known(parent, "network", &mut self.networks.keys());
            }
        }
        for node in self.nodes.values() {
            if let Some(image) = &node.image {
                known(image, "image", &mut self.images.keys());
            }
            for attachment in &node.networks {
                known(&attachment.network, "network", &mut self.networks.keys());
            }
            if let Some(via) = &node.via {
                let singles = self.nodes.values().flat_map(|node| node.names(None)).collect::<Vec<_>>();
                known(via, "node", &mut singles.iter());
            }
            for network in node.addresses.keys().chain(node.macs.keys()) {
                known(&Spot { text: network.clone(), span: node.span }, "network", &mut self.networks.keys());
            }
        }
        for image in self.images.values() {
            if let Origin::Image(from) = &image.origin {
                known(from, "image", &mut self.images.keys());
            }
        }
        let of_nodes: Vec<String> = self.nodes.values().flat_map(|node| node.groups.iter().cloned()).collect();
        for group in self.groups.values() {
            group.nodes.iter().for_each(|node| known(node, "node", &mut self.nodes.keys()));
            let mut groups = self.groups.keys().chain(&of_nodes);
            group.children.iter().for_each(|child| known(child, "group", &mut groups));
        }
        let stages: Vec<String> = self.stages.iter().map(|stage| stage.name.clone()).collect();
        for check in &self.verify {
            check.after.iter().for_each(|stage| known(stage, "stage", &mut stages.iter()));
        }
        for fault in self.faults.values() {
            if let When::Before(stage) | When::After(stage) = &fault.when {
                known(stage, "stage", &mut stages.iter());
            }
            if let Harm::Partition(networks) | Harm::Degrade { networks, .. } = &fault.harm {
                for network in networks {
                    known(network, "network", &mut self.networks.keys());
                }
            }
            if let Harm::Cut(between) = &fault.harm {
                for end in between {
                    known(end, "network", &mut self.networks.keys());
                }
            }
        }
    }

    /// Whether packets pass between two networks: they have a link, or both are routed.
    pub fn linked(&self, a: &str, b: &str) -> bool {
        let routed = |name: &str| self.networks.get(name).is_some_and(|network| network.reach == Reach::Routed);
        let ends = |link: &Link, a: &str, b: &str| link.between[0].text == a && link.between[1].text == b;
        a != b && (routed(a) && routed(b) || self.links.iter().any(|link| ends(link, a, b) || ends(link, b, a)))
    }

    fn check_networks(&self, found: &mut Vec<Diagnostic>) {
        let networks: Vec<&Network> = self.networks.values().collect();
        for (index, network) in networks.iter().enumerate() {
            if let Some(gateway) = network.gateway.filter(|gateway| !network.cidr.contains(gateway)) {
                let message = format!("the gateway {gateway} is not in {}", network.cidr);
                found.push(Diagnostic::error(message).at(network.span, "of this network"));
            }
            for other in &networks[index + 1..] {
                if network.cidr.contains(&other.cidr) || other.cidr.contains(&network.cidr) {
                    let message = format!("networks `{}` and `{}` overlap", network.name, other.name);
                    found.push(
                        Diagnostic::error(message)
                            .at(other.span, other.cidr.to_string())
                            .context(Some(network.span), network.cidr.to_string()),
                    );
                }
            }
        }
        for fault in self.faults.values() {
            if let Harm::Cut([a, b]) = &fault.harm
                && !self.linked(&a.text, &b.text)
            {
                let message = format!("networks `{}` and `{}` have no link", a.text, b.text);
                found.push(Diagnostic::error(message).at(a.span, "to cut").hint("`links` says what is linked"));
            }
        }
        for link in &self.links {
            for end in &link.between {
                if self.networks.get(&end.text).is_some_and(|network| network.reach == Reach::Isolated) {
                    let message = format!("network `{}` is isolated: it cannot have a link", end.text);
                    found
                        .push(Diagnostic::error(message).at(end.span, "").hint("its `kind` must be `routed` or `nat`"));
                }
            }
        }
    }

    fn check_nodes(&self, found: &mut Vec<Diagnostic>) {
        let mut names: IndexMap<String, Span> = IndexMap::new();
        for node in self.nodes.values() {
            let error = |message: String| Diagnostic::error(message).at(node.span, "this node");
            for name in node.names(None) {
                if let Some(first) = names.insert(name.clone(), node.span) {
                    found.push(error(format!("two nodes are called `{name}`")).context(Some(first), "and this one"));
                }
            }
            match (node.provider, &node.image) {
                (Provider::Existing, Some(image)) => found.push(
                    Diagnostic::error("an existing node has no image")
                        .at(image.span, "")
                        .context(Some(node.span), "of this node"),
                ),
                (Provider::Existing, None) if node.hosts.is_empty() => {
                    found.push(
                        error(format!("`{}` exists, but where?", node.name)).hint("`host` says where it is reached"),
                    );
                }
                (Provider::Existing, None) if node.hosts.len() != node.names(None).len() => {
                    let (hosts, count) = (node.hosts.len(), node.names(None).len());
                    found.push(error(format!("`{}` has {count} nodes and {hosts} hosts", node.name)));
                }
                (Provider::Existing, None) => {}
                (provider, None) => found.push(
                    error(format!("`{}` has no image", node.name))
                        .hint(format!("a node of provider `{}` begins as an image", provider.name())),
                ),
                (_, Some(_)) => {}
            }
            if node.provider != Provider::Existing && !node.hosts.is_empty() {
                let message = format!("`{}` is made by {}, so it has no `host`", node.name, node.provider.name());
                found.push(error(message).hint("`provider: existing` is for what is there already"));
            }
            let several = node.count.is_some();
            if several && (!node.addresses.is_empty() || !node.macs.is_empty()) {
                found.push(error(format!("`{}` is several nodes: they cannot have one address", node.name)));
            }
            for (network, address) in &node.addresses {
                let Some(of) = self.networks.get(network) else { continue };
                if !of.cidr.contains(address) {
                    found.push(error(format!("{address} is not in network `{network}` ({})", of.cidr)));
                }
            }
            for network in node.addresses.keys().chain(node.macs.keys()) {
                if !node.networks.iter().any(|attachment| attachment.network.text == *network) {
                    found.push(error(format!("`{}` is not attached to network `{network}`", node.name)));
                }
            }
            if node.engine.is_some() && !matches!(node.provider, Provider::Docker | Provider::Libvirt) {
                found.push(error(format!(
                    "`engine` of `{}` is for nodes of providers `docker` and `libvirt`",
                    node.name
                )));
            }
            if node.bmc && node.provider != Provider::Libvirt {
                found.push(error(format!("`bmc` of `{}` is for nodes of provider `libvirt`", node.name)));
            }
        }
    }

    /// Each image after the one it is a patch of.
    fn order_images(&mut self, found: &mut Vec<Diagnostic>) {
        let mut ordered: IndexMap<String, Image> = IndexMap::with_capacity(self.images.len());
        while ordered.len() < self.images.len() {
            let ready = self.images.values().find(|image| {
                let of = if let Origin::Image(from) = &image.origin { Some(&from.text) } else { None };
                !ordered.contains_key(&image.name)
                    && of.is_none_or(|from| ordered.contains_key(from) || !self.images.contains_key(from))
            });
            let Some(image) = ready else {
                let stuck = self.images.values().find(|image| !ordered.contains_key(&image.name));
                if let Some(image) = stuck {
                    let message = format!("image `{}` is a patch of itself", image.name);
                    found.push(Diagnostic::error(message).at(image.span, "by way of `from`"));
                }
                return;
            };
            ordered.insert(image.name.clone(), image.clone());
        }
        self.images = ordered;
    }

    /// The folder its file is in.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// A file over its layers.
fn layered(path: &Path, span: Option<Span>, sources: &Arc<Sources>, depth: usize) -> Result<Node, ScenarioError> {
    const DEEPEST: usize = 16;
    let text =
        fs_err::read_to_string(path).map_err(|source| ScenarioError::Read { path: path.to_owned(), source, span })?;
    let source = sources.add_file(path, text);
    let node = rplay_yaml::parse(sources, source)?.node;
    let fields = Fields::new(&node, sources);
    let mut below: Option<Node> = None;
    let paths = fields.paths("layers");
    for (spot, path) in fields.spots("layers").iter().zip(&paths) {
        if depth == DEEPEST {
            let diagnostic = Diagnostic::error("layers are laid under one another without end").at(spot.span, "");
            return Err(ScenarioError::Mistakes(vec![diagnostic]));
        }
        let layer = layered(path, Some(spot.span), sources, depth + 1)?;
        below = Some(below.map_or_else(|| layer.clone(), |below| below.overlaid(&layer)));
    }
    Ok(below.map_or_else(|| node.clone(), |below| below.overlaid(&node)))
}

fn link(fields: Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Link> {
    let between = fields.spots("between");
    let Ok(between) = <[Spot; 2]>::try_from(between) else {
        found.push(Diagnostic::error("a link is between two networks").at(fields.node.span(), ""));
        return None;
    };
    Some(Link { between, impairment: Impairment::read(fields) })
}

/// Nodes, each laid over its type.
fn nodes(fields: Fields<'_>, found: &mut Vec<Diagnostic>) -> IndexMap<String, NodeSet> {
    let types: IndexMap<String, Fields<'_>> =
        fields.named("types").into_iter().map(|(name, fields)| (name.text, fields)).collect();
    let mut nodes = IndexMap::new();
    for (name, own) in fields.named("nodes") {
        if !is_name(&name.text) {
            let message = format!("`{}` cannot be the name of a node", name.text);
            found.push(Diagnostic::error(message).at(name.span, "needs letters, digits, `-` and `_`, a letter first"));
            continue;
        }
        let bare = own.node.raw();
        let kind = match (own.node.as_int(), bare) {
            (None, Some(text)) => Some(Spot { text: text.to_owned(), span: own.node.span() }),
            _ => own.spot("type").or_else(|| types.contains_key(&name.text).then(|| name.clone())),
        };
        let of_type = match &kind {
            None if own.node.as_int().is_some() => {
                found.push(no_type(&name, &types));
                continue;
            }
            None => None,
            Some(kind) => {
                if let Some(of_type) = types.get(&kind.text) {
                    Some(*of_type)
                } else {
                    found.push(no_type(kind, &types));
                    continue;
                }
            }
        };
        let count = own.node.as_int().or_else(|| own.get("count").and_then(Node::as_int));
        let count = count.and_then(|count| usize::try_from(count).ok());
        let mut both = match (of_type, bare) {
            (Some(of_type), Some(_)) => of_type.node.clone(),
            (Some(of_type), None) if !of_type.node.is_null() => of_type.node.overlaid(own.node),
            _ => own.node.clone(),
        };
        if both.is_null() {
            both = own.node.clone();
        }
        let mut node = NodeSet::read(&name, Fields::new(&both, fields.sources), kind, count);
        if let Some(of_type) = of_type.filter(|_| bare.is_none()) {
            // A node is in its type's groups too.
            let mut groups = of_type.texts("groups");
            groups.extend(node.groups.into_iter().filter(|group| !of_type.texts("groups").contains(group)));
            node.groups = groups;
        }
        nodes.insert(name.text.clone(), node);
    }
    nodes
}

fn no_type(kind: &Spot, types: &IndexMap<String, Fields<'_>>) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no type `{}`", kind.text)).at(kind.span, "");
    match nearest(&kind.text, types.keys().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint("`types` describes types of nodes"),
    }
}
