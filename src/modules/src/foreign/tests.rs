//! Modules run here, in this machine's Python.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rplay_protocol::{Call, Foreign, Form, Interpreter, Pack, Reply};
use rplay_value::{Map, Value};

use crate::Running;

fn archive(files: &[(&str, &str)]) -> Pack {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    Pack { digest: format!("{files:?}").into(), content: writer.finish().unwrap().into_inner().into() }
}

/// A base that counts how often it is imported, and a module of this text.
fn python(text: &str, args: Map) -> Call {
    let base = archive(&[
        (".warm", "ansible.module_utils.basic"),
        ("ansible/__init__.py", ""),
        ("ansible/module_utils/__init__.py", ""),
        ("ansible/module_utils/basic.py", "import os\nimported = os.getpid()\n_ANSIBLE_ARGS = None\n"),
    ]);
    let own = archive(&[("ansible/modules/__init__.py", ""), ("ansible/modules/mine.py", text)]);
    let interpreter = Interpreter::Path { path: "/usr/bin/python3".to_owned(), args: Vec::new() };
    let foreign = Foreign {
        file: "mine.py".to_owned(),
        path: "ansible.modules.mine".to_owned(),
        packs: vec![base, own],
        interpreter,
        ..Foreign::default()
    };
    Call { module: "mine".to_owned(), args, foreign: Some(Box::new(foreign)), ..Call::default() }
}

fn run(call: &Call) -> Reply {
    let (sender, replies) = mpsc::channel();
    Running::new(move |reply| drop(sender.send(reply))).run(call);
    replies.recv().unwrap()
}

const TELL: &str = "
import json, os, sys
from ansible.module_utils import basic
from ..module_utils import basic as same
args = json.loads(basic._ANSIBLE_ARGS.decode())['ANSIBLE_MODULE_ARGS']
state = getattr(basic, 'state', 0)
basic.state = 1
print(json.dumps(dict(args=args, base=basic.imported, me=os.getpid(), state=state, same=same is basic,
                      colour=os.environ.get('COLOUR'), stdin=sys.stdin.read(), group=os.getpgid(0))))
sys.exit(0)
";

fn number(reply: &Reply, key: &str) -> i64 {
    reply.data.get(key).and_then(Value::as_int).unwrap()
}

#[test]
fn each_module_is_a_fork_of_one_process_and_keeps_nothing() {
    let mut call = python(TELL, Map::from_iter([("a", Value::from("it's"))]));
    call.environment = BTreeMap::from([("COLOUR".to_owned(), "green".to_owned())]);
    let first = run(&call);
    call.environment.clear();
    let second = run(&call);
    assert_eq!(first.data.get("args").unwrap().repr(), "{'a': \"it's\"}");
    assert_eq!(first.data.get("colour").unwrap().to_str(), "green");
    assert!(second.data.get("colour").unwrap().is_null());
    for reply in [&first, &second] {
        assert_eq!((number(reply, "state"), reply.data.get("stdin").unwrap().to_str().as_ref()), (0, ""));
        assert_eq!(number(reply, "group"), number(reply, "me"));
        assert!(reply.data.get("same").unwrap().is_true());
    }
    assert_eq!(number(&first, "base"), number(&second, "base"));
    assert_ne!(number(&first, "me"), number(&second, "me"));
    // A variable that Python reads when it starts makes another process.
    call.environment = BTreeMap::from([("PYTHONUTF8".to_owned(), "1".to_owned())]);
    assert_ne!(number(&run(&call), "base"), number(&first, "base"));
}

#[test]
fn modules_run_side_by_side_and_can_be_stopped_with_what_they_started() {
    let slow = python(
        "import subprocess, sys\nsubprocess.call(['/bin/sh', '-c', 'sleep 60 & sleep 60'])\nsys.exit(0)\n",
        Map::new(),
    );
    let (sender, replies) = mpsc::channel();
    let running = Running::new(move |reply| drop(sender.send(reply)));
    let started = Instant::now();
    let (other, call) = (std::sync::Arc::clone(&running), slow.clone());
    let thread = std::thread::spawn(move || other.run(&call));
    assert!(!run(&python(TELL, Map::new())).failed);
    std::thread::sleep(Duration::from_millis(300));
    running.stop(Reply::failure("stopped"));
    assert_eq!(replies.recv().unwrap(), Reply::failure("stopped"));
    thread.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn exceptions_and_ends_of_all_kinds_are_failures() {
    let raised = run(&python("raise ValueError('boom') from KeyError('inner')\n", Map::new()));
    assert_eq!(raised.data.get(super::RAISED).unwrap().to_str(), "boom: 'inner'");
    let broken = run(&python("def f(:\n", Map::new()));
    assert!(broken.data.get(super::RAISED).unwrap().to_str().contains("invalid syntax"), "{broken:?}");
    let killed = run(&python("import os\nos.kill(os.getpid(), 9)\n", Map::new()));
    assert_eq!(number(&killed, "rc"), -9);
    // The process that serves is none the worse.
    assert!(!run(&python(TELL, Map::new())).failed);
}

#[test]
fn large_output_and_daemons_do_not_stop_a_module() {
    let text = "
import json, os, subprocess, sys
subprocess.Popen(['sleep', '30'])
sys.stderr.write('x' * 300000)
print(json.dumps(dict(text='y' * 3000000)))
sys.exit(0)
";
    let started = Instant::now();
    let reply = run(&python(text, Map::new()));
    assert_eq!(reply.data.get("text").unwrap().to_str().len(), 3_000_000);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_interpreter_that_is_not_there_is_named() {
    let mut call = python(TELL, Map::new());
    let set = |call: &mut Call, interpreter| call.foreign.as_mut().unwrap().interpreter = interpreter;
    for path in ["/bogus/path", "bogus_interpreter", "/usr/bin/env bogus_interpreter"] {
        set(&mut call, Interpreter::Path { path: path.to_owned(), args: Vec::new() });
        let reply = run(&call);
        let msg = format!("The module interpreter '{path}' was not found.");
        assert_eq!(reply.data.get("msg").unwrap().to_str(), msg, "{reply:?}");
    }
    set(&mut call, Interpreter::Discover { candidates: vec!["/no/python".to_owned()], args: Vec::new() });
    let reply = run(&call);
    assert!(reply.data.get("msg").unwrap().to_str().starts_with("The module mine is written in Python, and no Python"));
    set(&mut call, Interpreter::Discover { candidates: vec!["/usr/bin/python3".to_owned()], args: Vec::new() });
    assert_eq!(run(&call).data.get(super::DISCOVERED).unwrap().to_str(), "/usr/bin/python3");
}

#[test]
fn open_files_are_limited() {
    let text = "import json, resource, sys\nprint(json.dumps(dict(n=resource.getrlimit(resource.RLIMIT_NOFILE)[0])))\nsys.exit(0)\n";
    let call = Call { open_files: 123, ..python(text, Map::new()) };
    assert_eq!(number(&run(&call), "n"), 123);
}

#[test]
fn scripts_get_their_arguments_in_files_that_go_away() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let script = |form, text: &str, keep| {
        let pack = Pack { digest: text.into(), content: text.as_bytes().into() };
        let foreign = Foreign {
            form,
            file: "mine.sh".to_owned(),
            packs: vec![pack],
            interpreter: Interpreter::Path { path: "/bin/sh".to_owned(), args: Vec::new() },
            folder: place.to_string_lossy().into_owned(),
            keep,
            ..Foreign::default()
        };
        let args = Map::from_iter([("name", Value::from("a b"))]);
        run(&Call { module: "mine".to_owned(), args, foreign: Some(Box::new(foreign)), ..Call::default() })
    };
    let left = || std::fs::read_dir(&place).unwrap().count();
    let words = script(Form::Words, "#!/bin/sh\n. \"$1\"; printf '{\"said\": \"%s\"}' \"$name\"", false);
    assert_eq!(words.data.get("said").unwrap().to_str(), "a b");
    let json =
        script(Form::WantJson, "#!/bin/sh\n# WANT_JSON\nread line < \"$1\"; printf '{\"given\": %s}' \"$line\"", false);
    assert_eq!(json.data.get("given").unwrap().repr(), "{'name': 'a b'}");
    assert_eq!(left(), 0);
    let inside = script(Form::JsonArgs, "#!/bin/sh\necho '{\"given\": <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>}'", true);
    assert_eq!(inside.data.get("given").unwrap().repr(), "{'name': 'a b'}");
    assert_eq!(left(), 1);
    drop(folder);
    std::fs::write(&place, "").unwrap();
    let elsewhere = script(Form::Words, "#!/bin/sh\necho '{}'", false);
    assert!(!elsewhere.failed, "{elsewhere:?}");
    std::fs::remove_file(place).unwrap();
}
