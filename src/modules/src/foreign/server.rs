//! A Python that waits with Ansible's module base imported: one process for each interpreter, a fork for each module.
//!
//! `server.py` is the other end. Frames are a letter, a number and a length (`>cII`), then bytes. To it: `A` a pack
//! (digest, zero byte, zip archive), `R` run (length and JSON of what to run, then the module's arguments). From it: `P`
//! the fork's process id, `1` and `2` output, `X` the exit status.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use rplay_protocol::Pack;

use crate::{Cancel, Output};

/// Reads the server's text from standard input and becomes it: the text itself would fill the process list.
const BOOT: &str = "import os,struct\ndef r(n):\n b=b''\n while len(b)<n:\n  b+=os.read(0,n-len(b)) or os._exit(0)\n return b\nexec(compile(r(struct.unpack('>I',r(4))[0]),'<rplay>','exec'))";

const PROGRAM: &str = include_str!("server.py");

/// How much of an interpreter's own words is kept to explain its end.
const KEPT: usize = 8 << 10;

/// Variables that Python or its loader reads when it starts: modules with different ones need different processes.
fn is_early(name: &str) -> bool {
    ["PYTHON", "LD_", "LC_"].iter().any(|start| name.starts_with(start)) || matches!(name, "LANG" | "LANGUAGE")
}

/// What one process can serve.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    command: Vec<String>,
    base: Arc<str>,
    environment: BTreeMap<String, String>,
}

/// One module run.
pub(super) struct Work<'a> {
    /// The interpreter, with its arguments.
    pub(super) command: Vec<String>,
    /// The base and the module's own pack.
    pub(super) packs: [&'a Pack; 2],
    /// The task's variables.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// What `server.py` is told besides.
    pub(super) head: serde_json::Map<String, serde_json::Value>,
    /// JSON, as the module's base reads it.
    pub(super) args: &'a [u8],
}

enum Event {
    Started(u32),
    Said(u8, Vec<u8>),
    Ended(i32),
}

/// A running interpreter.
struct Server {
    input: Mutex<Input>,
    listeners: Arc<Mutex<Listeners>>,
    said: Arc<Mutex<Vec<u8>>>,
    next: AtomicU32,
    child: Mutex<Child>,
}

struct Input {
    pipe: ChildStdin,
    known: HashSet<Arc<str>>,
}

/// Who waits for which module; `None` once the process has ended.
struct Listeners(Option<HashMap<u32, Sender<Event>>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a module to its end in the process that serves it, which is started when there is none.
///
/// An interpreter that cannot be started is [`io::ErrorKind::NotFound`] or what the system says.
pub(super) fn run(work: &Work<'_>, cancel: &Cancel) -> io::Result<Output> {
    let key = Key {
        command: work.command.clone(),
        base: Arc::clone(&work.packs[0].digest),
        environment: work
            .environment
            .iter()
            .filter(|(n, _)| is_early(n))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
    };
    let server = server(&key)?;
    server.run(work, cancel)
}

fn server(key: &Key) -> io::Result<Arc<Server>> {
    static SERVERS: LazyLock<Mutex<HashMap<Key, Arc<Server>>>> = LazyLock::new(Mutex::default);
    let mut servers = lock(&SERVERS);
    if let Some(server) = servers.get(key).filter(|server| lock(&server.listeners).0.is_some()) {
        return Ok(Arc::clone(server));
    }
    let server = Arc::new(Server::start(key)?);
    servers.insert(key.clone(), Arc::clone(&server));
    Ok(server)
}

impl Server {
    fn start(key: &Key) -> io::Result<Self> {
        let (program, args) = key.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(program)
            .args(args)
            .args(["-c", BOOT])
            .envs(&key.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C at a terminal is for whoever started it.
            .process_group(0)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut pipe), Some(mut output), Some(mut errors)) = pipes else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let keeper = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = errors.read(&mut buffer) {
                let mut said = lock(&keeper);
                let room = KEPT.saturating_sub(said.len());
                said.extend_from_slice(&buffer[..n.min(room)]);
            }
        });
        let listeners = Arc::new(Mutex::new(Listeners(Some(HashMap::new()))));
        let listening = Arc::clone(&listeners);
        std::thread::spawn(move || {
            while let Ok((kind, number, body)) = read(&mut output) {
                let Some(event) = event(kind, body) else { continue };
                let mut listeners = lock(&listening);
                let Some(known) = &mut listeners.0 else { return };
                let ended = matches!(event, Event::Ended(_));
                if let Some(listener) = known.get(&number) {
                    // One that was cancelled no longer listens.
                    let _ = listener.send(event);
                }
                if ended {
                    known.remove(&number);
                }
            }
            lock(&listening).0 = None;
        });
        // An interpreter that ends at once is found out by its missing answer.
        let _ = pipe.write_all(&(PROGRAM.len() as u32).to_be_bytes()).and_then(|()| pipe.write_all(PROGRAM.as_bytes()));
        let input = Mutex::new(Input { pipe, known: HashSet::new() });
        Ok(Self { input, listeners, said, next: AtomicU32::new(0), child: Mutex::new(child) })
    }

    fn run(&self, work: &Work<'_>, cancel: &Cancel) -> io::Result<Output> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, events) = mpsc::channel();
        match &mut lock(&self.listeners).0 {
            Some(known) => _ = known.insert(number, sender),
            None => return Err(self.gone()),
        }
        if self.send(number, work).is_err() {
            return Err(self.gone());
        }
        let mut output = Output::default();
        let mut group = None;
        let ended = loop {
            match events.recv() {
                Ok(Event::Started(pid)) => {
                    group = Some(pid as i32);
                    cancel.watch(pid as i32);
                }
                Ok(Event::Said(1, bytes)) => output.stdout.extend(bytes),
                Ok(Event::Said(_, bytes)) => output.stderr.extend(bytes),
                Ok(Event::Ended(rc)) => break Some(rc),
                Err(mpsc::RecvError) => break None,
            }
        };
        if let Some(group) = group {
            cancel.forget(group);
        }
        output.rc = ended.ok_or_else(|| self.gone())?;
        Ok(output)
    }

    fn send(&self, number: u32, work: &Work<'_>) -> io::Result<()> {
        let mut input = lock(&self.input);
        for pack in work.packs {
            if input.known.insert(Arc::clone(&pack.digest)) {
                let mut body = pack.digest.as_bytes().to_vec();
                body.push(0);
                body.extend_from_slice(&pack.content);
                write(&mut input.pipe, b'A', 0, &[&body])?;
            }
        }
        let mut head = work.head.clone();
        head.insert("packs".to_owned(), work.packs.map(|pack| pack.digest.as_ref()).as_slice().into());
        head.insert("environment".to_owned(), serde_json::to_value(work.environment)?);
        let head = serde_json::to_vec(&head)?;
        write(&mut input.pipe, b'R', number, &[&(head.len() as u32).to_be_bytes(), &head, work.args])
    }

    /// Why it is not there any more.
    fn gone(&self) -> io::Error {
        let status = lock(&self.child).wait();
        let said = String::from_utf8_lossy(&lock(&self.said)).trim().to_owned();
        let kind = match status.ok().and_then(|status| status.code()) {
            // As a shell says it; `env` too.
            Some(127) => io::ErrorKind::NotFound,
            _ => io::ErrorKind::BrokenPipe,
        };
        io::Error::new(kind, if said.is_empty() { "it ended without a word".to_owned() } else { said })
    }
}

fn event(kind: u8, body: Vec<u8>) -> Option<Event> {
    let number = || Some(i32::from_be_bytes(body.as_slice().try_into().ok()?));
    match kind {
        b'P' => Some(Event::Started(number()? as u32)),
        b'X' => Some(Event::Ended(number()?)),
        b'1' => Some(Event::Said(1, body)),
        b'2' => Some(Event::Said(2, body)),
        _ => None,
    }
}

fn read(input: &mut impl Read) -> io::Result<(u8, u32, Vec<u8>)> {
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    let mut body = vec![0; number(5) as usize];
    input.read_exact(&mut body)?;
    Ok((header[0], number(1), body))
}

fn write(pipe: &mut impl Write, kind: u8, number: u32, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = Vec::with_capacity(9 + length);
    frame.push(kind);
    frame.extend_from_slice(&number.to_be_bytes());
    frame.extend_from_slice(&(length as u32).to_be_bytes());
    for part in parts {
        frame.extend_from_slice(part);
    }
    pipe.write_all(&frame)
}
