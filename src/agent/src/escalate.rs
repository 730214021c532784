//! Starting an agent as another user, through sudo, su or doas.
//!
//! The user's shell looks whether it may run the program of this agent where it is. If not (a home that only its owner
//! enters, a program that was unlinked), it receives a copy through its standard input, in a file of its own that
//! nobody else may touch and that the new agent unlinks at once. So no user ever runs a file that another
//! unprivileged user, except the one who logged in and was let become him, could have changed.
//!
//! sudo reads a password from standard input. su and doas want a terminal: theirs is a pseudo-terminal in raw mode, so
//! that it carries frames unchanged once the password is through. Standard output is always a pipe.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rplay_protocol::{Become, Hello, MARK, Method, Refusal, Response, frame};

/// What sudo is told to ask with.
const PROMPT: &str = "[sudo via rplay] password:";

/// What the script says when it cannot run the program where it is.
const MISSING: &str = "rplay-agent missing";

/// What the script says when there is no folder to put a program in.
const NOWHERE: &str = "rplay-agent nowhere";

/// A prompt is followed by silence for at least this long.
const PAUSE: Duration = Duration::from_millis(100);

/// A child agent that has said hello.
pub(crate) struct Started {
    pub(crate) hello: Hello,
    pub(crate) input: Box<dyn Write + Send>,
    pub(crate) output: BufReader<ChildStdout>,
    pub(crate) process: Child,
}

/// What is heard from a program on its way.
enum Heard {
    /// On standard error or the terminal.
    Text(String),
    /// A line of standard output.
    Line(String),
    /// Hello; standard output is handed back.
    Hello(Box<(Hello, BufReader<ChildStdout>)>),
    /// Standard output has ended.
    End,
}

/// Starts an agent as another user. `limit` is for each silence.
pub(crate) fn start(how: &Become, password: Option<&str>, limit: Duration) -> Result<Started, Refusal> {
    let program = std::env::current_exe().map(OsString::from).unwrap_or_default();
    let size = std::fs::metadata("/proc/self/exe").map_or(0, |m| m.len());
    let argv = argv(how, password.is_some(), &script(&program.to_string_lossy(), size));
    let failed = |rc, text: String| Refusal::Failed { rc, text };
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let terminal = if how.method == Method::Sudo {
        command.stdin(Stdio::piped());
        None
    } else {
        let (master, slave) =
            terminal().map_err(|e| failed(1, format!("could not make a terminal for {}: {e}", how.method)))?;
        command.stdin(Stdio::from(slave));
        on_terminal(&mut command);
        Some(master)
    };
    let spawned = command.spawn();
    // The command holds the other end of the terminal.
    drop(command);
    let mut process = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed(127, format!("{}: command not found", argv[0])),
        _ => failed(126, format!("{}: {error}", argv[0])),
    })?;
    let (sender, heard) = channel();
    let (Some(stdout), Some(stderr)) = (process.stdout.take(), process.stderr.take()) else {
        return Err(failed(1, "no pipes".to_owned()));
    };
    listen(stderr, sender.clone());
    let input: Box<dyn Write + Send> = match (terminal, process.stdin.take()) {
        (Some(master), _) => {
            let reader = master.try_clone().map_err(|e| failed(1, e.to_string()))?;
            listen(File::from(reader), sender.clone());
            Box::new(File::from(master))
        }
        (None, Some(stdin)) => Box::new(stdin),
        (None, None) => return Err(failed(1, "no pipes".to_owned())),
    };
    std::thread::spawn(move || greet(stdout, &sender));
    Talk { how, password, limit, process, input: Some(input), said: String::new(), asked: 0, next: None }.run(&heard)
}

/// One attempt, until the agent speaks or the program gives up.
struct Talk<'a> {
    how: &'a Become,
    password: Option<&'a str>,
    limit: Duration,
    process: Child,
    input: Option<Box<dyn Write + Send>>,
    /// What was said outside frames, without prompts that were answered.
    said: String,
    asked: u32,
    /// Heard while waiting for the rest of a message.
    next: Option<Heard>,
}

impl Talk<'_> {
    fn run(mut self, heard: &Receiver<Heard>) -> Result<Started, Refusal> {
        loop {
            let next = self.next.take().map_or_else(|| heard.recv_timeout(self.limit), Ok);
            let refusal = match next {
                Ok(Heard::Text(text)) => {
                    self.said.push_str(&text);
                    if self.how.method != Method::Sudo && self.prompt().is_some() {
                        // A message may come in pieces, and the first one end with a colon.
                        self.next = heard.recv_timeout(PAUSE).ok();
                        if self.next.is_some() {
                            continue;
                        }
                    }
                    match self.answer() {
                        Ok(()) => continue,
                        Err(refusal) => refusal,
                    }
                }
                Ok(Heard::Line(line)) if line.starts_with(MISSING) => match self.upload() {
                    Ok(()) => continue,
                    Err(error) => Refusal::Failed { rc: 1, text: format!("could not hand over the agent: {error}") },
                },
                Ok(Heard::Line(line)) if line.starts_with(NOWHERE) => {
                    let text = format!(
                        "{} has no folder to run a program from (tried /tmp, /var/tmp, /dev/shm and its home)",
                        self.how.user
                    );
                    Refusal::Failed { rc: 126, text }
                }
                Ok(Heard::Line(line)) => {
                    self.said.push_str(&line);
                    continue;
                }
                Ok(Heard::Hello(greeting)) => {
                    let (hello, output) = *greeting;
                    let Some(input) = self.input.take() else { continue };
                    return Ok(Started { hello, input, output, process: self.process });
                }
                Ok(Heard::End) | Err(RecvTimeoutError::Disconnected) => return Err(self.ended(heard)),
                Err(RecvTimeoutError::Timeout) => Refusal::Timeout { seconds: self.limit.as_secs() },
            };
            // Without its input the program ends; it may belong to a user we cannot signal.
            self.input = None;
            let _ = self.process.kill();
            std::thread::spawn(move || self.process.wait());
            return Err(refusal);
        }
    }

    /// Where a prompt begins that ends what was said.
    fn prompt(&self) -> Option<usize> {
        if self.how.method == Method::Sudo {
            return self.said.find(PROMPT);
        }
        // Prompts are translated, but they all end an unfinished line with a colon. So does the program's own name.
        let start = self.said.rfind('\n').map_or(0, |end| end + 1);
        let line = self.said[start..].trim_end();
        let name = line.strip_suffix(':').is_some_and(|name| name == self.how.method.name());
        (line.ends_with([':', '：']) && !name).then_some(start)
    }

    /// Answers a prompt, if there is one.
    fn answer(&mut self) -> Result<(), Refusal> {
        if self.how.method == Method::Sudo && self.said.contains("Sorry, try again") {
            return Err(Refusal::WrongPassword);
        }
        let prompt = self.prompt();
        let Some(start) = prompt else { return Ok(()) };
        self.said.truncate(start);
        self.asked += 1;
        match (self.password, &mut self.input) {
            (Some(_), _) if self.asked > 1 => Err(Refusal::WrongPassword),
            (Some(password), Some(input)) => {
                // A program that is gone is heard of in a moment.
                let _ = input.write_all(format!("{password}\n").as_bytes()).and_then(|()| input.flush());
                Ok(())
            }
            _ => Err(Refusal::MissingPassword),
        }
    }

    fn upload(&mut self) -> std::io::Result<()> {
        let mut program = File::open("/proc/self/exe")?;
        if let Some(input) = &mut self.input {
            std::io::copy(&mut program, input)?;
            input.flush()?;
        }
        Ok(())
    }

    /// The program has ended without an agent: why?
    fn ended(mut self, heard: &Receiver<Heard>) -> Refusal {
        self.input = None;
        let rc = self.process.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        // Its last words may come after the end of its output.
        let deadline = Instant::now() + Duration::from_millis(200);
        while let Ok(heard) = heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Heard::Text(text) = heard {
                self.said.push_str(&text);
            }
        }
        let said = self.said.replace('\r', "");
        let any = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
        if any(&["a password is required"]) {
            Refusal::MissingPassword
        } else if self.asked > 0
            && any(&["uthentication failure", "uthentication failed", "uthorization failed", "incorrect password"])
        {
            Refusal::WrongPassword
        } else {
            Refusal::Failed { rc, text: said.trim().to_owned() }
        }
    }
}

/// Hands on text as it comes.
fn listen(mut source: impl Read + Send + 'static, to: Sender<Heard>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        // The end of a terminal is an error.
        while let Ok(read @ 1..) = source.read(&mut buffer) {
            if to.send(Heard::Text(String::from_utf8_lossy(&buffer[..read]).into_owned())).is_err() {
                // The agent runs; what its programs say there has no reader, but must not block them.
                while let Ok(1..) = source.read(&mut buffer) {}
                return;
            }
        }
    });
}

/// Reads standard output up to the agent's hello.
fn greet(stdout: ChildStdout, to: &Sender<Heard>) {
    let mut stdout = BufReader::with_capacity(64 << 10, stdout);
    let mut line = Vec::new();
    while (&mut stdout).take(64 << 10).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        // A profile may have printed something without a line end before.
        let start = [MARK, MISSING, NOWHERE].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(0);
        if !text[start..].starts_with(MARK) {
            let _ = to.send(Heard::Line(text[start..].to_owned()));
            continue;
        }
        let hello = frame::read(&mut stdout).ok().flatten().and_then(|frame| frame.message().ok());
        if let Some(Response::Hello(hello)) = hello {
            let _ = to.send(Heard::Hello(Box::new((hello, stdout))));
            return;
        }
        break;
    }
    let _ = to.send(Heard::End);
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs the program where it is, if the user may; else receives it, into the first folder that lets programs run.
fn script(program: &str, size: u64) -> String {
    let program = quote(program);
    format!(
        r#"if [ -r {program} ] && [ -x {program} ]; then exec {program}; fi
u=$(umask)
umask 077
for d in /tmp /var/tmp /dev/shm "$HOME"; do
  t=$(mktemp "$d/.rplay-agent-XXXXXX" 2>/dev/null) || continue
  chmod 700 "$t"
  printf '#!/bin/sh\nexit 0\n' > "$t"
  "$t" 2>/dev/null && break
  rm -f "$t"
  t=
done
[ -n "$t" ] || {{ echo '{NOWHERE}'; exit 126; }}
echo '{MISSING}'
head -c {size} > "$t"
chmod 700 "$t"
umask "$u"
[ "$(wc -c < "$t")" -eq {size} ] && exec "$t" --unlink
rm -f "$t"
exit 1"#
    )
}

fn argv(how: &Become, password: bool, script: &str) -> Vec<String> {
    let mut argv = vec![how.exe.clone().unwrap_or_else(|| how.method.name().to_owned())];
    let mut add = |words: &[&str]| argv.extend(words.iter().map(|&word| word.to_owned()));
    match how.method {
        Method::Sudo => {
            for flag in &how.flags {
                match flag.as_str() {
                    "-n" | "--non-interactive" if password => {}
                    long if long.starts_with("--") => add(&[long]),
                    // As ansible-core: -Hn with a password is -H.
                    short if password && short.starts_with('-') => add(&[&short.replacen('n', "", 1)]),
                    other => add(&[other]),
                }
            }
            if password && !how.flags.iter().any(|flag| flag.starts_with('-') && flag.contains('S')) {
                add(&["-S"]);
            }
            add(&["-p", PROMPT, "-u", &how.user, "/bin/sh", "-c", script]);
        }
        Method::Su => {
            how.flags.iter().for_each(|flag| add(&[flag]));
            // The user's own shell may not be POSIX's, or may refuse.
            add(&[&how.user, "-c", &format!("exec /bin/sh -c {}", quote(script))]);
        }
        Method::Doas => {
            how.flags.iter().for_each(|flag| add(&[flag]));
            if !password {
                add(&["-n"]);
            }
            add(&["-u", &how.user, "/bin/sh", "-c", script]);
        }
    }
    argv
}

/// A pseudo-terminal in raw mode: what goes in comes out, and nothing is echoed.
fn terminal() -> nix::Result<(OwnedFd, OwnedFd)> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
    let pty = nix::pty::openpty(None, None)?;
    for fd in [pty.master.as_fd(), pty.slave.as_fd()] {
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    let mut mode = tcgetattr(&pty.slave)?;
    cfmakeraw(&mut mode);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &mode)?;
    Ok((pty.master, pty.slave))
}

/// Makes standard input the program's controlling terminal: some read passwords from `/dev/tty`.
#[expect(unsafe_code, reason = "two system calls between fork and exec; std has no safe way to set a terminal")]
fn on_terminal(command: &mut Command) {
    let attach = || {
        nix::unistd::setsid()?;
        // SAFETY: standard input is the terminal by now; the call takes no pointer.
        nix::errno::Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?;
        Ok(())
    };
    // SAFETY: the closure only makes async-signal-safe system calls.
    unsafe { command.pre_exec(attach) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(how: Become, password: bool) -> String {
        argv(&how, password, "SCRIPT").join(" ")
    }

    fn how(method: Method, flags: &[&str]) -> Become {
        Become { method, user: "bob".into(), exe: None, flags: flags.iter().map(|&f| f.to_owned()).collect() }
    }

    #[test]
    fn a_password_makes_sudo_interactive() {
        let sudo = how(Method::Sudo, &["-H", "-S", "-n"]);
        assert_eq!(words(sudo.clone(), false), format!("sudo -H -S -n -p {PROMPT} -u bob /bin/sh -c SCRIPT"));
        assert_eq!(words(sudo, true), format!("sudo -H -S -p {PROMPT} -u bob /bin/sh -c SCRIPT"));
        assert_eq!(
            words(how(Method::Sudo, &["-Hn"]), true),
            format!("sudo -H -S -p {PROMPT} -u bob /bin/sh -c SCRIPT")
        );
    }

    #[test]
    fn su_and_doas_have_their_own_order() {
        assert_eq!(words(how(Method::Su, &["-l"]), true), "su -l bob -c exec /bin/sh -c 'SCRIPT'");
        assert_eq!(words(how(Method::Doas, &[]), false), "doas -n -u bob /bin/sh -c SCRIPT");
    }

    #[test]
    fn no_password_is_in_the_arguments() {
        for method in [Method::Sudo, Method::Su, Method::Doas] {
            assert!(!words(how(method, &["-H"]), true).contains("hunter2"));
        }
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let how = Become { exe: Some("/no/such/sudo".into()), ..how(Method::Sudo, &[]) };
        let Err(refusal) = start(&how, None, Duration::from_secs(5)) else { panic!("it started") };
        assert_eq!(refusal, Refusal::Failed { rc: 127, text: "/no/such/sudo: command not found".into() });
    }
}
