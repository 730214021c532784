//! A lab on libvirt of this machine, without the program: machines come up, are reached through one another, are left
//! alone when they are as asked for, and go without a trace; what is not the scenario's stays.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that is not as it should be")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rplay_diag::Sources;
use rplay_scenario::Scenario;
use rplay_scenario::lab::{Created, Lab, Level, Listener, Parts, Play, Playbooks, Ran, Told};
use rplay_scenario::topology::Counts;

struct Nobody;

impl Listener for Nobody {
    fn told(&self, told: &Told) {
        // Shown when the test fails.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{told:?}\n").as_bytes());
    }
}

impl Playbooks for Nobody {
    fn run(&self, _: &Play) -> Ran {
        panic!("no playbook is run here")
    }
}

/// What a command says; it must succeed.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}: {out}{err}");
    out.trim().to_owned()
}

fn virsh(args: &[&str]) -> String {
    let mut all = vec!["-q", "-c", "qemu:///system"];
    all.extend(args);
    said("virsh", &all)
}

/// What this scenario could leave behind, and what is named as if it were; other labs may come and go at the same time.
fn inventory() -> String {
    let all = [
        virsh(&["list", "--all", "--name"]),
        virsh(&["net-list", "--all", "--name"]),
        virsh(&["pool-list", "--all", "--name"]),
        said("ip", &["-o", "route"]),
        said("ls", &["/var/lib/libvirt/images"]),
    ];
    let ours = |line: &&str| line.contains("it-vm") || line.contains("10.89.61.") || line.contains("10.89.62.");
    let mut lines: Vec<String> = all.iter().flat_map(|part| part.lines().filter(ours)).map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

const LAB: &str = "
name: it-vm
networks:
  outer: {cidr: 10.89.61.0/24}
  inner: {kind: isolated, cidr: 10.89.62.0/24}
images:
  debian: {debootstrap: {suite: bookworm}, packages: [python3, sudo]}
types:
  machine: {provider: libvirt, image: debian, memory: 384M}
nodes:
  under:
    type: machine
    networks: [outer, inner]
    macs: {outer: '52:54:00:0a:0b:0c'}
    disks: [{size: 64M, serial: spare-1}, {size: 32M}]
  inside: {type: machine, networks: [inner], via: under, user: deploy}
";

fn with<T>(folder: &Path, see: impl FnOnce(&Lab<'_>) -> T) -> T {
    with_text(folder, LAB, see)
}

fn with_text<T>(folder: &Path, text: &str, see: impl FnOnce(&Lab<'_>) -> T) -> T {
    let sources = Arc::new(Sources::new());
    let source = sources.add("scenario.yml", text);
    let document = rplay_yaml::parse(&sources, source).unwrap().node;
    let scenario = Scenario::from_document(&folder.join("scenario.yml"), document, &sources)
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    let lab = Lab::open(&scenario, Counts::default(), Some(&folder.join("lab")), &Nobody, &Nobody)
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| see(&lab)));
    seen.unwrap_or_else(|panic| {
        let _ = lab.destroy(Level::All, None, |_| Ok(true));
        std::panic::resume_unwind(panic)
    })
}

fn created(lab: &Lab<'_>) -> Created {
    lab.create(Parts::All).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

/// Where [`makes_nodes_until_it_is_killed`] works.
const FOLDER: &str = "RPLAY_TEST_FOLDER";

/// A process of its own, which the test below kills.
#[test]
#[ignore = "part of another test"]
fn makes_nodes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    with(Path::new(&folder), |lab| lab.create(Parts::All).map(|_| ()).unwrap_or_default());
}

/// Objects that are named as if they were the scenario's.
struct Decoys;

impl Decoys {
    const DOMAIN: &str = "rplay-it-vm-other";
    const NETWORK: &str = "rplay-it-vm-outer2";
    const POOL: &str = "rplay-it-vm-disks2";

    fn make(folder: &Path) -> Self {
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs_err::write(&path, text).unwrap();
            path.to_string_lossy().into_owned()
        };
        let domain = format!(
            "<domain type='qemu'><name>{}</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os></domain>",
            Self::DOMAIN
        );
        virsh(&["define", &file("domain.xml", &domain)]);
        let network = format!("<network><name>{}</name><bridge name='it-decoy'/></network>", Self::NETWORK);
        virsh(&["net-define", &file("network.xml", &network)]);
        let path = folder.join("pool");
        fs_err::create_dir_all(&path).unwrap();
        fs_err::write(path.join("under.root.qcow2"), "mine").unwrap();
        virsh(&["pool-define-as", Self::POOL, "dir", "--target", &path.to_string_lossy()]);
        Self
    }
}

impl Drop for Decoys {
    fn drop(&mut self) {
        for args in [["undefine", Self::DOMAIN], ["net-undefine", Self::NETWORK], ["pool-undefine", Self::POOL]] {
            let _ = Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output();
        }
    }
}

/// Run by `tests/run vm`: machines boot for minutes where nothing helps the processor.
mod vm {
    use super::*;

    #[test]
    #[ignore = "needs libvirt: tests/run vm"]
    fn machines_come_up_side_by_side_and_go_without_a_trace() {
        let at = tempfile::tempdir().unwrap();
        // What a test that was killed has left.
        with(at.path(), |lab| lab.destroy(Level::All, None, |_| Ok(true))).unwrap();
        let decoys = Decoys::make(at.path());
        let before = inventory();
        // Killed at once after the first machine is there.
        let own = std::env::current_exe().unwrap();
        let mut child = Command::new(own)
            .args(["--ignored", "--exact", "makes_nodes_until_it_is_killed"])
            .env(FOLDER, at.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !virsh(&["list", "--all", "--name"]).contains("rplay-it-vm-inside") {
            assert!(start.elapsed() < Duration::from_mins(15), "no machine is made");
            assert!(child.try_wait().unwrap().is_none(), "nothing is made any more");
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        with(at.path(), |lab| {
            let start = Instant::now();
            created(lab);
            let took = start.elapsed();
            let config = lab.folder.file("ssh.config.ansible");
            let config = config.to_string_lossy();
            let on = |node: &str, command: &str| said("ssh", &["-F", &config, node, command]);
            let link = on("under", "ip -br addr; ip -br link");
            assert!(link.contains("10.89.61.10/24") && link.contains("52:54:00:0a:0b:0c"), "{link}");
            let disks = on("under", "lsblk -dnbr -o SERIAL,SIZE; hostname");
            assert!(disks.contains("spare-1 67108864") && disks.contains("disk1 33554432"), "{disks}");
            assert!(disks.ends_with("under"), "{disks}");
            // Only through the other: this machine has no address in that network.
            assert_eq!(on("inside", "id -un; sudo -n id -un; hostname"), "deploy\nroot\ninside");
            assert!(!said("ip", &["-o", "route"]).contains("10.89.62."));
            assert_eq!(created(lab), Created { changed: 0, same: 4 });
            let note = format!("two machines were there after {took:?}\n");
            let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
            lab.snapshots("first", false).unwrap();
            on("inside", "echo changed > /tmp/mark; test -s /tmp/mark");
            lab.snapshots("first", true).unwrap();
            assert_eq!(on("inside", "cat /tmp/mark 2>/dev/null || echo gone"), "gone");
            let error = lab.snapshots("second", true).unwrap_err();
            assert!(error.to_string().contains("second"), "{error}");
            let console = lab.console("inside").unwrap();
            assert!(String::from_utf8_lossy(&console).contains("rplay: up"));
            lab.destroy(Level::All, None, |objects| {
                assert_eq!(objects.len(), 5, "{objects:?}");
                Ok(true)
            })
            .unwrap();
            assert!(lab.objects().unwrap().is_empty());
        });
        assert_eq!(inventory(), before);
        assert_eq!(fs_err::read_to_string(at.path().join("pool/under.root.qcow2")).unwrap(), "mine");
        drop(decoys);
    }
}

/// Run by hand, as a user who is not root and has in the cache what root has built: root has no session.
mod session {
    use super::*;

    #[test]
    #[ignore = "needs libvirt, and a user who is not root"]
    fn a_session_s_machines_need_no_bridge() {
        let text = "
name: it-session
networks:
  outer: {cidr: 10.89.64.0/24}
  inner: {kind: isolated, cidr: 10.89.65.0/24}
images:
  debian: {debootstrap: {suite: bookworm}, packages: [python3, sudo]}
types:
  machine: {provider: libvirt, image: debian, memory: 384M, health: {login: true, deadline: 15m}}
nodes:
  under: {type: machine, engine: 'qemu:///session', networks: [outer, inner]}
  inside: {type: machine, engine: 'qemu:///session', networks: [inner], via: under}
";
        let at = tempfile::tempdir().unwrap();
        with_text(at.path(), text, |lab| {
            assert_eq!(created(lab).changed, 4);
            let config = lab.folder.file("ssh.config.ansible");
            let config = config.to_string_lossy();
            let on = |node: &str, command: &str| said("ssh", &["-F", &config, node, command]);
            assert_eq!(on("inside", "hostname"), "inside");
            assert!(on("under", "ip -br address").contains("10.89.64.10/24"));
            assert_eq!(created(lab), Created { changed: 0, same: 4 });
            lab.destroy(Level::All, None, |_| Ok(true)).unwrap();
            assert!(lab.objects().unwrap().is_empty());
        });
    }
}

/// Prints what two machines side by side take, to the first command over ssh, beside one that is started with `virsh`
/// by hand from the same image.
#[test]
#[ignore = "figures, by tests/run vm: needs libvirt"]
fn figures_of_two_machines_and_of_one_by_hand() {
    let at = tempfile::tempdir().unwrap();
    with(at.path(), |lab| {
        // Images and what is known of the processor are there; what is left is the machines' own time.
        lab.create(Parts::Images).unwrap();
        let start = Instant::now();
        created(lab);
        let two = start.elapsed();
        let start = Instant::now();
        created(lab);
        let again = start.elapsed();
        let stored = virsh(&["dumpxml", "--inactive", "rplay-it-vm-under"]);
        let disks = Path::new("/var/lib/libvirt/images/rplay-root-it-vm");
        let base = said("qemu-img", &["info", "-U", &disks.join("under.root.qcow2").to_string_lossy()]);
        let base = base.lines().find_map(|line| line.strip_prefix("backing file: ")).unwrap().to_owned();
        lab.destroy(Level::Nodes, None, |_| Ok(true)).unwrap();
        lab.create(Parts::Networks).unwrap();

        let start = Instant::now();
        let disk = Path::new("/var/lib/libvirt/images/it-hand.qcow2");
        said("qemu-img", &["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &base, &disk.to_string_lossy()]);
        let mut xml = stored.replace("rplay-it-vm-under", "it-hand");
        xml = xml.replace(&disks.join("under.root.qcow2").to_string_lossy().into_owned(), &disk.to_string_lossy());
        xml = xml.replace(
            &disks.join("under.console").to_string_lossy().into_owned(),
            "/var/lib/libvirt/images/it-hand.log",
        );
        // Without the further disks, which went with the node.
        while let Some(from) = xml.find(&*disks.to_string_lossy()) {
            let (from, to) = (xml[..from].rfind("<disk ").unwrap(), xml[from..].find("</disk>").unwrap() + from + 7);
            xml.replace_range(from..to, "");
        }
        let file = at.path().join("hand.xml");
        fs_err::write(&file, xml).unwrap();
        virsh(&["define", &file.to_string_lossy()]);
        virsh(&["start", "it-hand"]);
        let key = lab.folder.key();
        while !Command::new("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-o", "ConnectTimeout=1", "-o", "LogLevel=ERROR", "-i"])
            .arg(&key)
            .args(["root@10.89.61.10", "true"])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
        {
            assert!(start.elapsed() < Duration::from_mins(10));
            std::thread::sleep(Duration::from_millis(100));
        }
        let one = start.elapsed();
        virsh(&["destroy", "it-hand"]);
        virsh(&["undefine", "it-hand"]);
        fs_err::remove_file(disk).unwrap();
        let _ = std::fs::remove_file("/var/lib/libvirt/images/it-hand.log");
        lab.destroy(Level::All, None, |_| Ok(true)).unwrap();
        let ratio = two.as_secs_f64() / one.as_secs_f64();
        let text = format!("two machines {two:.1?}, once more {again:.1?}, one by hand {one:.1?}: {ratio:.2} times\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    });
}
