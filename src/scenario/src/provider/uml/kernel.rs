//! A node as a process: its folder, how it is started, and what is seen of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::bridge::tap_of;
use super::{Uml, mconsole};
use crate::handoff::Way;
use crate::provider::machine::{self, Base, program, run};
use crate::provider::{BRIDGE, DIGEST, Making, Object, ObjectKind, Owner, ProviderError, State};
use crate::units::{self, Size};

/// What a kernel is told besides what it is told of itself.
const LINE: &str = "root=/dev/ubda rw con=null con0=null,fd:1 console=tty0 loglevel=5 random.trust_cpu=on panic=-1";
/// Label with a node's address and hardware address in a network; the network's name follows.
const PORT: &str = "rplay.port.";
/// The file with a node's labels. It is written last: a folder without one is of a killed command.
const LABELS: &str = "labels.json";
/// The file with a node's command line, a word a line.
const WORDS: &str = "words";
/// The file with the number of a node's process.
const PID: &str = "pid";
/// The name that a kernel has among those of its folder.
const NAME: &str = "node";

/// The folder of an owner's nodes.
pub(super) fn folder_of(owner: &Owner) -> PathBuf {
    crate::folder::cache().join("uml").join(&owner.scenario)
}

fn labels(folder: &Path) -> Option<BTreeMap<String, String>> {
    serde_json::from_slice(&fs_err::read(folder.join(LABELS)).ok()?).ok()
}

fn addresses(labels: &BTreeMap<String, String>) -> BTreeMap<String, (IpAddr, [u8; 6])> {
    let port = |(key, value): (&String, &String)| {
        let (address, mac) = value.split_once(' ')?;
        Some((key.strip_prefix(PORT)?.to_owned(), (address.parse().ok()?, units::mac(mac)?)))
    };
    labels.iter().filter_map(port).collect()
}

/// The process of a node, and whether it stands still. A number that another process has by now is none.
fn process(folder: &Path) -> Option<(Pid, bool)> {
    // As it was started here; else as the kernel has written itself, when who started it was killed at once.
    [folder.join(PID), folder.join(NAME).join("pid")].iter().find_map(|file| numbered(folder, file))
}

fn numbered(folder: &Path, file: &Path) -> Option<(Pid, bool)> {
    let text = std::fs::read_to_string(file).ok()?;
    let number: i32 = text.trim().parse().ok()?;
    let line = std::fs::read(format!("/proc/{number}/cmdline")).ok()?;
    let own = format!("uml_dir={}", folder.display());
    if !line.split(|byte| *byte == 0).any(|word| word == own.as_bytes()) {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (!matches!(state, 'Z' | 'X')).then_some((Pid::from_raw(number), state == 'T'))
}

fn state(folder: &Path) -> State {
    match process(folder) {
        None => State::Stopped,
        Some((_, true)) => State::Paused,
        Some((_, false)) => State::Running,
    }
}

impl Uml {
    /// The nodes of an owner.
    pub(super) fn nodes(owner: &Owner) -> Result<Vec<Object>, ProviderError> {
        let mut found = Vec::new();
        let Ok(entries) = fs_err::read_dir(folder_of(owner)) else { return Ok(found) };
        for entry in entries {
            let folder = entry?.path();
            let Some(labels) = labels(&folder) else { continue };
            let id = folder.to_string_lossy().into_owned();
            let addresses = addresses(&labels);
            found.push(Object { kind: ObjectKind::Node, id, labels, state: Some(state(&folder)), addresses });
        }
        Ok(found)
    }

    /// A running kernel as it is asked for; what is there already and the same is left alone.
    pub(super) async fn make(&self, owner: &Owner, making: &Making<'_>) -> Result<Way, ProviderError> {
        let node = making.node;
        let what = format!("make node `{}`", node.name);
        let base = Base::of(&making.image)?;
        let folder = folder_of(owner).join(&node.name);
        if labels(&folder).is_none_or(|labels| labels.get(DIGEST) != Some(&making.digest)) {
            self.forget(&folder, owner, making.node.ports.iter().map(|port| port.network.as_str())).await?;
            self.put(&folder, owner, making, &base, &what).await?;
        }
        for port in &node.ports {
            let (Some(network), Some(about)) = (making.networks.get(&port.network), making.about.get(&port.network))
            else {
                continue;
            };
            let bridge = network.strip_prefix(BRIDGE).unwrap_or(network);
            self.tap(&tap_of(owner, &node.name, &port.network), bridge, about, &what).await?;
        }
        let address = node.ports.first().map(|port| port.address.to_string());
        let way = Way::Ssh { host: address.unwrap_or_default(), port: node.set.port };
        if !node.set.start {
            return Ok(way);
        }
        let mut before = 0;
        if state(&folder) == State::Stopped {
            before = fs_err::metadata(folder.join("console")).map_or(0, |file| file.len());
            self.start_in(&folder, &what)?;
        } else if state(&folder) == State::Paused {
            signal(&folder, Signal::SIGCONT)?;
        }
        let console = async || {
            let text = fs_err::read(folder.join("console")).unwrap_or_default();
            Ok(text.get(before as usize..).unwrap_or_default().to_vec())
        };
        let alive = async || Ok(state(&folder) != State::Stopped);
        machine::up(making, &base, console, alive).await?;
        Ok(way)
    }

    /// Disks, command line and labels of a node, in that order.
    async fn put(
        &self,
        folder: &Path,
        owner: &Owner,
        making: &Making<'_>,
        base: &Base,
        what: &str,
    ) -> Result<(), ProviderError> {
        let node = making.node;
        let set = node.set;
        let refuse = |why: &str| Err(ProviderError::Refused { what: what.to_owned(), why: why.to_owned() });
        let Some(disk) = &base.disk else {
            return refuse("a kernel of provider `uml` cannot begin with an empty disk");
        };
        if set.cpus > 1 {
            return refuse("a kernel of provider `uml` has one processor");
        }
        fs_err::create_dir_all(folder)?;
        let size = set.disk.map_or(base.size, |size| size.0);
        if size < base.size {
            let wanted = Size(base.size);
            return refuse(&format!("its image has {wanted}, which does not fit on `disk`"));
        }
        let root = if size == base.size {
            // Only what it writes is in a file of its own.
            format!("ubda={},{}", folder.join("root.cow").display(), disk.display())
        } else {
            let (cp, own) = (program("cp", "coreutils", what)?, folder.join("root"));
            let args: [&OsStr; 4] =
                ["--reflink=auto".as_ref(), "--sparse=always".as_ref(), disk.as_os_str(), own.as_os_str()];
            run(&cp, &args, what).await?;
            fs_err::OpenOptions::new().write(true).open(&own)?.set_len(size)?;
            format!("ubda={}", own.display())
        };
        let mut words = vec![
            format!("mem={}M", set.memory.unwrap_or(Size::mib(1024)).as_mib()),
            format!("umid={NAME}"),
            format!("uml_dir={}", folder.display()),
            root,
        ];
        for (place, disk) in set.disks.iter().enumerate() {
            let letter = char::from(b'b' + place.min(14) as u8);
            let file = folder.join(format!("disk{place}"));
            fs_err::File::create(&file)?.set_len(disk.size.0)?;
            let serial = disk.serial.clone().unwrap_or_else(|| format!("disk{place}"));
            words.push(format!("ubd{letter}={},,{serial}", file.display()));
        }
        for (place, port) in node.ports.iter().enumerate() {
            let tap = tap_of(owner, &node.name, &port.network);
            words.push(format!("vec{place}:transport=tap,ifname={tap},depth=128,gro=1,mac={}", port.mac_text()));
        }
        words.extend(LINE.split(' ').map(str::to_owned));
        if base.ours {
            words.extend(machine::words(making, base).split(' ').map(str::to_owned));
        }
        words.extend(set.boot.args.iter().flat_map(|args| args.split_whitespace()).map(str::to_owned));
        fs_err::write(folder.join(WORDS), words.join("\n"))?;
        let mut labels = owner.labels(&node.name, &making.digest);
        for port in &node.ports {
            labels.insert(format!("{PORT}{}", port.network), format!("{} {}", port.address, port.mac_text()));
        }
        let new = folder.join("labels.new");
        fs_err::write(&new, serde_json::to_vec(&labels).map_err(std::io::Error::from)?)?;
        Ok(fs_err::rename(new, folder.join(LABELS))?)
    }

    /// Starts the kernel of a folder: it is nobody's child, and outlives this process.
    pub(super) fn start_in(&self, folder: &Path, what: &str) -> Result<(), ProviderError> {
        let words = fs_err::read_to_string(folder.join(WORDS))?;
        // Of an end that was not its own.
        let own = folder.join(NAME);
        if own.exists() {
            fs_err::remove_dir_all(&own)?;
        }
        let console = std::fs::File::options().create(true).append(true).open(folder.join("console"))?;
        let mut command = Command::new(&self.program);
        command
            .args(words.lines())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(console.try_clone()?)
            .stdout(console);
        // Not the terminal's: Ctrl-C is for rplay.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| ProviderError::Refused {
            what: what.to_owned(),
            why: format!("{}: {error}", self.program.display()),
        })?;
        let new = folder.join("pid.new");
        fs_err::write(&new, child.id().to_string())?;
        fs_err::rename(new, folder.join(PID))?;
        // Whoever waits for it looks at its folder; its end must be taken note of all the same.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Takes the power, and waits until all its processes are gone.
    pub(super) async fn kill(&self, folder: &Path) -> Result<(), ProviderError> {
        let Some((pid, _)) = process(folder) else { return Ok(()) };
        // The kernel and the processes it keeps are one group.
        let group = nix::unistd::getpgid(Some(pid)).unwrap_or(pid);
        let _ = nix::sys::signal::killpg(group, Signal::SIGKILL);
        let start = Instant::now();
        while process(folder).is_some() && start.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Asks for an orderly end.
    pub(super) async fn shut_down(&self, folder: &Path) -> Result<(), ProviderError> {
        const LONGEST: Duration = Duration::from_mins(2);
        let what = || format!("stop `{}`", folder.display());
        if process(folder).is_none() {
            return Ok(());
        }
        let socket = folder.join(NAME).join("mconsole");
        // Its systems take this for the power button.
        let asked = tokio::task::spawn_blocking(move || mconsole::ask(&socket, "cad")).await;
        let asked = asked.map_err(|error| std::io::Error::other(error.to_string()))?;
        asked.map_err(|error| ProviderError::Refused { what: what(), why: error.to_string() })?;
        let start = Instant::now();
        while process(folder).is_some() {
            if start.elapsed() > LONGEST {
                return Err(ProviderError::Deadline { what: what(), seconds: LONGEST.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Removes a node with all that it has.
    pub(super) async fn forget<'n>(
        &self,
        folder: &Path,
        owner: &Owner,
        networks: impl Iterator<Item = &'n str>,
    ) -> Result<(), ProviderError> {
        self.kill(folder).await?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for network in networks {
            self.untapped(&tap_of(owner, &name, network), &format!("remove node `{name}`")).await?;
        }
        match fs_err::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        // The scenario's own goes with its last node.
        if let Some(above) = folder.parent() {
            let _ = std::fs::remove_dir(above);
        }
        Ok(())
    }
}

/// Sends a signal to a node's kernel alone: the processes that it keeps follow it.
pub(super) fn signal(folder: &Path, signal: Signal) -> Result<(), ProviderError> {
    if let Some((pid, _)) = process(folder) {
        nix::sys::signal::kill(pid, signal).map_err(std::io::Error::from)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_a_node_s_only_when_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(state(folder.path()), State::Stopped);
        fs_err::create_dir(folder.path().join(NAME)).unwrap();
        let put = |pid: u32| fs_err::write(folder.path().join(NAME).join("pid"), format!("{pid}\n")).unwrap();
        put(std::process::id());
        assert_eq!(state(folder.path()), State::Stopped, "this test is no kernel");
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60; :", "sh", &format!("uml_dir={}", folder.path().display())])
            .spawn()
            .unwrap();
        put(child.id());
        // A new process is not at once what it will be, and takes note of a signal when it comes to it.
        let becomes = |wanted: State| {
            let start = Instant::now();
            while state(folder.path()) != wanted {
                assert!(start.elapsed() < Duration::from_secs(10), "{wanted:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        becomes(State::Running);
        signal(folder.path(), Signal::SIGSTOP).unwrap();
        becomes(State::Paused);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state(folder.path()), State::Stopped);
    }
}
