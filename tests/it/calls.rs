//! Calls of modules answer what ansible-core answered: `fixtures/calls` has the cases, the recordings and a README.

mod masks;
mod play;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use rplay_value::{JsonStyle, Map, Value, json};

use crate::bed;
use masks::Masks;
use play::{Case, Excuse, PASSES};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/calls").canonicalize().unwrap()
}

/// The cases of `here` or `node`; `RPLAY_CALLS` names those that are wanted.
fn cases(place: &str) -> Vec<Case> {
    let wanted = std::env::var("RPLAY_CALLS").ok();
    let wanted: Option<Vec<&str>> = wanted.as_ref().map(|names| names.split(',').collect());
    let files = fs_err::read_dir(folder()).unwrap().filter_map(Result::ok);
    let names = files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".yml").map(str::to_owned));
    let names: BTreeSet<String> =
        names.filter(|name| wanted.as_ref().is_none_or(|list| list.contains(&name.as_str()))).collect();
    names.iter().map(|name| Case::read(&folder(), name)).filter(|case| case.place == place).collect()
}

/// `server.py`; it ends when its standard input is closed.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn up() -> Self {
        let mut child = Command::new("python3")
            .arg(folder().join("server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, port: port.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Where a case's calls are made.
struct Place {
    host: String,
    inventory: String,
}

/// Makes the calls of a case; what differs from the recording, as lines to read.
fn differences(case: &Case, place: &Place, port: &str) -> String {
    let bed = bed().file("hosts", &place.inventory);
    let work = bed.path().canonicalize().unwrap().display().to_string();
    let dir = if case.is_here() { format!("{work}/{}", case.name) } else { "/root/calls".to_owned() };
    let made = case.play(&place.host, &dir, &work, &folder(), port);
    fs_err::write(bed.join("site.yml"), json::dumps(&made.play, &JsonStyle::default()).unwrap()).unwrap();
    // As the recorder: folders and files get the modes of umask 022.
    let mut command = Command::new("sh");
    let program = bed.command(&[]);
    command.args(["-c", "umask 022; exec \"$0\" -i hosts --no-journal site.yml"]).arg(program.get_program());
    command.current_dir(bed.path()).stdin(Stdio::null());
    // Cases that fake sudo are root already.
    command.env("ANSIBLE_BECOME_ALLOW_SAME_USER", "1");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    let Ok(answers) = fs_err::read_to_string(bed.join(&format!("{}.out", case.name))) else {
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let tail: Vec<&str> = text.lines().rev().take(30).collect();
        return format!(
            "{}: did not come to its end\n{}\n",
            case.name,
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    };
    let calls = folder().display().to_string();
    let masks = Masks::new(case, &[(&dir, "DIR"), (&work, "WORK"), (&calls, "CALLS")]);
    let found = json::loads(&answers).unwrap();
    compare(case, &made.answers, &masks, &found)
}

/// The recording of one pass of a call.
fn recorded<'a>(call: &'a Map, pass: &str) -> Option<&'a Value> {
    let answer = call.get(pass)?;
    if answer.as_str() == Some("as run") { call.get("run") } else { Some(answer) }
}

fn compare(case: &Case, answers: &[play::Answer], masks: &Masks, found: &Value) -> String {
    let Ok(text) = fs_err::read_to_string(folder().join(format!("{}.json", case.name))) else {
        return format!(
            "{0}.yml is not recorded: fixtures/calls/record {0}
",
            case.name
        );
    };
    let recording = json::loads(&text).unwrap();
    let recorded_calls: Vec<&Map> =
        recording.as_map().unwrap().get("calls").unwrap().as_list().unwrap().iter().filter_map(Value::as_map).collect();
    let mut out = String::new();
    let mut number = 0;
    let excuses = case.excuses();
    for call in &recorded_calls {
        let name = call.get("call").and_then(Value::as_str).unwrap();
        // Each difference with the passes that show it.
        let mut differing: Vec<(String, Vec<&str>)> = Vec::new();
        for pass in PASSES {
            let Some(wanted) = recorded(call, pass) else { continue };
            let Some(answer) = answers.get(number).filter(|answer| answer.call == name && answer.pass == pass) else {
                let _ = writeln!(out, "{}: {name} ({pass}) stands in the recording only: record again", case.name);
                return out;
            };
            number += 1;
            let ours = found.as_map().and_then(|all| all.get(&answer.register)).cloned().unwrap_or_default();
            for line in lines(&excuses, (name, pass), &masks.stable(wanted), &masks.stable(&ours)) {
                match differing.iter_mut().find(|(known, _)| *known == line) {
                    Some((_, passes)) => passes.push(pass),
                    None => differing.push((line, vec![pass])),
                }
            }
        }
        for (line, passes) in differing {
            let _ = writeln!(out, "{}: {name} ({}): {line}", case.name, passes.join(", "));
        }
    }
    if number < answers.len() {
        let _ = writeln!(out, "{}: {} is not recorded", case.name, answers[number].call);
    }
    files(case, masks, &excuses, (&recording, found), &mut out);
    for stale in excuses.iter().filter(|excuse| !excuse.used.get()) {
        let _ = writeln!(out, "{}: {}: {} no longer differs", case.name, stale.call, stale.key);
    }
    out
}

fn files(case: &Case, masks: &Masks, excuses: &[Excuse], (recording, found): (&Value, &Value), out: &mut String) {
    let tree = found.as_map().and_then(|all| all.get("call_files")).and_then(Value::as_map);
    let Some(tree) = tree.and_then(|result| result.get("stdout")).and_then(Value::as_str) else {
        let _ = writeln!(out, "{}: no tree of files: {tree:?}", case.name);
        return;
    };
    let tree = json::loads(tree).unwrap_or_default();
    let ours: Map = tree
        .as_map()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(path, entry)| (masks.text(path.as_str().unwrap()), masks.stable(entry)))
        .collect();
    let wanted = masks.stable(recording.as_map().unwrap().get("files").unwrap());
    for line in lines(excuses, ("files", "run"), &wanted, &Value::Map(ours)) {
        let _ = writeln!(out, "{}: files: {line}", case.name);
    }
}

/// What differs and is not meant to, as lines to read.
fn lines(excuses: &[Excuse], (call, pass): (&str, &str), wanted: &Value, ours: &Value) -> Vec<String> {
    let mut differing = Vec::new();
    walk("", wanted, ours, &mut differing);
    // Every excuse is asked, so that each one that is needed is known.
    let meant = |path: &str| excuses.iter().filter(|excuse| excuse.is_for(call, pass, path)).count() > 0;
    differing.retain(|(path, ..)| !meant(path));
    differing.iter().map(|(path, wanted, ours)| format!("{path}\n    wanted {wanted}\n    found  {ours}")).collect()
}

/// Where two values differ, key by key.
fn walk(path: &str, wanted: &Value, ours: &Value, out: &mut Vec<(String, String, String)>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (wanted, ours) {
        (Value::Map(a), Value::Map(b)) => {
            let keys: BTreeSet<&str> = a.keys().chain(b.keys()).filter_map(Value::as_str).collect();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => walk(&join(key), a, b, out),
                    (a, b) => out.push((join(key), shown(a), shown(b))),
                }
            }
        }
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                walk(&join(&number.to_string()), a, b, out);
            }
        }
        _ if same(wanted, ours) => {}
        _ => out.push((path.to_owned(), shown(Some(wanted)), shown(Some(ours)))),
    }
}

/// Equal in value and in type: `1` is not `true`, and not `1.0`.
fn same(a: &Value, b: &Value) -> bool {
    shown(Some(a)) == shown(Some(b))
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| json::dumps(value, &JsonStyle::default()).unwrap())
}

fn all(cases: Vec<(Case, Place)>) {
    let report = report(cases);
    assert!(report.is_empty(), "calls answer other than ansible-core:\n{report}");
}

/// What all cases differ in, two at once.
fn report(cases: Vec<(Case, Place)>) -> String {
    let server = Server::up();
    let todo = Mutex::new(cases.into_iter());
    let report = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((case, place)) = todo.lock().unwrap().next() else { break };
                    let lines = differences(&case, &place, &server.port);
                    report.lock().unwrap().push_str(&lines);
                }
            });
        }
    });
    report.into_inner().unwrap()
}

#[test]
fn calls_of_here_answer_what_ansible_answers() {
    let inventory = "localhost ansible_connection=local\n";
    let place = || Place { host: "localhost".to_owned(), inventory: inventory.to_owned() };
    all(cases("here").into_iter().map(|case| (case, place())).collect());
}

/// Named so that `tests/run` runs it with the other tests on nodes.
mod lab {
    use std::sync::PoisonError;

    use super::{Place, all, cases, report};
    use crate::lab::{Node, TURN};

    #[test]
    #[ignore = "needs Docker and libvirt: tests/run"]
    fn calls_on_the_labs_host_answer_what_ansible_answers() {
        let inventory = "localhost ansible_connection=local\n";
        let place = || Place { host: "localhost".to_owned(), inventory: inventory.to_owned() };
        all(cases("host").into_iter().map(|case| (case, place())).collect());
    }

    #[test]
    #[ignore = "needs lab nodes: tests/run"]
    fn calls_on_nodes_answer_what_ansible_answers() {
        on("node", &[]);
    }

    #[test]
    #[ignore = "needs lab nodes: tests/run"]
    fn calls_on_rpm_nodes_answer_what_ansible_answers() {
        on("rpm", &["--rpm"]);
    }

    fn on(kind: &str, options: &[&str]) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cases = cases(kind);
        let mut lines = String::new();
        for some in cases.chunks(4) {
            let names: Vec<String> = some.iter().map(|case| format!("calls-{}", case.name.replace('_', "-"))).collect();
            let nodes = Node::several(options, &names);
            let places = nodes.iter().map(|node| Place {
                host: node.name.clone(),
                inventory: format!("localhost ansible_connection=local\n{}", node.inventory_of(&node.name)),
            });
            lines += &report(some.iter().cloned().zip(places).collect());
        }
        assert!(lines.is_empty(), "calls answer other than ansible-core:\n{lines}");
    }
}
