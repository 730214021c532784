//! Runs a program on a terminal of its own and answers what it asks.
//!
//! Options:
//! - `command` (text, required): the program and its arguments; no shell.
//! - `responses` (mapping, required): regular expressions and what to type when the output matches. A list is typed one by
//!   one, each time it matches.
//! - `chdir` (path): folder to run in.
//! - `creates`, `removes` (path): skip when it exists, or does not exist.
//! - `timeout` (seconds, default 30): how long to wait for the next question or the end; null waits without end.
//! - `echo` (bool, default false): show what is typed in the output.
//!
//! Returns: `cmd`, `rc`, `stdout`, `stdout_lines`, `start`, `end`, `delta`.
//! Check mode: skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.expect:
//!     command: passwd thing
//!     responses:
//!       (?i)password: "{{ secret }}"
//! ```

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Zoned;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::signal::{Signal, killpg};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use super::command::{delta, timestamp};
use crate::convert::python_str;
use crate::pyregex::Flags;
use crate::text_file::errno;
use crate::{Arg, ArgSpec, Args, Context, Kind, Module, ModuleError, PyRegex, Support, words};

/// `ansible.builtin.expect`
pub static MODULE: Module = Module {
    name: "expect",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::None,
    diff: Support::None,
    run,
};

const SPEC: ArgSpec = ArgSpec {
    args: &[
        Arg::text("command").required(),
        Arg::path("chdir"),
        Arg::path("creates"),
        Arg::path("removes"),
        Arg::new("responses", Kind::Map).required(),
        Arg::new("timeout", Kind::Raw).default("30"),
        Arg::bool("echo").default("false"),
    ],
    ..ArgSpec::EMPTY
};

/// A question and its answers.
struct Question {
    text: String,
    pattern: PyRegex,
    /// Typed in turn; the only one again and again.
    answers: Vec<String>,
    again: bool,
    used: usize,
}

impl Question {
    fn read(text: &str, answer: &Value) -> Result<Self, ModuleError> {
        let pattern = PyRegex::with(text, Flags { dotall: true, ..Flags::default() })?;
        let (answers, again) = match answer {
            Value::List(list) => (list.iter().map(python_str).collect(), false),
            other => (vec![python_str(other)], true),
        };
        Ok(Self { text: text.to_owned(), pattern, answers, again, used: 0 })
    }

    /// What to type now.
    fn answer(&mut self) -> Option<String> {
        let index = if self.again { 0 } else { self.used };
        self.used += 1;
        self.answers.get(index).map(|answer| format!("{}\n", answer.trim_end_matches('\n')))
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let command = args.need("command");
    let mut questions = Vec::new();
    for (text, answer) in args.map("responses").unwrap_or(&Map::new()) {
        questions.push(Question::read(&python_str(text), answer)?);
    }
    let timeout = timeout(args)?;
    if command.trim().is_empty() {
        return Err(ModuleError::reply(Reply::failure("no command given").with("rc", 256)));
    }
    let chdir = args.text("chdir").map(|folder| cx.path(folder));
    let below = |path: &str| chdir.as_deref().map_or_else(|| cx.path(path), |folder| folder.join(path));
    let skipped =
        |why: String| Reply::ok().with("cmd", command).with("stdout", format!("skipped, since {why}")).with("rc", 0);
    if let Some(path) = args.text("creates").filter(|path| below(path).exists()) {
        return Ok(skipped(format!("{path} exists")));
    }
    if let Some(path) = args.text("removes").filter(|path| !below(path).exists()) {
        return Ok(skipped(format!("{path} does not exist")));
    }
    let argv = words::split(command).map_err(ModuleError::msg)?;
    let name = argv.first().cloned().unwrap_or_default();
    if let (Some(folder), Some(shown)) = (&chdir, args.text("chdir"))
        && let Err(error) = std::fs::metadata(folder)
    {
        return Err(ModuleError::msg(errno(&error, shown)));
    }
    // A place of its own counts from the folder it starts in.
    let there = chdir.as_ref().map(|folder| folder.join(&name)).filter(|path| name.contains('/') && path.is_file());
    let Some(program) = there.or_else(|| cx.sys().which(&name)) else {
        return Err(ModuleError::msg(format!("The command was not found or was not executable: {name}.")));
    };
    let mut child = Command::new(program);
    child.args(&argv[1..]).envs(&cx.call().environment);
    if let Some(folder) = &chdir {
        child.current_dir(folder);
    }
    let started = Zoned::now();
    let mut talk = Talk::start(child, args.flag("echo"))?;
    let ended = talk.run(cx, &mut questions, timeout);
    let status = talk.end();
    ended?;
    let now = Zoned::now();
    let Ok(output) = String::from_utf8(std::mem::take(&mut talk.output)) else {
        // Results are text; ansible-core refuses it on its way back, too.
        return Err(ModuleError::msg("Refusing to deserialize an invalid UTF8 string value."));
    };
    let reply = Reply::changed(true)
        .with("cmd", command)
        .with("stdout", output.trim_end_matches(['\r', '\n']))
        .with("rc", status.map_or(Value::Null, Value::from))
        .with("start", timestamp(&started))
        .with("end", timestamp(&now))
        .with("delta", delta(&started, &now));
    match status {
        Some(0) => Ok(reply),
        Some(_) => Err(ModuleError::reply(failed(reply, "non-zero return code"))),
        None => Err(ModuleError::reply(failed(reply, "command exceeded timeout"))),
    }
}

fn failed(mut reply: Reply, msg: &str) -> Reply {
    reply.failed = true;
    reply.with("msg", msg)
}

/// `None` waits without end.
fn timeout(args: &Args) -> Result<Option<Duration>, ModuleError> {
    // Null is not the default here.
    let seconds = match args.all().get("timeout") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Int(seconds)) => *seconds,
        Some(other) => python_str(other).trim().parse().map_err(|_| {
            let (kind, shown) = (other.type_name(), other.repr());
            ModuleError::msg(format!(
                "argument 'timeout' is of type <class '{kind}'> and we were unable to convert to int: \"{shown}\" cannot be converted to an int"
            ))
        })?,
    };
    Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default())))
}

/// A program on a terminal of its own.
struct Talk {
    child: Child,
    terminal: File,
    output: Vec<u8>,
    /// Where the output begins that no question has matched yet.
    from: usize,
}

impl Talk {
    fn start(mut command: Command, echo: bool) -> Result<Self, ModuleError> {
        let fail = |error: nix::Error| ModuleError::msg(format!("could not open a terminal: {error}"));
        let pair = openpty(None, None).map_err(fail)?;
        if !echo {
            let mut modes = tcgetattr(&pair.slave).map_err(fail)?;
            modes.local_flags.remove(LocalFlags::ECHO);
            tcsetattr(&pair.slave, SetArg::TCSANOW, &modes).map_err(fail)?;
        }
        let copy = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
        command.stdin(copy(&pair.slave)?).stdout(copy(&pair.slave)?).stderr(copy(&pair.slave)?);
        #[expect(
            unsafe_code,
            reason = "a program asks for passwords on its controlling terminal, which only it can take"
        )]
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        drop(pair.slave);
        Ok(Self { child, terminal: File::from(pair.master), output: Vec::new(), from: 0 })
    }

    /// Answers questions until the program ends or nothing comes in time.
    fn run(
        &mut self,
        cx: &Context<'_>,
        questions: &mut [Question],
        timeout: Option<Duration>,
    ) -> Result<(), ModuleError> {
        const LOOK: Duration = Duration::from_millis(200);
        let mut deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(answer) = self.question(questions)? {
                // As a person would: a program that turns echo off first has the time to.
                std::thread::sleep(Duration::from_millis(50));
                self.terminal.write_all(answer.as_bytes())?;
                deadline = timeout.map(|timeout| Instant::now() + timeout);
                continue;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || cx.sys().is_cancelled() {
                return Ok(());
            }
            let wait = left.unwrap_or(LOOK).min(LOOK);
            let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            let limit = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
            match poll(&mut ready, limit) {
                Ok(0) | Err(nix::Error::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(ModuleError::msg(error.to_string())),
            }
            let mut bytes = [0; 4096];
            match self.terminal.read(&mut bytes) {
                // The kernel says EIO when the last one left the terminal.
                Ok(0) | Err(_) => return Ok(()),
                Ok(count) => self.output.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// The answer to the first question that stands in what was not matched yet.
    fn question(&mut self, questions: &mut [Question]) -> Result<Option<String>, ModuleError> {
        let text = String::from_utf8_lossy(&self.output[self.from..]).into_owned();
        if text.is_empty() {
            return Ok(None);
        }
        let found = questions.iter().enumerate().filter_map(|(index, question)| {
            let whole = question.pattern.search(&text)?.get(0)?;
            Some((whole.start(), index, whole.end()))
        });
        let Some((start, index, end)) = found.min() else { return Ok(None) };
        let question = &mut questions[index];
        let Some(answer) = question.answer() else {
            let msg = format!("No remaining responses for '{}', output was '{}'", question.text, &text[..start]);
            return Err(ModuleError::msg(msg));
        };
        // What is not UTF-8 is longer in the text than in the output; then everything so far counts as matched.
        let exact = text.as_bytes() == &self.output[self.from..];
        self.from = if exact { self.from + end } else { self.output.len() };
        Ok(Some(answer))
    }

    /// The exit code; `None` when the program had to be ended, or was.
    fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code(),
                Ok(None) if self.left() => std::thread::sleep(Duration::from_millis(5)),
                _ => break,
            }
        }
        // It may have ended already.
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        self.child.wait().ok().and_then(|status| status.code())
    }

    /// Whether the program closed its terminal, and so is about to end.
    fn left(&self) -> bool {
        let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        let polled = poll(&mut ready, PollTimeout::ZERO);
        polled.is_ok_and(|count| count > 0)
            && ready[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
    }
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Call;

    use super::*;
    use crate::testing::args;
    use crate::{Real, run as call};

    fn expect(command: &str, responses: Vec<(&'static str, Value)>, more: Vec<(&'static str, Value)>) -> Reply {
        let mut entries = vec![("command", Value::from(command))];
        entries.push(("responses", Value::Map(responses.into_iter().collect())));
        entries.extend(more);
        call(&Real::default(), &Call { module: "expect".into(), args: args(entries), ..Call::default() })
    }

    fn get<'a>(reply: &'a Reply, key: &str) -> &'a str {
        reply.data.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    const ASK: &str = "sh -c 'echo line one; for i in 1 2; do printf foo; read x; echo $x; done'";

    /// Values recorded from ansible-core 2.19 with pexpect.
    #[test]
    fn questions_are_answered_and_not_echoed() {
        let reply = expect(ASK, vec![("foo", "bar".into())], vec![]);
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(get(&reply, "stdout"), "line one\r\nfoobar\r\nfoobar");
        let list = Value::from(vec!["bar", "baz"]);
        let reply = expect(ASK, vec![("fo+", list)], vec![("echo", true.into())]);
        assert_eq!(get(&reply, "stdout"), "line one\r\nfoobar\r\nbar\r\nfoobaz\r\nbaz");
    }

    #[test]
    fn what_has_no_answer_left_or_no_end_fails() {
        let reply = expect(ASK, vec![("foo", vec!["bar"].into())], vec![]);
        assert_eq!(get(&reply, "msg"), "No remaining responses for 'foo', output was 'bar\r\n'");
        let reply = expect("sleep 10", vec![("foo", "bar".into())], vec![("timeout", 1.into())]);
        assert_eq!((get(&reply, "msg"), reply.data.get("rc")), ("command exceeded timeout", Some(&Value::Null)));
        let reply = expect("sh -c 'exit 3'", vec![("foo", "bar".into())], vec![]);
        assert_eq!((get(&reply, "msg"), reply.data.get("rc")), ("non-zero return code", Some(&3.into())));
        let reply = expect("", vec![("foo", "bar".into())], vec![]);
        assert_eq!((get(&reply, "msg"), reply.data.get("rc")), ("no command given", Some(&256.into())));
        let reply = expect("nosuchprogram x", vec![("foo", "bar".into())], vec![]);
        assert_eq!(get(&reply, "msg"), "The command was not found or was not executable: nosuchprogram.");
    }

    #[test]
    fn the_program_has_a_terminal_of_its_own() {
        let reply = expect(
            "sh -c 'exec 3<>/dev/tty && printf word: >&3 && read x <&3 && echo got $x'",
            vec![("word:", "y".into())],
            vec![],
        );
        assert_eq!(get(&reply, "stdout"), "word:got y");
    }
}
