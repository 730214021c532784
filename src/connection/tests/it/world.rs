//! What the tests stand on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rplay_connection::{AgentSource, Call, Kind, Pool, PoolOptions, Spec, Ssh};
use rplay_value::Map;
use tempfile::TempDir;

/// Runs a program that must succeed; returns its output.
pub(crate) fn run(argv: &[&str]) -> String {
    let output = Command::new(argv[0]).args(&argv[1..]).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{} is needed by this test: {error}", argv[0]));
    assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The agent's program. It is another package's, so this test builds it; without its debugging information it is
/// uploaded faster. `RPLAY_AGENT` names one to use instead.
fn agent() -> AgentSource {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        run(&[env!("CARGO"), "build", "--quiet", "--package", "rplay-agent"]);
        let test = std::env::current_exe().unwrap();
        let built = test.ancestors().nth(2).unwrap().join("rplay-agent");
        let stripped = built.with_file_name("rplay-agent-stripped");
        let new = stripped.with_extension(std::process::id().to_string());
        run(&["strip", "-o", new.to_str().unwrap(), built.to_str().unwrap()]);
        std::fs::rename(new, &stripped).unwrap();
        stripped
    });
    match std::env::var_os("RPLAY_AGENT") {
        Some(path) => AgentSource::File(path.into()),
        None => AgentSource::File(BUILT.clone()),
    }
}

/// A pool with control sockets in a folder of its own.
pub(crate) fn pool(keep_agent: bool) -> (Pool, TempDir) {
    let folder = tempfile::Builder::new().prefix("rplay-cp-").tempdir_in("/tmp").unwrap();
    (pool_in(folder.path(), keep_agent), folder)
}

/// A pool with control sockets in this folder.
pub(crate) fn pool_in(folder: &Path, keep_agent: bool) -> Pool {
    Pool::new(PoolOptions { control_dir: folder.to_owned(), keep_agent, agent: agent() })
}

/// A shell command.
pub(crate) fn shell(line: &str) -> Call {
    Call { module: "ansible.builtin.shell".into(), args: Map::from_iter([("_raw_params", line)]), ..Call::default() }
}

/// Ends the control master whose socket is in a folder, at once and rudely.
pub(crate) fn kill_master(folder: &Path) {
    let socket = folder.join(names(folder).into_iter().find(|name| name.len() == 16).unwrap());
    let checked = Command::new("ssh").args(["-O", "check", "-S", socket.to_str().unwrap(), "x"]).output().unwrap();
    let text = String::from_utf8(checked.stderr).unwrap();
    let pid = text.split_once("pid=").unwrap().1.trim_end().trim_end_matches(')').parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// `ping` answers with what it is given.
pub(crate) fn ping(data: &str) -> Call {
    Call { module: "ansible.builtin.ping".into(), args: Map::from_iter([("data", data)]), ..Call::default() }
}

/// An sshd on a free port of the loopback device, with keys of its own.
pub(crate) struct Sshd {
    pub(crate) folder: TempDir,
    process: Child,
    pub(crate) port: u16,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("rplay-sshd-").tempdir_in("/tmp").unwrap();
        // sudo's children must be able to reach what is in it.
        run(&["chmod", "755", folder.path().to_str().unwrap()]);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for key in ["host", "key", "stranger"] {
            run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
        }
        std::fs::copy(path("key.pub"), path("authorized")).unwrap();
        std::fs::create_dir_all("/run/sshd").unwrap();
        for _ in 0..20 {
            let port = free_port();
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
                 UsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n",
                path("host"),
                path("authorized")
            );
            std::fs::write(path("config"), config).unwrap();
            let log = std::fs::File::create(path("log")).unwrap();
            let process = Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f", &path("config")]).stderr(log).spawn();
            let process = process.unwrap_or_else(|error| panic!("openssh-server is needed by this test: {error}"));
            let mut sshd = Self { process, port, folder: tempfile::tempdir().unwrap() };
            if wait(|| {
                std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() || sshd.process.try_wait().unwrap().is_some()
            }) && sshd.process.try_wait().unwrap().is_none()
            {
                sshd.folder = folder;
                return sshd;
            }
        }
        panic!("sshd did not start: {}", std::fs::read_to_string(path("log")).unwrap());
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Arguments that keep the user's own ssh configuration out.
    pub(crate) fn common_args(&self) -> String {
        format!(
            "-F /dev/null -o UserKnownHostsFile={} -o IdentitiesOnly=yes -o IdentityAgent=none",
            self.path("known_hosts")
        )
    }

    /// Root, by key. The agent goes to a folder of this sshd.
    pub(crate) fn spec(&self) -> Spec {
        let mut spec = self.bare("root");
        ssh(&mut spec).private_key_file = Some(self.path("key"));
        spec
    }

    /// A user without a key.
    pub(crate) fn bare(&self, user: &str) -> Spec {
        let ssh = Ssh { common_args: self.common_args(), host_key_checking: false, ..Ssh::default() };
        Spec {
            kind: Kind::Ssh(Box::new(ssh)),
            port: Some(self.port),
            user: Some(user.to_owned()),
            remote_tmp: Some(if user == "root" { self.path("remote") } else { "~/.rplay".to_owned() }),
            ..Spec::ssh("127.0.0.1")
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Masters that would persist for a minute end with their connections.
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.process.id().to_string()]).status();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The SSH options of a spec.
pub(crate) fn ssh(spec: &mut Spec) -> &mut Ssh {
    match &mut spec.kind {
        Kind::Ssh(ssh) => ssh,
        other => panic!("{other:?}"),
    }
}

fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20000 + (std::process::id() % 400) as u16 * 50;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed) % 5000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until something is true.
pub(crate) fn wait(mut until: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if until() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Whether a process is there and not a zombie.
pub(crate) fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The names in a folder.
pub(crate) fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// useradd and userdel lock their files against one another.
static ACCOUNTS: Mutex<()> = Mutex::new(());

/// A user with a home, a password and sudo rights, gone with this value.
pub(crate) struct User {
    pub(crate) name: String,
}

impl User {
    pub(crate) const PASSWORD: &str = "rp play'\"$x";

    /// `sudoers` is what follows the name in sudoers, if anything.
    pub(crate) fn create(sudoers: Option<&str>) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let name = format!("rplaytest{}x{}", std::process::id() % 100_000, NEXT.fetch_add(1, Ordering::Relaxed));
        let _lock = ACCOUNTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let hash = run(&["openssl", "passwd", "-6", Self::PASSWORD]);
        run(&["useradd", "-m", "-s", "/bin/bash", "-p", hash.trim(), &name]);
        let user = Self { name };
        run(&["chmod", "700", user.home().to_str().unwrap()]);
        if let Some(rights) = sudoers {
            assert!(Path::new("/usr/bin/sudo").exists(), "sudo is needed by this test");
            std::fs::write(user.sudoers(), format!("{} {rights}\n", user.name)).unwrap();
            run(&["chmod", "440", user.sudoers().to_str().unwrap()]);
        }
        user
    }

    pub(crate) fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.name)
    }

    fn sudoers(&self) -> PathBuf {
        Path::new("/etc/sudoers.d").join(&self.name)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _lock = ACCOUNTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = std::fs::remove_file(self.sudoers());
        let _ = Command::new("userdel").args(["-f", "-r", &self.name]).stderr(Stdio::null()).status();
    }
}
