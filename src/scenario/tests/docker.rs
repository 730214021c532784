//! A lab on the Docker daemon of this machine, without the program: what is made, kept, broken, put back and removed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that is not as it should be")]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rplay_diag::Sources;
use rplay_scenario::Scenario;
use rplay_scenario::lab::{Created, Lab, Listener, Play, Playbooks, Ran, Told};
use rplay_scenario::topology::Counts;

/// Containers and networks have names, so one test at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Nobody;

impl Listener for Nobody {
    fn told(&self, told: &Told) {
        if let Told::Note(text) = told {
            // Shown when the test fails.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
        }
    }
}

impl Playbooks for Nobody {
    fn run(&self, _: &Play) -> Ran {
        panic!("no playbook is run here")
    }
}

fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The lab's image with systemd and sshd.
fn image() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lab/lab.sh");
    let made = Command::new("bash").arg(script).arg("image").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // By its own name: a scenario may have an image called `node` too.
    String::from_utf8_lossy(&made.stdout).lines().last().unwrap().to_owned()
}

fn with<T>(name: &str, more: &str, see: impl FnOnce(&Lab<'_>) -> T) -> T {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = format!("name: {name}\nimages: {{base: {{docker: '{}'}}}}\n{more}", image());
    let sources = Arc::new(Sources::new());
    let source = sources.add("scenario.yml", text.as_str());
    let document = rplay_yaml::parse(&sources, source).unwrap().node;
    let at = tempfile::tempdir().unwrap();
    let scenario = Scenario::from_document(&at.path().join("scenario.yml"), document, &sources)
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
    let lab = Lab::open(&scenario, Counts::default(), Some(&at.path().join("lab")), &Nobody, &Nobody).unwrap();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| see(&lab)));
    lab.destroy(rplay_scenario::lab::Level::All, None, |_| Ok(true)).unwrap();
    assert!(lab.objects().unwrap().is_empty());
    seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn created(lab: &Lab<'_>) -> Created {
    lab.create(rplay_scenario::lab::Parts::All).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

/// Run by `tests/run`, which asks for `lab::`.
mod lab {
    use super::*;

    #[test]
    #[ignore = "needs Docker: tests/run"]
    fn nodes_have_what_they_are_given() {
        let more = "
networks: {lan: {cidr: 10.89.41.0/24, mtu: 1400}, inner: {kind: isolated, cidr: 10.89.42.0/24}}
nodes:
  web:
    image: base
    networks: [inner, lan]
    addresses: {lan: 10.89.41.77}
    macs: {lan: '52:54:00:aa:bb:cc'}
    memory: 256M
    cpus: 1
    container: {env: {A: b}, volumes: ['data:/srv/data'], ports: ['18081:80'], sysctls: {net.ipv4.ip_forward: '1'}, hostname: www, pids: 200}
  box:
    image: base
    container: {command: [sh, -c, 'echo ready; exec sleep infinity']}
    health: {log: '^ready$', deadline: 20s}
  shell: {image: base, networks: [lan], container: {connection: ssh}}
";
        with("it-given", more, |lab| {
            assert_eq!(created(lab), Created { changed: 5, same: 0 });
            let on =
                |node: &str, command: &str| docker(&["exec", &format!("rplay-it-given-{node}"), "sh", "-c", command]);
            let link = on("web", "ip -o addr show to 10.89.41.77; ip -o link");
            assert!(link.contains("10.89.41.77/24"), "{link}");
            assert!(link.contains("52:54:00:aa:bb:cc") && link.contains("mtu 1400"), "{link}");
            assert!(on("web", "ip route show default").contains("via 10.89.41.1 "), "the first network is isolated");
            assert_eq!(
                on("web", "hostname; cat /proc/sys/net/ipv4/ip_forward; echo > /srv/data/x; ls /srv/data"),
                "www\n1\nx"
            );
            assert_eq!(
                docker(&["inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "rplay-it-given-web"]),
                "268435456 1000000000"
            );
            assert_eq!(on("box", "ls /sys/class/net"), "lo", "a node in no network has none");
            // Over ssh, with the scenario's key and nothing of the user's.
            let config = lab.folder.file("ssh.config.ansible");
            let output = Command::new("ssh").arg("-F").arg(&config).args(["shell", "id -un"]).output().unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout).trim(),
                "root",
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert_eq!(created(lab), Created { changed: 0, same: 5 });
            let again = lab.objects().unwrap();
            assert_eq!(again.len(), 6, "with the volume");
        });
    }

    #[test]
    #[ignore = "needs Docker: tests/run"]
    fn what_is_broken_is_mended_and_what_was_kept_comes_back() {
        let more = "
networks: {lan: {cidr: 10.89.43.0/24}}
nodes:
  a: {image: base, networks: [lan]}
  b: {image: base, networks: [lan], container: {command: [sleep, infinity]}}
faults:
  power: {hosts: a, power_off: true}
  pause: {hosts: a, pause: true}
  cut: {hosts: b, partition: lan}
  kill: {hosts: a, kill: cron.service}
verify:
  - {name: cron, hosts: a, shell: systemctl is-active cron, deadline: 5s}
  - {name: names, hosts: a, shell: getent hosts b, stdout: 10.89.43., deadline: 5s}
";
        with("it-broken", more, |lab| {
            created(lab);
            lab.verify(&[]).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            lab.side_effect(&[]).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            lab.verify(&[]).unwrap_or_else(|error| panic!("{:?}", error.diagnostics()));
            assert_eq!(created(lab), Created { changed: 0, same: 3 }, "all is as before");
            let on = |command: &str| docker(&["exec", "rplay-it-broken-b", "sh", "-c", command]);
            on("echo one > /root/file");
            lab.snapshots("first", false).unwrap();
            on("echo two > /root/file");
            lab.snapshots("first", true).unwrap();
            assert_eq!(on("cat /root/file"), "one");
            assert_eq!(created(lab), Created { changed: 0, same: 3 });
            let error = lab.snapshots("second", true).unwrap_err();
            assert!(error.to_string().contains("there is no snapshot `second`"), "{error}");
        });
    }

    #[test]
    #[ignore = "needs Docker: tests/run"]
    fn images_are_built_once_for_their_content() {
        let more = "
  patched: {from: base, files: [{path: /etc/greeting, content: hello}], commands: ['echo more >> /etc/greeting']}
nodes: {a: {image: patched, container: {command: [sleep, infinity]}}}
";
        // The mapping of images goes on in block style.
        let text = more.to_owned();
        let name = "it-image";
        let images = || docker(&["images", "rplay/patched", "-q"]);
        let sources = Arc::new(Sources::new());
        let at = tempfile::tempdir().unwrap();
        let whole = format!("name: {name}\nimages:\n  base: {{docker: '{}'}}{text}", image());
        let source = sources.add("scenario.yml", whole.as_str());
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        let scenario = Scenario::from_document(&at.path().join("scenario.yml"), document, &sources).unwrap();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::open(&scenario, Counts::default(), Some(&at.path().join("lab")), &Nobody, &Nobody).unwrap();
        created(&lab);
        let before = images();
        assert_eq!(docker(&["exec", "rplay-it-image-a", "cat", "/etc/greeting"]), "hellomore");
        assert_eq!(created(&lab), Created { changed: 0, same: 1 });
        assert_eq!(images(), before);
        lab.destroy(rplay_scenario::lab::Level::All, None, |_| Ok(true)).unwrap();
        for image in before.lines() {
            docker(&["rmi", image]);
        }
    }

    #[test]
    #[ignore = "needs Docker: tests/run"]
    fn a_name_that_is_taken_is_left_alone() {
        let more = "nodes: {a: {image: base, container: {command: [sleep, infinity]}}}\n";
        with("it-taken", more, |lab| {
            docker(&["run", "-d", "--name", "rplay-it-taken-a", &image(), "sleep", "60"]);
            let error = lab.create(rplay_scenario::lab::Parts::All).unwrap_err();
            assert!(error.to_string().contains("that this scenario did not make"), "{error}");
            lab.destroy(rplay_scenario::lab::Level::All, None, |objects| {
                assert!(objects.is_empty());
                Ok(true)
            })
            .unwrap();
            assert_eq!(docker(&["inspect", "-f", "{{.State.Running}}", "rplay-it-taken-a"]), "true");
            docker(&["rm", "-f", "rplay-it-taken-a"]);
        });
    }
}

/// Prints what making a node costs beside `docker run` of the same container.
#[test]
#[ignore = "figures: needs Docker"]
fn figures_of_a_node_and_of_docker_run() {
    let image = image();
    let more = "nodes: {a: {image: base, container: {command: [sleep, infinity]}}}\n";
    with("it-figures", more, |lab| {
        let mut figures = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            docker(&[
                "run",
                "-d",
                "--name",
                "rplay-it-figures-plain",
                "--network",
                "none",
                &image,
                "sleep",
                "infinity",
            ]);
            let plain = start.elapsed();
            docker(&["rm", "-f", "rplay-it-figures-plain"]);
            let start = Instant::now();
            created(lab);
            figures.push((plain, start.elapsed()));
            docker(&["rm", "-f", "rplay-it-figures-a"]);
        }
        let text = format!("docker run, create: {figures:?}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    });
}
