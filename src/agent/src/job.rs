//! Modules in the background: a process of its own for each, which goes on when the agent and its connection are gone.
//!
//! The process is this program again, started as `--job`. It is given the call on standard input, never in its
//! arguments, says on standard output that it has begun, and from then on speaks only through its status file, in the
//! form that ansible-core's `async_wrapper` gives it: each side can look after the other's jobs.

use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rplay_modules::{Running, Surroundings, job_output};
use rplay_protocol::frame;
use rplay_protocol::{Call, Job, Reply};
use rplay_value::{Map, Value};

/// Starts a job. The reply says which, or why not.
pub(crate) fn start(call: &Call) -> Reply {
    began(call).unwrap_or_else(|error| Reply::failure(format!("could not start the background task: {error}")))
}

fn began(call: &Call) -> io::Result<Reply> {
    let mut call = call.clone();
    call.attach_packs(&mut HashSet::new());
    let body = call.take_body();
    // Not by its name: the program may have been removed or replaced since it was started.
    let mut child = Command::new("/proc/self/exe")
        .arg("--job")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        frame::write(&mut stdin, frame::DIRECT, &call, &body).map_err(io::Error::other)?;
    }
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let frame = frame::read(&mut stdout).map_err(io::Error::other)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let reply = frame.message().map_err(io::Error::other)?;
    // Whoever starts a process has to see it off.
    std::thread::spawn(move || child.wait());
    Ok(reply)
}

/// What the process of a job does.
pub(crate) fn main() -> ExitCode {
    // Away from the connection: its end is not ours.
    let _ = nix::unistd::setsid();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reply = Reply::failure(error.to_string());
            let _ = frame::write(&mut io::stdout(), frame::DIRECT, &reply, &[]);
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let given = frame::read(&mut io::stdin().lock()).map_err(io::Error::other)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut call: Call = given.message().map_err(io::Error::other)?;
    let job = call.job.take().filter(|_| call.put_body(given.body) && call.take_packs(&mut HashMap::new()));
    let job = job.ok_or(io::ErrorKind::InvalidData)?;
    let status = Status::new(&job)?;
    status.write(&Map::from_iter([
        ("started", Value::Bool(true)),
        ("finished", Value::Bool(false)),
        ("ansible_job_id", Value::from(status.id.as_str())),
    ]))?;
    let reply = Reply::changed(true)
        .with("started", true)
        .with("finished", false)
        .with("ansible_job_id", status.id.as_str())
        .with("results_file", status.path.to_string_lossy().into_owned());
    frame::write(&mut io::stdout(), frame::DIRECT, &reply, &[]).map_err(io::Error::other)?;
    silence()?;

    let (sender, replies) = mpsc::channel();
    let running = Running::new(move |reply| drop(sender.send(reply)));
    if !call.no_log {
        let output = job_output::path(&status.path);
        running.listen(Arc::new(move |lines| job_output::append(&output, &lines)));
    }
    let watched = Arc::clone(&running);
    let limit = Duration::from_secs(job.seconds);
    std::thread::spawn(move || {
        if !watched.wait(limit) {
            watched.stop(Reply::failure("Timeout exceeded").with("child_pid", std::process::id()));
        }
    });
    std::thread::spawn(move || running.run(&call));
    let reply = replies.recv().unwrap_or_else(|_| Reply::failure("the module gave no result"));
    status.write(&reply.into_result())
}

/// Lets go of the pipes: who reads them must see their end.
fn silence() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(nothing.as_fd())?;
    nix::unistd::dup2_stdout(nothing.as_fd())?;
    Ok(())
}

/// A job's status file.
struct Status {
    id: String,
    path: PathBuf,
}

impl Status {
    fn new(job: &Job) -> io::Result<Self> {
        let id = format!("{}.{}", job.name, std::process::id());
        let folder = PathBuf::from(Surroundings::of_process().expand(&job.folder));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| {
            io::Error::new(error.kind(), format!("could not create directory: {} - {error}", folder.display()))
        })?;
        Ok(Self { path: folder.join(&id), id })
    }

    /// Replaces the file as a whole: whoever looks sees the old state or the new one, and only the user can look.
    fn write(&self, result: &Map) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(&serde_json::to_vec(result)?)?;
        temporary.persist(&self.path)?;
        Ok(())
    }
}
