//! Sets the host's name, now and for the next boot.
//!
//! Options:
//! - `name` (required): the name.
//! - `use`: how to set it; chosen by what the target is when not given: `systemd` (also as `debian`), `redhat`, `alpine`,
//!   `sles`, `openrc`, `openbsd` and `freebsd`; those of systems that are no Linux are refused.
//!
//! Returns: `name`, `ansible_facts` (hostname, nodename, fqdn, domain).
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - hostname:
//!     name: undercloud.example.org
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Map;

use crate::facts::{Probe, distribution_and_family, fqdn, service_manager};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, tools};

/// `ansible.builtin.hostname`
pub static MODULE: Module = Module {
    name: "hostname",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::text("use").choices(&[
                "alpine", "debian", "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "openrc", "redhat",
                "sles", "solaris", "systemd",
            ]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let name = args.need("name");
    let host = Host { cx, way: Way::of(cx, args.text("use"))? };
    let (current, permanent) = (host.current()?, host.permanent()?);
    let (now, later) = (current != name, permanent != name);
    if !cx.check() {
        // systemd makes the static name the running one as well, where the running one is nobody's choice.
        if host.way == Way::Systemd {
            if later {
                host.set_permanent(name)?;
            }
            if if later { host.current()? != name } else { now } {
                host.set_current(name)?;
            }
        } else {
            if now {
                host.set_current(name)?;
            }
            if later {
                host.set_permanent(name)?;
            }
        }
    }
    let before = if now { current } else { permanent };
    let diff = (now || later).then(|| Diff {
        before: Some(format!("hostname = {before}\n").into()),
        after: Some(format!("hostname = {name}\n").into()),
        ..Diff::default()
    });
    let short = name.split('.').next().unwrap_or(name);
    let running = fs_err::read_to_string(cx.path("/proc/sys/kernel/hostname")).unwrap_or_default();
    let full = fqdn(&Probe::new(cx, 10, ""), running.trim());
    let domain = full.split_once('.').map_or("", |(_, domain)| domain);
    let facts = [
        ("ansible_hostname", short),
        ("ansible_nodename", name),
        ("ansible_fqdn", full.as_str()),
        ("ansible_domain", domain),
    ];
    Ok(Reply::changed(now || later).with("name", name).with("ansible_facts", Map::from_iter(facts)).with_diff(diff))
}

/// How a name is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Systemd,
    /// The file holds the name and nothing else.
    File(&'static str),
    /// The same, and `hostname -F` makes it the running one.
    Alpine,
    /// The same, and `hostname` makes it the running one.
    Both(&'static str),
    /// `HOSTNAME=` among the settings of the network.
    RedHat,
    /// `hostname=` in a file of that alone.
    Openrc,
}

impl Way {
    fn of(cx: &Context<'_>, named: Option<&str>) -> Result<Self, ModuleError> {
        let refuse = |msg: String| Err(ModuleError::msg(msg));
        match named {
            Some("alpine") => Ok(Self::Alpine),
            Some("freebsd") => Ok(Self::Both("/etc/rc.conf.d/hostname")),
            Some("openbsd") => Ok(Self::Both("/etc/myname")),
            Some("openrc") => Ok(Self::Openrc),
            Some("redhat") => Ok(Self::RedHat),
            Some("sles") => Ok(Self::File("/etc/HOSTNAME")),
            Some("debian" | "systemd") => tools::need(cx, "hostnamectl").map(|_| Self::Systemd),
            Some("macos" | "macosx" | "darwin") => {
                let program = tools::need(cx, "scutil")?;
                refuse(format!("{program} sets names of macOS, which is no target of rplay"))
            }
            Some(other) => refuse(format!("use={other} sets no name on Linux")),
            None if service_manager(cx) == "systemd" => tools::need(cx, "hostnamectl").map(|_| Self::Systemd),
            None => {
                let (distribution, family) = distribution_and_family(cx);
                match family.as_str() {
                    "Debian" => Ok(Self::File("/etc/hostname")),
                    "RedHat" => Ok(Self::RedHat),
                    "Alpine" => Ok(Self::Alpine),
                    "Suse" => Ok(Self::File("/etc/HOSTNAME")),
                    "Gentoo" => Ok(Self::Openrc),
                    _ => refuse(format!("hostname module cannot be used on platform Linux ({distribution})")),
                }
            }
        }
    }
}

struct Host<'a, 'c> {
    cx: &'a Context<'c>,
    way: Way,
}

impl Host<'_, '_> {
    /// What a command prints.
    fn ask(&self, words: &[&str]) -> Result<String, ModuleError> {
        let mut argv = vec![tools::need(self.cx, words[0])?];
        argv.extend(words[1..].iter().map(|word| (*word).to_owned()));
        let output = tools::run(self.cx, &argv)?;
        if !output.success() {
            let (rc, out, err) = (output.rc, output.out(), output.err());
            return Err(ModuleError::msg(format!("Command failed rc={rc}, out={out}, err={err}")));
        }
        Ok(output.out().trim().to_owned())
    }

    fn current(&self) -> Result<String, ModuleError> {
        match self.way {
            Way::Systemd => self.ask(&["hostnamectl", "--transient", "status"]),
            Way::Both(_) => self.ask(&["hostname"]),
            _ => self.permanent(),
        }
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs_err::read_to_string(self.cx.path(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn permanent(&self) -> Result<String, ModuleError> {
        let setting = |file: &str, name: &str| {
            let lines = self.lines(file);
            lines.iter().find_map(|line| Some(line.trim().strip_prefix(name)?.trim_matches('"').trim().to_owned()))
        };
        Ok(match self.way {
            Way::Systemd => return self.ask(&["hostnamectl", "--static", "status"]),
            Way::File(file) | Way::Both(file) => self.lines(file).join("\n").trim().to_owned(),
            Way::Alpine => self.lines("/etc/hostname").join("\n").trim().to_owned(),
            Way::Openrc => setting("/etc/conf.d/hostname", "hostname=").unwrap_or_default(),
            Way::RedHat => setting(NETWORK, "HOSTNAME=").ok_or_else(|| {
                ModuleError::msg(format!("failed to read hostname: there is no HOSTNAME in {NETWORK}"))
            })?,
        })
    }

    fn set_current(&self, name: &str) -> Result<(), ModuleError> {
        match self.way {
            Way::Systemd => {
                short_enough(name)?;
                self.ask(&["hostnamectl", "--transient", "set-hostname", name]).map(drop)
            }
            Way::Alpine => {
                self.set_permanent(name)?;
                self.ask(&["hostname", "-F", "/etc/hostname"]).map(drop)
            }
            Way::Both(_) => self.ask(&["hostname", name]).map(drop),
            Way::File(_) | Way::RedHat | Way::Openrc => Ok(()),
        }
    }

    fn set_permanent(&self, name: &str) -> Result<(), ModuleError> {
        let (file, content) = match self.way {
            Way::Systemd => {
                short_enough(name)?;
                // "Pretty" names may hold anything; the static one is what /etc/hostname holds.
                return self.ask(&["hostnamectl", "--pretty", "--static", "set-hostname", name]).map(drop);
            }
            Way::File(file) | Way::Both(file) => (file, format!("{name}\n")),
            Way::Alpine => ("/etc/hostname", format!("{name}\n")),
            Way::Openrc => {
                ("/etc/conf.d/hostname", self.with_setting("/etc/conf.d/hostname", "hostname=", &format!("\"{name}\"")))
            }
            Way::RedHat => (NETWORK, self.with_setting(NETWORK, "HOSTNAME=", name)),
        };
        // Containers mount this file: it can be written, not replaced.
        Replace::new(&self.cx.path(file)).unsafe_writes(true).write(self.cx.sys(), content.as_bytes())
    }

    /// A file's text with a setting changed or added.
    fn with_setting(&self, file: &str, name: &str, value: &str) -> String {
        let mut lines = self.lines(file);
        let line = format!("{name}{value}");
        match lines.iter_mut().find(|line| line.trim().starts_with(name)) {
            Some(old) => *old = line,
            None => lines.push(line),
        }
        lines.join("\n") + "\n"
    }
}

/// Where old RPM systems keep their name.
const NETWORK: &str = "/etc/sysconfig/network";

fn short_enough(name: &str) -> Result<(), ModuleError> {
    if name.len() <= 64 {
        return Ok(());
    }
    Err(ModuleError::msg("name cannot be longer than 64 characters on systemd servers, try a shorter name"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn systemd() {
        let fake = Fake::new()
            .unwrap()
            .on("hostnamectl --transient status", 0, "old\n")
            .on("hostnamectl --static status", 0, "old\n")
            .on("hostnamectl", 0, "");
        fake.write("/proc/1/comm", "systemd").unwrap();
        let reply = fake.call("hostname", args([("name", "new.example.org")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("ansible_facts").unwrap().get("ansible_nodename"), Some(&"new.example.org".into()));
        let set = "hostnamectl --pretty --static set-hostname new.example.org";
        assert!(fake.command_lines().contains(&set.to_owned()));
        let before = fake.command_lines().len();
        assert!(!fake.call("hostname", args([("name", "old")])).changed);
        assert_eq!(fake.command_lines().len(), before + 2);
    }

    #[test]
    fn debian_without_systemd() {
        let fake = Fake::new().unwrap().on("hostname", 0, "");
        fake.write("/etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\n").unwrap();
        fake.write("/etc/hostname", "old\n").unwrap();
        assert!(fake.check("hostname", args([("name", "new")])).changed);
        assert_eq!(fake.read("/etc/hostname").unwrap(), "old\n");
        let reply = fake.call("hostname", args([("name", "new")]));
        assert!(reply.changed, "{reply:?}");
        assert_eq!(fake.read("/etc/hostname").unwrap(), "new\n");
        assert!(fake.command_lines().is_empty());
    }
}
