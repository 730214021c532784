//! Scenarios of molecule, as their files are.

use std::sync::PoisonError;

use super::lab::{docker, image, there};
use crate::bed;
use crate::lab::TURN;

#[test]
fn what_a_file_of_molecule_cannot_have_here_is_named() {
    let text = "
driver: {name: docker}
platforms:
  - {name: one, image: debian, privileged: true, volume: [a]}
  - {name: two, imagee: debian}
provisioner: {name: ansible, inventory: {links: {host_vars: x}}}
scenario: {test_sequence: [create, chek]}
";
    let bed = bed().file("molecule/default/molecule.yml", text);
    insta::assert_snapshot!("molecule", bed.rplay(&["scenario", "check"]));
    let text = "platforms: [{name: one, image: debian, privileged: true}]\n";
    let bed = bed.file("molecule/default/molecule.yml", text).file("molecule/default/converge.yml", "- hosts: all\n");
    insta::assert_snapshot!("privileged", bed.rplay(&["scenario", "check", "default"]));
}

#[test]
#[ignore = "needs Docker: tests/run"]
fn a_role_is_tested_as_molecule_would() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let platforms = format!(
        "
dependency: {{name: galaxy}}
driver: {{name: docker}}
platforms:
  - name: instance
    image: '{}'
    pre_build_image: true
    command: /lib/systemd/systemd
    volumes: ['/sys/fs/cgroup:/sys/fs/cgroup:ro']
    groups: [motd_hosts]
    networks: [{{name: inner}}]
  - {{name: other, image: '{}', pre_build_image: true, networks: [{{name: inner}}]}}
provisioner:
  name: ansible
  config_options: {{defaults: {{stdout_callback: minimal}}}}
  inventory:
    host_vars: {{other: {{motd_text: of its own}}}}
    group_vars: {{motd_hosts: {{motd_text: of its group}}}}
verifier: {{name: ansible}}
",
        image(),
        image()
    );
    let bed = bed()
        .file("motd/molecule/default/molecule.yml", &platforms)
        .file("motd/molecule/default/prepare.yml", "- hosts: all\n  tasks: [{command: touch /prepared}]\n")
        .file("motd/molecule/default/converge.yml", "- hosts: all\n  roles: [motd]\n")
        .file(
            "motd/molecule/default/side_effect.yml",
            "- hosts: all\n  tasks: [{shell: 'echo once >> /side', args: {creates: /nothing}}]\n",
        )
        .file(
            "motd/molecule/default/verify.yml",
            "
- hosts: all
  tasks:
    - {command: cat /etc/motd /prepared /side, register: said, changed_when: false}
    - assert: {that: said.stdout == motd_text ~ '\\nonce'}
",
        )
        .file("motd/tasks/main.yml", "- copy: {content: \"{{ motd_text }}\\n\", dest: /etc/motd, mode: '0644'}\n");
    let ran = bed.command(&["scenario", "test", "--folder", "lab"]).current_dir(bed.join("motd")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{err}");
    let steps: Vec<&str> = out
        .lines()
        .filter(|line| ["stage ", "idempotence ", "check "].iter().any(|word| line.starts_with(word)))
        .filter(|line| line.contains("0s") || line.contains('.'))
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(steps, ["prepare", "converge", "converge", "side_effect", "verify"], "{out}");
    assert!(out.contains("instance | CHANGED"), "settings of the file count: {out}");
    assert_eq!(there("motd-default"), "");
    assert_eq!(docker(&["ps", "-aq", "--filter", "name=rplay-motd-default"]), "");
}
