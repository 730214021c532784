//! `rplay doc` tells what the program itself goes by.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::bed;

/// `fixtures/doc/record` asked ansible-doc.
#[test]
fn plugins_in_python_and_roles_are_shown_as_ansible_doc_shows_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/doc").canonicalize().unwrap();
    let recorded: Vec<Value> =
        serde_json::from_str(&fs_err::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let tree = folder.join("tree").display().to_string();
    let bed = bed();
    let mut differing = Vec::new();
    for call in &recorded {
        let args: Vec<&str> = call["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let ran = bed.rplay(&[&["doc", "--playbook-dir", &tree], args.as_slice()].concat());
        // ansible-doc fills the lines of lists with blanks.
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let found = trimmed(&ran.stdout.replace(&tree, "[TREE]"));
        let wanted = trimmed(call["stdout"].as_str().unwrap());
        if found != wanted || i64::from(ran.code) != call["code"] {
            differing.push(format!("{args:?}, exit {}:\n{wanted}\n--- is ---\n{found}{}", ran.code, ran.stderr));
        }
    }
    assert!(differing.is_empty(), "{} of {}: {}", differing.len(), recorded.len(), differing.join("\n"));
    assert!(recorded.len() > 20);
}

#[test]
fn natives_are_shown_from_their_sources() {
    let bed = bed();
    assert_snapshot!(bed.rplay(&["doc", "ping"]).to_string(), @r"
    exit 0
    --- stdout ---
    > MODULE ansible.builtin.ping (native)

      Answers `pong': the target can run modules.

    OPTIONS (= indicates it is required):

    - data    What to answer; `crash' fails on purpose.
            default: pong
            type: str

    ATTRIBUTES:

            `check_mode:`
            description: Tells what would change without changing it.
            support: full

            `diff_mode:`
            description: Shows what changes, with --diff.
            support: none

    EXAMPLES:
    - ansible.builtin.ping:

    RETURN VALUES:

    - ping    The `data' given.
    --- stderr ---
    ");
    assert_snapshot!(bed.rplay(&["doc", "-t", "filter", "combine"]).to_string(), @r"
    exit 0
    --- stdout ---
    > FILTER ansible.builtin.combine (native)

      Dicts laid over one another, later ones winning. `recursive' merges
      dicts inside, `list_merge' says what becomes of lists.

    OPTIONS (= indicates it is required):

    - list_merge  `recursive' merges dicts inside, `list_merge' says what
                   becomes of lists.
            default: null

    - recursive  `recursive' merges dicts inside, `list_merge' says what
                  becomes of lists.
            default: null

    NAME: combine

    POSITIONAL: recursive, list_merge
    --- stderr ---
    ");
    assert_snapshot!(bed.rplay(&["doc", "-t", "strategy", "free", "host_pinned"]).to_string(), @r"
    exit 0
    --- stdout ---
    > STRATEGY ansible.builtin.free (native)

      Every host goes on as soon as it can.

    NAME: free

    > STRATEGY ansible.builtin.host_pinned (native)

      As free, but a host that has begun goes to its end before another
      one begins.

    NAME: host_pinned
    --- stderr ---
    ");
    assert_snapshot!(bed.rplay(&["doc", "-s", "tempfile"]).to_string(), @r"
    exit 0
    --- stdout ---
    - name: Makes a temporary file or folder that only its owner can read
      tempfile:
          path:                  # Folder to make it in; default is the target's
                                 # folder for
                                 # temporary files.
          prefix:                # What its name begins and ends with.
          state:                 # `file' or `directory', what to make.
          suffix:                # What its name begins and ends with.
    --- stderr ---
    ");
    assert_snapshot!(bed.rplay(&["doc", "-j", "-t", "become", "doas"]).to_string(), @r#"
    exit 0
    --- stdout ---
    {
        "doas": {
            "doc": {
                "collection": "community.general",
                "description": [
                    "Becomes another user with OpenBSD's doas."
                ],
                "filename": "native",
                "name": "doas",
                "plugin_name": "community.general.doas",
                "short_description": "Becomes another user with OpenBSD's doas"
            },
            "examples": null,
            "metadata": null,
            "return": null
        }
    }
    --- stderr ---
    "#);
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let bed = bed();
    assert_snapshot!(bed.rplay(&["doc", "--native", "coppy"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there is no module called `coppy`
     |
     = hint: did you mean `copy`?
    ");
    assert_snapshot!(bed.rplay(&["doc", "combine"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there is no module called `combine`
     |
     = hint: `combine` is another kind of plugin: `-t filter`
    ");
    assert_snapshot!(bed.rplay(&["doc", "--native", "community.genral.thing"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there is no module called `community.genral.thing`
     |
     = note: the collection `community.genral` is not installed
     = hint: did you mean `community.general`?
    ");
    assert_snapshot!(bed.rplay(&["doc", "-s", "-t", "filter", "combine"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there are no snippets of filter plugins
     |
     = note: there are of `inventory`, `lookup` and `module`
    ");
    assert_snapshot!(bed.rplay(&["doc", "-l", "ansible.bultin"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: the collection `ansible.bultin` is not installed
     |
     = hint: did you mean `ansible.builtin`?
    ");
    assert_snapshot!(bed.rplay(&["doc", "-t", "role", "nothing"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there is no role called `nothing` that says what it takes
    ");
}

#[test]
fn everything_at_once_is_json() {
    let bed = bed().env("PATH", "/usr/bin:/bin");
    let ran = bed.rplay(&["doc", "--metadata-dump", "--no-fail-on-errors", "--native"]);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap();
    for (kind, name) in [
        ("module", "ansible.builtin.copy"),
        ("filter", "ansible.builtin.combine"),
        ("vars", "ansible.builtin.host_group_vars"),
    ] {
        assert!(all["all"][kind][name]["doc"]["description"].is_array(), "{kind} {name}");
    }
    assert_eq!(all["all"]["keyword"]["become"]["type"], "bool");
    assert!(all["all"]["role"].is_object());
}

#[test]
fn a_keyword_says_what_it_takes_and_where_it_stands() {
    assert_snapshot!(bed().rplay(&["doc", "-t", "keyword", "break_when", "sudo"]).to_string(), @r"
    exit 0
    --- stdout ---
    break_when

    stop the loop when this holds after an item

    takes: a condition or a list of conditions, or a template of one
    stands in: loop_control
    since: ansible 2.18

    sudo

    write `become`

    takes: a boolean, or a template of one
    stands in: play, block, task, handler, role, import_playbook
    until: ansible 2.9, which no longer has it
    --- stderr ---
    ");
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    assert_snapshot!(bed().rplay(&["doc", "-t", "keyword", "becom_user"]).to_string(), @r"
    exit 5
    --- stdout ---

    --- stderr ---
    error: there is no keyword called `becom_user`
     |
     = hint: did you mean `become_user`?
    ");
}

#[test]
fn everything_there_is_can_be_listed() {
    for (kind, name) in [
        ("module", "ansible.builtin.copy"),
        ("filter", "ansible.builtin.combine"),
        ("test", "ansible.builtin.match"),
        ("lookup", "ansible.builtin.env"),
        ("keyword", "loop_control"),
    ] {
        let listed = bed().rplay(&["doc", "-l", "-t", kind]).to_string();
        assert!(listed.lines().any(|line| line.trim_start().starts_with(name)), "{kind}: {listed}");
    }
}
