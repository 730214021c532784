//! Nodes: what a type and a node of it say together.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use rplay_diag::Span;
use rplay_value::Map;

use crate::read::{Fields, Spot};
use crate::units::{self, Size};

/// What makes a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// A container.
    Docker,
    /// A virtual machine.
    Libvirt,
    /// A kernel that is a program of this machine (user-mode Linux).
    Uml,
    /// It is there already.
    Existing,
}

impl Provider {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Libvirt => "libvirt",
            Self::Uml => "uml",
            Self::Existing => "existing",
        }
    }

    /// Whether its nodes have kernels of their own.
    pub(crate) fn is_machine(self) -> bool {
        matches!(self, Self::Libvirt | Self::Uml)
    }

    /// Who comes first where several could make a network: the others can be attached to what it made.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Docker => 0,
            Self::Libvirt => 1,
            Self::Uml => 2,
            Self::Existing => 3,
        }
    }
}

/// A further disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its size.
    pub size: Size,
    /// Serial number.
    pub serial: Option<String>,
    /// `virtio`, `scsi` or `sata`.
    pub bus: String,
    /// `qcow2` or `raw`.
    pub format: String,
}

/// A node's place in a network.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The network.
    pub network: Spot,
    /// Model of the card.
    pub model: String,
    /// The default route goes here.
    pub default_route: Option<bool>,
    /// The node boots from it.
    pub boot: bool,
}

/// How a virtual machine boots.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    /// A kernel to boot directly.
    pub kernel: Option<PathBuf>,
    /// Its initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// More on its command line.
    pub args: Option<String>,
    /// EFI instead of BIOS.
    pub efi: bool,
    /// What it boots from: `disk`, `network`.
    pub from: Vec<String>,
}

/// What only a container has.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// systemd is its first process.
    pub systemd: bool,
    /// What it runs instead.
    pub command: Vec<String>,
    /// It is reached over ssh, not through Docker.
    pub ssh: bool,
    /// Environment.
    pub env: IndexMap<String, String>,
    /// Volumes and folders.
    pub volumes: Vec<String>,
    /// Published ports.
    pub ports: Vec<String>,
    /// Further capabilities.
    pub capabilities: Vec<String>,
    /// Devices of this machine.
    pub devices: Vec<String>,
    /// Kernel settings.
    pub sysctls: IndexMap<String, String>,
    /// How many processes it may have.
    pub pids: Option<i64>,
    /// How many files a process may have open.
    pub open_files: Option<i64>,
    /// Its host name.
    pub hostname: Option<String>,
    /// Swap beyond memory.
    pub swap: Option<Size>,
}

/// What is looked at to tell whether a node is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It can be logged in to.
    Login,
    /// A shell command on it succeeds.
    Command(String),
    /// Something listens there.
    Port(u16),
    /// A line of its console or log matches.
    Log(String),
}

/// When a node counts as up.
#[derive(Clone, Debug)]
pub struct Health {
    /// What is looked at.
    pub sign: Sign,
    /// Time between looks.
    pub every: Duration,
    /// How long it may take.
    pub deadline: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self { sign: Sign::Login, every: Duration::from_millis(500), deadline: Duration::from_mins(5) }
    }
}

/// A node of the file: one, or several alike.
#[derive(Clone, Debug)]
pub struct NodeSet {
    /// Its name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// Its type's name, if it has one.
    pub kind: Option<Spot>,
    /// How many; `None`: one, with the bare name.
    pub count: Option<usize>,
    /// What makes it.
    pub provider: Provider,
    /// The image it begins as.
    pub image: Option<Spot>,
    /// Processors; 0 is a container without a limit.
    pub cpus: u32,
    /// Memory; a container may have no limit.
    pub memory: Option<Size>,
    /// Size of the system's disk.
    pub disk: Option<Size>,
    /// Further disks.
    pub disks: Vec<Disk>,
    /// Networks, in order.
    pub networks: Vec<Attachment>,
    /// Groups of the inventory: the type's, then its own.
    pub groups: Vec<String>,
    /// Variables of the inventory.
    pub vars: Map,
    /// Who to log in as.
    pub user: Option<String>,
    /// The node that connections go through.
    pub via: Option<Spot>,
    /// How a virtual machine boots.
    pub boot: Boot,
    /// It has a management controller.
    pub bmc: bool,
    /// It is started when it is made.
    pub start: bool,
    /// What only a container has.
    pub container: Container,
    /// When it counts as up.
    pub health: Health,
    /// Fixed addresses by network.
    pub addresses: IndexMap<String, IpAddr>,
    /// Fixed hardware addresses by network.
    pub macs: IndexMap<String, [u8; 6]>,
    /// Where existing nodes are reached.
    pub hosts: Vec<String>,
    /// SSH port.
    pub port: u16,
    /// Private key to log in with.
    pub key: Option<PathBuf>,
    /// Docker daemon, as DOCKER_HOST has it, or `swarm`.
    pub engine: Option<String>,
}

impl NodeSet {
    /// Reads a node laid over its type; `own` and `of_type` are the two groups' lists.
    pub(crate) fn read(name: &Spot, fields: Fields<'_>, kind: Option<Spot>, count: Option<usize>) -> Self {
        let provider = match fields.text("provider").as_deref() {
            Some("libvirt") => Provider::Libvirt,
            Some("uml") => Provider::Uml,
            Some("existing") => Provider::Existing,
            _ => Provider::Docker,
        };
        let mut hosts = fields.texts("hosts");
        hosts.extend(fields.text("host"));
        let default_memory = if provider == Provider::Docker { None } else { Some(Size::mib(1024)) };
        let named = |field: &str| fields.named(field).into_iter();
        Self {
            name: name.text.clone(),
            span: name.span,
            kind,
            count,
            provider,
            image: fields.spot("image"),
            cpus: fields.int("cpus").unwrap_or(u32::from(provider != Provider::Docker)),
            memory: fields.size("memory").or(default_memory),
            disk: fields.size("disk"),
            disks: fields.each("disks").into_iter().filter_map(disk).collect(),
            networks: fields.each("networks").into_iter().filter_map(attachment).collect(),
            groups: fields.texts("groups"),
            vars: fields.vars("vars"),
            user: fields.text("user"),
            via: fields.spot("via"),
            boot: fields.below("boot").map(boot).unwrap_or_default(),
            bmc: fields.flag("bmc").unwrap_or(false),
            start: fields.flag("start").unwrap_or(true),
            container: fields
                .below("container")
                .map_or_else(|| Container { systemd: true, ..Container::default() }, container),
            health: fields.below("health").map(health).unwrap_or_default(),
            addresses: named("addresses")
                .filter_map(|(network, value)| Some((network.text, value.node.raw()?.parse().ok()?)))
                .collect(),
            macs: named("macs")
                .filter_map(|(network, value)| Some((network.text, units::mac(value.node.raw()?)?)))
                .collect(),
            hosts,
            port: fields.int("port").unwrap_or(22),
            key: fields.path("key"),
            engine: fields.text("engine"),
        }
    }

    /// Whether its nodes are reached over ssh: all but containers, and those that are asked to be.
    pub fn over_ssh(&self) -> bool {
        self.provider != Provider::Docker || self.container.ssh
    }

    /// The names of its nodes when there are so many of it.
    pub fn names(&self, count: Option<usize>) -> Vec<String> {
        match count.or(self.count) {
            None => vec![self.name.clone()],
            Some(count) => (0..count).map(|index| format!("{}-{index}", self.name)).collect(),
        }
    }
}

fn disk(fields: Fields<'_>) -> Option<Disk> {
    Some(Disk {
        size: fields.size("size")?,
        serial: fields.text("serial"),
        bus: fields.text("bus").unwrap_or_else(|| "virtio".to_owned()),
        format: fields.text("format").unwrap_or_else(|| "qcow2".to_owned()),
    })
}

fn attachment(fields: Fields<'_>) -> Option<Attachment> {
    let bare = fields.node.raw().map(|text| Spot { text: text.to_owned(), span: fields.node.span() });
    Some(Attachment {
        network: bare.or_else(|| fields.spot("network"))?,
        model: fields.text("model").unwrap_or_else(|| "virtio".to_owned()),
        default_route: fields.flag("default_route"),
        boot: fields.flag("boot").unwrap_or(false),
    })
}

fn boot(fields: Fields<'_>) -> Boot {
    Boot {
        kernel: fields.path("kernel"),
        initrd: fields.path("initrd"),
        args: fields.text("args"),
        efi: fields.text("firmware").as_deref() == Some("efi"),
        from: fields.texts("from"),
    }
}

fn container(fields: Fields<'_>) -> Container {
    let command = fields.texts("command");
    Container {
        systemd: fields.flag("systemd").unwrap_or(command.is_empty()),
        command,
        ssh: fields.text("connection").as_deref() == Some("ssh"),
        env: fields.pairs("env"),
        volumes: fields.texts("volumes"),
        ports: fields.texts("ports"),
        capabilities: fields.texts("capabilities"),
        devices: fields.texts("devices"),
        sysctls: fields.pairs("sysctls"),
        pids: fields.int("pids"),
        open_files: fields.int("open_files"),
        hostname: fields.text("hostname"),
        swap: fields.size("swap"),
    }
}

fn health(fields: Fields<'_>) -> Health {
    let sign = if let Some(command) = fields.text("command") {
        Sign::Command(command)
    } else if let Some(port) = fields.int("port") {
        Sign::Port(port)
    } else if let Some(log) = fields.text("log") {
        Sign::Log(log)
    } else {
        Sign::Login
    };
    let default = Health::default();
    Health {
        sign,
        every: fields.time("every").unwrap_or(default.every),
        deadline: fields.time("deadline").unwrap_or(default.deadline),
    }
}
