//! Waits until a port answers or is closed, a file is there or gone, or a time has passed.
//!
//! Options:
//! - `port` (int) on `host` (default `127.0.0.1`), or `path` (path).
//! - `state`: `started`/`present` (default), `stopped`/`absent`, or `drained` (no connections to the port left).
//! - `timeout` (seconds, default 300), `delay`, `sleep` (seconds between looks, default 1), `connect_timeout` (default 5).
//! - `search_regex` (Python pattern): must be in the file, or in what the port says.
//! - `active_connection_states`, `exclude_hosts` (lists): for `drained`.
//! - `msg` (text): instead of the usual text when the time is over.
//!
//! Returns: `elapsed`, `state`, `port`, `path`, `search_regex`, `match_groups`, `match_groupdict`.
//! Check mode: skipped.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.wait_for:
//!     port: 5000
//!     host: "{{ internal_ip }}"
//!     timeout: 60
//! ```

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, Shutdown, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use crate::pyregex::Flags;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, PyRegex, Support, Sys, strerror};

/// `ansible.builtin.wait_for`
pub static MODULE: Module = Module {
    name: "wait_for",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("host").default("127.0.0.1"),
            Arg::int("timeout").default("300"),
            Arg::int("connect_timeout").default("5"),
            Arg::int("delay").default("0"),
            Arg::int("port"),
            Arg::list("active_connection_states")
                .default("ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT"),
            Arg::path("path"),
            Arg::text("search_regex"),
            Arg::text("state").default("started").choices(&["absent", "drained", "present", "started", "stopped"]),
            Arg::list("exclude_hosts"),
            Arg::int("sleep").default("1"),
            Arg::text("msg"),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::None,
    diff: Support::None,
    run,
};

const STATES: [(&str, &str); 6] = [
    ("ESTABLISHED", "01"),
    ("SYN_SENT", "02"),
    ("SYN_RECV", "03"),
    ("FIN_WAIT1", "04"),
    ("FIN_WAIT2", "05"),
    ("TIME_WAIT", "06"),
];

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let refuse = |msg: &str| Err(ModuleError::reply(Reply::failure(msg).with("elapsed", 0)));
    let (port, path, state) = (args.int("port").filter(|p| *p != 0), args.text("path"), args.need("state"));
    let regex = args
        .text("search_regex")
        .map(|pattern| PyRegex::with(pattern, Flags { multiline: true, ..Flags::default() }))
        .transpose()
        .map_err(|error| ModuleError::msg(format!("Invalid regular expression: {error}")))?;
    match (port, path, state) {
        (Some(_), Some(_), _) => return refuse("port and path parameter can not both be passed to wait_for"),
        (_, Some(_), "stopped") => {
            return refuse("state=stopped should only be used for checking a port in the wait_for module");
        }
        (_, Some(_), "drained") => {
            return refuse("state=drained should only be used for checking a port in the wait_for module");
        }
        _ if args.get("exclude_hosts").is_some() && state != "drained" => {
            return refuse("exclude_hosts should only be with state=drained");
        }
        _ => {}
    }
    if let Some(unknown) =
        args.texts("active_connection_states").into_iter().find(|s| !STATES.iter().any(|(name, _)| name == s))
    {
        return refuse(&format!("unknown active_connection_state ({unknown}) defined"));
    }
    let port = match port.map(u16::try_from) {
        Some(Err(_)) => return refuse("port must be between 1 and 65535"),
        Some(Ok(port)) => Some(port),
        None if state == "drained" => return refuse("state=drained needs a port"),
        None => None,
    };
    let wait = Wait {
        sys: cx.sys(),
        args,
        start: Instant::now(),
        end: Instant::now() + seconds(args, "timeout"),
        regex,
        port,
    };
    let shown = path;
    let path = path.map(|path| cx.path(path));
    wait.pause(seconds(args, "delay"))?;
    let mut found = Groups::default();
    match (state, port, path.as_deref()) {
        ("drained", Some(port), _) => {
            let excluded = args.texts("exclude_hosts").into_iter().flat_map(addresses).collect::<Vec<_>>();
            let own = addresses(args.need("host"));
            wait.until(|| Ok(active_connections(args, port, &own, &excluded) == 0))?;
        }
        (_, None, None) => wait.pause(seconds(args, "timeout"))?,
        ("absent" | "stopped", _, Some(path)) => wait.until(|| Ok(!path.exists()))?,
        ("absent" | "stopped", Some(port), None) => wait.until(|| Ok(wait.connect(port).is_none()))?,
        (_, _, Some(path)) => wait.until(|| wait.file(path, shown.unwrap_or_default(), &mut found))?,
        (_, Some(port), None) => wait.until(|| Ok(wait.port(port, &mut found)))?,
    }
    Ok(Reply::ok()
        .with("elapsed", wait.elapsed())
        .with("match_groupdict", found.named)
        .with("match_groups", found.numbered)
        .with("path", args.get("path").cloned())
        .with("port", args.get("port").cloned())
        .with("search_regex", args.get("search_regex").cloned())
        .with("state", state))
}

fn seconds(args: &Args, name: &str) -> Duration {
    Duration::from_secs(args.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

#[derive(Default)]
struct Groups {
    numbered: List,
    named: Map,
}

struct Wait<'a> {
    sys: &'a dyn Sys,
    args: &'a Args,
    start: Instant,
    end: Instant,
    regex: Option<PyRegex>,
    port: Option<u16>,
}

impl Wait<'_> {
    fn elapsed(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    /// Sleeps, but not longer than the task lives.
    fn pause(&self, time: Duration) -> Result<(), ModuleError> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.sys.is_cancelled() {
                return Err(ModuleError::reply(
                    Reply::failure("the task was cancelled").with("elapsed", self.elapsed()),
                ));
            }
            std::thread::sleep(left.min(Duration::from_millis(200)));
        }
        Ok(())
    }

    /// Looks again and again until `done` or the time is over.
    fn until(&self, mut done: impl FnMut() -> Result<bool, ModuleError>) -> Result<(), ModuleError> {
        while Instant::now() < self.end {
            if done()? {
                return Ok(());
            }
            self.pause(seconds(self.args, "sleep"))?;
        }
        let msg = self.args.text("msg").map_or_else(|| self.complaint(), str::to_owned);
        Err(ModuleError::reply(Reply::failure(msg).with("elapsed", self.elapsed())))
    }

    fn complaint(&self) -> String {
        let place = match self.port {
            Some(port) => format!("{}:{port}", self.args.need("host")),
            None => self.args.need("path").to_owned(),
        };
        match (self.args.need("state"), self.port, self.args.text("search_regex")) {
            ("drained", _, _) => format!("Timeout when waiting for {place} to drain"),
            ("absent" | "stopped", Some(_), _) => format!("Timeout when waiting for {place} to stop."),
            ("absent" | "stopped", None, _) => format!("Timeout when waiting for {place} to be absent."),
            (_, _, Some(regex)) => format!("Timeout when waiting for search string {regex} in {place}"),
            (_, Some(_), None) => format!("Timeout when waiting for {place}"),
            (_, None, None) => format!("Timeout when waiting for file {place}"),
        }
    }

    fn connect(&self, port: u16) -> Option<TcpStream> {
        let left = self.end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let timeout = seconds(self.args, "connect_timeout").min(left).max(Duration::from_millis(1));
        let all = (self.args.need("host"), port).to_socket_addrs().ok()?;
        all.into_iter().find_map(|address| TcpStream::connect_timeout(&address, timeout).ok())
    }

    fn port(&self, port: u16, found: &mut Groups) -> bool {
        let Some(mut stream) = self.connect(port) else { return false };
        let Some(regex) = &self.regex else { return stream.shutdown(Shutdown::Both).is_ok() };
        let mut said = Vec::new();
        let mut buffer = [0; 1024];
        while let Some(left) = self.end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            // Woken often enough to notice that the task is no longer wanted.
            if self.sys.is_cancelled() || stream.set_read_timeout(Some(left.min(Duration::from_millis(500)))).is_err() {
                return false;
            }
            match stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    said.extend_from_slice(&buffer[..n]);
                    if search(regex, &said, found) {
                        let _ = stream.shutdown(Shutdown::Both);
                        return true;
                    }
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                }
                Err(_) => return false,
            }
        }
        false
    }

    fn file(&self, path: &Path, shown: &str, found: &mut Groups) -> Result<bool, ModuleError> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => {
                let msg = format!("Failed to stat {shown}, {}", strerror(&error));
                let msg = self.args.text("msg").map_or(msg, str::to_owned);
                Err(ModuleError::reply(Reply::failure(msg).with("elapsed", self.elapsed())))
            }
            Ok(_) => Ok(match &self.regex {
                None => true,
                Some(regex) => std::fs::read(path).is_ok_and(|bytes| search(regex, &bytes, found)),
            }),
        }
    }
}

fn search(regex: &PyRegex, bytes: &[u8], found: &mut Groups) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some(captures) = regex.search(&text) else { return false };
    for (number, name) in regex.group_names().into_iter().enumerate().skip(1) {
        let value = Value::from(captures.get(number).map(|m| m.as_str()));
        if let Some(name) = name {
            found.named.insert(name, value.clone());
        }
        found.numbered.push(value);
    }
    true
}

fn addresses(host: &str) -> Vec<IpAddr> {
    (host, 80).to_socket_addrs().map(|all| all.map(|a| a.ip()).collect()).unwrap_or_default()
}

/// How many connections to a local port there are, from the kernel's tables.
fn active_connections(args: &Args, port: u16, own: &[IpAddr], excluded: &[IpAddr]) -> usize {
    let wanted: Vec<&str> = args
        .texts("active_connection_states")
        .into_iter()
        .filter_map(|state| STATES.iter().find(|(name, _)| *name == state).map(|(_, id)| *id))
        .collect();
    let any = own.iter().any(IpAddr::is_unspecified);
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(remote), Some(state)) = (fields.get(1), fields.get(2), fields.get(3)) else {
                return false;
            };
            let Some((local, local_port)) = kernel_address(local) else { return false };
            let Some((remote, _)) = kernel_address(remote) else { return false };
            local_port == port && wanted.contains(state) && !excluded.contains(&remote) && (any || own.contains(&local))
        })
        .count()
}

/// `0100007F:1F90` as an address and port; mapped IPv4 addresses are IPv4.
fn kernel_address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words: Vec<[u8; 4]> = (0..address.len() / 8)
        .map(|i| u32::from_str_radix(&address[i * 8..i * 8 + 8], 16).map(u32::to_ne_bytes))
        .collect::<Result<_, _>>()
        .ok()?;
    let address = match words.as_slice() {
        [v4] => IpAddr::from(*v4),
        [a, b, c, d] => {
            let bytes: Vec<u8> = [a, b, c, d].into_iter().flatten().copied().collect();
            IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;
    use crate::testing::{Fake, args};

    #[test]
    fn ports_are_seen_opening_talking_and_closing() {
        let fake = Fake::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = i64::from(listener.local_addr().unwrap().port());
        let speaker = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.write_all(b"220 hello SMTP\r\n");
            }
        });
        let reply = fake.call("wait_for", args([("port", port), ("timeout", 5)]));
        assert!(!reply.failed, "{:?}", reply.data);
        assert_eq!((reply.data.get("state"), reply.data.get("elapsed")), (Some(&"started".into()), Some(&0.into())));
        let entries =
            [("port", Value::from(port)), ("timeout", 5.into()), ("search_regex", "^(\\d+) (?P<word>\\w+)".into())];
        let reply = fake.call("wait_for", args(entries));
        assert_eq!(reply.data.get("match_groups"), Some(&vec!["220", "hello"].into()));
        assert_eq!(reply.data.get("match_groupdict").unwrap().get("word"), Some(&"hello".into()));
        speaker.join().unwrap();
        let entries = [("port", Value::from(port)), ("timeout", 5.into()), ("state", "stopped".into())];
        assert!(!fake.call("wait_for", args(entries)).failed);
    }

    #[test]
    fn files_are_waited_for_and_time_runs_out() {
        let fake = Fake::new().unwrap();
        fake.write("/f", "ready: yes\n").unwrap();
        let entries = [("path", "/f"), ("search_regex", "ready: (\\w+)")];
        assert_eq!(fake.call("wait_for", args(entries)).data.get("match_groups"), Some(&vec!["yes"].into()));
        let msg = |entries: &[(&'static str, &str)]| {
            let reply = fake.call("wait_for", args(entries.iter().copied().chain([("timeout", "1")])));
            assert!(reply.failed);
            reply.data.get("msg").unwrap().to_string()
        };
        assert_eq!(msg(&[("path", "/none")]), "Timeout when waiting for file /none");
        assert_eq!(msg(&[("path", "/f"), ("search_regex", "zz")]), "Timeout when waiting for search string zz in /f");
        assert_eq!(msg(&[("path", "/f"), ("state", "absent")]), "Timeout when waiting for /f to be absent.");
        assert_eq!(msg(&[("port", "1"), ("msg", "too late")]), "too late");
        assert_eq!(msg(&[("port", "1"), ("path", "/f")]), "port and path parameter can not both be passed to wait_for");
    }

    #[test]
    fn connections_are_read_from_the_kernels_form() {
        assert_eq!(kernel_address("0100007F:1F90"), Some(("127.0.0.1".parse().unwrap(), 8080)));
        assert_eq!(kernel_address("0000000000000000FFFF00000100007F:0016"), Some(("127.0.0.1".parse().unwrap(), 22)));
    }
}
