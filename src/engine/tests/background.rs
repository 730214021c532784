//! Tasks in the background: they outlive the run that started them, and each run can look after another's.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::{Bed, Ended};
use rplay_event::EventKind;
use rplay_value::{Map, Value};

/// Background tasks need the agent's program: `RPLAY_AGENT`, or one that is built here.
fn bed() -> Bed {
    static BUILT: std::sync::Once = std::sync::Once::new();
    BUILT.call_once(|| {
        if std::env::var_os("RPLAY_AGENT").is_none() {
            let mut cargo = std::process::Command::new(env!("CARGO"));
            let built = cargo.args(["build", "--quiet", "-p", "rplay-agent"]).status().unwrap();
            assert!(built.success(), "the agent could not be built");
        }
    });
    let bed = Bed::new();
    let folder = bed.path().join("jobs");
    bed.options(move |options| options.async_dir = Some(folder.to_string_lossy().into_owned()))
}

fn play(bed: &Bed, tasks: &str) -> Ended {
    bed.play(&format!("- hosts: localhost\n  gather_facts: false\n  tasks:\n{tasks}"))
}

/// The results of the tasks, in order.
fn results(run: &Ended) -> Vec<Map> {
    let result = |event: &rplay_event::Event| match &event.kind {
        EventKind::HostFinished { result, .. } => Some(result.data.clone()),
        _ => None,
    };
    run.events.iter().filter_map(result).collect()
}

fn keys(result: &Map) -> Vec<String> {
    let mut keys: Vec<String> = result.texts().map(|(key, _)| key.to_string()).collect();
    keys.sort();
    keys
}

fn get<'a>(result: &'a Map, key: &str) -> &'a Value {
    result.get(key).unwrap_or_else(|| panic!("no {key} in {result:?}"))
}

fn jobs(bed: &Bed) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(bed.path().join("jobs")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The keys are those of ansible-core 2.19 for the same tasks.
#[test]
fn a_task_is_waited_for_and_its_status_is_cleaned_up() {
    let bed = bed();
    let run = play(&bed, "    - command: sleep 0.2\n      async: 10\n      poll: 1\n");
    let result = &results(&run)[0];
    let expected = "ansible_job_id changed cmd delta end finished msg rc results_file start started stderr stderr_lines \
                    stdout stdout_lines";
    assert_eq!(
        keys(result).into_iter().filter(|key| key != "failed" && key != "invocation").collect::<Vec<_>>().join(" "),
        expected
    );
    assert_eq!((get(result, "started"), get(result, "finished")), (&Value::Bool(true), &Value::Bool(true)));
    assert!(run.events.iter().any(|event| matches!(event.kind, EventKind::AsyncFinished { failed: false, .. })));
    assert_eq!(jobs(&bed), [""; 0]);
}

#[test]
fn a_failing_task_is_asked_about_until_it_has_ended() {
    let run = play(
        &bed(),
        "    - shell: sleep 0.3; echo hi; exit 3
      async: 10
      poll: 0
      register: job
    - assert:
        that:
          - job is started and not job.finished and job is changed
          - job.ansible_job_id in job.results_file
    - async_status: jid={{ job.ansible_job_id }}
      register: state
      until: state is finished
      retries: 20
      delay: 0.1
      ignore_errors: true
    - assert:
        that: state is failed and state.rc == 3 and state.stdout_lines == ['hi'] and state.attempts > 1
    - async_status: jid={{ job.ansible_job_id }} mode=cleanup
      register: gone
    - assert:
        that: gone.erased == job.results_file and not gone.started
    - async_status: jid={{ job.ansible_job_id }}
      register: gone
      ignore_errors: true
    - assert:
        that: gone.msg == 'could not find job' and gone.finished
",
    );
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
}

#[test]
fn a_task_that_takes_too_long_is_ended() {
    let bed = bed();
    let started = Instant::now();
    let run = play(&bed, "    - command: sleep 30.125\n      async: 2\n      poll: 1\n");
    assert!(started.elapsed() < Duration::from_secs(15));
    let result = &results(&run)[0];
    let msg = get(result, "msg").to_str().into_owned();
    assert!(msg.contains("Timeout exceeded") || msg.contains("did not complete"), "{msg}");
    let gone = || !running("sleep 30.125");
    assert!(
        (0..50).any(|_| gone() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }),
        "still running"
    );
}

fn running(command: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ") == command
    })
}

#[test]
fn a_job_outlives_the_run_and_the_next_one_finds_it() {
    let bed = bed();
    let run = play(&bed, "    - shell: sleep 1; echo late > {{ playbook_dir }}/late\n      async: 20\n      poll: 0\n");
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
    assert!(!Path::new(&bed.path().join("late")).exists());
    let id = get(&results(&run)[0], "ansible_job_id").to_str().into_owned();
    let tasks = format!(
        "    - async_status: jid={id}\n      register: state\n      until: state is finished\n      retries: 50\n      \
         delay: 0.1\n"
    );
    let run = play(&bed, &tasks);
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
    assert_eq!(bed.read("late"), "late\n");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&bed.path().join("jobs").join(&id).metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn items_run_side_by_side_in_the_background() {
    let started = Instant::now();
    let run = play(
        &bed(),
        "    - command: sleep 1
      async: 20
      poll: 0
      loop: '{{ range(8) | list }}'
      register: jobs
    - async_status: jid={{ item.ansible_job_id }}
      loop: '{{ jobs.results }}'
      loop_control: {label: '{{ item.item }}'}
      register: state
      until: state is finished
      retries: 100
      delay: 0.1
",
    );
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
    assert!(started.elapsed() < Duration::from_secs(8), "one after the other");
}

#[test]
fn an_action_of_the_controller_cannot_be_in_the_background() {
    let run = play(&bed(), "    - copy: content=x dest=/nowhere\n      async: 2\n");
    assert_eq!(get(&results(&run)[0], "msg").to_str(), "This action (copy) does not support async.");
}

/// What a status file of ansible-core's own `async_wrapper` looks like.
#[test]
fn jobs_of_ansible_core_are_understood() {
    let bed = bed();
    bed.write("jobs/j1.2", r#"{"changed": true, "stdout": "x", "rc": 0, "invocation": {"module_args": {}}}"#);
    let run = play(
        &bed,
        "    - async_status: jid=j1.2\n      register: s\n    - assert: {that: [s.finished, s.stdout == 'x']}\n",
    );
    assert!(run.text().ends_with("exit 0"), "{}", run.text());
}
