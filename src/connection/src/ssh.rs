//! OpenSSH: the command line users expect, a control master of our own, channels through it.

use std::fs::TryLockError;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fs_err as fs;
use openssh::Session;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::askpass::{self, Askpass};
use crate::channel::Reach;
use crate::spec::Ssh;
use crate::{ConnectionError, Secret, Spec, words};

/// A control master: one authenticated connection, run by `ssh` itself.
pub(crate) struct Master {
    executable: String,
    socket: PathBuf,
    /// It was there before us.
    pub(crate) reused: bool,
    /// Its user wants it to stay for a while after the run (`ControlPersist`), as Ansible's does.
    persists: bool,
}

impl Master {
    /// Ends it, unless it is to persist.
    pub(crate) async fn close(&self, forced: bool) {
        if self.persists && !forced {
            return;
        }
        let mut ssh = Command::new(&self.executable);
        ssh.args(["-O", "exit", "-S"])
            .arg(&self.socket)
            .arg("rplay")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Err(error) = ssh.status().await {
            tracing::debug!(%error, "could not end a control master");
        }
    }
}

/// Ansible's command line for `ssh`, without the host and without anything about control masters.
fn arguments(spec: &Spec, ssh: &Ssh) -> Vec<String> {
    let mut args = words::split(&ssh.args);
    let mut option = |text: String| args.extend(["-o".to_owned(), text]);
    if !ssh.host_key_checking {
        option("StrictHostKeyChecking=no".to_owned());
    }
    if let Some(port) = spec.port {
        option(format!("Port={port}"));
    }
    if let Some(key) = &ssh.private_key_file {
        option(format!("IdentityFile=\"{}\"", expand_home(key)));
    }
    if spec.password.is_none() {
        option("KbdInteractiveAuthentication=no".to_owned());
        option("PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey".to_owned());
        option("PasswordAuthentication=no".to_owned());
    }
    if let Some(user) = &spec.user {
        option(format!("User=\"{user}\""));
    }
    option(format!("ConnectTimeout={}", spec.connect_timeout));
    args.extend(words::split(&ssh.common_args));
    args.extend(words::split(&ssh.extra_args));
    args.extend(["-o", "NumberOfPasswordPrompts=1"].map(str::to_owned));
    args
}

fn expand_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

/// What a user's arguments say about control masters.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    /// A master must not be used.
    none: bool,
    /// A master should stay after the run.
    persists: bool,
    /// The path of the socket is given.
    path: bool,
}

fn wishes(args: &[String]) -> Wishes {
    let mut wishes = Wishes { none: false, persists: false, path: false };
    for (i, arg) in args.iter().enumerate() {
        let lower = arg.to_lowercase();
        let lower = lower.strip_prefix("-o").unwrap_or(&lower);
        let Some((key, value)) = lower.split_once(['=', ' ']) else {
            if arg == "-S" {
                wishes.path = true;
                wishes.none |= args.get(i + 1).is_some_and(|path| path == "none");
            }
            continue;
        };
        let value = value.trim_matches(['=', ' ', '"']);
        match key.trim() {
            "controlmaster" => wishes.none |= value == "no",
            "controlpath" => {
                wishes.path = true;
                wishes.none |= value == "none";
            }
            "controlpersist" => wishes.persists |= value != "no",
            _ => {}
        }
    }
    wishes
}

/// Connects: finds a living master or starts one.
pub(crate) async fn connect(spec: &Spec, ssh: &Ssh, control_dir: &Path) -> Result<Reach, ConnectionError> {
    let args = arguments(spec, ssh);
    let wishes = wishes(&args);
    if wishes.none {
        let argv =
            [ssh.executable.clone()].into_iter().chain(args).chain(["-T".to_owned(), spec.host.clone()]).collect();
        return Ok(Reach::Program(argv));
    }
    let mut wishes = wishes;
    // A master that a password opened is not for whoever comes next, perhaps with another one.
    wishes.persists &= secrets(spec, ssh).is_none();
    let socket = socket(spec, ssh, &args, &wishes, control_dir).await?;
    let mut attempt = 0;
    loop {
        match attach(spec, ssh, &args, &socket, wishes.persists).await {
            Err(ConnectionError::Unreachable { reason, .. })
                if attempt < spec.retries && !reason.contains("Permission denied") =>
            {
                // As ansible-core: 0, 1, 3, 7 .. seconds, at most 30.
                let pause = (1_u64.checked_shl(attempt).unwrap_or(u64::MAX) - 1).min(30);
                tracing::debug!(host = %spec.host, attempt, pause, %reason, "connection attempt failed");
                tokio::time::sleep(Duration::from_secs(pause)).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// Where the master's socket is. Its name is a hash of everything that says who connects where and how, so that hosts
/// with the same address behind different jump hosts never share a master.
async fn socket(
    spec: &Spec,
    ssh: &Ssh,
    args: &[String],
    wishes: &Wishes,
    control_dir: &Path,
) -> Result<PathBuf, ConnectionError> {
    let unreachable = |reason: String| ConnectionError::Unreachable { host: spec.host.clone(), reason };
    let folder = ssh.control_path_dir.as_deref().unwrap_or(control_dir);
    let folder = PathBuf::from(expand_home(&folder.to_string_lossy()));
    private_folder(&folder)
        .map_err(|error| unreachable(format!("Cannot write to ControlPath {}: {error}", folder.display())))?;
    let given = ssh.control_path.as_ref().filter(|_| !wishes.path);
    if wishes.path || given.is_some() {
        // ssh knows what the tokens in it mean.
        let mut probe = Command::new(&ssh.executable);
        if let Some(path) = given {
            let path = path.replace("%(directory)s", &folder.to_string_lossy()).replace("%%", "%");
            probe.arg("-o").arg(format!("ControlPath=\"{path}\""));
        }
        let output = probe.args(args).arg("-G").arg(&spec.host).stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| unreachable(format!("could not start {}: {error}", ssh.executable)))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let path = text.lines().find_map(|line| line.strip_prefix("controlpath "));
        return path
            .map(PathBuf::from)
            .ok_or_else(|| unreachable(unreachable_text(&String::from_utf8_lossy(&output.stderr))));
    }
    let mut hash = Sha256::new();
    for word in [&ssh.executable, &spec.host].into_iter().chain(args) {
        hash.update(word);
        hash.update([0]);
    }
    if let Some(secrets) = secrets(spec, ssh) {
        hash.update(one_time_hash(&secrets).to_be_bytes());
    }
    let mut name = words::hex(&hash.finalize()[..8]);
    if !wishes.persists {
        // Nobody finds it after this run.
        name = format!("{name}.{}", std::process::id());
    }
    // A socket's path may have 107 bytes, and ssh first makes one with a suffix of 17.
    let path = folder.join(&name);
    if path.as_os_str().len() < 88 {
        return Ok(path);
    }
    let short = std::env::temp_dir().join(format!("rplay-{}", nix::unistd::geteuid()));
    private_folder(&short)
        .map_err(|error| unreachable(format!("Cannot write to ControlPath {}: {error}", short.display())))?;
    Ok(short.join(name))
}

/// The secrets of a connection, if it has any.
fn secrets<'a>(spec: &'a Spec, ssh: &'a Ssh) -> Option<[Option<&'a Secret>; 2]> {
    let secrets = [spec.password.as_ref(), ssh.private_key_passphrase.as_ref()];
    secrets.iter().any(Option::is_some).then_some(secrets)
}

/// Tells secrets apart within this run. Its key is random, so that a name made from it tells nobody anything.
fn one_time_hash(secrets: &[Option<&Secret>; 2]) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(secrets)
}

/// Makes a folder that is this user's alone, or makes sure of it.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    let user = nix::unistd::geteuid().as_raw();
    if metadata.uid() != user || metadata.mode() & 0o022 != 0 {
        return Err(std::io::Error::other("others can write to it"));
    }
    Ok(())
}

async fn attach(
    spec: &Spec,
    ssh: &Ssh,
    args: &[String],
    socket: &Path,
    persists: bool,
) -> Result<Reach, ConnectionError> {
    let unreachable = |reason: String| ConnectionError::Unreachable { host: spec.host.clone(), reason };
    let reach = |reused, session| {
        Reach::Master(
            Arc::new(session),
            Master { executable: ssh.executable.clone(), socket: socket.to_owned(), reused, persists },
        )
    };
    if let Some(session) = living(socket).await {
        tracing::debug!(host = %spec.host, socket = %socket.display(), "a control master is there already");
        return Ok(reach(true, session));
    }
    // Two runs that start at once must not both start a master: the second would linger without a socket.
    let lock =
        Lock::take(socket).await.map_err(|error| unreachable(format!("Cannot write to ControlPath: {error}")))?;
    if let Some(session) = living(socket).await {
        return Ok(reach(true, session));
    }
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unreachable(error.to_string())),
        _ => {}
    }
    start(spec, ssh, args, socket, persists).await?;
    drop(lock);
    match living(socket).await {
        Some(session) => Ok(reach(false, session)),
        None => Err(unreachable(unreachable_text("the control master ended at once"))),
    }
}

async fn living(socket: &Path) -> Option<Session> {
    let session = Session::resume_mux(socket.into(), None);
    session.check().await.is_ok().then_some(session)
}

/// Held while a master is being started for a socket.
struct Lock {
    path: PathBuf,
    _file: std::fs::File,
}

impl Lock {
    async fn take(socket: &Path) -> std::io::Result<Self> {
        let path = socket.with_extension("lock");
        loop {
            let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?.into_file();
            match file.try_lock() {
                // The file may have been removed by its last owner between opening and locking.
                Ok(()) if path.exists() => return Ok(Self { path, _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Starts a master and waits until it is in the background, authenticated.
async fn start(spec: &Spec, ssh: &Ssh, args: &[String], socket: &Path, persists: bool) -> Result<(), ConnectionError> {
    let unreachable = |reason: String| ConnectionError::Unreachable { host: spec.host.clone(), reason };
    let mut master = Command::new(&ssh.executable);
    // The first value of an option wins, so ours come first.
    master.args(["-o", "ControlMaster=yes", "-o"]).arg(format!("ControlPath=\"{}\"", socket.display()));
    if !persists {
        // Ends by itself should we be killed: nobody asks for it again.
        master.args(["-o", "ControlPersist=10"]);
    }
    master.args(["-N", "-f", "-T"]).args(args);
    if !args.iter().any(|arg| arg.to_lowercase().contains("serveralive")) {
        // A target that was switched off must not hang the run: found out after a minute of silence.
        master.args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]);
    }
    master.arg(&spec.host).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    without_terminal(&mut master);
    let asked = if secrets(spec, ssh).is_some() {
        let folder = socket.parent().unwrap_or(Path::new("/tmp"));
        let askpass = Askpass::start(folder, spec.password.clone(), ssh.private_key_passphrase.clone());
        let askpass = askpass.map_err(|error| unreachable(format!("could not prepare the password: {error}")))?;
        askpass.apply(&mut master);
        Some(askpass)
    } else {
        askpass::refuse(&mut master);
        None
    };
    tracing::debug!(host = %spec.host, command = ?master.as_std(), "starting a control master");
    let mut child =
        master.spawn().map_err(|error| unreachable(format!("could not start {}: {error}", ssh.executable)))?;
    let mut stderr = child.stderr.take();
    // Key exchange and authentication come after the connect timeout.
    let limit = Duration::from_secs(spec.connect_timeout.saturating_add(30));
    let mut text = Vec::new();
    let ended = tokio::time::timeout(limit, async {
        let status = child.wait().await;
        // A master in the background may hold the pipe open: only a failed one is heard to the end.
        if let (Ok(status), Some(stderr)) = (&status, &mut stderr)
            && !status.success()
        {
            let _ = tokio::time::timeout(Duration::from_secs(1), stderr.read_to_end(&mut text)).await;
        }
        status
    });
    let ended = ended.await;
    drop(asked);
    let text = String::from_utf8_lossy(&text).into_owned();
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(_))
            if spec.password.is_some() && ssh.host_key_checking && text.contains("Host key verification failed") =>
        {
            // As ansible-core says it.
            Err(unreachable(
                "Using a SSH password instead of a key is not possible because Host Key checking is enabled. \
                 Please add this host's fingerprint to your known_hosts file to manage this host."
                    .to_owned(),
            ))
        }
        Ok(Ok(_)) => Err(unreachable(unreachable_text(&text))),
        Ok(Err(error)) => Err(unreachable(format!("could not wait for {}: {error}", ssh.executable))),
        Err(_) => Err(ConnectionError::Timeout {
            host: spec.host.clone(),
            seconds: limit.as_secs(),
            what: "ssh to authenticate",
        }),
    }
}

/// Ansible's words around ssh's own.
pub(crate) fn unreachable_text(stderr: &str) -> String {
    let text = stderr.replace('\r', "");
    format!("Failed to connect to the host via ssh: {}", text.trim_end())
}

/// Starts a program in a session of its own: it cannot reach the user's terminal, so it neither asks there nor gets its
/// Ctrl-C.
#[expect(
    unsafe_code,
    reason = "only setsid runs between fork and exec, which is async-signal-safe; std has no safe way"
)]
pub(crate) fn without_terminal(program: &mut Command) {
    let detach = || nix::unistd::setsid().map(drop).map_err(std::io::Error::from);
    // SAFETY: the closure makes one system call and touches no memory of ours.
    unsafe { program.pre_exec(detach) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        words::split(text)
    }

    #[test]
    fn the_command_line_is_ansibles() {
        let ssh = Ssh {
            host_key_checking: false,
            private_key_file: Some("/k y".into()),
            common_args: "-o ProxyJump=jump".into(),
            extra_args: "-4".into(),
            ..Ssh::default()
        };
        let spec = Spec { port: Some(2222), user: Some("bob".into()), ..Spec::ssh("h") };
        // Recorded from ansible-core 2.19.14 -vvv, without ControlPath and the command.
        let want = r#"-C -o ControlMaster=auto -o ControlPersist=60s -o StrictHostKeyChecking=no -o Port=2222 -o 'IdentityFile="/k y"'
            -o KbdInteractiveAuthentication=no -o PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey
            -o PasswordAuthentication=no -o 'User="bob"' -o ConnectTimeout=10 -o ProxyJump=jump -4 -o NumberOfPasswordPrompts=1"#;
        assert_eq!(arguments(&spec, &ssh), args(want));
    }

    #[test]
    fn wishes_about_masters_are_understood() {
        let wish = |none, persists, path| Wishes { none, persists, path };
        assert_eq!(wishes(&args(Ssh::DEFAULT_ARGS)), wish(false, true, false));
        assert_eq!(wishes(&args("-o ControlMaster=no")), wish(true, false, false));
        assert_eq!(wishes(&args("-oControlPath=none")), wish(true, false, true));
        assert_eq!(wishes(&args("-S /tmp/x -o 'ControlPersist 5m'")), wish(false, true, true));
        assert_eq!(wishes(&args("-o ControlPersist=no -o ForwardAgent=yes")), wish(false, false, false));
    }
}
