//! The loop: requests in, responses out.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rplay_modules::Running;
use rplay_protocol::frame::{self, DIRECT, Frame, FrameError};
use rplay_protocol::{Call, Hello, MARK, Reply, Request, Response};

use crate::child::Children;
use crate::files::{Uploads, download};
use crate::job;
use crate::lanes::Lanes;
use crate::output::Output;

/// How long modules get to finish once the controller is gone: a file that is being replaced is replaced or left, and
/// its temporary file removed.
const GRACE: Duration = Duration::from_secs(5);

/// As good as for ever.
const FOREVER: Duration = Duration::from_hours(10 * 365 * 24);

type Calls = Arc<Mutex<HashMap<u64, Arc<Running>>>>;

struct Agent {
    out: Output,
    lanes: Lanes,
    calls: Calls,
    uploads: Uploads,
    children: Children,
    /// Parts of modules that are not native, by digest: sent once, used by any number of calls.
    packs: HashMap<Arc<str>, Arc<[u8]>>,
}

/// Serves until the input ends or says goodbye, then ends what is still running.
pub(crate) fn serve(hello: Hello, tmp: PathBuf, once: bool) -> Result<(), FrameError> {
    let out = Output::take()?;
    let input = std::fs::File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut input = BufReader::with_capacity(64 << 10, input);
    out.mark(MARK)?;
    out.send(&Response::Hello(hello), &[]);
    let mut agent = Agent {
        children: Children::new(out.clone()),
        lanes: Lanes::default(),
        calls: Calls::default(),
        uploads: Uploads::new(tmp),
        packs: HashMap::new(),
        out,
    };
    let served = loop {
        match frame::read(&mut input) {
            Ok(Some(frame)) => match agent.handle(frame) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            },
            // A connection that broke and one that was closed are the same: nobody is there any more.
            Ok(None) | Err(FrameError::Io(_)) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if once {
        agent.finish();
    }
    agent.end();
    served
}

impl Agent {
    /// Does what a frame asks for. False when it says goodbye.
    fn handle(&mut self, frame: Frame) -> Result<bool, FrameError> {
        if frame.channel != DIRECT {
            self.children.forward(&frame);
            return Ok(true);
        }
        match frame.message()? {
            Request::Call { id, lane, live, call } => self.call(id, lane, live, call, frame.body),
            Request::Cancel { id } => {
                let running = self.locked().get(&id).cloned();
                if let Some(running) = running {
                    running.stop(Reply::failure("stopped"));
                }
            }
            Request::Become { id, channel, how, password, timeout } => {
                let password = password.then(|| String::from_utf8_lossy(&frame.body).into_owned());
                self.children.start(id, channel, how, password, Duration::from_secs(timeout));
            }
            Request::Upload { id } => self.uploads.begin(id, &self.out),
            Request::Part { id, last } => self.uploads.part(id, &frame.body, last, &self.out),
            Request::Forget { path } => self.uploads.forget(Path::new(&path)),
            Request::Download { id, path } => {
                let out = self.out.clone();
                std::thread::spawn(move || download(id, &path, &out));
            }
            Request::Bye => return Ok(false),
        }
        Ok(true)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Running>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&mut self, id: u64, lane: u64, live: bool, mut call: Call, body: Vec<u8>) {
        if !call.put_body(body) {
            let reply = Reply::failure("the attachments of the call do not have the length they should have");
            return self.out.send(&Response::Reply { id, reply }, &[]);
        }
        if !call.take_packs(&mut self.packs) {
            let reply = Reply::failure(format!("what the module {} consists of was never sent", call.module));
            return self.out.send(&Response::Reply { id, reply }, &[]);
        }
        let out = self.out.clone();
        if call.job.is_some() {
            // Only as long as it takes to begin.
            self.lanes.add(lane, move || out.send(&Response::Reply { id, reply: job::start(&call) }, &[]));
            return;
        }
        let running = Running::new(move |reply| out.send(&Response::Reply { id, reply }, &[]));
        if live {
            let out = self.out.clone();
            running.listen(Arc::new(move |lines| out.send(&Response::Output { id, lines }, &[])));
        }
        self.locked().insert(id, Arc::clone(&running));
        let calls = Arc::clone(&self.calls);
        self.lanes.add(lane, move || {
            running.run(&call);
            calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }

    /// Waits for what still runs.
    fn finish(&self) {
        let running: Vec<_> = self.locked().values().cloned().collect();
        for one in &running {
            one.wait(FOREVER);
        }
    }

    /// Ends everything that still runs. What is left of the temporary files goes when `self` does.
    fn end(self) {
        // Children first: they have their own modules to end, at the same time as we.
        let ending = self.children.end();
        let running: Vec<_> = self.locked().drain().map(|(_, running)| running).collect();
        for one in &running {
            one.stop(Reply::failure("the controller is gone"));
        }
        let deadline = Instant::now() + GRACE;
        for one in &running {
            one.wait(deadline.saturating_duration_since(Instant::now()));
        }
        ending.wait(deadline + Duration::from_secs(1));
    }
}
