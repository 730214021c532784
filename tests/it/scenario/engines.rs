//! Several Docker daemons in one scenario.

use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::lab::{Made, docker, image, there};
use crate::bed;
use crate::lab::TURN;

/// A daemon of its own, with its own store and socket; its containers have no network but their own.
struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let child = Command::new("unshare")
            // With `--bridge none` a daemon removes docker0, which is the other daemon's: this one has links of its own.
            .args(["--net", "dockerd"])
            .args(["-H", &format!("unix://{}", at("socket")), "--data-root", &at("data"), "--exec-root", &at("exec")])
            .args(["--pidfile", &at("pid"), "--iptables=false", "--ip-masq=false"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { child, folder };
        let start = Instant::now();
        while daemon.docker(&["version", "-f", "{{.Server.Version}}"]).is_empty() {
            assert!(start.elapsed() < Duration::from_mins(1), "the second daemon does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        daemon
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    fn docker(&self, args: &[&str]) -> String {
        let host = self.host();
        docker(&[&["-H", host.as_str()], args].concat())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn nodes_are_made_by_several_daemons() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let daemon = Daemon::start();
    let tar = daemon.folder.path().join("image.tar");
    let tar = tar.to_str().unwrap();
    docker(&["save", "-o", tar, &image()]);
    daemon.docker(&["load", "-i", tar]);
    let text = format!(
        "
name: it-engines
images: {{base: {{docker: '{}'}}}}
types: {{machine: {{image: base, container: {{command: [sleep, infinity]}}}}}}
nodes:
  here: {{type: machine}}
  there: {{type: machine, engine: '{}'}}
stages: {{both: {{playbook: site.yml}}}}
",
        image(),
        daemon.host()
    );
    let site = "- hosts: all\n  gather_facts: false\n  tasks: [{copy: {content: \"{{ inventory_hostname }}\", dest: /srv/name}}]\n";
    let lab = Made { bed: bed().file("scenario.yml", &text).file("site.yml", site), name: "it-engines" };
    let ran = lab.rplay(&["converge"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(docker(&["ps", "-q", "--filter", "label=rplay.scenario=it-engines"]).lines().count(), 1);
    assert_eq!(daemon.docker(&["exec", "rplay-it-engines-there", "cat", "/srv/name"]), "there");
    let same = lab.rplay(&["create"]);
    assert!(same.stdout.contains("nothing to do: all 2"), "{same}");
    let forwarded = lab.rplay(&["forward", "there", "80"]);
    assert!(forwarded.stderr.contains("`there` is a container of unix://"), "{forwarded}");
    let gone = lab.rplay(&["destroy", "--yes"]);
    assert_eq!(gone.code, 0, "{gone}");
    assert_eq!((there("it-engines").as_str(), daemon.docker(&["ps", "-aq"]).as_str()), ("", ""));
}
