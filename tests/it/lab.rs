//! Tests on real nodes: systemd Debian containers over ssh. `tests/run` runs them; without Docker they fail.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rplay_testkit::TestBed;

use crate::bed;

/// Nodes are heavy: one test at a time.
pub(crate) static TURN: Mutex<()> = Mutex::new(());

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn lab(args: &[&str]) -> String {
    let output = Command::new("bash").arg(root().join("fixtures/lab/lab.sh")).args(args).output().unwrap();
    assert!(output.status.success(), "lab.sh {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A fresh node that is removed with the test.
pub(crate) struct Node {
    pub(crate) name: String,
    port: String,
}

impl Node {
    fn up(name: &str) -> Self {
        lab(&["up", name]);
        Self { name: name.to_owned(), port: lab(&["port", name]) }
    }

    /// Several at once: they start side by side.
    pub(crate) fn several(options: &[&str], names: &[String]) -> Vec<Self> {
        let words: Vec<&str> =
            ["up"].into_iter().chain(options.iter().copied()).chain(names.iter().map(String::as_str)).collect();
        lab(&words);
        names.iter().map(|name| Self { name: name.clone(), port: lab(&["port", name]) }).collect()
    }

    fn inventory(&self) -> String {
        format!("[undercloud]\n{}", self.inventory_of("node"))
    }

    /// The line that reaches it as a host of that name.
    pub(crate) fn inventory_of(&self, host: &str) -> String {
        let folder = std::env::var("RPLAY_LAB_DIR")
            .unwrap_or_else(|_| format!("{}/.cache/rplay/lab", std::env::var("HOME").unwrap()));
        format!(
            "{host} ansible_host=127.0.0.1 ansible_port={} ansible_user=root ansible_ssh_private_key_file={folder}/key \
             ansible_ssh_common_args='-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'\n",
            self.port
        )
    }

    fn shell(&self, line: &str) -> String {
        let output = Command::new("docker")
            .args(["exec", &format!("rplay-lab-{}", self.name), "sh", "-c", line])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn agents(&self) -> String {
        self.shell("for p in /proc/[0-9]*; do case \"$(readlink $p/exe)\" in *agent*) echo ${p#/proc/};; esac; done")
    }

    /// Waits until no agent runs any more.
    fn quiet(&self) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if self.agents().is_empty() {
                return true;
            }
            sleep(Duration::from_millis(100));
        }
        false
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        lab(&["down", &self.name]);
    }
}

fn on(node: &Node) -> TestBed {
    bed().file("hosts", &node.inventory())
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_the_undercloud_role_prepares_a_node_and_then_changes_nothing() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-undercloud");
    let bed = on(&node);
    let playbook = root().join("roles/undercloud.yml");
    let playbook = playbook.to_str().unwrap();
    let first = bed.rplay(&[playbook, "-i", "hosts", "--tags", "undercloud_host"]);
    assert_eq!(first.code, 0, "{first}");
    assert!(first.stdout.contains("unreachable=0    failed=0"), "{first}");
    let second = bed.rplay(&[playbook, "-i", "hosts", "--tags", "undercloud_host"]);
    assert!(second.stdout.contains("changed=0    unreachable=0    failed=0"), "{second}");
    assert_eq!(
        node.shell("stat -c '%U %a' /home/stack/.ssh/authorized_keys /etc/sudoers.d/stack"),
        "stack 600\nroot 440"
    );
    assert_eq!(node.shell("su stack -c 'sudo -n id -u'"), "0");
    assert!(node.shell("dpkg-query -W -f '${Status}' chrony").contains("installed"));
    assert!(node.quiet(), "an agent is still running: {}", node.agents());
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_a_killed_run_leaves_whole_files_and_no_agent() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-kill");
    let bed = on(&node).file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - copy: {src: big, dest: /root/big}
        ",
    );
    fs_err::write(bed.join("big"), "old\n").unwrap();
    let ran = bed.rplay(&["site.yml", "-i", "hosts"]);
    assert_eq!(ran.code, 0, "{ran}");
    let new: Vec<u8> = (0..48 * 1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
    fs_err::write(bed.join("big"), &new).unwrap();
    for delay in [50, 150, 250, 400, 600, 900] {
        let mut child =
            bed.command(&["site.yml", "-i", "hosts"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(node.quiet(), "an agent is still running after {delay} ms: {}", node.agents());
        let size = node.shell("stat -c %s /root/big");
        assert!(size == "4" || size == new.len().to_string(), "after {delay} ms the file has {size} bytes");
        assert_eq!(node.shell("ls /root | wc -l"), "1", "a part was left: {}", node.shell("ls -la /root"));
    }
    let ran = bed.rplay(&["site.yml", "-i", "hosts"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(node.shell("stat -c %s /root/big"), new.len().to_string());
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_a_lost_connection_leaves_whole_files_and_no_agent() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-lost");
    let bed = on(&node).file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - copy: {content: old, dest: /root/file}
            - command: sleep 60
        ",
    );
    let mut child =
        bed.command(&["site.yml", "-i", "hosts"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while node.shell("pgrep -x sleep").is_empty() {
        assert!(Instant::now() < end, "the task did not start");
        sleep(Duration::from_millis(100));
    }
    node.shell("pkill -9 -f 'sshd: root'");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(4), "a lost host is unreachable");
    assert!(node.quiet(), "an agent is still running: {}", node.agents());
    assert_eq!(node.shell("pgrep -x sleep"), "", "the program it ran is still there");
    assert_eq!(node.shell("cat /root/file"), "old");
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_become_asks_sudo_and_su_with_passwords() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-become");
    node.shell("useradd -m -s /bin/bash deploy; echo deploy:s3cret | chpasswd; echo 'deploy ALL=(ALL) ALL' > /etc/sudoers.d/deploy; echo root:s3cret | chpasswd; install -d -o deploy -m 700 /home/deploy/.ssh; install -o deploy -m 600 /root/.ssh/authorized_keys /home/deploy/.ssh/");
    let bed = bed().file("hosts", &node.inventory().replace("ansible_user=root", "ansible_user=deploy")).file(
        "site.yml",
        "
        - hosts: all
          gather_facts: false
          tasks:
            - command: id -un
              register: me
            - command: id -un
              become: true
              register: root
            - command: id -un
              become: true
              become_user: nobody
              register: nobody
            - command: id -un
              become: true
              become_method: su
              register: su
            - assert:
                that:
                  - me.stdout == 'deploy'
                  - root.stdout == 'root'
                  - nobody.stdout == 'nobody'
                  - su.stdout == 'root'
        ",
    );
    let ran = bed.rplay(&["site.yml", "-i", "hosts", "-e", "ansible_become_password=s3cret"]);
    assert_eq!(ran.code, 0, "{ran}");
    let wrong = bed.rplay(&["site.yml", "-i", "hosts", "-e", "ansible_become_password=wrong"]);
    assert!(wrong.code != 0 && wrong.stdout.contains("Incorrect sudo password"), "{wrong}");
    let missing = bed.rplay(&["site.yml", "-i", "hosts"]);
    assert!(missing.code != 0 && missing.stdout.contains("Missing sudo password"), "{missing}");
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_items_ahead_and_in_parallel_are_equal_to_items_one_after_the_other() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-loops");
    let one = node.inventory().replace("[undercloud]\nnode ", "one ");
    let other = one.replacen("one ", "other ", 1);
    let bed = crate::loops::with_files(bed()).file("hosts", &format!("{one}{other}"));
    let ran = bed.rplay(&["site.yml", "-i", "hosts"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(node.quiet(), "an agent is still running: {}", node.agents());
}

#[test]
#[ignore = "needs lab nodes: tests/run"]
fn lab_output_comes_while_programs_run_as_any_user_and_in_the_background() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::up("it-live");
    let bed = on(&node).file(
        "site.yml",
        "
            - hosts: all
              gather_facts: false
              tasks:
                - shell: echo as $(id -un); sleep 1; echo more >&2
                - shell: echo as $(id -un)
                  become: true
                  become_user: nobody
                - raw: echo raw
                - shell: echo first; sleep 1.2; echo second
                  async: 60
                  poll: 15
                - shell: echo item {{ item }}
                  loop: [a, b]
                - shell: echo secret
                  no_log: true
            ",
    );
    let started = Instant::now();
    let ran = bed.rplay(&["site.yml", "-i", "hosts", "--follow"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(started.elapsed() < Duration::from_mins(1));
    let lines: Vec<&str> =
        ran.stdout.lines().filter(|line| line.starts_with("node ") && !line.contains(" : ok=")).collect();
    let want = [
        "node | as root",
        "node ! more",
        "node | as nobody",
        "node | raw",
        "node | first",
        "node | second",
        "node (item=a) | item a",
        "node (item=b) | item b",
    ];
    assert_eq!(lines, want, "{ran}");
    assert_eq!(node.shell("ls -A /root/.ansible_async"), "", "a job's files stay behind");
}
