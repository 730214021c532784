//! `molecule.yml` as a scenario: platforms of the drivers docker and podman are containers, the playbooks beside the file are stages
//! and checks, the sequence is the test. What has no counterpart is an error with its place.

use std::path::{Path, PathBuf};

use rplay_diag::{Diagnostic, Sources};
use rplay_value::{Map, Value};
use rplay_yaml::Node;

use super::{list, name_of, written};
use crate::check::check;
use crate::read::Fields;
use crate::scenario::ScenarioError;
use crate::shape::Kind::{Any, Bool, Choice, Either, List, Map as MapOf, Shape as Of, Text};
use crate::shape::{Field, Shape};

const fn may(name: &'static str, kind: crate::shape::Kind, doc: &'static str) -> Field {
    Field::new(name, kind, doc)
}

static MOLECULE: Shape = Shape {
    name: "molecule.yml",
    doc: "A scenario of molecule.",
    one_of: &[],
    fields: &[
        may("driver", Of(&DRIVER), "What makes instances."),
        may("platforms", List(&Of(&PLATFORM)), "Instances."),
        may("provisioner", Of(&PROVISIONER), "Playbooks, inventory, settings."),
        may("verifier", Of(&VERIFIER), "What checks."),
        may("scenario", Of(&SCENARIO), "The order of steps."),
        may("dependency", Of(&DEPENDENCY), "Roles that are there already."),
        may("lint", Any, "Nothing is linted by a test."),
        may("log", Bool, "Runs always print."),
        may("role_name_check", Any, "Names of roles are not checked."),
    ],
};

static DRIVER: Shape = Shape {
    name: "driver",
    doc: "What makes instances.",
    one_of: &[],
    fields: &[may("name", Choice(&["docker", "podman"]), "Containers either way; default docker.")],
};

static PLATFORM: Shape = Shape {
    name: "platform",
    doc: "An instance.",
    one_of: &[],
    fields: &[
        Field::required("name", Text, "Its name."),
        Field::required("image", Text, "Its image."),
        may("pre_build_image", Bool, "The image is used as it is; else what Ansible needs is installed in it."),
        may("command", Text, "What it runs; an init makes it a machine with systemd."),
        may("override_command", Bool, "`false`: the image's own command."),
        may("hostname", Text, "Its host name."),
        may("groups", List(&Text), "Groups of the inventory."),
        may("networks", List(&Of(&NETWORK)), "Its networks."),
        may("volumes", List(&Text), "Folders of this machine, and volumes; those of control groups are there without."),
        may("capabilities", List(&Text), "Further capabilities."),
        may("published_ports", List(&Text), "Ports of this machine."),
        may("devices", List(&Text), "Devices of this machine."),
        may("env", MapOf(&Any), "Environment."),
        may("environment", MapOf(&Any), "Environment."),
        may("sysctls", MapOf(&Any), "Kernel settings."),
        may("memory", Text, "Limit of memory."),
        may("tmpfs", List(&Text), "Those of systemd are there without."),
        may("cgroupns_mode", Text, "Control groups are set up for systemd without."),
        may("privileged", Bool, "Never."),
    ],
};

static NETWORK: Shape = Shape {
    name: "network",
    doc: "A network of an instance.",
    one_of: &[],
    fields: &[Field::required("name", Text, "Its name.")],
};

static PROVISIONER: Shape = Shape {
    name: "provisioner",
    doc: "Playbooks, inventory, settings.",
    one_of: &[],
    fields: &[
        may("name", Choice(&["ansible"]), "What runs playbooks."),
        may("config_options", MapOf(&MapOf(&Any)), "Settings of runs, by section."),
        may("env", MapOf(&Any), "Environment of runs."),
        may("inventory", Of(&INVENTORY), "Variables and groups."),
        may("playbooks", Of(&PLAYBOOKS), "Playbooks that are called otherwise."),
        may("options", Of(&OPTIONS), "Options of runs."),
        may("log", Bool, "Runs always print."),
        may("lint", Any, "Nothing is linted by a test."),
    ],
};

static OPTIONS: Shape = Shape {
    name: "option of runs",
    doc: "Options of runs.",
    one_of: &[],
    fields: &[may("tags", Text, "Only these tags."), may("skip-tags", Text, "Not these tags.")],
};

static INVENTORY: Shape = Shape {
    name: "inventory",
    doc: "Variables and groups.",
    one_of: &[],
    fields: &[
        may("host_vars", MapOf(&MapOf(&Any)), "Variables of instances."),
        may("group_vars", MapOf(&MapOf(&Any)), "Variables of groups."),
        may("hosts", Of(&HOSTS), "An inventory, with variables of instances."),
    ],
};

static HOSTS: Shape =
    Shape { name: "inventory", doc: "Groups.", one_of: &[], fields: &[may("all", Of(&ALL), "All instances.")] };

static ALL: Shape = Shape {
    name: "group",
    doc: "All instances.",
    one_of: &[],
    fields: &[
        may("hosts", MapOf(&Any), "Variables of instances."),
        may("vars", MapOf(&Any), "Variables of all."),
        may("children", MapOf(&Of(&GROUP)), "Groups."),
    ],
};

static GROUP: Shape = Shape {
    name: "group",
    doc: "A group.",
    one_of: &[],
    fields: &[may("hosts", MapOf(&Any), "Its instances."), may("vars", MapOf(&Any), "Its variables.")],
};

static PLAYBOOKS: Shape = Shape {
    name: "playbook",
    doc: "Playbooks, relative to the file.",
    one_of: &[],
    fields: &[
        may("prepare", Text, "What is there before."),
        may("converge", Text, "What is tested."),
        may("verify", Text, "What is checked."),
        may("side_effect", Text, "What happens in between."),
        may("cleanup", Text, "What is undone in the end."),
    ],
};

static VERIFIER: Shape = Shape {
    name: "verifier",
    doc: "What checks.",
    one_of: &[],
    fields: &[
        may("name", Choice(&["ansible"]), "A playbook; others are programs of Python's."),
        may("enabled", Bool, "Whether it does."),
        may("lint", Any, "Nothing is linted by a test."),
    ],
};

static DEPENDENCY: Shape = Shape {
    name: "dependency",
    doc: "Roles that are there already.",
    one_of: &[],
    fields: &[
        may("name", Choice(&["galaxy", "shell", "gilt"]), "What would install them."),
        may("enabled", Bool, "Whether it would."),
        may("options", MapOf(&Any), "Its options."),
        may("command", Text, "Its command."),
        may("env", MapOf(&Any), "Its environment."),
    ],
};

/// Steps of molecule; those without a counterpart do nothing to instances.
const STEPS: &[&str] = &[
    "dependency",
    "lint",
    "syntax",
    "cleanup",
    "destroy",
    "create",
    "prepare",
    "converge",
    "idempotence",
    "side_effect",
    "verify",
];

static SCENARIO: Shape = Shape {
    name: "scenario",
    doc: "The order of steps.",
    one_of: &[],
    fields: &[
        may("name", Text, "Its name."),
        may("test_sequence", List(&Choice(STEPS)), "The steps of a test."),
        may("converge_sequence", Either(&[List(&Choice(STEPS))]), "`converge` runs what it needs."),
    ],
};

/// Whether a file is one of molecule's.
pub(crate) fn is_molecule(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "molecule.yml" || name == "molecule.yaml")
}

/// The scenario that a `molecule.yml` describes.
pub(crate) fn document(path: &Path, sources: &Sources) -> Result<Node, ScenarioError> {
    let read = |path: &Path| {
        fs_err::read_to_string(path).map_err(|source| ScenarioError::Read { path: path.to_owned(), source, span: None })
    };
    let text = interpolated(&read(path)?, &|name| std::env::var(name).ok());
    let source = sources.add_file(path, text);
    let document = rplay_yaml::parse(sources, source)?.node;
    let mut found = check(&document, &MOLECULE);
    if !found.is_empty() {
        return Err(ScenarioError::Mistakes(found));
    }
    let folder = std::path::absolute(path.parent().unwrap_or(Path::new(".")))
        .map_err(|source| ScenarioError::Read { path: path.to_owned(), source, span: None })?;
    let fields = Fields::new(&document, sources);
    let map = Molecule { fields, folder, found: Vec::new() }.scenario(&mut found);
    if !found.is_empty() {
        return Err(ScenarioError::Mistakes(found));
    }
    let text = written(map).unwrap_or_default();
    let source = sources.add(format!("{} (as a scenario)", path.display()), text);
    Ok(rplay_yaml::parse(sources, source)?.node)
}

/// `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME-default}`, as molecule has them; `$$` is a dollar sign.
fn interpolated(text: &str, get: &dyn Fn(&str) -> Option<String>) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((inner, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
            let (name, how) = inner.split_at(end);
            let value = get(name);
            match how.strip_prefix(":-") {
                Some(default) => {
                    let value = value.filter(|value| !value.is_empty());
                    out.push_str(value.as_deref().unwrap_or(default));
                }
                None => out.push_str(&value.unwrap_or_else(|| how.strip_prefix('-').unwrap_or_default().to_owned())),
            }
            rest = after;
        } else {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(&get(&rest[..end]).unwrap_or_default());
                rest = &rest[end..];
            }
        }
    }
    out.push_str(rest);
    out
}

struct Molecule<'a> {
    fields: Fields<'a>,
    folder: PathBuf,
    found: Vec<Diagnostic>,
}

impl Molecule<'_> {
    fn scenario(mut self, found: &mut Vec<Diagnostic>) -> Map {
        let role = self.folder.parent().and_then(Path::parent).unwrap_or(&self.folder).to_owned();
        let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut out = Map::new();
        out.insert("name", name_of(&format!("{}-{}", last(&role), last(&self.folder))));
        out.insert("description", format!("{} of molecule for {}", last(&self.folder), last(&role)));
        self.settings(&mut out, &role);
        self.nodes(&mut out);
        self.inventory(&mut out);
        self.steps(&mut out);
        found.append(&mut self.found);
        out
    }

    fn provisioner(&self) -> Option<Fields<'_>> {
        self.fields.below("provisioner")
    }

    /// Where runs look for the role, and settings of the file's own.
    fn settings(&self, out: &mut Map, role: &Path) {
        let shown = |path: &Path| path.display().to_string();
        let above = role.parent().map(shown).unwrap_or_default();
        let mut env = Map::from_iter([
            ("ANSIBLE_ROLES_PATH", format!("{above}:~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles")),
            ("ANSIBLE_LIBRARY", format!("{}:{}", shown(&role.join("library")), shown(&role.join("plugins/modules")))),
            (
                "ANSIBLE_FILTER_PLUGINS",
                format!("{}:{}", shown(&role.join("filter_plugins")), shown(&role.join("plugins/filter"))),
            ),
        ]);
        if let Some(own) = self.provisioner().map(|fields| fields.vars("env")) {
            for (name, value) in own.texts() {
                env.insert(name.to_string(), value.to_str().into_owned());
            }
        }
        out.insert("env", Value::Map(env));
        if let Some(config) =
            self.provisioner().map(|fields| fields.vars("config_options")).filter(|map| !map.is_empty())
        {
            out.insert("config", Value::Map(config));
        }
    }

    fn nodes(&mut self, out: &mut Map) {
        let (mut networks, mut images, mut nodes) = (Map::new(), Map::new(), Map::new());
        for platform in self.fields.each("platforms") {
            let name = platform.text("name").unwrap_or_default();
            if platform.flag("privileged") == Some(true) {
                let span = platform.get("privileged").map_or(platform.node.span(), Node::span);
                self.found.push(Diagnostic::error("no container is privileged").at(span, "of this platform").hint(
                    "systemd runs without it: leave it out; `capabilities` and `devices` name what else is needed",
                ));
            }
            if !crate::check::is_name(&name) {
                let span = platform.get("name").map_or(platform.node.span(), Node::span);
                let hint = "names have letters, digits, `-` and `_`, a letter first";
                self.found.push(Diagnostic::error(format!("`{name}` cannot be a node's name")).at(span, "").hint(hint));
            }
            let image = name_of(&platform.text("image").unwrap_or_default().replace(['/', ':', '.'], "-"));
            let mut recipe = Map::from_iter([("docker", platform.text("image").unwrap_or_default())]);
            let image = if platform.flag("pre_build_image") == Some(true) {
                image
            } else {
                // As molecule's own Dockerfile has it.
                recipe.insert("packages", list(["python3", "sudo", "bash", "ca-certificates", "iproute2"]));
                format!("{image}-prepared")
            };
            images.insert(image.as_str(), Value::Map(recipe));
            let mut node = Map::from_iter([("image", image)]);
            let mut of_node = Vec::new();
            for network in platform.each("networks") {
                let network = name_of(&network.text("name").unwrap_or_default());
                networks
                    .insert(network.as_str(), Value::Map(Map::from_iter([("cidr", cidr(&network, networks.len()))])));
                of_node.push(network);
            }
            if of_node.is_empty() {
                networks.insert("molecule", Value::Map(Map::from_iter([("cidr", cidr("molecule", networks.len()))])));
                of_node.push("molecule".to_owned());
            }
            node.insert("networks", list(of_node));
            let groups = platform.texts("groups");
            if !groups.is_empty() {
                node.insert("groups", list(groups));
            }
            if let Some(memory) = platform.text("memory") {
                node.insert("memory", memory);
            }
            node.insert("container", Value::Map(container(platform)));
            nodes.insert(name.as_str(), Value::Map(node));
        }
        if nodes.is_empty() {
            let error = Diagnostic::error("there are no platforms");
            self.found.push(error.at(self.fields.node.span(), "in this file").hint("`platforms` names instances"));
        }
        out.insert("networks", Value::Map(networks));
        out.insert("images", Value::Map(images));
        out.insert("nodes", Value::Map(nodes));
    }

    /// Variables of hosts and groups.
    fn inventory(&mut self, out: &mut Map) {
        let Some(inventory) = self.provisioner().and_then(|fields| fields.below("inventory")) else { return };
        let mut unknown = Vec::new();
        let mut of_host = |out: &mut Map, name: &str, vars: &Map, span| {
            let Some(Value::Map(nodes)) = out.get("nodes").cloned() else { return };
            let Some(Value::Map(node)) = nodes.get(name).cloned() else {
                let names: Vec<String> = nodes.texts().map(|(name, _)| name.to_string()).collect();
                let near = rplay_diag::nearest(name, names.iter().map(String::as_str));
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                unknown.push(Diagnostic::error(format!("there is no platform `{name}`")).at(span, "").hint_maybe(hint));
                return;
            };
            let (mut nodes, mut node) = (nodes, node);
            let mut all = match node.get("vars") {
                Some(Value::Map(vars)) => vars.clone(),
                _ => Map::new(),
            };
            all.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            node.insert("vars", Value::Map(all));
            nodes.insert(name, Value::Map(node));
            out.insert("nodes", Value::Map(nodes));
        };
        for (name, fields) in inventory.named("host_vars") {
            if let Value::Map(vars) = fields.node.to_value() {
                of_host(out, &name.text, &vars, name.span);
            }
        }
        let mut groups = Map::new();
        let mut shared = Map::new();
        for (name, fields) in inventory.named("group_vars") {
            let Value::Map(vars) = fields.node.to_value() else { continue };
            if name.text == "all" {
                shared.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            } else {
                groups.insert(name.text.as_str(), Value::Map(Map::from_iter([("vars", Value::Map(vars))])));
            }
        }
        if let Some(all) = inventory.below("hosts").and_then(|hosts| hosts.below("all")) {
            for (name, fields) in all.named("hosts") {
                if let Value::Map(vars) = fields.node.to_value() {
                    of_host(out, &name.text, &vars, name.span);
                }
            }
            shared.extend(all.vars("vars").iter().map(|(name, value)| (name.clone(), value.clone())));
            for (name, group) in all.named("children") {
                let members: Vec<String> = group.named("hosts").into_iter().map(|(host, _)| host.text).collect();
                let entry = Map::from_iter([("vars", Value::Map(group.vars("vars"))), ("nodes", list(members))]);
                groups.insert(name.text.as_str(), Value::Map(entry));
            }
        }
        self.found.append(&mut unknown);
        if !shared.is_empty() {
            out.insert("vars", Value::Map(shared));
        }
        if !groups.is_empty() {
            out.insert("groups", Value::Map(groups));
        }
    }

    /// A playbook of the file, or the one of its usual name if it is there.
    fn playbook(&self, step: &str, names: &[&str]) -> Option<String> {
        let given =
            self.provisioner().and_then(|fields| fields.below("playbooks")).and_then(|fields| fields.text(step));
        let path = match given {
            Some(given) => self.folder.join(given),
            None => names.iter().map(|name| self.folder.join(name)).find(|path| path.is_file())?,
        };
        Some(path.display().to_string())
    }

    fn steps(&mut self, out: &mut Map) {
        let sequence = self.fields.below("scenario").map(|fields| fields.spots("test_sequence")).unwrap_or_default();
        let steps: Vec<String> = if sequence.is_empty() {
            ["destroy", "create", "prepare", "converge", "idempotence", "side_effect", "verify", "cleanup", "destroy"]
                .map(str::to_owned)
                .to_vec()
        } else {
            sequence.into_iter().map(|step| step.text).collect()
        };
        let has = |step: &str| steps.iter().any(|other| other == step);
        let mut stages = Map::new();
        let options = self.provisioner().and_then(|fields| fields.below("options"));
        let stage = |playbook: String, needs: Option<&str>, default: bool, idempotent: bool| {
            let mut stage = Map::from_iter([
                ("playbook", Value::from(playbook)),
                ("default", Value::Bool(default)),
                ("idempotent", Value::Bool(idempotent)),
            ]);
            if let Some(needs) = needs {
                stage.insert("needs", needs);
            }
            for (from, to) in [("tags", "tags"), ("skip-tags", "skip_tags")] {
                if let Some(tags) = options.and_then(|options| options.text(from)) {
                    stage.insert(to, list(tags.split(',').map(str::trim).map(str::to_owned)));
                }
            }
            Value::Map(stage)
        };
        let prepare = self.playbook("prepare", &["prepare.yml", "prepare.yaml"]).filter(|_| has("prepare"));
        let needs = prepare.is_some().then_some("prepare");
        if let Some(prepare) = prepare {
            stages.insert("prepare", stage(prepare, None, true, false));
        }
        let Some(converge) = self.playbook("converge", &["converge.yml", "converge.yaml", "playbook.yml"]) else {
            let error = Diagnostic::error(format!("there is no converge.yml in {}", self.folder.display()));
            self.found.push(error.at(self.fields.node.span(), "beside this file"));
            return;
        };
        stages.insert("converge", stage(converge, needs, true, true));
        let mut test = Vec::new();
        for (name, files) in [("side_effect", ["side_effect.yml"]), ("cleanup", ["cleanup.yml"])] {
            if let Some(playbook) = self.playbook(name, &files) {
                stages.insert(called(name), stage(playbook, None, false, false));
            }
        }
        let verifies = self.fields.below("verifier").and_then(|fields| fields.flag("enabled")) != Some(false);
        let verify = self.playbook("verify", &["verify.yml", "verify.yaml"]).filter(|_| verifies);
        let last = steps.len().saturating_sub(1);
        for (at, step) in steps.iter().enumerate() {
            match step.as_str() {
                "destroy" if at == last => test.push("cleanup".to_owned()),
                "destroy" | "create" | "converge" | "idempotence" => test.push(step.clone()),
                "verify" if verify.is_some() => test.push(step.clone()),
                "side_effect" | "cleanup" if stages.get(called(step)).is_some() && at > 0 => {
                    test.push(called(step).to_owned());
                }
                // Preparation belongs to converge; the rest does nothing to instances.
                _ => {}
            }
        }
        out.insert("stages", Value::Map(stages));
        if let Some(verify) = verify {
            let check = Map::from_iter([("name", "verify"), ("playbook", verify.as_str())]);
            out.insert("verify", Value::List([Value::Map(check)].into_iter().collect()));
        }
        out.insert("test", list(test));
    }
}

/// What a step's stage is called: the words of tests are taken.
fn called(step: &str) -> &'static str {
    if step == "cleanup" { "undo" } else { "side_effect" }
}

/// A network that others hardly have, by its name.
fn cidr(name: &str, at: usize) -> String {
    let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("10.{}.{}.0/24", 96 + sum % 32, (sum / 32 + u32::try_from(at).unwrap_or(0)) % 256)
}

fn container(platform: Fields<'_>) -> Map {
    let mut out = Map::new();
    let command = platform.text("command").unwrap_or_default();
    let of_groups = |volume: &String| volume.starts_with("/sys/fs/cgroup");
    let volumes = platform.texts("volumes");
    let init = ["/init", "/systemd"].iter().any(|end| command.trim().ends_with(end));
    let systemd = init || command.trim().is_empty() && volumes.iter().any(of_groups);
    out.insert("systemd", Value::Bool(systemd));
    if !systemd && platform.flag("override_command") != Some(false) {
        let command = if command.trim().is_empty() { "while :; do sleep 3600; done" } else { command.trim() };
        out.insert("command", list(["sh", "-c", command]));
    }
    let volumes: Vec<String> = volumes.into_iter().filter(|volume| !of_groups(volume)).collect();
    for (name, values) in [
        ("volumes", volumes),
        ("capabilities", platform.texts("capabilities")),
        ("ports", platform.texts("published_ports")),
        ("devices", platform.texts("devices")),
    ] {
        if !values.is_empty() {
            out.insert(name, list(values));
        }
    }
    for (from, to) in [("env", "env"), ("environment", "env"), ("sysctls", "sysctls")] {
        let vars = platform.vars(from);
        if !vars.is_empty() {
            let texts = vars.texts().map(|(name, value)| (name.to_string(), value.to_str().into_owned()));
            out.insert(to, Value::Map(texts.collect()));
        }
    }
    if let Some(hostname) = platform.text("hostname") {
        out.insert("hostname", hostname);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Scenario;

    fn with(text: &str, see: impl FnOnce(Result<Scenario, ScenarioError>)) {
        let at = tempfile::tempdir().unwrap();
        let folder = at.path().join("roles/web/molecule/default");
        fs_err::create_dir_all(&folder).unwrap();
        for name in ["converge.yml", "prepare.yml", "verify.yml", "side_effect.yml"] {
            fs_err::write(folder.join(name), "- hosts: all\n").unwrap();
        }
        let path = folder.join("molecule.yml");
        fs_err::write(&path, text).unwrap();
        see(Scenario::load(&path, &[], &Arc::new(Sources::new())));
    }

    #[test]
    fn a_file_of_molecule_is_a_scenario() {
        let text = "
driver: {name: docker}
platforms:
  - name: one
    image: debian:12
    pre_build_image: true
    command: /lib/systemd/systemd
    volumes: ['/sys/fs/cgroup:/sys/fs/cgroup:rw', 'data:/srv']
    networks: [{name: inner}]
    groups: [web]
    capabilities: [NET_RAW]
  - {name: two, image: debian:12, env: {A: '${NOT_SET_ANYWHERE:-b}'}}
provisioner:
  name: ansible
  config_options: {defaults: {forks: 3}}
  inventory:
    host_vars: {one: {x: 1}}
    group_vars: {all: {y: 2}, web: {z: 3}}
  options: {skip-tags: slow}
verifier: {name: ansible}
";
        with(text, |scenario| {
            let scenario = scenario.unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            assert_eq!(scenario.name, "web-default");
            let one = &scenario.nodes["one"];
            assert!(one.container.systemd && one.container.volumes == ["data:/srv"]);
            assert_eq!(one.vars.get("x"), Some(&Value::Int(1)));
            let two = &scenario.nodes["two"];
            assert!(!two.container.systemd && two.container.env["A"] == "b");
            assert_eq!(scenario.networks.len(), 2);
            assert_eq!(scenario.images.len(), 2, "one as it is, one prepared");
            assert_eq!(scenario.vars.get("y"), Some(&Value::Int(2)));
            assert_eq!(
                scenario.test,
                ["destroy", "create", "converge", "idempotence", "side_effect", "verify", "cleanup"]
            );
            let order: Vec<&str> =
                scenario.stages.select(&[], false).unwrap().iter().map(|stage| stage.name.as_str()).collect();
            assert_eq!(order, ["prepare", "converge"]);
            assert_eq!(scenario.stages.get("converge").unwrap().skip_tags, ["slow"]);
            assert_eq!(scenario.verify.len(), 1);
        });
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        let text = "
driver: {name: vagrant}
platforms: [{name: one, image: debian, privilegd: true}]
scenario: {test_sequence: [create, convrge]}
verifier: {name: testinfra}
";
        with(text, |scenario| {
            let texts: Vec<String> =
                scenario.unwrap_err().diagnostics().iter().map(|found| found.message.clone()).collect();
            assert_eq!(texts.len(), 4, "{texts:?}");
        });
        with("platforms: [{name: one, image: debian, privileged: true}]", |scenario| {
            let found = scenario.unwrap_err().diagnostics();
            assert_eq!(found[0].message, "no container is privileged");
        });
        with(
            "platforms: [{name: one, image: debian}]\nprovisioner: {inventory: {host_vars: {oen: {x: 1}}}}",
            |scenario| {
                let found = scenario.unwrap_err().diagnostics();
                assert_eq!(found[0].message, "there is no platform `oen`");
            },
        );
    }

    #[test]
    fn the_environment_is_put_in() {
        let get = |name: &str| (name == "A").then(|| "x".to_owned());
        assert_eq!(interpolated("$A ${A} ${B:-c d} ${B-e} $$A $B. 5$", &get), "x x c d e $A . 5$");
    }
}
