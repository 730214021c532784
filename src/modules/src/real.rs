//! The machine this process runs on: programs in their own process groups, with a way to stop them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use rplay_protocol::OutputLine;

use crate::{Lines, Output, Program, Sys};

/// Called with what a running program wrote.
pub type Live = Arc<dyn Fn(Vec<OutputLine>) + Send + Sync>;

/// The machine this process runs on.
#[derive(Clone, Default)]
pub struct Real {
    /// The call's environment.
    pub environment: BTreeMap<String, String>,
    /// Stops the programs this call runs.
    pub cancel: Cancel,
    /// Sees output as it comes.
    pub live: Option<Live>,
    /// How many files a program may have open at once; 0 leaves it.
    pub open_files: u64,
    /// Texts that are in no such output.
    pub hidden: OnceLock<Arc<[String]>>,
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Real").field("environment", &self.environment.keys()).finish_non_exhaustive()
    }
}

/// Stops the running programs of one call, from another thread. Clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    cancelled: AtomicBool,
    groups: Mutex<BTreeSet<i32>>,
}

impl Cancel {
    /// Kills the process groups of the call's programs; later programs of the call do not start.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        for group in self.groups().iter() {
            // A group that ended in the meantime is what was asked for.
            let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
        }
    }

    /// Adds a process group that somebody else started for this call. One that comes too late is killed at once.
    pub(crate) fn watch(&self, group: i32) {
        let mut groups = self.groups();
        if self.is_cancelled() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        } else {
            groups.insert(group);
        }
    }

    /// Takes off a group that has ended.
    pub(crate) fn forget(&self, group: i32) {
        self.groups().remove(&group);
    }

    /// Whether the call was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, BTreeSet<i32>> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sys for Real {
    fn run(&self, program: &Program) -> io::Result<Output> {
        let mut command = self.command(program)?;
        command.stdin(if program.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = {
            // Under the lock, so that a program is either seen by `cancel` or not started.
            let mut groups = self.cancel.groups();
            if self.cancel.is_cancelled() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the task was cancelled"));
            }
            let child = command.spawn()?;
            groups.insert(child.id() as i32);
            child
        };
        let mut output = Output::default();
        let mut live = self.live.as_deref().filter(|_| program.live).map(|show| Shown::new(show, self));
        let talked = talk(&mut child, program.stdin.as_deref(), &mut output, live.as_mut());
        // Not reaped yet, so its id still is its own while it is on the list of what may be killed.
        let _ = waitid(Id::Pid(Pid::from_raw(child.id() as i32)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        self.cancel.groups().remove(&(child.id() as i32));
        let status = child.wait()?;
        talked?;
        output.rc = status.code().unwrap_or_else(|| -status.signal().unwrap_or(1));
        Ok(output)
    }

    fn which(&self, name: &str) -> Option<PathBuf> {
        let executable =
            |path: &PathBuf| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(executable);
        }
        let path = self.var("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/sbin", "/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| folder.join(name))
            .find(executable)
    }

    fn euid(&self) -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn var(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    fn inode_flags(&self, path: &Path) -> Option<(u32, u32)> {
        let metadata = path.symlink_metadata().ok()?;
        if !metadata.is_file() && !metadata.is_dir() {
            return None;
        }
        let file = std::fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
        Some((inode_number(&file, libc::FS_IOC_GETVERSION)?, inode_number(&file, libc::FS_IOC_GETFLAGS)?))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn conceal(&self, secrets: &[String]) {
        // A module runs once; a second one that it starts hides what the first one does.
        let _ = self.hidden.set(crate::lines::by_line(secrets));
    }

    fn show(&self, lines: Vec<OutputLine>) {
        if let Some(live) = self.live.as_ref().filter(|_| !lines.is_empty() && !self.cancel.is_cancelled()) {
            live(lines);
        }
    }

    fn tmp(&self) -> PathBuf {
        self.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
    }
}

impl Real {
    fn command(&self, program: &Program) -> io::Result<Command> {
        let (name, args) = program.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command;
        if program.umask.is_some() || self.open_files > 0 {
            // Mask and limits belong to the whole process, so a shell sets them for the program alone.
            let found = self.which(name).ok_or(io::ErrorKind::NotFound)?;
            let mut script = program.umask.map(|umask| format!("umask {umask:04o}; ")).unwrap_or_default();
            if self.open_files > 0 {
                // More than is allowed is as much as is allowed.
                script
                    .push_str(&format!("ulimit -Sn {} 2>/dev/null || ulimit -Sn \"$(ulimit -Hn)\"; ", self.open_files));
            }
            command = Command::new("/bin/sh");
            command.arg("-c").arg(script + "exec \"$@\"").arg("sh").arg(found).args(args);
        } else {
            command = Command::new(name);
            command.args(args);
        }
        command.envs(&self.environment).envs(&program.env);
        if let Some(cwd) = &program.cwd {
            command.current_dir(cwd);
        }
        Ok(command)
    }
}

/// The lines of one program on their way to who follows it.
struct Shown<'a> {
    show: &'a (dyn Fn(Vec<OutputLine>) + Send + Sync),
    cancel: &'a Cancel,
    lines: Lines,
}

impl<'a> Shown<'a> {
    fn new(show: &'a (dyn Fn(Vec<OutputLine>) + Send + Sync), real: &'a Real) -> Self {
        let hidden = real.hidden.get().map(Arc::clone).unwrap_or_default();
        Self { show, cancel: &real.cancel, lines: Lines::new(hidden, Instant::now()) }
    }

    fn send(&self, lines: Vec<OutputLine>) {
        // Whoever stopped the call has its answer and expects nothing more.
        if !lines.is_empty() && !self.cancel.is_cancelled() {
            (self.show)(lines);
        }
    }

    fn came(&mut self, stderr: bool, bytes: &[u8]) {
        let lines = self.lines.push(stderr, bytes, Instant::now());
        self.send(lines);
    }

    fn wait(&mut self) {
        let lines = self.lines.tick(Instant::now());
        self.send(lines);
    }

    fn end(&mut self) {
        let lines = self.lines.end();
        self.send(lines);
    }
}

/// Feeds standard input and collects both outputs until they end, or until the program has ended and nothing came for a
/// second: a daemon it left behind may hold the pipes open for ever (as Ansible's `run_command`).
fn talk(
    child: &mut Child,
    stdin: Option<&[u8]>,
    output: &mut Output,
    mut live: Option<&mut Shown<'_>>,
) -> io::Result<()> {
    let mut input = child.stdin.take().zip(stdin);
    let mut out = child.stdout.take();
    let mut err = child.stderr.take();
    if let Some((pipe, _)) = &input {
        set_nonblocking(pipe.as_fd())?;
    }
    for fd in [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)].into_iter().flatten() {
        set_nonblocking(fd)?;
    }
    while out.is_some() || err.is_some() {
        let mut fds = Vec::with_capacity(3);
        fds.extend(out.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)));
        fds.extend(err.as_ref().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)));
        fds.extend(input.as_ref().map(|(p, _)| PollFd::new(p.as_fd(), PollFlags::POLLOUT)));
        let ready = match poll(&mut fds, PollTimeout::from(1000_u16)) {
            Ok(ready) => ready,
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        drop(fds);
        if ready == 0 && has_ended(child) {
            break;
        }
        if let Some((pipe, rest)) = &mut input {
            match pipe.write(rest) {
                Ok(n) => *rest = &rest[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The program does not want the rest.
                Err(_) => *rest = &[],
            }
            if rest.is_empty() {
                input = None;
            }
        }
        drain(&mut out, &mut output.stdout, |bytes| live.iter_mut().for_each(|live| live.came(false, bytes)))?;
        drain(&mut err, &mut output.stderr, |bytes| live.iter_mut().for_each(|live| live.came(true, bytes)))?;
        if let Some(live) = &mut live {
            live.wait();
        }
    }
    if let Some(live) = live {
        live.end();
    }
    Ok(())
}

/// Reads what is there.
fn drain(pipe: &mut Option<impl Read>, into: &mut Vec<u8>, mut came: impl FnMut(&[u8])) -> io::Result<()> {
    let Some(source) = pipe else { return Ok(()) };
    let mut buffer = [0; 16384];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => {
                *pipe = None;
                return Ok(());
            }
            Ok(n) => {
                into.extend_from_slice(&buffer[..n]);
                came(&buffer[..n]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// One of the numbers that ext-like file systems keep of a file.
#[expect(unsafe_code, reason = "no safe wrapper of these requests exists; the kernel writes one int into our long")]
fn inode_number(file: &std::fs::File, request: libc::Ioctl) -> Option<u32> {
    let mut number: libc::c_long = 0;
    // SAFETY: the descriptor is open, and `number` outlives the call and is as large as the request's type says.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), request, &raw mut number) };
    (answer == 0).then_some(number as u32)
}

fn has_ended(child: &Child) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    !matches!(waitid(Id::Pid(Pid::from_raw(child.id() as i32)), flags), Ok(WaitStatus::StillAlive))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_program_gets_input_environment_and_folder_and_tells_how_it_ended() {
        let mut real = Real::default();
        real.environment.insert("A".into(), "1".into());
        let folder = tempfile::tempdir().unwrap();
        let program = Program::shell("cat; echo $A$B; pwd; umask; echo oops >&2; exit 3")
            .stdin("in\n")
            .env("B", "2")
            .cwd(folder.path());
        let output = real.run(&Program { umask: Some(0o27), ..program }).unwrap();
        assert_eq!(output.rc, 3);
        assert_eq!(output.out(), format!("in\n12\n{}\n0027\n", folder.path().display()));
        assert_eq!(output.err(), "oops\n");
    }

    #[test]
    fn large_input_and_output_do_not_block_each_other() {
        let input = vec![b'x'; 3 << 20];
        let output = Real::default().run(&Program::new(["cat"]).stdin(input.clone())).unwrap();
        assert_eq!(output.stdout, input);
        // A program that reads nothing does not fail the call.
        assert!(Real::default().run(&Program::new(["true"]).stdin(input)).unwrap().success());
    }

    #[test]
    fn signals_are_negative_and_missing_programs_are_not_found() {
        assert_eq!(Real::default().run(&Program::shell("kill -9 $$")).unwrap().rc, -9);
        let error = Real::default().run(&Program::new(["/no/such/program"])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_daemon_that_keeps_the_pipes_does_not_keep_the_task() {
        let started = Instant::now();
        let output = Real::default().run(&Program::shell("sleep 20 & echo started")).unwrap();
        assert_eq!(output.out(), "started\n");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn cancel_ends_the_whole_group() {
        let real = Real::default();
        let cancel = real.cancel.clone();
        let started = Instant::now();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        assert_eq!(real.run(&Program::shell("sleep 30 | sleep 30; true")).unwrap().rc, -9);
        stopper.join().unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(real.run(&Program::new(["true"])).is_err());
    }

    #[test]
    fn flags_are_those_lsattr_shows() {
        let real = Real::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        // Not every file system has flags, and not every machine `lsattr`.
        if let (Some((version, flags)), Some(_)) = (real.inode_flags(file.path()), real.which("lsattr")) {
            let output = real.run(&Program::new(["lsattr", "-v", &file.path().to_string_lossy()])).unwrap().out();
            let words: Vec<&str> = output.split_whitespace().collect();
            assert_eq!(words[0], version.to_string());
            assert_eq!(words[1].replace('-', ""), crate::file_attrs::flag_letters(flags));
        }
    }

    #[test]
    fn output_is_seen_as_whole_lines_while_it_comes() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let live: Live = Arc::new(move |lines| sink.lock().unwrap().extend(lines));
        let real = Real { live: Some(live), ..Real::default() };
        real.conceal(&["hunter2".to_owned()]);
        let line = "echo a; sleep 0.1; echo b hunter2 >&2; sleep 0.1; printf c";
        real.run(&Program::shell(line).live()).unwrap();
        real.run(&Program::shell("echo a question nobody asked")).unwrap();
        let seen: Vec<_> = seen.lock().unwrap().iter().map(|line| (line.stderr, line.text.clone())).collect();
        assert_eq!(seen, [(false, "a".to_owned()), (true, "b ********".to_owned()), (false, "c".to_owned())]);
    }

    #[test]
    fn a_hundred_megabytes_are_all_in_the_result_and_few_of_them_are_shown() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let live: Live = Arc::new(move |lines| sink.lock().unwrap().extend(lines));
        let real = Real { live: Some(live), ..Real::default() };
        for (line, size) in
            [("yes 0123456789012345678 | head -c 100000000", 100_000_000), ("head -c 20000000 /dev/zero", 20_000_000)]
        {
            let output = real.run(&Program::shell(line).live()).unwrap();
            assert_eq!(output.stdout.len(), size);
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert!(seen.iter().map(|line| line.text.len()).sum::<usize>() < 2 << 20);
            let all: u64 = seen.iter().filter(|line| !line.partial).map(|line| 1 + line.lost).sum();
            assert_eq!(all, output.stdout.split_inclusive(|b| *b == b'\n').count() as u64);
        }
    }
}
