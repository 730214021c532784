//! `rplay doc` tells what the program itself goes by.

use insta::assert_snapshot;

use crate::bed;

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
