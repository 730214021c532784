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

    RUNS_ON: target

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

/// Options that Ansible's documentation has and the tables of arguments have not, and why.
const NOT_LISTED: &[(&str, &str, &str)] = &[
    ("ansible.builtin.copy", "decrypt", "the controller's part reads it"),
    ("ansible.builtin.iptables", "tcp_flags.flags", "read where the rule is made"),
    ("ansible.builtin.iptables", "tcp_flags.flags_set", "read where the rule is made"),
    ("ansible.posix.firewalld", "port_forward.port", "read where the rule is made"),
    ("ansible.posix.firewalld", "port_forward.proto", "read where the rule is made"),
    ("ansible.posix.firewalld", "port_forward.toaddr", "read where the rule is made"),
    ("ansible.posix.firewalld", "port_forward.toport", "read where the rule is made"),
];

/// Options of `real` that are not in `options`, those of aliases and free forms left out.
fn missing(options: &Value, real: &Value, before: &str, out: &mut Vec<String>) {
    for (name, about) in real.as_object().unwrap() {
        let listed = |key: &str| about[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let found = std::iter::once(name.as_str()).chain(listed("aliases")).find(|name| options.get(name).is_some());
        match found {
            Some(found) if about["options"].is_object() => {
                missing(&options[found]["suboptions"], &about["options"], &format!("{before}{name}."), out);
            }
            Some(_) => {}
            // Words without a name, variables of any name, and what ansible-core's action gives its module.
            None if matches!(name.as_str(), "free_form" | "free-form" | "key_value") || name.starts_with('_') => {}
            None => out.push(format!("{before}{name}")),
        }
    }
}

/// The table of native modules in docs/MODULES.md is what the sources say; `RPLAY_UPDATE=1` writes it anew.
/// `fixtures/options/record` asked ansible-doc for the options.
#[test]
fn the_table_of_native_modules_is_true() {
    const BEGIN: &str = "<!-- modules: written by a test -->\n";
    const END: &str = "<!-- end of modules -->\n";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs_err::read_to_string(root.join("fixtures/options/modules.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let ran = bed().rplay(&["doc", "--native", "--metadata-dump", "--no-fail-on-errors"]);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut rows = "| module | runs on | check mode | diff | options missing |\n|---|---|---|---|---|\n".to_owned();
    let mut gone: Vec<(&str, &str)> = NOT_LISTED.iter().map(|(module, option, _)| (*module, *option)).collect();
    for (name, docs) in all["all"]["module"].as_object().unwrap() {
        let support = |mode: &str| docs["doc"]["attributes"][mode]["support"].as_str().unwrap();
        let mut lacks = Vec::new();
        if let Some(real) = recorded.get(name) {
            missing(&docs["doc"]["options"], &real["options"], "", &mut lacks);
        }
        lacks.retain(|option| {
            let known = gone.iter().position(|known| *known == (name.as_str(), option.as_str()));
            known.map(|at| gone.remove(at)).is_none()
        });
        let lacks = if lacks.is_empty() { "none".to_owned() } else { lacks.join(", ") };
        let place = docs["doc"]["runs_on"].as_str().unwrap();
        rows.push_str(&format!(
            "| {name} | {place} | {} | {} | {lacks} |\n",
            support("check_mode"),
            support("diff_mode")
        ));
    }
    assert_eq!(gone, [], "options that are listed by now");
    let path = root.join("docs/MODULES.md");
    let document = fs_err::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    if std::env::var_os("RPLAY_UPDATE").is_some() {
        fs_err::write(&path, format!("{before}{BEGIN}{rows}{END}{after}")).unwrap();
        return;
    }
    assert!(table == rows, "docs/MODULES.md is stale: RPLAY_UPDATE=1 cargo test -p rplay-cli --test it the_table");
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
