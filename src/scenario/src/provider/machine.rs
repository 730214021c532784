//! What virtual machines and kernels that are programs have in common: their images, what they are told when they
//! boot, and how it is seen that they are up.
//!
//! `tree.rs` makes systems of recipes, `disk.rs` disks of them; `inside/` is what is put into every such system.

pub(super) mod disk;
pub(super) mod tree;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::{Making, ProviderError};
use crate::network::Network;
use crate::node::Sign;

/// What a system of a recipe of ours writes to its console when it can be logged in to.
pub(super) const UP: &str = "rplay: up";
/// Time between looks at a console: looking is cheap.
const LOOK: Duration = Duration::from_millis(100);
/// How much of a console is shown when a machine does not come up.
const TAIL: usize = 12;

/// An image as nodes begin with it: a folder of the cache.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Base {
    /// What it is called: the folder's name, and that of copies elsewhere.
    pub(super) name: String,
    /// The disk; `None`: nodes begin with an empty one.
    pub(super) disk: Option<PathBuf>,
    /// `qcow2` or `raw`.
    pub(super) format: String,
    /// Size of the disk that the guest sees, in bytes.
    pub(super) size: u64,
    /// Kernel and initial RAM disk.
    pub(super) kernel: Option<(PathBuf, Option<PathBuf>)>,
    /// A system of a recipe of ours: it reads its name, addresses and key from the kernel's command line.
    pub(super) ours: bool,
    /// It reads a NoCloud seed.
    pub(super) seed: bool,
    /// Who the key is for.
    pub(super) user: String,
}

impl Base {
    /// What [`Base::text`] gave.
    pub(super) fn of(text: &str) -> Result<Self, ProviderError> {
        Ok(serde_json::from_str(text).map_err(std::io::Error::from)?)
    }

    /// As a provider hands it to its nodes.
    pub(super) fn text(&self) -> Result<String, ProviderError> {
        Ok(serde_json::to_string(self).map_err(std::io::Error::from)?)
    }
}

/// The words of a kernel's command line that a system of ours reads.
pub(super) fn words(making: &Making<'_>, base: &Base) -> String {
    let node = making.node;
    let mut words = vec![format!("systemd.hostname={}", node.name)];
    for port in &node.ports {
        let Some(network) = making.about.get(&port.network) else { continue };
        let gateway = network.gateway.filter(|_| port.default_route).map(|gateway| gateway.to_string());
        let mtu = mtu(network).map(|mtu| mtu.to_string());
        words.push(format!(
            "rplay.card={},{}/{},{},{}",
            port.mac_text(),
            port.address,
            network.cidr.prefix_len(),
            gateway.unwrap_or_default(),
            mtu.unwrap_or_default()
        ));
    }
    if let Some(server) = name_server(making) {
        words.push(format!("rplay.dns={server}"));
    }
    let user = node.set.user.as_deref().unwrap_or(&base.user);
    words.push(format!(
        "rplay.user={user} rplay.key={}",
        base64::engine::general_purpose::STANDARD.encode(making.key.trim())
    ));
    words.join(" ")
}

/// The largest packet of a network: as said, or what this machine's way out allows when that is less than Ethernet's.
pub(super) fn mtu(network: &Network) -> Option<u32> {
    network.mtu.or_else(|| super::recipe::way_out().filter(|_| network.reach != crate::network::Reach::Isolated))
}

/// Who knows names: the machine's own address in a network of libvirt's, else whom this machine asks.
fn name_server(making: &Making<'_>) -> Option<IpAddr> {
    let port = making.node.ports.iter().find(|port| port.default_route)?;
    let here = making.networks.get(&port.network).is_some_and(|network| !network.starts_with(super::BRIDGE));
    if here && making.node.set.provider == crate::node::Provider::Libvirt {
        return making.about.get(&port.network)?.gateway;
    }
    let text = fs_err::read_to_string("/etc/resolv.conf").ok()?;
    let servers = text.lines().filter_map(|line| line.strip_prefix("nameserver "));
    servers.filter_map(|server| server.trim().parse::<IpAddr>().ok()).find(|server| !server.is_loopback())
}

/// Waits until a machine is up, as far as its console tells; `console` reads what came after it was started, `alive`
/// says whether it still runs.
pub(super) async fn up<C, A>(
    making: &Making<'_>,
    base: &Base,
    console: impl Fn() -> C,
    alive: impl Fn() -> A,
) -> Result<(), ProviderError>
where
    C: Future<Output = Result<Vec<u8>, ProviderError>>,
    A: Future<Output = Result<bool, ProviderError>>,
{
    let node = making.node;
    let health = &node.set.health;
    let start = Instant::now();
    let pattern = match &health.sign {
        Sign::Log(pattern) => pattern.as_str(),
        _ if base.ours => UP,
        _ => "(?i)login: *$",
    };
    let pattern = fancy_regex::Regex::new(&format!("(?m){pattern}")).map_err(|error| ProviderError::Refused {
        what: format!("look for `{pattern}` in the console of `{}`", node.name),
        why: error.to_string(),
    })?;
    let mut looks = 0_u32;
    loop {
        let text = console().await?;
        let text = plain(&String::from_utf8_lossy(&text));
        if pattern.is_match(&text).unwrap_or(false) {
            return Ok(());
        }
        // A foreign system may say nothing at all on its serial port.
        if !base.ours && !matches!(health.sign, Sign::Log(_)) && greets(node).await {
            return Ok(());
        }
        looks += 1;
        if looks.is_multiple_of(10) && !alive().await? {
            let why = format!("it ended; the end of its console: {}", tail(&text));
            return Err(ProviderError::Refused { what: format!("bring node `{}` up", node.name), why });
        }
        if start.elapsed() > health.deadline {
            let seconds = health.deadline.as_secs();
            let why = format!("it is not up after {seconds} s; the end of its console: {}", tail(&text));
            return Err(ProviderError::Refused { what: format!("bring node `{}` up", node.name), why });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether an sshd greets at the first of a node's addresses.
async fn greets(node: &crate::topology::Node<'_>) -> bool {
    use tokio::io::AsyncReadExt as _;
    let Some(port) = node.ports.first() else { return false };
    let to = SocketAddr::new(port.address, node.set.port);
    let greeted = tokio::time::timeout(Duration::from_millis(500), async {
        let mut stream = tokio::net::TcpStream::connect(to).await?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).await?;
        std::io::Result::Ok(&greeting == b"SSH-")
    });
    matches!(greeted.await, Ok(Ok(true)))
}

/// A console's text without what moves cursors and sets colours.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next_if_eq(&'[').is_some() {
                    while chars.next_if(|c| !c.is_ascii_alphabetic()).is_some() {}
                }
                chars.next();
            }
            '\r' => {}
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// The last lines of a console.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "(nothing was written to it)".to_owned();
    }
    format!("\n    {}", lines[lines.len().saturating_sub(TAIL)..].join("\n    "))
}

/// A program of this machine that is needed; told with the package it is in when it is not there.
pub(super) fn program(name: &str, package: &str, needed: &str) -> Result<PathBuf, ProviderError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).ok_or_else(|| ProviderError::Missing {
        what: format!("{needed} needs `{name}`, which is not there"),
        fix: format!("install it (on Debian `apt install {package}`)"),
    })
}

/// Runs a program; what it says is told when it fails.
pub(super) async fn run(program: &Path, args: &[&std::ffi::OsStr], what: &str) -> Result<Vec<u8>, ProviderError> {
    let output = tokio::process::Command::new(program)
        .args(args)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| ProviderError::Refused {
            what: what.to_owned(),
            why: format!("{}: {error}", program.display()),
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let why = format!("{name} ended with {}: {}", output.status, lines[lines.len().saturating_sub(5)..].join(" / "));
    Err(ProviderError::Refused { what: what.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_are_shown_as_text() {
        let text = plain("\u{1b}[0;32m  OK  \u{1b}[0m] Started\r\n\u{1b}[?2004hlogin: \u{7}");
        assert_eq!(text, "  OK  ] Started\nlogin: ");
        assert_eq!(tail("a\n\nb \n"), "\n    a\n    b");
        assert_eq!(tail(""), "(nothing was written to it)");
    }

    #[test]
    fn what_is_missing_is_told_with_its_package() {
        let error = program("no-such-program", "no-such-package", "provider `uml`").unwrap_err();
        let ProviderError::Missing { what, fix } = error else { panic!() };
        assert_eq!(what, "provider `uml` needs `no-such-program`, which is not there");
        assert!(fix.contains("apt install no-such-package"));
    }
}
