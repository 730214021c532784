//! Links between networks of containers.

use std::process::Command;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::lab::{Made, docker, image};
use crate::bed;
use crate::lab::TURN;

fn rules() -> String {
    let listed =
        ["filter", "nat"].map(|table| Command::new("iptables").args(["-w", "-t", table, "-S"]).output().unwrap());
    listed.iter().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).collect()
}

fn reaches(from: &str, address: &str) -> bool {
    // bash speaks TCP by itself; a refused connection has come back from there.
    let script = format!("exec 3<>/dev/tcp/{address}/22 && echo open");
    let said = docker(&["exec", from, "timeout", "2", "bash", "-c", &script]);
    said.contains("open")
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn packets_pass_between_linked_networks_and_no_others() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = rules();
    let text = format!(
        "
name: it-links
networks:
  east: {{kind: routed, cidr: 10.89.41.0/24}}
  west: {{kind: routed, cidr: 10.89.42.0/24}}
  edge: {{cidr: 10.89.43.0/24}}
  alone: {{cidr: 10.89.44.0/24}}
links:
  - {{between: [east, edge], rate: 8mbit}}
images: {{base: {{docker: '{}'}}}}
types: {{machine: {{image: base}}}}
nodes:
  e: {{type: machine, networks: [east]}}
  w: {{type: machine, networks: [west]}}
  d: {{type: machine, networks: [edge]}}
  a: {{type: machine, networks: [alone]}}
faults: {{cable: {{cut: [east, west], for: 20s}}}}
",
        image()
    );
    let lab = Made { bed: bed().file("scenario.yml", &text), name: "it-links" };
    let made = lab.rplay(&["create"]);
    assert_eq!(made.code, 0, "{made}");
    let same = lab.rplay(&["create"]);
    assert!(same.stdout.contains("nothing to do"), "{same}");
    let address = |node: &str| {
        let id = format!("rplay-it-links-{node}");
        docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &id])
    };
    for (from, to, passes) in
        [("e", "w", true), ("w", "e", true), ("e", "d", true), ("w", "d", false), ("e", "a", false), ("d", "a", false)]
    {
        assert_eq!(reaches(&format!("rplay-it-links-{from}"), &address(to)), passes, "{from} {to}");
    }
    // 1 MiB at 8 Mbit/s takes a second; without the link's rate it takes milliseconds.
    let script = "head -c 2097152 /dev/zero | ssh -o BatchMode=yes x 2>/dev/null; head -c 1500000 /dev/zero > /dev/tcp/ADDRESS/9";
    let (sink, source) = ("rplay-it-links-d", "rplay-it-links-e");
    docker(&[
        "exec",
        "-d",
        sink,
        "python3",
        "-c",
        "import socket\ns=socket.create_server(('',9))\nc,_=s.accept()\nn=0\nwhile True:\n  b=c.recv(65536)\n  if not b: break\n  n+=len(b)\nopen('/tmp/got','w').write(str(n))",
    ]);
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    let sends = script.split("; ").nth(1).unwrap().replace("ADDRESS", &address("d"));
    docker(&["exec", source, "bash", "-c", &sends]);
    while docker(&["exec", sink, "sh", "-c", "cat /tmp/got 2>/dev/null"]).is_empty()
        && start.elapsed() < Duration::from_secs(20)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = start.elapsed();
    assert!(took > Duration::from_millis(900), "{took:?}");
    // Cut, and joined again by the next command when this one is killed.
    let mut child = lab.bed.command(&["scenario", "side-effect", "--folder", "lab"]).spawn().unwrap();
    let start = Instant::now();
    while !rules().contains("rplay-cut") && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(!reaches("rplay-it-links-e", &address("w")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lab.rplay(&["create"]).code, 0);
    assert!(reaches("rplay-it-links-e", &address("w")));
    assert_eq!(lab.rplay(&["destroy", "--yes"]).code, 0);
    assert_eq!(rules(), before, "no rule is left");
}

#[test]
fn a_link_needs_networks_that_can_have_one() {
    let text = "
name: it-links
networks: {a: {kind: isolated, cidr: 10.1.0.0/24}, b: {cidr: 10.2.0.0/24}, c: {cidr: 10.3.0.0/24}}
images: {base: {docker: debian}}
nodes: {web: {image: base, networks: [a, b]}}
links: [{between: [a, b]}]
faults: {cable: {cut: [b, c]}, other: {cut: [b]}}
";
    let ran = bed().file("scenario.yml", text).rplay(&["scenario", "check"]);
    insta::assert_snapshot!(ran);
}
