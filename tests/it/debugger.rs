//! The task debugger in whole runs: what is typed, what is shown, and what becomes of the task.

use crate::bed;

const PLAY: &str = "- hosts: localhost
  gather_facts: false
  debugger: on_failed
  vars: {wanted: no such thing, other: \"{{ wanted }}\"}
  tasks:
    - name: look
      assert: {that: wanted == 'this', success_msg: all is well}
    - debug: {msg: \"went on with {{ wanted }}\"}
";

fn typed(play: &str, args: &[&str], lines: &str) -> rplay_testkit::Ran {
    bed().file("site.yml", play).rplay_typed(&[&["site.yml"], args].concat(), lines)
}

#[test]
fn values_are_shown_and_changed_until_the_task_is_right() {
    let lines = "p task.args\np task_vars['other']\np task_vars['none']\np nothing\np host\nhelp redo\ntask_vars['wanted'] = 'this'\np task_vars['wanted'] + '!'\nr\n";
    let ran = typed(PLAY, &[], lines);
    assert_eq!(ran.code, 0, "{ran}");
    let prompt = "[localhost] TASK: look (debug)> ";
    let answers: Vec<&str> =
        ran.stdout.split(prompt).skip(1).map(|answer| answer.lines().next().unwrap_or_default()).collect();
    assert_eq!(
        answers[..8],
        [
            "{'success_msg': 'all is well', 'that': \"wanted == 'this'\"}",
            "'{{ wanted }}'",
            "***KeyError:KeyError('none')",
            "***NameError:NameError(\"name 'nothing' is not defined\")",
            "localhost",
            "Schedule task for re-execution. The re-execution may not be the next result",
            "",
            "'this!'",
        ]
    );
    assert!(ran.stdout.contains("all is well"), "{ran}");
    // What was set holds for that task alone.
    assert!(ran.stdout.contains("went on with no such thing"), "{ran}");
    assert!(ran.stdout.contains("ok=2    changed=0    unreachable=0    failed=0"), "{ran}");
}

#[test]
fn arguments_can_be_set_and_the_end_of_input_quits() {
    let ran = typed(PLAY, &[], "task.args['that'] = 'true'\nredo\n");
    assert_eq!(ran.code, 0, "{ran}");
    let ran = typed(PLAY, &[], "");
    assert_eq!(ran.code, 99, "{ran}");
    assert!(ran.stdout.contains("User interrupted execution"), "{ran}");
    let ran = typed(PLAY, &[], "c\n");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(!ran.stdout.contains("went on"), "{ran}");
}

#[test]
fn the_strategy_and_every_word_of_the_keyword() {
    let play = |keywords: &str, task: &str| {
        format!("- hosts: localhost\n  gather_facts: false\n  {keywords}\n  tasks:\n    - {{name: one, {task}}}\n")
    };
    let cases = [
        ("strategy: debug", "fail: {}", 2, 1),
        ("strategy: debug", "fail: {}, ignore_errors: true", 0, 0),
        ("strategy: debug", "fail: {}, debugger: never", 2, 0),
        ("strategy: free", "fail: {}, debugger: on_failed", 2, 1),
        ("debugger: on_unreachable", "fail: {}", 2, 0),
        ("debugger: never", "debug: {}, debugger: always", 0, 1),
        ("", "debug: {}, when: false, debugger: on_skipped", 0, 1),
        ("", "debug: {}, debugger: on_skipped", 0, 0),
        ("vars: {when: always}", "debug: {}, debugger: \"{{ when }}\"", 0, 1),
        ("", "fail: {}", 2, 0),
    ];
    for (keywords, task, code, prompts) in cases {
        let ran = typed(&play(keywords, task), &[], "c\n");
        assert_eq!(ran.code, code, "{task}: {ran}");
        assert_eq!(ran.stdout.matches("(debug)> ").count(), prompts, "{task}: {ran}");
    }
    let ran = typed(&play("", "debug: {}, debugger: sometimes"), &[], "");
    assert_eq!(ran.code, 4, "{ran}");
    let ran = bed()
        .file("site.yml", &play("", "fail: {}"))
        .env("ANSIBLE_ENABLE_TASK_DEBUGGER", "1")
        .rplay_typed(&["site.yml"], "c\n");
    assert_eq!(ran.stdout.matches("(debug)> ").count(), 1, "{ran}");
}

#[test]
fn a_task_that_runs_once_is_right_for_every_host() {
    let play = "- hosts: all
  gather_facts: false
  debugger: on_failed
  tasks:
    - {name: one, assert: {that: 'false'}, run_once: true}
    - {name: two, debug: {msg: went on}}
";
    let lines = "task.args[\"that\"] = \"true\"\nr\n";
    let ran = bed().file("site.yml", play).rplay_typed(&["-i", "a,b", "-c", "local", "site.yml"], lines);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.stdout.matches("went on").count(), 2, "{ran}");
}
