//! Settings as playbooks and people ask for them: `lookup('config', ...)` and `rplay config`.

use crate::bed;

#[test]
fn playbooks_can_ask_for_every_setting_of_ansible() {
    let bed = bed()
        .file("ansible.cfg", "[defaults]\nforks = 7\nroles_path = roles:/abs\n[colors]\nok = blue\n")
        .env("ANSIBLE_POLL_INTERVAL", "3")
        .file(
            "site.yml",
            "
            - hosts: localhost
              gather_facts: false
              tasks:
                - debug:
                    msg:
                      - \"{{ lookup('config', 'DEFAULT_FORKS') + 1 }} {{ lookup('config', 'COLOR_OK', 'DEFAULT_TIMEOUT') }}\"
                      - \"{{ lookup('config', 'DEFAULT_ROLES_PATH', show_origin=true) ~ '' }}\"
                      - \"{{ lookup('config', 'DEFAULT_POLL_INTERVAL', show_origin=true) }} {{ lookup('config', 'DEFAULT_BECOME_USER', show_origin=true) }}\"
                      - \"{{ query('config', 'NO_SUCH_SETTING', 'RETRY_FILES_ENABLED', on_missing='skip') }}\"
                - debug: {msg: \"{{ lookup('config', 'NO_SUCH_SETTING') }}\"}
                  ignore_errors: true
            ",
        );
    let ran = bed.rplay(&["site.yml"]);
    let folder = bed.path().display();
    for line in [
        r#""8 ['blue', 10]""#.to_owned(),
        format!(r#""[['{folder}/roles', '/abs'], '{folder}/ansible.cfg']""#),
        r#""[3, 'env: ANSIBLE_POLL_INTERVAL'] ['root', 'default']""#.to_owned(),
    ] {
        assert!(ran.stdout.contains(&line), "{line}\n{ran}");
    }
    assert!(ran.stdout.contains("No config definition exists for 'NO_SUCH_SETTING'.") && ran.code == 0, "{ran}");
}

#[test]
fn changed_settings_are_shown_with_their_origin() {
    let bed = bed()
        .file("ansible.cfg", "[defaults]\nforks = 7\n")
        .env("ANSIBLE_GATHERING", "smart")
        .env("EDITOR", "ed")
        .env("PAGER", "cat");
    insta::assert_snapshot!(bed.rplay(&["config", "dump", "--only-changed"]), @r"
    exit 0
    --- stdout ---
    DEFAULT_FORKS([DIR]/ansible.cfg) = 7
    DEFAULT_GATHERING(env: ANSIBLE_GATHERING) = smart
    EDITOR(env: EDITOR) = ed
    PAGER(env: PAGER) = cat
    --- stderr ---
    ");
    let json = bed.rplay(&["config", "dump", "--format", "json", "--only-changed"]);
    assert!(json.stdout.contains("\"name\": \"DEFAULT_FORKS\",") && json.stdout.contains("\"value\": 7"), "{json}");
    let yaml = bed.rplay(&["config", "dump", "-f", "yaml"]);
    assert!(yaml.stdout.contains("-   name: DEFAULT_FORKS\n    origin: ") && yaml.code == 0, "{yaml}");
    assert_eq!(bed.rplay(&["config", "view"]).stdout, "[defaults]\nforks = 7\n");
}
