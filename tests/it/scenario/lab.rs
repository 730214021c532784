//! With Docker: the nodes' image is that of the lab.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rplay_testkit::TestBed;

use crate::lab::TURN;
use crate::{bed, copy};

pub(super) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What is there of the scenario, by Docker's own word.
pub(super) fn there(scenario: &str) -> String {
    let label = format!("label=rplay.scenario={scenario}");
    [
        docker(&["ps", "-aq", "--filter", &label]),
        docker(&["network", "ls", "-q", "--filter", &label]),
        docker(&["volume", "ls", "-q", "--filter", &label]),
    ]
    .join("")
}

/// The lab's image.
pub(super) fn image() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let made = Command::new("bash").arg(root.join("fixtures/lab/lab.sh")).arg("image").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // By its own name: a scenario may have an image called `node` too.
    String::from_utf8_lossy(&made.stdout).lines().last().unwrap().to_owned()
}

/// A scenario that is removed with the test.
pub(super) struct Made {
    pub(super) bed: TestBed,
    pub(super) name: &'static str,
}

impl Made {
    pub(super) fn rplay(&self, args: &[&str]) -> rplay_testkit::Ran {
        // Before what a node is told to run.
        let (command, rest) = args.split_at(1);
        self.bed.rplay(&[&["scenario"], command, &["--folder", "lab"], rest].concat())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.rplay(&["destroy", "--yes"]);
        assert_eq!(there(self.name), "", "something of the scenario is left");
    }
}

pub(super) fn made(name: &'static str, more: &str) -> Made {
    let text = format!(
        "
name: {name}
networks:
  lan: {{cidr: 10.89.31.0/24}}
  inner: {{kind: isolated, cidr: 10.89.32.0/24}}
images: {{base: {{docker: '{}'}}}}
types: {{machine: {{image: base, networks: [lan, inner]}}}}
nodes:
  web: {{type: machine, count: 2}}
  box: {{image: base, networks: [inner], container: {{command: [sleep, infinity], volumes: ['data:/srv']}}}}
{more}",
        image()
    );
    Made { bed: bed().file("scenario.yml", &text), name }
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn nodes_are_made_once_and_removed_without_their_neighbours() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lab = made("it-once", "");
    let image = image();
    // Alike in name, and not the scenario's.
    docker(&["rm", "-f", "rplay-it-once-web-9"]);
    docker(&["run", "-d", "--name", "rplay-it-once-web-9", &image, "sleep", "600"]);
    docker(&["network", "create", "rplay-it-once-other", "--subnet", "10.89.33.0/24"]);
    docker(&["volume", "create", "rplay-it-once-data2"]);
    let first = lab.rplay(&["create"]);
    assert_eq!(first.code, 0, "{first}");
    assert!(first.stdout.contains("5 made, 0 as they were"), "{first}");
    let address = docker(&["exec", "rplay-it-once-web-0", "ip", "-o", "-4", "addr"]);
    assert!(address.contains("10.89.31.") && address.contains("10.89.32."), "{address}");
    let route = docker(&["exec", "rplay-it-once-web-0", "ip", "route", "show", "default"]);
    assert!(route.contains("via 10.89.31.1"), "{route}");
    let before = docker(&["ps", "-q", "--no-trunc", "--filter", "label=rplay.scenario=it-once"]);
    let second = lab.rplay(&["create"]);
    assert!(second.stdout.contains("nothing to do: all 5 networks and nodes are as asked for"), "{second}");
    assert_eq!(docker(&["ps", "-q", "--no-trunc", "--filter", "label=rplay.scenario=it-once"]), before);
    // What stopped is started, what differs is made anew, the rest stays.
    docker(&["stop", "-t", "0", "rplay-it-once-web-1"]);
    docker(&["network", "disconnect", "rplay-it-once-inner", "rplay-it-once-web-0"]);
    let third = lab.rplay(&["create", "--set", "nodes.box.container.env={A: b}"]);
    assert!(third.stdout.contains("made"), "{third}");
    assert!(docker(&["exec", "rplay-it-once-web-0", "ip", "-o", "-4", "addr"]).contains("10.89.32."), "{third}");
    assert_eq!(docker(&["exec", "rplay-it-once-box", "sh", "-c", "echo $A"]), "b");
    let asked = lab.rplay(&["destroy"]);
    assert_ne!(asked.code, 0, "without a terminal nothing is removed: {asked}");
    assert!(asked.stdout.contains("rplay-it-once-web-0") && asked.stderr.contains("--yes"), "{asked}");
    let gone = lab.rplay(&["destroy", "--yes"]);
    assert_eq!(gone.code, 0, "{gone}");
    assert_eq!(there("it-once"), "");
    assert_eq!(docker(&["inspect", "-f", "{{.State.Running}}", "rplay-it-once-web-9"]), "true");
    assert_eq!(docker(&["network", "inspect", "-f", "{{.Name}}", "rplay-it-once-other"]), "rplay-it-once-other");
    assert_eq!(docker(&["volume", "inspect", "-f", "{{.Name}}", "rplay-it-once-data2"]), "rplay-it-once-data2");
    docker(&["rm", "-f", "rplay-it-once-web-9"]);
    docker(&["network", "rm", "rplay-it-once-other"]);
    docker(&["volume", "rm", "rplay-it-once-data2"]);
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_killed_creation_is_finished_by_the_next() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lab = made("it-killed", "");
    for delay in [100, 400, 900, 1600] {
        let mut child = lab
            .bed
            .command(&["scenario", "create", "--folder", "lab"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = lab.rplay(&["create"]);
    assert_eq!(last.code, 0, "{last}");
    let again = lab.rplay(&["create"]);
    assert!(again.stdout.contains("nothing to do: all 5"), "{again}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn stages_checks_and_faults_run_on_nodes() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lab = made(
            "it-stages",
            "
stages:
  deploy:
    playbook: site.yml
    hosts: web
    outputs: {kernel: {fact: kind_of_system, from: web-0}}
  after: {command: 'echo it is $KIND > $RPLAY_OUTPUTS/kind', inputs: {kind: deploy.kernel}, outputs: {kind: {file: kind}}}
verify:
  - {name: page, hosts: web, shell: cat /srv/page, stdout: ^hello, after: deploy}
  - {name: pages, same: ['web-0:/srv/page', 'web-1:/srv/page']}
  - {name: no server, hosts: web-0, port: 81, closed: true}
faults:
  pause: {hosts: web-1, pause: true, for: 100ms}
  power: {hosts: web-1, power_off: true}
  cut: {hosts: web, partition: inner}
",
        );
    let bed = &lab.bed;
    fs_err::write(
        bed.join("site.yml"),
        "
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {kind_of_system: lab}
    - copy: {content: \"hello\\n\", dest: /srv/page}
",
    )
    .unwrap();
    let ran = lab.rplay(&["run", "after"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(fs_err::read_to_string(bed.join("lab/outputs/kind")).unwrap(), "it is lab\n");
    let again = lab.rplay(&["idempotence"]);
    assert_eq!(again.code, 0, "{again}");
    let unknown = lab.rplay(&["run", "aftr"]);
    assert_eq!(unknown.code, 5, "{unknown}");
    assert!(unknown.stderr.contains("did you mean `after`?"), "{unknown}");
    let broken = lab.rplay(&["side-effect"]);
    assert_eq!(broken.code, 0, "{broken}");
    let good = lab.rplay(&["verify"]);
    assert_eq!(good.code, 0, "{good}");
    docker(&["exec", "rplay-it-stages-web-0", "sh", "-c", "echo bye > /srv/page"]);
    let bad = lab.rplay(&["verify"]);
    assert_eq!(bad.code, 2, "{bad}");
    assert!(bad.stderr.contains("check `page` failed: on `web-0` it says `bye`"), "{bad}");
    assert!(bad.stderr.contains("check `pages` failed"), "{bad}");
    let changed = lab.rplay(&["idempotence"]);
    assert_eq!(changed.code, 2, "{changed}");
    let shown = lab.rplay(&["login", "web-0", "cat", "/srv/page"]);
    assert!(shown.stdout.contains("hello"), "{shown}");
}

/// A shipped scenario passes, and leaves nothing.
fn passes(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bed = bed();
    for folder in ["scenarios", "roles"] {
        copy(&root.join(folder), &bed.join(folder));
    }
    assert!(Path::new(&bed.join(&format!("scenarios/{name}/scenario.yml"))).exists());
    let ran = bed.rplay(&["scenario", "test", name, "--folder", "lab"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(there(name), "");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn the_scenario_of_our_roles_passes() {
    passes("roles");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn the_scenario_of_faults_passes() {
    passes("faults");
}
