//! A case and the play it becomes, the same one that `fixtures/calls/record` makes.

use std::cell::Cell;
use std::path::Path;

use rplay_value::{List, Map, Value};
use rplay_yaml::{Trust, load_str};

/// Each call is made so many times.
pub(super) const PASSES: [&str; 3] = ["check", "run", "again"];

/// Where faked programs come before.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One file of `fixtures/calls`.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) place: String,
    map: Map,
}

/// One pass of one call, and the variable that holds what it answered.
pub(super) struct Answer {
    pub(super) call: String,
    pub(super) pass: &'static str,
    pub(super) register: String,
}

/// A key that differs on purpose.
pub(super) struct Excuse {
    pub(super) call: String,
    passes: Option<Vec<String>>,
    pub(super) key: String,
    /// It does differ.
    pub(super) used: Cell<bool>,
}

impl Excuse {
    /// Whether this difference is meant; `*` is every call, and every key.
    pub(super) fn is_for(&self, call: &str, pass: &str, path: &str) -> bool {
        let meant = (self.call == "*" || self.call == call)
            && self.passes.as_ref().is_none_or(|list| list.iter().any(|one| one == pass))
            && (self.key == "*"
                || path == self.key
                || path.strip_prefix(&self.key).is_some_and(|rest| rest.starts_with('.')));
        self.used.set(self.used.get() || meant);
        meant
    }
}

pub(super) struct Made {
    pub(super) play: Value,
    pub(super) answers: Vec<Answer>,
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    entries.into_iter().collect()
}

impl Case {
    pub(super) fn read(folder: &Path, name: &str) -> Self {
        let text = fs_err::read_to_string(folder.join(format!("{name}.yml"))).unwrap();
        let read = load_str(&text, rplay_diag::SourceId::UNKNOWN, Trust::Data);
        assert!(read.is_ok(), "{name}.yml: {read:?}");
        let value = read.unwrap().0;
        let map = value.as_map().unwrap().clone();
        let place = map.get("where").and_then(Value::as_str).unwrap().to_owned();
        Self { name: name.to_owned(), place, map }
    }

    /// Whether the calls are made on this machine.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.place.as_str(), "here" | "host")
    }

    /// The texts of a list in the case's head.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn list(&self, key: &str) -> List {
        self.map.get(key).and_then(Value::as_list).cloned().unwrap_or_default()
    }

    /// What may differ: one entry a key.
    pub(super) fn excuses(&self) -> Vec<Excuse> {
        let mut excuses = Vec::new();
        for entry in self.list("differs").iter().filter_map(Value::as_map) {
            assert!(entry.get("why").is_some(), "{}: a difference without a reason", self.name);
            let texts = |key: &str| -> Option<Vec<String>> {
                let list = entry.get(key)?.as_list()?;
                Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            };
            let call = entry.get("call").and_then(Value::as_str).unwrap().to_owned();
            for key in texts("keys").unwrap() {
                excuses.push(Excuse { call: call.clone(), passes: texts("passes"), key, used: Cell::new(false) });
            }
        }
        excuses
    }

    /// The play that makes every call and writes what they answered to `WORK/NAME.out`.
    pub(super) fn play(&self, host: &str, dir: &str, work: &str, calls: &Path, port: &str) -> Made {
        let mut tasks = List::new();
        let folder = map([("path", dir.into()), ("state", "directory".into()), ("mode", "0755".into())]);
        tasks.push(map([("ansible.builtin.file", folder.into())]));
        let mut environment = map([("CALLS_DIR", dir.into())]);
        if let Some(tools) = self.map.get("tools").and_then(Value::as_str) {
            let from = format!("{}/tools/{tools}/", calls.display());
            let copy = map([("src", from.into()), ("dest", format!("{dir}/tools/").into()), ("mode", "0755".into())]);
            tasks.push(map([("ansible.builtin.copy", copy.into())]));
            environment.insert("PATH", format!("{dir}/tools:{PATH}"));
        }
        setup(&mut tasks, &self.list("setup"));
        let answers = self.calls(&mut tasks);
        let paths = [vec![dir.to_owned()], self.texts("files")].concat().join(" ");
        let script = map([
            ("cmd", format!("{}/tree.py {paths}", calls.display()).into()),
            ("executable", "/usr/bin/python3".into()),
        ]);
        tasks.push(map([
            ("ansible.builtin.script", script.into()),
            ("register", "call_files".into()),
            ("environment", Map::new().into()),
        ]));
        let registers = answers.iter().map(|answer| answer.register.as_str()).chain(["call_files"]);
        let dumped: Vec<String> = registers.map(|name| format!("'{name}': {name}")).collect();
        let content = format!("{{{{ {{{}}} | to_json }}}}", dumped.join(", "));
        let copy = map([("dest", format!("{work}/{}.out", self.name).into()), ("content", content.into())]);
        tasks.push(map([
            ("ansible.builtin.copy", copy.into()),
            ("delegate_to", "localhost".into()),
            ("check_mode", false.into()),
            ("diff", false.into()),
            ("environment", Map::new().into()),
        ]));
        let mut vars = self.map.get("vars").and_then(Value::as_map).cloned().unwrap_or_default();
        vars.insert("dir", dir);
        vars.insert("calls", calls.display().to_string());
        vars.insert("port", port.parse::<i64>().unwrap());
        let play = map([
            ("hosts", host.into()),
            ("gather_facts", false.into()),
            ("vars", vars.into()),
            ("environment", environment.into()),
            ("tasks", tasks.into()),
        ]);
        Made { play: List::from_iter([Value::Map(play)]).into(), answers }
    }

    fn calls(&self, tasks: &mut List) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (number, call) in self.list("calls").iter().enumerate() {
            let mut call = call.as_map().unwrap().clone();
            if let Some(between) = call.get("setup").and_then(Value::as_list) {
                setup(tasks, between);
                continue;
            }
            let passes = call.remove("passes");
            let wanted = |pass: &str| match passes.as_ref().and_then(Value::as_list) {
                Some(list) => list.iter().any(|one| one.as_str() == Some(pass)),
                None => true,
            };
            for pass in PASSES.into_iter().filter(|pass| wanted(pass)) {
                let register = format!("call_{number}_{pass}");
                let mut task = call.clone();
                task.insert("register", register.as_str());
                task.insert("ignore_errors", true);
                task.insert("diff", true);
                task.insert("check_mode", pass == "check");
                tasks.push(task);
                let name = call.get("name").and_then(Value::as_str).unwrap().to_owned();
                answers.push(Answer { call: name, pass, register });
            }
        }
        answers
    }
}

fn setup(tasks: &mut List, wanted: &List) {
    for task in wanted {
        let mut task = task.as_map().unwrap().clone();
        task.insert("check_mode", false);
        task.insert("diff", false);
        tasks.push(task);
    }
}
