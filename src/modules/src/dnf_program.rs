//! Packages through the program of `dnf5`, `microdnf` or yum 3, where there is no Python that has dnf's library.
//!
//! What is installed is asked of rpm; what a command changed is the difference of rpm's lists before and after.

use std::collections::BTreeSet;

use rplay_protocol::Reply;
use rplay_value::{List, Map};

use crate::{Args, Context, ModuleError, Output, Program, tools};

/// Runs one call of `dnf`, `yum` or `dnf5` with this program.
pub(crate) fn run(cx: &Context<'_>, args: &Args, program: String) -> Result<Reply, ModuleError> {
    Dnf { cx, args, is_yum: program.ends_with("/yum"), program }.run()
}

struct Dnf<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    program: String,
    is_yum: bool,
}

impl Dnf<'_, '_> {
    fn run(&self) -> Result<Reply, ModuleError> {
        let args = self.args;
        let removal = matches!(args.text("state"), Some("absent" | "removed"))
            || args.flag("autoremove") && args.get("state").is_none();
        if args.flag("autoremove") && !removal {
            return Err(ModuleError::msg("Autoremove should be used alone or with state=absent"));
        }
        if args.flag("update_cache") {
            let output = self.execute(&["makecache"])?;
            if !output.success() {
                return Err(Self::failure("Failed to update the cache", &output));
            }
            if args.texts("name").is_empty() && args.get("list").is_none() && !args.flag("autoremove") {
                return Ok(done(false, Vec::new()).with("msg", "Cache updated"));
            }
        }
        if let Some(what) = args.text("list") {
            return self.list(what);
        }
        let names: Vec<&str> =
            args.texts("name").iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        if removal {
            return self.remove(&names);
        }
        let latest = args.text("state") == Some("latest");
        if names.contains(&"*") {
            if !latest {
                return Err(ModuleError::msg("name=* is for state=latest"));
            }
            return self.transaction(vec![self.upgrade_words(&[])]);
        }
        let (mut missing, mut present) = (Vec::new(), Vec::new());
        for name in names {
            if self.is_installed(name)? { present.push(name) } else { missing.push(name) }
        }
        let mut commands = Vec::new();
        if !missing.is_empty() && !args.flag("update_only") {
            let (groups, packages): (Vec<&str>, Vec<&str>) =
                missing.into_iter().partition(|name| name.starts_with('@'));
            if !packages.is_empty() {
                // An older version than the installed one is another command.
                let downgrade = args.flag("allow_downgrade") && self.is_yum;
                commands.push([vec![if downgrade { "downgrade" } else { "install" }], packages].concat());
            }
            for group in groups {
                commands.push(if self.is_yum { vec!["groupinstall", &group[1..]] } else { vec!["install", group] });
            }
        }
        if latest && !present.is_empty() {
            commands.push(self.upgrade_words(&present));
        }
        self.transaction(commands)
    }

    fn upgrade_words<'w>(&self, names: &[&'w str]) -> Vec<&'w str> {
        let mut words = vec![if self.is_yum { "update" } else { "upgrade" }];
        for option in ["security", "bugfix"] {
            if self.args.flag(option) {
                words.push(if option == "security" { "--security" } else { "--bugfix" });
            }
        }
        words.extend(names);
        words
    }

    fn rpm(&self, words: &[&str]) -> Result<Output, ModuleError> {
        let rpm = tools::need(self.cx, "rpm")?;
        let root = self.args.need("installroot");
        let mut argv = vec![rpm.as_str()];
        if root != "/" {
            argv.extend(["--root", root]);
        }
        argv.extend(words);
        tools::run(self.cx, &argv)
    }

    /// Whether what a name stands for is installed.
    fn is_installed(&self, name: &str) -> Result<bool, ModuleError> {
        if let Some(group) = name.strip_prefix('@') {
            let listed = self.execute(&["group", "list", "--installed", group])?;
            return Ok(listed.success() && listed.out().lines().any(|line| line.trim().eq_ignore_ascii_case(group)));
        }
        if name.contains("://") || name.rsplit('.').next() == Some("rpm") {
            let described = self.rpm(&["-qp", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}", name])?;
            return Ok(described.success() && self.rpm(&["-q", described.out().trim()])?.success());
        }
        if name.contains(['*', '?', '[']) {
            return Ok(!self.rpm(&["-qa", name])?.stdout.is_empty());
        }
        if let Some(operator) = name.find(['<', '>', '=']) {
            // `name >= version`: rpm answers for what is provided.
            let plain = name[..operator].trim();
            let wanted: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
            return Ok(self.rpm(&["-q", "--whatprovides", &wanted])?.success()
                && self.rpm(&["-q", "--whatprovides", plain])?.success());
        }
        Ok(self.rpm(&["-q", name])?.success() || self.rpm(&["-q", "--whatprovides", name])?.success())
    }

    /// Runs dnf with the options every command shares.
    fn execute(&self, words: &[&str]) -> Result<Output, ModuleError> {
        let args = self.args;
        let mut argv = vec![self.program.clone()];
        let mut add = |word: String| argv.push(word);
        add(if self.cx.check() && words[0] != "makecache" { "--assumeno".to_owned() } else { "-y".to_owned() });
        for (option, word) in [
            ("enablerepo", "--enablerepo"),
            ("disablerepo", "--disablerepo"),
            ("exclude", "--exclude"),
            ("disable_plugin", "--disableplugin"),
            ("enable_plugin", "--enableplugin"),
        ] {
            for value in args.texts(option) {
                add(format!("{word}={value}"));
            }
        }
        for (option, word) in [
            ("disable_excludes", "--disableexcludes"),
            ("releasever", "--releasever"),
            ("download_dir", "--downloaddir"),
        ] {
            if let Some(value) = args.text(option) {
                add(format!("{word}={value}"));
            }
        }
        if let Some(file) = args.text("conf_file") {
            add(format!("--config={file}"));
        }
        if args.need("installroot") != "/" {
            add(format!("--installroot={}", args.need("installroot")));
        }
        for (set, word) in [
            (args.flag("disable_gpg_check"), "--nogpgcheck"),
            (args.flag("allowerasing"), "--allowerasing"),
            (args.flag("nobest") || args.bool("best") == Some(false), "--nobest"),
            (args.bool("best") == Some(true), "--best"),
            (args.flag("skip_broken"), "--skip-broken"),
            (args.flag("cacheonly"), "--cacheonly"),
            (args.flag("download_only"), "--downloadonly"),
            (!args.flag("install_weak_deps"), "--setopt=install_weak_deps=False"),
            (!args.flag("sslverify") || !args.flag("validate_certs"), "--setopt=sslverify=False"),
        ] {
            if set {
                add(word.to_owned());
            }
        }
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        let program = Program::new(argv);
        // Lists are for the module; what installs is for the user.
        let program = if words.contains(&"list") { program } else { program.live() };
        tools::run_program(self.cx, program)
    }

    fn installed(&self) -> Result<BTreeSet<String>, ModuleError> {
        let listed = self.rpm(&["-qa", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\\n"])?;
        Ok(listed.out().lines().map(str::to_owned).collect())
    }

    /// Runs commands; what changed is read from rpm's database before and after.
    fn transaction(&self, commands: Vec<Vec<&str>>) -> Result<Reply, ModuleError> {
        if commands.is_empty() {
            return Ok(done(false, Vec::new()).with("msg", "Nothing to do"));
        }
        let before = if self.cx.check() { BTreeSet::new() } else { self.installed()? };
        let mut would = false;
        for words in commands {
            let output = self.execute(&words)?;
            let text = format!("{}{}", output.out(), output.err());
            let nothing = text.contains("Nothing to do") || text.contains("No packages marked for update");
            // With `--assumeno` a plan that would do something ends with 1.
            let declined =
                self.cx.check() && (text.contains("Operation aborted") || text.contains("Exiting on user command"));
            would |= declined || self.cx.check() && output.success() && !nothing;
            if !output.success() && !declined {
                let no_match = ["No match for argument", "No package", "Unable to find a match"]
                    .iter()
                    .any(|say| text.contains(say));
                let msg = if no_match { "Failed to install some of the specified packages" } else { "dnf failed" };
                return Err(Self::failure(msg, &output));
            }
        }
        if self.cx.check() {
            let msg = if would {
                "Check mode: No changes made, but would have if not in check mode"
            } else {
                "Nothing to do"
            };
            return Ok(done(would, Vec::new()).with("msg", msg));
        }
        let after = self.installed()?;
        let mut results: Vec<String> = after.difference(&before).map(|name| format!("Installed: {name}")).collect();
        results.extend(before.difference(&after).map(|name| format!("Removed: {name}")));
        let msg = if results.is_empty() { "Nothing to do" } else { "" };
        Ok(done(!results.is_empty(), results).with("msg", msg))
    }

    fn remove(&self, names: &[&str]) -> Result<Reply, ModuleError> {
        let mut there = Vec::new();
        for name in names {
            if self.is_installed(name)? {
                there.push(*name);
            }
        }
        let mut commands = Vec::new();
        if !there.is_empty() {
            commands.push([vec!["remove"], there].concat());
        }
        if self.args.flag("autoremove") {
            commands.push(vec!["autoremove"]);
        }
        self.transaction(commands)
    }

    fn list(&self, what: &str) -> Result<Reply, ModuleError> {
        let format = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n";
        if !matches!(what, "installed") && !self.rpm(&["-qa", what])?.success() {
            return Err(ModuleError::msg(format!("list={what} is not supported: use installed or a package name")));
        }
        let listed = if what == "installed" {
            self.rpm(&["-qa", "--qf", format])?
        } else {
            self.rpm(&["-qa", "--qf", format, what])?
        };
        let text = listed.out();
        let packages: List = text
            .lines()
            .filter_map(|line| {
                let &[name, epoch, version, release, arch] = line.split('\t').collect::<Vec<_>>().as_slice() else {
                    return None;
                };
                let nevra = format!("{epoch}:{name}-{version}-{release}.{arch}");
                let entries = [
                    ("name", name),
                    ("epoch", epoch),
                    ("version", version),
                    ("release", release),
                    ("arch", arch),
                    ("envra", &nevra),
                    ("nevra", &nevra),
                    ("yumstate", "installed"),
                    ("repo", "@System"),
                ];
                Some(Map::from_iter(entries))
            })
            .collect();
        Ok(Reply::ok().with("results", packages).with("msg", ""))
    }

    fn failure(msg: &str, output: &Output) -> ModuleError {
        let said = format!("{}{}", output.out(), output.err());
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last =
            lines.iter().rev().find(|line| line.starts_with("Error") || line.contains("No match")).or(lines.last());
        let reply = Reply::failure(format!("{msg}: {}", last.unwrap_or(&"")))
            .with("failures", output.err().lines().collect::<List>())
            .with("results", List::new())
            .with("rc", output.rc)
            .with("stdout", output.out())
            .with("stderr", output.err());
        ModuleError::reply(reply)
    }
}

fn done(changed: bool, results: Vec<String>) -> Reply {
    Reply::changed(changed).with("results", results).with("rc", 0)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    #[test]
    fn present_asks_rpm_first() {
        let fake = Fake::new()
            .unwrap()
            .on("rpm -q bash", 0, "bash-5")
            .on("rpm -qa", 0, "bash-5.x86_64\n")
            .on("rpm", 1, "")
            .on("dnf5", 0, "Complete!");
        let reply = fake.call("dnf5", args([("name", "bash")]));
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(fake.command_lines(), ["rpm -q bash"]);
        assert_eq!(reply.data.get("msg"), Some(&"Nothing to do".into()));
    }

    #[test]
    fn what_changed_is_read_from_the_database() {
        let fake = Fake::new()
            .unwrap()
            .on("rpm -qa", 0, "a-1\n")
            .on("rpm -qa", 0, "a-1\nnginx-1\n")
            .on("rpm", 1, "")
            .on("yum", 0, "Complete!");
        let reply = fake.call("yum", args([("name", "nginx"), ("enablerepo", "epel"), ("disable_gpg_check", "yes")]));
        assert!(reply.changed, "{reply:?}");
        assert_eq!(reply.data.get("results"), Some(&vec!["Installed: nginx-1"].into()));
        assert!(fake.command_lines().contains(&"yum -y --enablerepo=epel --nogpgcheck install nginx".to_owned()));
    }

    #[test]
    fn check_mode_and_failures() {
        let fake =
            Fake::new().unwrap().on("rpm", 1, "").on("dnf5 --assumeno", 1, "Install 1 Package\nOperation aborted.");
        assert!(fake.check("dnf5", args([("name", "nginx")])).changed);
        let fake = Fake::new().unwrap().on("rpm", 1, "").on("dnf5", 1, "Error: Unable to find a match: nope\n");
        let reply = fake.call("dnf5", args([("name", "nope")]));
        let msg = "Failed to install some of the specified packages: Error: Unable to find a match: nope";
        assert_eq!(reply.data.get("msg"), Some(&msg.into()));
        assert!(!fake.call("dnf5", args([("name", "nope"), ("state", "absent")])).changed);
    }
}
