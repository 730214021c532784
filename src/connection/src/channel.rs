//! Programs started on a host, with pipes: the one thing that ssh, `docker exec` and this machine have in common.

use std::process::Stdio;
use std::sync::Arc;

use openssh::Session;
use rplay_modules::Live;
use rplay_protocol::Method;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;

use crate::follow::Follow;
use crate::spec::{Become, Kind};
use crate::ssh::Master;
use crate::words::quote;
use crate::{ConnectionError, RawOutput, Spec, words};

/// How programs are started there.
pub(crate) enum Reach {
    /// Through a control master: a channel costs one round trip.
    Master(Arc<Session>, Master),
    /// A program of this machine; the command line is its last argument.
    Program(Vec<String>),
}

/// One connected host.
pub(crate) struct Host {
    spec: Spec,
    name: String,
    reach: Reach,
}

type Input = Box<dyn AsyncWrite + Unpin + Send>;
type Output = Box<dyn AsyncRead + Unpin + Send>;

/// A program that runs there.
pub(crate) struct Channel {
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) process: Process,
}

/// Whoever knows how the program ended.
pub(crate) enum Process {
    Master(openssh::Child<Arc<Session>>),
    Program(tokio::process::Child),
}

impl Process {
    /// Its exit status; `None` when the connection ended first.
    pub(crate) async fn wait(self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        match self {
            Self::Master(child) => match child.wait().await {
                Ok(status) => status.code(),
                // The crate turns the shell's status for an unknown command into an error.
                Err(openssh::Error::Remote(error)) if error.kind() == std::io::ErrorKind::NotFound => Some(127),
                Err(_) => None,
            },
            Self::Program(mut child) => {
                let status = child.wait().await.ok()?;
                status.code().or_else(|| status.signal().map(|signal| -signal))
            }
        }
    }
}

impl Host {
    /// Connects.
    pub(crate) async fn connect(spec: Spec, control_dir: &std::path::Path) -> Result<Self, ConnectionError> {
        let reach = match &spec.kind {
            Kind::Local => Reach::Program(["/bin/sh", "-c"].map(str::to_owned).to_vec()),
            Kind::Docker(docker) => {
                let mut argv = vec![docker.executable.clone()];
                argv.extend(words::split(&docker.extra_args));
                argv.extend(["exec", "-i"].map(str::to_owned));
                if let Some(user) = &spec.user {
                    argv.extend(["-u".to_owned(), user.clone()]);
                }
                argv.push(spec.host.clone());
                argv.extend(["/bin/sh", "-c"].map(str::to_owned));
                Reach::Program(argv)
            }
            Kind::Ssh(ssh) => crate::ssh::connect(&spec, ssh, control_dir).await?,
        };
        Ok(Self { name: spec.host.clone(), spec, reach })
    }

    /// The address.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Whether the control master was there before us.
    pub(crate) fn is_reused(&self) -> bool {
        matches!(&self.reach, Reach::Master(_, master) if master.reused)
    }

    /// Whether channels can still be opened, as far as this machine knows.
    pub(crate) async fn is_alive(&self) -> bool {
        match &self.reach {
            Reach::Master(session, _) => session.check().await.is_ok(),
            Reach::Program(_) => true,
        }
    }

    /// Leaves the host. A control master that its user wants to persist stays, unless it is to be `forced`.
    pub(crate) async fn close(&self, forced: bool) {
        if let Reach::Master(_, master) = &self.reach {
            master.close(forced).await;
        }
    }

    /// Starts a command line there.
    pub(crate) async fn open(&self, command: &str) -> Result<Channel, ConnectionError> {
        tracing::debug!(host = %self.name, "opening a channel");
        match &self.reach {
            Reach::Master(session, _) => {
                let lost =
                    |error: openssh::Error| ConnectionError::Lost { host: self.name.clone(), reason: chain(&error) };
                let mut started = Arc::clone(session).arc_raw_command(command);
                started.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::piped());
                let mut child = started.spawn().await.map_err(lost)?;
                let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
                self.channel(stdin, stdout, stderr, Process::Master(child))
            }
            Reach::Program(argv) => {
                let mut program = Command::new(&argv[0]);
                program
                    .args(&argv[1..])
                    .arg(command)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                if let Some(folder) = &self.spec.folder {
                    program.current_dir(folder);
                }
                if let Kind::Ssh(_) = self.spec.kind {
                    crate::ssh::without_terminal(&mut program);
                }
                let mut child = program.spawn().map_err(|error| ConnectionError::Unreachable {
                    host: self.name.clone(),
                    reason: format!("could not start {}: {error}", argv[0]),
                })?;
                let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                self.channel(stdin, stdout, stderr, Process::Program(child))
            }
        }
    }

    fn channel(
        &self,
        stdin: Option<impl AsyncWrite + Unpin + Send + 'static>,
        stdout: Option<impl AsyncRead + Unpin + Send + 'static>,
        stderr: Option<impl AsyncRead + Unpin + Send + 'static>,
        process: Process,
    ) -> Result<Channel, ConnectionError> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(ConnectionError::Lost {
                host: self.name.clone(),
                reason: "a channel without pipes".to_owned(),
            });
        };
        Ok(Channel { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr: Box::new(stderr), process })
    }

    /// A script as a command line for whatever shell the user has there. SSH hands it to the login shell, which may not
    /// be POSIX's; the others start `/bin/sh` themselves.
    pub(crate) fn script(&self, script: &str) -> String {
        match self.spec.kind {
            Kind::Ssh(_) => format!("exec /bin/sh -c {}", quote(script)),
            Kind::Local | Kind::Docker(_) => script.to_owned(),
        }
    }

    /// Runs a command line to its end, without an agent. Its output goes to `live` as it comes.
    pub(crate) async fn raw(
        &self,
        command: &str,
        r#as: Option<&Become>,
        live: Option<&Live>,
    ) -> Result<RawOutput, ConnectionError> {
        let escalation = r#as.map(|r#as| Escalation::new(r#as, &self.name)).transpose()?;
        let line = escalation.as_ref().map_or_else(|| command.to_owned(), |e| e.command(command));
        let mut channel = self.open(&line).await?;
        let mut errors = Vec::new();
        if let (Some(escalation), Some(r#as)) = (&escalation, r#as) {
            errors = escalation.answer(&mut channel, r#as).await;
        }
        let Channel { stdin, mut stdout, mut stderr, process } = channel;
        drop(stdin);
        let mut output = Vec::new();
        let follow = Follow::new(live);
        // What sudo says before the command begins is not the command's.
        let begin = escalation.is_some().then_some(ADMITTED_LINE);
        let (out, err, rc) = follow
            .during(async {
                tokio::join!(
                    follow.read(&mut stdout, &mut output, false, None),
                    follow.read(&mut stderr, &mut errors, true, begin),
                    process.wait()
                )
            })
            .await;
        let admitted = errors.windows(ADMITTED_LINE.len()).position(|part| part == ADMITTED_LINE.as_bytes());
        if let Some(at) = admitted {
            errors.drain(..at + ADMITTED_LINE.len());
        }
        let stderr = String::from_utf8_lossy(&errors);
        if let Some(r#as) = r#as
            && let Some(refusal) = Escalation::refusal(&stderr)
        {
            return Err(ConnectionError::Become {
                host: self.name.clone(),
                method: r#as.method,
                user: r#as.user.clone(),
                refusal,
            });
        }
        let whole = out.is_ok() && err.is_ok();
        match rc {
            // A direct `ssh` says so when it is the connection that failed, not the command.
            Some(255) if matches!((&self.reach, &self.spec.kind), (Reach::Program(_), Kind::Ssh(_))) => {
                Err(ConnectionError::Unreachable {
                    host: self.name.clone(),
                    reason: crate::ssh::unreachable_text(&stderr),
                })
            }
            Some(rc) if whole => Ok(RawOutput { rc, stdout: output, stderr: errors }),
            _ => Err(ConnectionError::Lost {
                host: self.name.clone(),
                reason: format!("Connection to {} closed", self.name),
            }),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

/// What the changed user's shell says first, on standard error.
const ADMITTED: &str = "rplay-become-done";
const ADMITTED_LINE: &str = "rplay-become-done\n";

/// Becoming a user for one raw command. Only programs that read a password from a pipe can do it: `su` wants a terminal.
struct Escalation {
    argv: Vec<String>,
    prompt: String,
}

impl Escalation {
    fn new(r#as: &Become, host: &str) -> Result<Self, ConnectionError> {
        let how = r#as.wire();
        let prompt = "[sudo via rplay] password:".to_owned();
        let mut argv = vec![how.exe.unwrap_or_else(|| how.method.name().to_owned())];
        let unsupported = |text: &str| {
            let refusal = rplay_protocol::Refusal::Failed { rc: 1, text: text.to_owned() };
            ConnectionError::Become { host: host.to_owned(), method: r#as.method, user: r#as.user.clone(), refusal }
        };
        match how.method {
            Method::Sudo => {
                let keep = |flag: &String| r#as.password.is_none() || flag != "-n";
                argv.extend(how.flags.into_iter().filter(keep));
                argv.extend(["-p".to_owned(), prompt.clone(), "-u".to_owned(), how.user]);
            }
            Method::Su | Method::Doas if r#as.password.is_some() => {
                return Err(unsupported(
                    "raw cannot give a password to su or doas, which want a terminal; use become_method: sudo",
                ));
            }
            Method::Su => {
                argv.extend(how.flags);
                argv.extend([how.user, "-s".to_owned(), "/bin/sh".to_owned()]);
            }
            Method::Doas => {
                argv.extend(how.flags);
                argv.extend(["-n", "-u"].map(str::to_owned));
                argv.push(how.user);
            }
        }
        if how.method != Method::Su {
            argv.push("/bin/sh".to_owned());
        }
        argv.push("-c".to_owned());
        Ok(Self { argv, prompt })
    }

    fn command(&self, command: &str) -> String {
        let command = format!("echo {ADMITTED} >&2; {command}");
        self.argv.iter().chain([&command]).map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// Gives the password when it is asked for. Returns what was read from standard error on the way.
    async fn answer(&self, channel: &mut Channel, r#as: &Become) -> Vec<u8> {
        let mut errors = Vec::new();
        let Some(password) = &r#as.password else { return errors };
        let mut buffer = [0; 1024];
        while find(&errors, ADMITTED.as_bytes()).is_none() {
            let read = channel.stderr.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            errors.extend_from_slice(&buffer[..read]);
            if let Some(start) = find(&errors, self.prompt.as_bytes()) {
                errors.drain(..start + self.prompt.len());
                let line = format!("{}\n", password.reveal());
                let _ = channel.stdin.write_all(line.as_bytes()).await;
                let _ = channel.stdin.flush().await;
                break;
            }
        }
        errors
    }

    /// What sudo's words mean.
    fn refusal(stderr: &str) -> Option<rplay_protocol::Refusal> {
        if stderr.contains("Sorry, try again") || stderr.contains("incorrect password attempt") {
            Some(rplay_protocol::Refusal::WrongPassword)
        } else if stderr.contains("sudo: a password is required")
            || stderr.contains("a password is required to run sudo")
        {
            Some(rplay_protocol::Refusal::MissingPassword)
        } else {
            None
        }
    }
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}
