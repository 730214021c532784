//! The format of a scenario file: every field, what it holds, and what it means.

use crate::shape::Kind::{
    Address, Any, Bool, Choice, Cidr, Either, Int, List, Mac, Map, Name, Path, Percent, Rate, Shape as Of, Size, Text,
    Time,
};
use crate::shape::{Field, Shape};

const MANY: i64 = i64::MAX;

/// What makes nodes.
pub const PROVIDERS: &[&str] = &["docker", "libvirt", "uml", "existing"];

/// A scenario file.
pub static SCENARIO: Shape = Shape {
    name: "scenario",
    doc: "A topology, what is deployed on it, and how it is checked.",
    one_of: &[],
    fields: &[
        Field::required("name", Name, "The scenario's name; labels everything that is made for it."),
        Field::new("description", Text, "What it is for, in a sentence."),
        Field::new(
            "layers",
            List(&Path),
            "Files laid under this one, the first lowest: later ones win, mappings are merged.",
        ),
        Field::new("vars", Map(&Any), "Variables of all nodes."),
        Field::new("networks", Map(&Of(&NETWORK)), "Networks by name."),
        Field::new("links", List(&Of(&LINK)), "Links between networks that are sites: routed, with latency and loss."),
        Field::new("images", Map(&Of(&IMAGE)), "Images by name."),
        Field::new("types", Map(&Of(&TYPE)), "Types of nodes by name."),
        Field::required(
            "nodes",
            Map(&Either(&[Int(0, 10_000), Name, Of(&NODE)])),
            "Nodes: a type's name, a count of the type of that name, or a mapping.",
        ),
        Field::new("groups", Map(&Of(&GROUP)), "Groups of the inventory besides those that types and nodes name."),
        Field::new("stages", Map(&Of(&STAGE)), "Stages by name; `needs` puts them in order."),
        Field::new("verify", List(&Of(&CHECK)), "What must be true in the end."),
        Field::new("faults", Map(&Of(&FAULT)), "What is broken on purpose, and mended again."),
        Field::new(
            "test",
            List(&Text),
            "The steps of `rplay scenario test`, in order; a stage's name runs that stage alone.",
        ),
        Field::new("env", Map(&Text), "Environment of runs and commands; settings such as ANSIBLE_ROLES_PATH count."),
        Field::new("config", Map(&Map(&Any)), "Settings of runs as in ansible.cfg, by section."),
        Field::new("budget", Of(&BUDGET), "What the machine may be asked for."),
    ],
};

/// What the machine may be asked for.
pub static BUDGET: Shape = Shape {
    name: "budget",
    doc: "What the machine may be asked for; more is refused before anything is made.",
    one_of: &[],
    fields: &[
        Field::new("memory", Size, "Memory of all nodes together; by default what is free less 1 GiB."),
        Field::new("disk", Size, "Disk space of all nodes together; by default what is free less 2 GiB."),
        Field::new("parallel", Int(1, 1000), "Nodes that are made at once; by default as many as memory allows."),
    ],
};

/// A network.
pub static NETWORK: Shape = Shape {
    name: "network",
    doc: "A network of nodes.",
    one_of: &[],
    fields: &[
        Field::new(
            "kind",
            Choice(&["nat", "isolated", "routed"]),
            "`nat` reaches the outside (default), `isolated` only its nodes, `routed` other networks too.",
        ),
        Field::required("cidr", Cidr, "Its addresses."),
        Field::new(
            "gateway",
            Address,
            "The machine's address in it; by default the first. An isolated network has one only when it is given.",
        ),
        Field::new(
            "dhcp",
            Bool,
            "Nodes get their addresses by DHCP (default `true`); their addresses are fixed all the same.",
        ),
        Field::new("domain", Text, "DNS domain of its nodes."),
        Field::new("mtu", Int(68, 65_521), "Largest packet, in bytes."),
        Field::new("vlan", Int(1, 4094), "Its tag on `parent`."),
        Field::new("parent", Name, "The network that carries the VLAN."),
        Field::new("bridge", Text, "Name of the bridge; by default one is made up."),
    ],
};

/// A link between sites.
pub static LINK: Shape = Shape {
    name: "link",
    doc: "A link between two networks: packets are routed, slowed down and lost.",
    one_of: &[],
    fields: &[
        Field::required("between", List(&Name), "The two networks."),
        Field::new("latency", Time, "One way, in each direction."),
        Field::new("jitter", Time, "How much latency varies."),
        Field::new("loss", Percent, "Share of packets that are lost."),
        Field::new("rate", Rate, "Bits a second, at most."),
    ],
};

/// An image.
pub static IMAGE: Shape = Shape {
    name: "image",
    doc: "What a node's disk or container begins as. It is built once for its content, and cached.",
    one_of: &["from", "debootstrap", "url", "path", "docker", "blank"],
    fields: &[
        Field::new("from", Name, "The image it is a patch of."),
        Field::new("debootstrap", Of(&DEBOOTSTRAP), "A Debian system."),
        Field::new("url", Text, "Where it is fetched from: http, https or file."),
        Field::new("path", Path, "A file that is there already: qcow2, raw or tar."),
        Field::new("docker", Text, "An image that Docker has or can pull, for nodes of provider `docker`."),
        Field::new("blank", Bool, "An empty disk: something else puts a system on it, such as an undercloud."),
        Field::new(
            "sha256",
            Text,
            "Checksum of what is fetched; without one the server's word counts, and that is said.",
        ),
        Field::new("size", Size, "Size of the disk; by default what is in it and half as much again."),
        Field::new("packages", List(&Text), "Packages that are installed."),
        Field::new("files", List(&Of(&FILE)), "Files that are put in."),
        Field::new("commands", List(&Text), "Shell commands that are run in it, in order, as root."),
        Field::new("kernel", Path, "A kernel to boot directly, in the image or here."),
        Field::new("initrd", Path, "The kernel's initial RAM disk."),
        Field::new(
            "cloud_init",
            Bool,
            "The image reads a NoCloud seed (default for `url` and `path`); else the key is baked in.",
        ),
        Field::new("user", Text, "Who the key is for; default `root`."),
    ],
};

/// A Debian system.
pub static DEBOOTSTRAP: Shape = Shape {
    name: "debootstrap",
    doc: "A Debian system from packages.",
    one_of: &[],
    fields: &[
        Field::new("suite", Text, "Release; default `bookworm`."),
        Field::new("mirror", Text, "Where packages come from; by default where this machine's do."),
        Field::new("variant", Choice(&["minbase", "buildd", "-"]), "Default `minbase`; `-` is debootstrap's own."),
        Field::new("components", List(&Text), "Default `main`."),
    ],
};

/// A file put into an image.
pub static FILE: Shape = Shape {
    name: "file",
    doc: "A file put into an image.",
    one_of: &["content", "src"],
    fields: &[
        Field::required("path", Text, "Where it goes."),
        Field::new("content", Text, "Its text."),
        Field::new("src", Path, "A file or folder here."),
        Field::new("mode", Text, "Octal, quoted; default \"0644\", for folders \"0755\"."),
        Field::new("owner", Text, "`user` or `user:group`; default `root:root`."),
    ],
};

macro_rules! node_fields {
    ($($more:expr),* $(,)?) => {
        &[
            $($more,)*
            Field::new("provider", Choice(PROVIDERS), "What makes it; default `docker`."),
            Field::new("image", Name, "The image it begins as; `existing` nodes have none."),
            Field::new("cpus", Int(1, 1024), "Processors; default 1. A container's is a limit, and by default there is none."),
            Field::new("memory", Size, "Memory; default 1G. A container's is a limit, and by default there is none."),
            Field::new("disk", Size, "Size of the system's disk; by default the image's."),
            Field::new("disks", List(&Of(&DISK)), "Further disks."),
            Field::new("networks", List(&Either(&[Name, Of(&ATTACHMENT)])), "Networks it is attached to, the first with the default route."),
            Field::new("groups", List(&Name), "Groups of the inventory."),
            Field::new("vars", Map(&Any), "Variables of the inventory."),
            Field::new("user", Text, "Who to log in as; by default the image's user."),
            Field::new("via", Name, "The node that connections to it go through."),
            Field::new("boot", Of(&BOOT), "How a virtual machine boots."),
            Field::new("bmc", Bool, "It has a management controller (IPMI) of its own."),
            Field::new("start", Bool, "It is started when it is made (default `true`)."),
            Field::new("container", Of(&CONTAINER), "What only a container has."),
            Field::new("health", Of(&HEALTH), "When it counts as up; by default when it can be logged in to."),
        ]
    };
}

/// A type of node. A node has the same fields and a few more.
pub static TYPE: Shape =
    Shape { name: "type", doc: "What nodes of one kind have in common.", one_of: &[], fields: node_fields!() };

/// A node, or several alike.
pub static NODE: Shape = Shape {
    name: "node",
    doc: "A node, or several alike: what its type says, and what differs.",
    one_of: &[],
    fields: node_fields!(
        Field::new("type", Name, "Its type; default the type of its own name, if there is one."),
        Field::new("count", Int(0, 10_000), "How many; named NAME-0, NAME-1, ..."),
        Field::new("addresses", Map(&Address), "Fixed addresses by network; only for a single node."),
        Field::new("macs", Map(&Mac), "Fixed hardware addresses by network; only for a single node."),
        Field::new("host", Text, "Where an `existing` node is reached; several with `hosts`."),
        Field::new("hosts", List(&Text), "Where several `existing` nodes are reached."),
        Field::new("port", Int(1, 65_535), "SSH port; default 22."),
        Field::new("key", Path, "Private key to log in with; by default the scenario's."),
        Field::new(
            "engine",
            Text,
            "Docker daemon, as DOCKER_HOST has it, or `swarm`; libvirt's connection, as its URI."
        ),
    ),
};

/// A further disk.
pub static DISK: Shape = Shape {
    name: "disk",
    doc: "A further disk, empty.",
    one_of: &[],
    fields: &[
        Field::required("size", Size, "Its size."),
        Field::new("serial", Text, "Serial number; by default made up from its place."),
        Field::new("bus", Choice(&["virtio", "scsi", "sata"]), "Default `virtio`."),
        Field::new("format", Choice(&["qcow2", "raw"]), "Default `qcow2`."),
    ],
};

/// A node's place in a network.
pub static ATTACHMENT: Shape = Shape {
    name: "network of a node",
    doc: "A node's place in a network.",
    one_of: &[],
    fields: &[
        Field::required("network", Name, "The network."),
        Field::new("model", Choice(&["virtio", "e1000", "rtl8139"]), "Model of the card; default `virtio`."),
        Field::new(
            "default_route",
            Bool,
            "The default route goes here; by default through the first network that has a gateway.",
        ),
        Field::new("boot", Bool, "The node boots from this network (PXE)."),
    ],
};

/// How a virtual machine boots.
pub static BOOT: Shape = Shape {
    name: "boot",
    doc: "How a virtual machine boots.",
    one_of: &[],
    fields: &[
        Field::new("kernel", Path, "A kernel to boot directly; by default the image's."),
        Field::new("initrd", Path, "The kernel's initial RAM disk."),
        Field::new("args", Text, "More on the kernel's command line."),
        Field::new("firmware", Choice(&["bios", "efi"]), "Default `bios`."),
        Field::new("from", List(&Choice(&["disk", "network"])), "Order of what it boots from; default `disk`."),
    ],
};

/// What only a container has.
pub static CONTAINER: Shape = Shape {
    name: "container",
    doc: "What only a container has.",
    one_of: &[],
    fields: &[
        Field::new("systemd", Bool, "systemd is its first process (default `true` without `command`)."),
        Field::new("command", List(&Text), "What it runs instead."),
        Field::new("connection", Choice(&["docker", "ssh"]), "How rplay reaches it; default `docker`, without sshd."),
        Field::new("env", Map(&Text), "Environment."),
        Field::new(
            "volumes",
            List(&Text),
            "`NAME:/path[:ro]` is a volume of the scenario, `/here:/path[:ro]` a folder of this machine.",
        ),
        Field::new("ports", List(&Text), "`[ADDRESS:]PORT:PORT[/udp]`, published on this machine."),
        Field::new("capabilities", List(&Text), "Further capabilities."),
        Field::new("devices", List(&Text), "Devices of this machine."),
        Field::new("sysctls", Map(&Text), "Kernel settings of its namespaces."),
        Field::new("pids", Int(1, MANY), "How many processes it may have."),
        Field::new("open_files", Int(1, MANY), "How many files a process may have open."),
        Field::new("hostname", Text, "Its host name; by default the node's name."),
        Field::new("swap", Size, "Swap beyond memory; default none."),
    ],
};

/// When a node counts as up.
pub static HEALTH: Shape = Shape {
    name: "health",
    doc: "When a node counts as up.",
    one_of: &["command", "port", "log", "login"],
    fields: &[
        Field::new("command", Text, "A shell command on it succeeds."),
        Field::new("port", Int(1, 65_535), "Something listens there."),
        Field::new("log", Text, "A line of its console or log matches this regular expression."),
        Field::new("login", Bool, "It can be logged in to."),
        Field::new("every", Time, "Time between looks; default 500ms."),
        Field::new("deadline", Time, "How long it may take; default 5m."),
    ],
};

/// A group of the inventory.
pub static GROUP: Shape = Shape {
    name: "group",
    doc: "A group of the inventory.",
    one_of: &[],
    fields: &[
        Field::new("nodes", List(&Name), "Nodes in it, all of a count by their common name."),
        Field::new("children", List(&Name), "Groups in it."),
        Field::new("vars", Map(&Any), "Variables."),
    ],
};

/// A stage.
pub static STAGE: Shape = Shape {
    name: "stage",
    doc: "A step of the deployment. It runs once its needs have.",
    one_of: &["playbook", "command", "stages"],
    fields: &[
        Field::new("description", Text, "What it does, in a sentence."),
        Field::new("playbook", List(&Path), "Playbooks that are run, in order."),
        Field::new(
            "command",
            Either(&[Text, List(&Text)]),
            "A shell command of this machine, or a program and its arguments.",
        ),
        Field::new("stages", List(&Name), "It stands for these stages: a group."),
        Field::new("needs", List(&Name), "Stages that come before it."),
        Field::new("hosts", Text, "Only these hosts (a pattern)."),
        Field::new("tags", List(&Text), "Only these tags of the playbooks."),
        Field::new("skip_tags", List(&Text), "Not these tags."),
        Field::new("vars", Map(&Any), "Extra variables of the playbooks, environment of a command in capitals."),
        Field::new("env", Map(&Text), "Environment of a command."),
        Field::new(
            "inputs",
            Map(&Text),
            "Variables from what other stages gave: `STAGE.OUTPUT`; those stages are needs. With `?` behind it, it is used once it \
             is there, and the stage runs again when it comes later.",
        ),
        Field::new("outputs", Map(&Of(&OUTPUT)), "What it gives to others."),
        Field::new("deadline", Time, "How long it may take."),
        Field::new("retries", Int(0, 100), "How often it is tried again after a failure."),
        Field::new("default", Bool, "It runs when no stage is named (default `true`)."),
        Field::new("idempotent", Bool, "`rplay scenario idempotence` runs it (default `true` for playbooks)."),
    ],
};

/// What a stage gives.
pub static OUTPUT: Shape = Shape {
    name: "output",
    doc: "What a stage gives to others.",
    one_of: &["file", "fact", "value"],
    fields: &[
        Field::new("file", Path, "A file below the scenario's folder of outputs; its path is the value."),
        Field::new("fact", Text, "A fact or a variable that `set_stats` gave."),
        Field::new("value", Any, "A constant."),
        Field::new("from", Name, "The node whose fact it is; by default the first host of the stage."),
    ],
};

/// Something that must be true.
pub static CHECK: Shape = Shape {
    name: "check",
    doc: "Something that must be true.",
    one_of: &["playbook", "shell", "http", "port", "log", "same", "junit"],
    fields: &[
        Field::required("name", Text, "What is checked."),
        Field::new(
            "hosts",
            Text,
            "On these hosts (a pattern); default all, for `http` and `port` this machine's view of them.",
        ),
        Field::new("playbook", Path, "A playbook that fails when it is not."),
        Field::new("shell", Text, "A shell command that succeeds."),
        Field::new("stdout", Text, "What the command's or the server's answer matches (a regular expression)."),
        Field::new("http", Text, "An address that answers."),
        Field::new("status", List(&Int(100, 599)), "Statuses that count; default 200."),
        Field::new("port", Int(1, 65_535), "A port that something listens at."),
        Field::new("closed", Bool, "The port must be closed instead."),
        Field::new("log", Text, "A file with a line that `stdout` matches."),
        Field::new("same", List(&Text), "Files that are equal, as NODE:/path or a path here."),
        Field::new("junit", Path, "A report whose tests all passed."),
        Field::new("deadline", Time, "It may become true until then; default at once."),
        Field::new("every", Time, "Time between looks; default 1s."),
        Field::new("after", Name, "It is checked after this stage, and stops what comes then."),
    ],
};

/// Something broken on purpose.
pub static FAULT: Shape = Shape {
    name: "fault",
    doc: "Something broken on purpose. It is always mended, also when the run fails or is killed.",
    one_of: &["power_off", "pause", "kill", "partition", "cut", "degrade", "fill", "skew"],
    fields: &[
        Field::new("hosts", Text, "The nodes it befalls (a pattern); default all."),
        Field::new("power_off", Bool, "The node loses power; it is started again."),
        Field::new("pause", Bool, "The node stands still."),
        Field::new("kill", Text, "A process dies: its name, or the unit of a service."),
        Field::new("signal", Text, "Its signal; default KILL."),
        Field::new("partition", List(&Name), "The node is cut off from these networks."),
        Field::new("cut", List(&Name), "The link between these two networks carries nothing."),
        Field::new("degrade", Of(&DEGRADE), "Its links are slow and lossy."),
        Field::new("fill", Text, "The file system of this path has no room."),
        Field::new("skew", Time, "Its clock goes ahead so much."),
        Field::new("before", Name, "It befalls before this stage."),
        Field::new("after", Name, "It befalls after this stage."),
        Field::new(
            "task",
            Text,
            "It befalls when a task of this name (a pattern) starts, before its first host, once in a run.",
        ),
        Field::new("for", Time, "How long it lasts; default until the end of the stage, or of `side-effect`."),
    ],
};

/// A slow, lossy link.
pub static DEGRADE: Shape = Shape {
    name: "degrade",
    doc: "A slow, lossy link.",
    one_of: &[],
    fields: &[
        Field::new("networks", List(&Name), "Networks it is on; default all of the node's."),
        Field::new("latency", Time, "Added to each packet."),
        Field::new("jitter", Time, "How much latency varies."),
        Field::new("loss", Percent, "Share of packets that are lost."),
        Field::new("rate", Rate, "Bits a second, at most."),
    ],
};
