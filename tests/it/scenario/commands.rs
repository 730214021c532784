//! Commands around labs: pictures, plans, logs, reports, forwarded ports, snapshots, leases, archives.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::lab::{Made, docker, image, made, there};
use crate::bed;
use crate::lab::TURN;

const SITES: &str = "
name: it-sites
networks: {central: {kind: routed, cidr: 10.89.51.0/24}, edge: {kind: routed, cidr: 10.89.52.0/24}}
links: [{between: [central, edge], latency: 20ms, rate: 10mbit}]
images: {base: {docker: 'rplay/none:1'}}
types: {machine: {image: base}}
nodes: {control: {type: machine, networks: [central]}, compute: {type: machine, count: 2, networks: [edge]}}
stages:
  central: {command: 'true', hosts: control, outputs: {key: {value: 1}}, inputs: {late: 'edge.key?'}}
  edge: {command: 'true', hosts: compute, outputs: {key: {value: 2}}, inputs: {key: central.key}}
  both: {stages: [edge, central]}
";

#[test]
fn pictures_are_drawn() {
    let bed = bed().file("scenario.yml", SITES);
    insta::assert_snapshot!("graph", bed.rplay(&["scenario", "graph"]));
    let picture = bed.rplay(&["scenario", "graph", "--svg"]);
    insta::assert_snapshot!("svg", picture.stdout);
}

#[test]
fn scenarios_to_start_from_are_written() {
    let bed = bed();
    for template in ["web", "role", "sites", "machine"] {
        let folder = format!("scenarios/{template}");
        let ran = bed.rplay(&["scenario", "init", &folder, "--template", template]);
        assert_eq!(ran.stdout, format!("{folder}/scenario.yml\n"), "{ran}");
        let checked = bed.rplay(&["scenario", "check", template]);
        assert_eq!(checked.code, 0, "{checked}");
    }
    let wrong = bed.rplay(&["scenario", "init", "scenarios/other", "--template", "sties"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("'sites'"), "{wrong}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_plan_tells_what_runs_and_why_and_refuses_what_does_not_fit() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-plan",
        "
stages:
  first: {command: sleep 0.3, outputs: {key: {value: 1}}}
  second: {command: 'true', inputs: {key: first.key}, description: Uses the key.}
",
    );
    let start = Instant::now();
    let plan = lab.rplay(&["plan", "second"]);
    assert_eq!(plan.code, 0, "{plan}");
    for line in [
        "network  lan                  10.89.31.0/24      made\n",
        "node     web-0                10.89.31.10,10.89.32.10 made  docker base\n",
        "stage    first                      ?  needed by second\n",
        "stage    second                     ?  asked for  (Uses the key.)\n",
        "type     web                        ?  2 of 96M (reckoned), 192M together\n",
        " and what 4 steps take that never ran here\n",
    ] {
        assert!(plan.stdout.contains(line), "{line}{plan}");
    }
    let refused = lab.rplay(&["plan", "--set", "budget.memory=100M"]);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("the nodes need 224M of memory, and 100M can be had"), "{refused}");
    let refused = lab.rplay(&["create", "--set", "types.machine.memory=4000G"]);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(start.elapsed() < Duration::from_secs(6), "three answers, each in less than two seconds");
    assert_eq!(there("it-plan"), "");
    assert_eq!(lab.rplay(&["converge"]).code, 0);
    let again = lab.rplay(&["plan"]);
    assert!(again.stdout.contains("s  by default; nothing has changed since it ran\n"), "{again}");
    assert!(again.stdout.contains("(measured)"), "{again}");
    assert!(!again.stdout.contains("never ran here"), "{again}");
    let needed = lab.rplay(&["plan", "--needed", "--set", "stages.first.command=sleep 0.2"]);
    assert!(
        needed.stdout.contains("stage    first") && needed.stdout.contains("stale: it was written anew"),
        "{needed}"
    );
    let status = lab.rplay(&["status"]);
    assert!(status.stdout.contains("stage    first                ran\n"), "{status}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn failures_keep_logs_and_have_their_own_codes() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-logs",
        "
stages: {first: {command: 'echo working; exit 3', hosts: talker}}
verify: [{name: wrong, hosts: web, shell: 'false'}]
",
    );
    let talker = "nodes:\n  talker: {image: base, container: {command: [sh, -c, 'echo up; echo Kernel panic - not syncing; sleep infinity']}}\n";
    fs_err::write(lab.bed.join("scenario.yml"), lab.bed.read("scenario.yml").replace("nodes:\n", talker)).unwrap();
    let ran = lab.rplay(&["test", "--logs", "kept", "--report", "report.html"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("logs of the nodes are in kept"), "{ran}");
    assert!(ran.stderr.contains("talker.console, line 2: Kernel panic - not syncing"), "{ran}");
    assert_eq!(there("it-logs"), "", "{ran}");
    assert_eq!(lab.bed.read("kept/talker.console"), "up\nKernel panic - not syncing\n");
    assert!(lab.bed.read("kept/web-0.journal").contains("systemd"), "{ran}");
    assert_eq!(lab.bed.read("kept/first.log"), "working\n");
    let page = lab.bed.read("report.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("Ended with 2"), "{page}");
    assert!(page.contains("stage `first` failed: exit status: 3"), "{page}");
    // Steps as a JUnit report, and nothing else on standard output.
    let ran = lab.rplay(&["test", "--output", "junit", "--destroy", "never"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stdout.starts_with("<?xml") && ran.stdout.trim_end().ends_with("</testsuites>"), "{ran}");
    assert!(ran.stdout.contains("<testcase name=\"first\" classname=\"it-logs.stage\""), "{ran}");
    // Only the collection fails: another code.
    let logs = lab.rplay(&["logs"]);
    assert_eq!(logs.code, 2, "what is bad in them is found: {logs}");
    fs_err::write(lab.bed.join("file"), "").unwrap();
    let broken = lab.rplay(&["logs", "--logs", "file/below"]);
    assert_eq!(broken.code, 3, "{broken}");
    let lines = lab.rplay(&["verify", "--output", "jsonl"]);
    let records: Vec<serde_json::Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.iter().any(|record| record["what"] == "check" && record["ending"] == "failed"), "{lines}");
    assert!(records.iter().all(|record| record["at"].is_number()), "{lines}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn ports_are_forwarded() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-forward", "");
    assert_eq!(lab.rplay(&["create"]).code, 0);
    let server = "import socket\ns=socket.create_server(('',81))\nwhile True:\n c,_=s.accept()\n c.sendall(b'hello'+c.recv(9))\n c.close()";
    docker(&["exec", "-d", "rplay-it-forward-web-0", "python3", "-c", server]);
    let mut command = lab.bed.command(&["scenario", "forward", "--folder", "lab", "web-0", "0:81"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').next().unwrap();
    assert_eq!(line, format!("{address} is port 81 of web-0\n"));
    std::thread::sleep(Duration::from_millis(300));
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b" you").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hello you");
    let pid = i32::try_from(child.id()).unwrap();
    nix_kill(pid);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    for (words, text) in [
        (&["web-0", "x"][..], "`x` is no port"),
        (&["web-0"], "nothing is to be forwarded"),
        (&["wbe-0", "81"], "did you mean `web-0`?"),
        (&["web-0", "--socks", "1080"], "a SOCKS proxy needs ssh"),
    ] {
        let ran = lab.rplay(&[&["forward"], words].concat());
        assert!(ran.code != 0 && ran.stderr.contains(text), "{ran}");
    }
}

/// Ctrl-C.
fn nix_kill(pid: i32) {
    let killed = std::process::Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn disks_are_kept_after_stages_and_put_back() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made(
        "it-snaps",
        "
stages:
  first: {command: 'docker exec rplay-it-snaps-box sh -c \"echo first > /etc/state\"'}
  second: {command: 'docker exec rplay-it-snaps-box sh -c \"echo second > /etc/state\"', needs: first}
",
    );
    let ran = lab.rplay(&["run", "--snapshot", "--nodes", "web:0"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(lab.rplay(&["snapshot", "--nodes", "web:0"]).stdout, "first\nsecond\n");
    let state = || docker(&["exec", "rplay-it-snaps-box", "cat", "/etc/state"]);
    assert_eq!(state(), "second");
    let back = lab.rplay(&["back", "first", "--nodes", "web:0"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(state(), "first");
    // What came after it has not run any more.
    let status = lab.rplay(&["status", "--nodes", "web:0"]);
    assert!(status.stdout.contains("stage    first                ran\n"), "{status}");
    assert!(status.stdout.contains("stage    second               not run\n"), "{status}");
    let needed = lab.rplay(&["run", "--needed", "--nodes", "web:0"]);
    assert!(needed.stdout.contains("stage       first                    same"), "{needed}");
    assert_eq!(state(), "second");
    let wrong = lab.rplay(&["back", "frist", "--nodes", "web:0"]);
    assert!(wrong.stderr.contains("did you mean `first`?"), "{wrong}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn networks_come_first_a_node_is_added_live_and_levels_of_removal_stop() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-levels", "stages: {first: {command: 'true', hosts: web}}");
    let networks = lab.rplay(&["create", "--only", "networks"]);
    assert!(networks.stdout.ends_with("2 made, 0 as they were\n"), "{networks}");
    let label = "label=rplay.scenario=it-levels";
    let containers = || docker(&["ps", "-aq", "--no-trunc", "--filter", label]);
    assert_eq!(containers(), "");
    assert_eq!(lab.rplay(&["converge"]).code, 0);
    let before = containers();
    let more = lab.rplay(&["create", "--nodes", "web:3"]);
    assert!(more.stdout.ends_with("1 made, 5 as they were\n"), "{more}");
    let after = containers();
    assert!(before.lines().all(|id| after.contains(id)) && after.lines().count() == 4, "{after}");
    // One node alone, then all nodes, then everything.
    let one = lab.rplay(&["destroy", "--hosts", "web-2", "--nodes", "web:3", "--yes"]);
    assert_eq!(one.code, 0, "{one}");
    assert_eq!(containers().lines().count(), 3);
    assert!(lab.rplay(&["status"]).stdout.contains("stage    first                not run\n"));
    let wrong = lab.rplay(&["destroy", "--hosts", "wbe", "--yes"]);
    assert!(wrong.stderr.contains("did you mean `web`?"), "{wrong}");
    let none = lab.rplay(&["destroy", "--level", "none", "--yes"]);
    assert_eq!(none.stdout, "0 removed\n", "{none}");
    let asked = lab.rplay(&["destroy", "--level", "nodes"]);
    assert_ne!(asked.code, 0, "{asked}");
    assert!(asked.stdout.contains("node     rplay-it-levels-box") && !asked.stdout.contains("network"), "{asked}");
    let nodes = lab.rplay(&["destroy", "--level", "nodes", "--yes"]);
    assert_eq!(nodes.code, 0, "{nodes}");
    assert_eq!(containers(), "");
    assert_eq!(docker(&["network", "ls", "-q", "--filter", label]).lines().count(), 2);
    assert!(lab.bed.join("lab/id_ed25519").exists());
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn what_nobody_owns_is_shown_and_removed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-stray", "");
    assert_eq!(lab.rplay(&["create", "--nodes", "web:0"]).code, 0);
    let gc = |words: &[&str]| lab.bed.rplay(&[&["scenario", "gc"], words].concat());
    let kept = gc(&[]);
    assert!(!kept.stdout.contains("it-stray"), "{kept}");
    let near = gc(&["it-stray", "--yes"]);
    assert!(near.stderr.contains("its lab is in use"), "{near}");
    assert!(lab.bed.rplay(&["scenario", "list", "--labs"]).stdout.starts_with("it-stray "));
    // Its time is over.
    assert_eq!(lab.rplay(&["keep", "--for", "1ms"]).code, 0);
    std::thread::sleep(Duration::from_millis(5));
    let asked = gc(&["it-stray"]);
    assert_ne!(asked.code, 0, "{asked}");
    assert!(
        asked.stdout.contains("it-stray: its time is over") && asked.stdout.contains("rplay-it-stray-box"),
        "{asked}"
    );
    assert_ne!(there("it-stray"), "");
    assert_eq!(lab.rplay(&["keep"]).code, 0);
    let near = gc(&["it-stray", "--yes"]);
    assert!(near.stderr.contains("its lab is in use"), "{near}");
    // Its folder is gone.
    fs_err::remove_dir_all(lab.bed.join("lab")).unwrap();
    let gone = gc(&["it-stray", "--yes"]);
    assert_eq!(gone.code, 0, "{gone}");
    assert!(gone.stdout.contains("it-stray: its folder") && gone.stdout.ends_with("3 removed\n"), "{gone}");
    assert_eq!(there("it-stray"), "");
    let wrong = lab.rplay(&["keep", "--for", "soon"]);
    assert_eq!(wrong.code, 5, "{wrong}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_lab_is_exported_and_made_again_elsewhere() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = made("it-export", "stages: {first: {command: 'true', outputs: {key: {value: 7}}}}");
    assert_eq!(lab.rplay(&["converge", "--nodes", "web:1"]).code, 0);
    docker(&["exec", "rplay-it-export-box", "sh", "-c", "echo kept > /etc/state"]);
    let out = lab.rplay(&["export", "lab.tar", "--nodes", "web:1"]);
    assert_eq!(out.code, 0, "{out}");
    assert_eq!(lab.rplay(&["destroy", "--yes", "--nodes", "web:1"]).code, 0);
    assert_eq!(docker(&["images", "-q", "rplay-snapshot/rplay-it-export-box"]), "");
    let back = lab.rplay(&["import", "lab.tar", "again", "--nodes", "web:1"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(docker(&["exec", "rplay-it-export-box", "cat", "/etc/state"]), "kept");
    assert!(lab.bed.join("again/scenario.yml").exists());
    let status = lab.rplay(&["status", "--nodes", "web:1"]);
    assert!(status.stdout.contains("stage    first                ran\n"), "{status}");
    let twice = lab.rplay(&["import", "lab.tar", "again"]);
    assert!(twice.stderr.contains("again is there already"), "{twice}");
    fs_err::write(lab.bed.join("no.tar"), "nothing").unwrap();
    let wrong = lab.rplay(&["import", "no.tar", "other"]);
    assert!(wrong.stderr.contains("no.tar is no exported lab"), "{wrong}");
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_node_that_does_not_come_up_is_made_once_more() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed();
    let text = format!(
        "
name: it-retry
images: {{base: {{docker: '{}'}}}}
nodes:
  web:
    image: base
    container: {{command: [sh, -c, 'test -e /here/flag || {{ touch /here/flag; echo no; exit 7; }}; sleep infinity'],
      volumes: ['{}:/here']}}
    health: {{command: 'true'}}
",
        image(),
        bed.path().display()
    );
    let lab = Made { bed: bed.file("scenario.yml", &text), name: "it-retry" };
    let ran = lab.rplay(&["create"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("node `web` is removed and made once more: cannot bring node `web` up"), "{ran}");
    assert_eq!(lab.rplay(&["destroy", "--yes"]).code, 0);
    let ran = lab.rplay(&["create", "--set", "nodes.web.container.command=[sh, -c, 'echo never; exit 9']"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("it ended with 9; its last words: never"), "{ran}");
    assert!(ran.stderr.contains("it was tried twice and stays for a look"), "{ran}");
}

#[test]
fn topologies_of_other_tools_are_scenarios() {
    let bed = bed()
        .file(
            "topology/network/one_net.yml",
            "
networks:
  net1:
    name: data
    ip_address: 192.0.2.150
    netmask: 255.255.255.0
    forward: nat
    dhcp: {range: {start: 192.0.2.2, end: 192.0.2.100}}
nodes:
  default:
    interfaces: &interfaces
      network1: {network: data, bridged: no}
  controller:
    interfaces: *interfaces
",
        )
        .file(
            "topology/nodes/controller.yml",
            "
name: controller
cpu: 2
memory: 2048
disks:
  disk1: {path: /var/lib/libvirt/images, dev: /dev/vda, size: 10G, cache: unsafe, preallocation: metadata}
groups: [controller, overcloud_nodes]
",
        )
        .file("nodes.yml", "overcloud_nodes: [{name: control_0, flavor: control}]\ncontrol_memory: 4096\n");
    let words = ["scenario", "convert", "infrared", "topology", "--topology-network", "one_net", "--topology-nodes"];
    let made = bed.rplay(&[&words[..], &["controller:2"]].concat());
    assert_eq!(made.code, 0, "{made}");
    fs_err::create_dir(bed.join("one")).unwrap();
    fs_err::write(bed.join("one/scenario.yml"), &made.stdout).unwrap();
    let checked = bed.rplay(&["scenario", "check", "one"]);
    assert!(checked.stdout.contains("2 nodes, 1 network"), "{checked}\n{made}");
    let wrong = bed.rplay(&[&words[..], &["contrller:2"]].concat());
    assert!(wrong.code == 5 && wrong.stderr.contains("did you mean `controller`?"), "{wrong}");
    let made = bed.rplay(&[
        "scenario",
        "convert",
        "quickstart",
        "nodes.yml",
        "--image-url",
        "file:///images/undercloud.qcow2",
    ]);
    assert_eq!(made.code, 0, "{made}");
    fs_err::write(bed.join("two.yml"), &made.stdout).unwrap();
    let checked = bed.rplay(&["scenario", "check", "two.yml"]);
    assert!(checked.stdout.contains("2 nodes"), "{checked}\n{made}");
}
