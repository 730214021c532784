//! A module run that can be stopped, timed and listened to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rplay_protocol::{Call, Reply};

use crate::real::Live;
use crate::{Cancel, Real, run};

/// One call on its way: it answers exactly once, whatever happens to the module.
///
/// A module runs to its end on one thread and cannot be interrupted there. What takes long is nearly always a program it
/// waits for, so stopping means: answer at once, and end the call's programs.
pub struct Running {
    state: Mutex<State>,
    changed: Condvar,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    respond: Option<Box<dyn FnOnce(Reply) + Send>>,
    live: Option<Live>,
    done: bool,
}

impl Running {
    /// A call that has not started. `respond` is called once, on any thread.
    pub fn new(respond: impl FnOnce(Reply) + Send + 'static) -> Arc<Self> {
        let state = State { respond: Some(Box::new(respond)), ..State::default() };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), cancel: Cancel::default() })
    }

    /// Sends the output of the call's programs here as it comes. Before the call starts.
    pub fn listen(&self, live: Live) {
        self.state().live = Some(live);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, reply: Reply) {
        let respond = self.state().respond.take();
        if let Some(respond) = respond {
            respond(reply);
        }
    }

    /// Runs the module on this thread and answers. A call that was stopped before is not run. The module is given the
    /// call's environment and time; a panic becomes a failed reply.
    pub fn run(self: &Arc<Self>, call: &Call) {
        self.drive(call, |sys| match &call.foreign {
            Some(foreign) => crate::foreign::run(sys, call, foreign),
            None => run(sys, call),
        });
    }

    fn drive(self: &Arc<Self>, call: &Call, work: impl FnOnce(&Real) -> Reply) {
        if !self.cancel.is_cancelled() {
            if let Some(seconds) = call.timeout {
                let (running, action) = (Arc::clone(self), call.module.clone());
                std::thread::spawn(move || {
                    if !running.wait(Duration::from_secs(seconds)) {
                        running.stop(Reply::timed_out(&action, seconds));
                    }
                });
            }
            let live = self.state().live.take();
            let sys = Real {
                environment: call.environment.clone(),
                cancel: self.cancel.clone(),
                live,
                open_files: call.open_files,
                ..Real::default()
            };
            let reply = catch_unwind(AssertUnwindSafe(|| work(&sys))).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
                Reply::failure(format!("the module {} ended unexpectedly: {text}", call.module))
            });
            self.respond(reply);
        }
        self.state().done = true;
        self.changed.notify_all();
    }

    /// Waits until the module has returned; false when the time is over first.
    pub fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        while !state.done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Answers with this reply, if the module has not, and ends its programs.
    pub fn stop(&self, reply: Reply) {
        self.respond(reply);
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{Program, Sys};

    fn sleep(sys: &Real) -> Reply {
        Reply::ok().with("rc", sys.run(&Program::shell("sleep 30")).map_or(-1, |output| output.rc))
    }

    #[test]
    fn a_timeout_answers_and_ends_the_program() {
        let (sender, replies) = mpsc::channel();
        let running = Running::new(move |reply| sender.send(reply).unwrap());
        let started = Instant::now();
        running.drive(&Call { timeout: Some(1), ..Call::default() }, sleep);
        assert!(started.elapsed() < Duration::from_secs(10));
        let reply = replies.recv().unwrap();
        assert!(reply.failed);
        assert!(reply.data.get("msg").unwrap().as_str().unwrap().contains("expected time frame (1)"));
        assert!(replies.recv().is_err(), "one answer only");
    }

    #[test]
    fn a_call_stopped_before_it_starts_is_not_run() {
        let (sender, replies) = mpsc::channel();
        let running = Running::new(move |reply| sender.send(reply).unwrap());
        running.stop(Reply::failure("stopped"));
        let started = Instant::now();
        running.drive(&Call::default(), sleep);
        assert!(started.elapsed() < Duration::from_secs(1));
        assert_eq!(replies.recv().unwrap(), Reply::failure("stopped"));
    }

    #[test]
    fn a_panic_is_a_failure() {
        let (sender, replies) = mpsc::channel();
        Running::new(move |reply| sender.send(reply).unwrap()).drive(&Call::default(), |_| panic!("on purpose"));
        let msg = replies.recv().unwrap().data.get("msg").cloned().unwrap();
        assert!(msg.as_str().unwrap().ends_with("on purpose"));
    }

    #[test]
    fn an_unknown_module_answers_too() {
        let (sender, replies) = mpsc::channel();
        Running::new(move |reply| sender.send(reply).unwrap())
            .run(&Call { module: "no.such".into(), ..Call::default() });
        assert!(replies.recv().unwrap().failed);
    }
}
