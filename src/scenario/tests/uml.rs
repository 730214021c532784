//! A lab of kernels that are programs, with a container on one of their networks, without the program: they come up,
//! reach one another, are broken, kept and put back, and go without a trace.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that is not as it should be")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rplay_diag::Sources;
use rplay_scenario::Scenario;
use rplay_scenario::lab::{Created, Lab, Level, Listener, Parts, Play, Playbooks, Power, Ran, Told};
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

/// What such a lab could leave behind, but what other labs of this machine may have at the same time.
fn inventory() -> String {
    let kept =
        |text: String, ours: &str| text.lines().filter(|line| line.contains(ours)).collect::<Vec<_>>().join("\n");
    [
        kept(said("ip", &["-o", "link"]), "it-uml"),
        kept(said("ip", &["-o", "route"]), "10.89.7"),
        kept(said("iptables", &["-S"]), "rplay-uml-ru-ituml"),
        kept(said("iptables", &["-t", "nat", "-S"]), "10.89.7"),
        kept(said("ps", &["-eo", "args"]), "uml/it-uml/"),
    ]
    .join("\n--\n")
}

/// The lab's image for containers.
fn image() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lab/lab.sh");
    let made = Command::new("bash").arg(script).arg("image").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8_lossy(&made.stdout).lines().last().unwrap().to_owned()
}

fn with(name: &str, lab: &str, see: impl FnOnce(&Lab<'_>)) {
    let at = tempfile::tempdir().unwrap();
    let sources = Arc::new(Sources::new());
    let source = sources.add("scenario.yml", format!("name: {name}\n{lab}"));
    let document = rplay_yaml::parse(&sources, source).unwrap().node;
    let scenario = Scenario::from_document(&at.path().join("scenario.yml"), document, &sources)
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    let lab = Lab::open(&scenario, Counts::default(), Some(&at.path().join("lab")), &Nobody, &Nobody)
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| see(&lab)));
    lab.destroy(Level::All, None, |_| Ok(true)).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    assert!(lab.objects().unwrap().is_empty());
    seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn created(lab: &Lab<'_>) -> Created {
    lab.create(Parts::All).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

fn switched(lab: &Lab<'_>, node: &str, power: Power) {
    lab.power(&[node.to_owned()], power).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
}

/// Run by `tests/run vm`: machines boot for minutes where nothing helps the processor.
mod vm {
    use super::*;

    #[test]
    #[ignore = "needs root and user-mode-linux: tests/run vm"]
    fn kernels_and_containers_share_networks() {
        let before = inventory();
        let text = format!(
            "
networks:
  outer: {{cidr: 10.89.71.0/24, bridge: ru-ituml0}}
  inner: {{kind: isolated, cidr: 10.89.72.0/24}}
images:
  debian: {{debootstrap: {{suite: bookworm}}, packages: [python3, sudo]}}
  lvm: {{from: debian, packages: [lvm2]}}
  box: {{docker: '{}'}}
types:
  kernel: {{provider: uml, image: lvm, memory: 256M}}
nodes:
  one: {{type: kernel, networks: [outer, inner], disks: [{{size: 64M, serial: spare}}]}}
  two: {{type: kernel, networks: [inner], via: one, user: deploy}}
  box: {{image: box, networks: [inner]}}
",
            image()
        );
        with("it-uml", &text, |lab| {
            assert_eq!(created(lab).changed, 5);
            let config = lab.folder.file("ssh.config.ansible");
            let config = config.to_string_lossy();
            let on = |node: &str, command: &str| said("ssh", &["-F", &config, node, command]);
            assert_eq!(on("two", "id -un; sudo -n id -un; hostname"), "deploy\nroot\ntwo");
            // A kernel of its own: what no container has.
            let lvm = "modprobe dm-mod && pvcreate -qq -y /dev/ubdb && vgcreate -qq v /dev/ubdb && lvcreate -qq -y -L 16M -n l v && \
                       lvs --noheadings -o lv_name; cat /sys/block/ubdb/serial";
            assert_eq!(on("one", lvm).split_whitespace().collect::<Vec<_>>(), ["l", "spare"]);
            // The container's network is Docker's, and the kernels are in it.
            let reach =
                format!("exec 3<>/dev/tcp/{}/22 && read -r hello <&3 && echo \"${{hello%%-*}}\"", "10.89.72.10");
            assert_eq!(said("docker", &["exec", "rplay-it-uml-box", "bash", "-c", &reach]), "SSH");
            assert_eq!(created(lab), Created { changed: 0, same: 5 });

            on("one", "echo one > /root/file && sync");
            lab.snapshots("first", false).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            on("one", "echo two > /root/file && sync");
            lab.snapshots("first", true).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            assert_eq!(on("one", "cat /root/file"), "one");

            switched(lab, "two", Power::Pause);
            switched(lab, "two", Power::Resume);
            assert_eq!(on("two", "echo there"), "there");
            switched(lab, "two", Power::Shutdown);
            assert_eq!(created(lab).changed, 1, "what does not run is started");
            assert_eq!(on("two", "hostname"), "two");
            switched(lab, "two", Power::Off);
        });
        assert_eq!(inventory(), before);
    }
}
