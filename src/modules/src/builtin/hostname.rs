//! Sets the host's name, now and for the next boot.
//!
//! Options:
//! - `name` (required): the name.
//! - `use`: how to set it; chosen by what the target is when not given: `systemd`, `debian`, `redhat`, `alpine`, `generic`.
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

use crate::facts::{distribution_and_family, service_manager};
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Replace, Support, tools};

/// `ansible.builtin.hostname`
pub static MODULE: Module = Module {
    name: "hostname",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("name").required(),
            Arg::text("use").choices(&["alpine", "debian", "generic", "redhat", "systemd"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let name = args.need("name");
    let strategy = args.text("use").map_or_else(|| strategy(cx), str::to_owned);
    let host = Host { cx, strategy: &strategy };
    let (current, permanent) = (host.current()?, host.permanent()?);
    let mut changed = false;
    if current != name {
        changed = true;
        if !cx.check() {
            host.set_current(name)?;
        }
    }
    // The generic way has no file: what is set now is all there is.
    if permanent.as_deref().is_some_and(|permanent| permanent != name) {
        changed = true;
        if !cx.check() {
            host.set_permanent(name)?;
        }
    }
    let before = if current == name { permanent.unwrap_or_else(|| current.clone()) } else { current };
    let diff = changed.then(|| Diff {
        before: Some(format!("hostname = {before}\n").into()),
        after: Some(format!("hostname = {name}\n").into()),
        ..Diff::default()
    });
    let short = name.split('.').next().unwrap_or(name);
    let domain = name.split_once('.').map_or("", |(_, domain)| domain);
    let facts =
        [("ansible_hostname", short), ("ansible_nodename", name), ("ansible_fqdn", name), ("ansible_domain", domain)];
    Ok(Reply::changed(changed).with("name", name).with("ansible_facts", Map::from_iter(facts)).with_diff(diff))
}

fn strategy(cx: &Context<'_>) -> String {
    if tools::find(cx, "hostnamectl").is_some() && service_manager(cx) == "systemd" {
        return "systemd".to_owned();
    }
    match distribution_and_family(cx).1.as_str() {
        "Debian" => "debian",
        "RedHat" => "redhat",
        "Alpine" => "alpine",
        _ if cx.path("/etc/hostname").exists() => "debian",
        _ => "generic",
    }
    .to_owned()
}

struct Host<'a, 'c> {
    cx: &'a Context<'c>,
    strategy: &'a str,
}

impl Host<'_, '_> {
    fn current(&self) -> Result<String, ModuleError> {
        if self.strategy == "systemd" {
            return Ok(tools::run_checked(self.cx, &["hostnamectl", "--transient", "status"])?.out().trim().to_owned());
        }
        let path = self.cx.path("/proc/sys/kernel/hostname");
        let text = fs_err::read_to_string(path).or_else(|_| {
            let output = tools::run(self.cx, &["hostname"]).map(|output| output.out());
            output.map_err(|error| std::io::Error::other(error.to_string()))
        })?;
        Ok(text.trim().to_owned())
    }

    fn file(&self) -> Option<&'static str> {
        match self.strategy {
            "redhat" => Some("/etc/sysconfig/network"),
            "debian" | "alpine" => Some("/etc/hostname"),
            _ => None,
        }
    }

    fn permanent(&self) -> Result<Option<String>, ModuleError> {
        if self.strategy == "systemd" {
            let output = tools::run_checked(self.cx, &["hostnamectl", "--static", "status"])?;
            return Ok(Some(output.out().trim().to_owned()));
        }
        let Some(file) = self.file() else { return Ok(None) };
        let text = fs_err::read_to_string(self.cx.path(file)).unwrap_or_default();
        Ok(Some(match self.strategy {
            "redhat" => {
                let value = text.lines().find_map(|line| line.trim().strip_prefix("HOSTNAME="));
                value.unwrap_or_default().trim_matches('"').to_owned()
            }
            _ => text.trim().to_owned(),
        }))
    }

    fn set_current(&self, name: &str) -> Result<(), ModuleError> {
        let argv: Vec<&str> = match self.strategy {
            "systemd" => {
                if name.len() > 64 {
                    return Err(ModuleError::msg(
                        "name cannot be longer than 64 characters on systemd servers, try a shorter name",
                    ));
                }
                vec!["hostnamectl", "--transient", "set-hostname", name]
            }
            "alpine" => vec!["hostname", "-F", "/etc/hostname"],
            _ => vec!["hostname", name],
        };
        if self.strategy == "alpine" {
            self.set_permanent(name)?;
        }
        let program = tools::need(self.cx, argv[0])?;
        let mut command = vec![program.as_str()];
        command.extend(&argv[1..]);
        tools::run_checked(self.cx, &command).map(drop)
    }

    fn set_permanent(&self, name: &str) -> Result<(), ModuleError> {
        if self.strategy == "systemd" {
            if name.len() > 64 {
                return Err(ModuleError::msg(
                    "name cannot be longer than 64 characters on systemd servers, try a shorter name",
                ));
            }
            let program = tools::need(self.cx, "hostnamectl")?;
            // "Pretty" names may hold anything; the static one is what /etc/hostname holds.
            for kind in ["--pretty", "--static"] {
                tools::run_checked(self.cx, &[program.as_str(), kind, "set-hostname", name])?;
            }
            return Ok(());
        }
        let Some(file) = self.file() else { return Ok(()) };
        let path = self.cx.path(file);
        let content = if self.strategy == "redhat" {
            let text = fs_err::read_to_string(&path).unwrap_or_default();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let line = format!("HOSTNAME={name}");
            match lines.iter_mut().find(|line| line.trim().starts_with("HOSTNAME=")) {
                Some(old) => *old = line,
                None => lines.push(line),
            }
            lines.join("\n") + "\n"
        } else {
            format!("{name}\n")
        };
        // Containers mount this file: it can be written, not replaced.
        Replace::new(&path).unsafe_writes(true).write(self.cx.sys(), content.as_bytes())
    }
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
        assert_eq!(reply.data.get("ansible_facts").unwrap().get("ansible_domain"), Some(&"example.org".into()));
        assert!(fake.command_lines().contains(&"hostnamectl --static set-hostname new.example.org".to_owned()));
        let before = fake.command_lines().len();
        assert!(!fake.call("hostname", args([("name", "old")])).changed);
        assert_eq!(fake.command_lines().len(), before + 2);
    }

    #[test]
    fn debian_without_systemd() {
        let fake = Fake::new().unwrap().on("hostname", 0, "");
        fake.write("/etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\n").unwrap();
        fake.write("/proc/sys/kernel/hostname", "old\n").unwrap();
        fake.write("/etc/hostname", "old\n").unwrap();
        assert!(fake.check("hostname", args([("name", "new")])).changed);
        assert_eq!(fake.read("/etc/hostname").unwrap(), "old\n");
        let reply = fake.call("hostname", args([("name", "new")]));
        assert!(reply.changed, "{reply:?}");
        assert_eq!(fake.read("/etc/hostname").unwrap(), "new\n");
        assert_eq!(fake.command_lines(), ["hostname new"]);
    }
}
