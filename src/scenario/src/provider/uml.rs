//! Kernels that are programs of this machine (user-mode Linux, Debian's package `user-mode-linux`): nodes with a
//! kernel, devices and LVM of their own where a virtual machine would be translated. They need root for their taps and
//! bridges, and no daemon.
//!
//! A node is a folder with its disks, labels and command line, and a process that names this folder. Start reading at
//! `kernel.rs` for nodes, `bridge.rs` for their networks.

mod bridge;
mod kernel;
mod mconsole;
mod snapshot;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use nix::sys::signal::Signal;

use self::bridge::tap_of;
use self::kernel::signal;
use super::libvirt::{ip, traffic};
use super::machine::disk::{self, Kind};
use super::machine::program;
use super::{BRIDGE, Making, NAME, OWNER, Object, ObjectKind, Owner, Provider, ProviderError, SCENARIO};
use crate::handoff::Way;
use crate::image::Image;
use crate::network::{Impairment, Network};

/// Where the package keeps the modules of its kernel.
const MODULES: &str = "/usr/lib/uml/modules";

/// Kernels on this machine.
#[derive(Debug)]
pub struct Uml {
    program: PathBuf,
}

impl Uml {
    /// Looks for what nodes need here.
    pub fn new() -> Result<Self, ProviderError> {
        let needed = "provider `uml`";
        let found = program("linux.uml", "user-mode-linux", needed)?;
        program("ip", "iproute2", needed)?;
        program("iptables", "iptables", needed)?;
        if !nix::unistd::geteuid().is_root() {
            return Err(ProviderError::Missing {
                what: "provider `uml` makes bridges and taps, which needs root".to_owned(),
                fix: "run it as root (`sudo rplay scenario ..`)".to_owned(),
            });
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err(ProviderError::Missing {
                what: "provider `uml` needs /dev/net/tun, which is not there".to_owned(),
                fix: "load its module (`modprobe tun`)".to_owned(),
            });
        }
        Ok(Self { program: found })
    }
}

fn foreign(kind: &str, called: &str) -> ProviderError {
    ProviderError::Refused {
        what: format!("make {kind} `{called}`"),
        why: "there is one of that name that this scenario did not make; remove or rename it".to_owned(),
    }
}

fn owner_of(object: &Object) -> Owner {
    let label = |name: &str| object.labels.get(name).cloned().unwrap_or_default();
    Owner { scenario: label(SCENARIO), user: label(OWNER) }
}

/// The tap of a node in one of its networks.
fn tap(object: &Object, network: &str) -> Result<String, ProviderError> {
    if !object.addresses.contains_key(network) {
        return Err(ProviderError::Refused {
            what: format!("change the link of `{}` to `{network}`", object.id),
            why: "it is not attached to that network".to_owned(),
        });
    }
    let name = object.labels.get(NAME).map(String::as_str).unwrap_or_default();
    Ok(tap_of(&owner_of(object), name, network))
}

#[async_trait]
impl Provider for Uml {
    fn name(&self) -> &'static str {
        "uml"
    }

    async fn preflight(&self) -> Result<(), ProviderError> {
        Self::new().map(|_| ())
    }

    async fn objects(&self, owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let mut objects = Self::nodes(owner)?;
        objects.extend(self.bridges(owner).await?);
        objects.retain(|object| owner.owns(&object.labels));
        Ok(objects)
    }

    async fn image(&self, _: &Owner, image: &Image, base: Option<&str>) -> Result<String, ProviderError> {
        disk::base(image, base, Kind::Program).await?.text()
    }

    async fn network(&self, owner: &Owner, network: &Network) -> Result<String, ProviderError> {
        self.bridged(owner, network).await
    }

    async fn bridge(&self, network: &str) -> Result<String, ProviderError> {
        Ok(network.to_owned())
    }

    async fn join(&self, _: &Network, bridge: &str) -> Result<String, ProviderError> {
        Ok(format!("{BRIDGE}{bridge}"))
    }

    async fn node(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        self.make(owner, making).await
    }

    async fn start(&self, object: &Object) -> Result<(), ProviderError> {
        let folder = Path::new(&object.id);
        match object.state {
            Some(super::State::Running) => Ok(()),
            Some(super::State::Paused) => signal(folder, Signal::SIGCONT),
            _ => self.start_in(folder, &format!("start `{}`", object.id)),
        }
    }

    async fn stop(&self, object: &Object, hard: bool) -> Result<(), ProviderError> {
        let folder = Path::new(&object.id);
        if hard { self.kill(folder).await } else { self.shut_down(folder).await }
    }

    async fn pause(&self, object: &Object, pause: bool) -> Result<(), ProviderError> {
        signal(Path::new(&object.id), if pause { Signal::SIGSTOP } else { Signal::SIGCONT })
    }

    async fn impair(&self, object: &Object, network: &str, how: Option<&Impairment>) -> Result<(), ProviderError> {
        traffic(&tap(object, network)?, how, &format!("change the link of `{}`", object.id)).await
    }

    async fn cut(&self, object: &Object, network: &str, cut: bool) -> Result<(), ProviderError> {
        let what = format!("change the link of `{}`", object.id);
        ip(&["link", "set", &tap(object, network)?, if cut { "down" } else { "up" }], &what).await
    }

    async fn snapshot(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.keep(object, name).await
    }

    async fn back(&self, object: &Object, name: &str) -> Result<(), ProviderError> {
        self.restore(object, name).await
    }

    async fn console(&self, object: &Object) -> Result<Vec<u8>, ProviderError> {
        match fs_err::read(Path::new(&object.id).join("console")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            text => Ok(text?),
        }
    }

    async fn remove(&self, object: &Object) -> Result<(), ProviderError> {
        match object.kind {
            ObjectKind::Node => {
                let networks = object.addresses.keys().map(String::as_str);
                self.forget(Path::new(&object.id), &owner_of(object), networks).await
            }
            ObjectKind::Network => self.unbridged(object).await,
            ObjectKind::Volume | ObjectKind::Image => Ok(()),
        }
    }
}

/// Makes a system one that such a kernel can boot: its modules, its disk's name, and its power button.
pub(super) fn modules(tree: &Path) -> Result<(), ProviderError> {
    if !Path::new(MODULES).is_dir() {
        return Err(ProviderError::Missing {
            what: format!("provider `uml` needs the kernel whose modules are in {MODULES}, which is not there"),
            fix: "install it (on Debian `apt install user-mode-linux`)".to_owned(),
        });
    }
    // `lib` is a link in systems of today; within the tree, since it is relative.
    let modules = tree.join("lib/modules");
    fs_err::create_dir_all(&modules)?;
    for entry in walkdir::WalkDir::new(MODULES).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from)?;
        let there = modules.join(entry.path().strip_prefix(MODULES).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&there)?;
        } else if entry.file_type().is_file() {
            fs_err::copy(entry.path(), &there)?;
        }
    }
    fs_err::write(tree.join("etc/fstab"), "/dev/ubda / ext4 defaults,x-systemd.growfs 0 1\n")?;
    // The only button that such a machine has is Ctrl-Alt-Del.
    let button = tree.join("etc/systemd/system/ctrl-alt-del.target");
    if fs_err::symlink_metadata(&button).is_err() {
        fs_err::os::unix::fs::symlink("/lib/systemd/system/poweroff.target", button)?;
    }
    Ok(())
}
