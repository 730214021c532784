//! Manages packages with APT on Debian, Ubuntu and their relatives.
//!
//! Options:
//! - `name` (list; aliases `package`, `pkg`): packages, each a name with an optional `=version` (globs allowed) or `>=version`;
//!   `*` with `state: latest` means all.
//! - `state` (default `present`): `present`, `latest`, `absent`, `build-dep` (what building the package needs) or
//!   `fixed` (mend what is broken).
//! - `update_cache`: refresh the lists of packages first. `cache_valid_time` (seconds): unless they are younger than
//!   this. `update_cache_retries` (5), `update_cache_retry_max_delay` (12 seconds): how often to try again, and the
//!   longest wait between.
//! - `upgrade` (default `no`): `yes`/`safe`, `full`, `dist`.
//! - `deb`: path or URL of a package file to install.
//! - `autoremove`: remove packages that nothing needs any more; `fail_on_autoremove`: fail when some would be.
//!   `autoclean`, `clean`: remove downloaded package files, those that cannot be had any more or all. `purge`: remove
//!   configuration files too.
//! - `default_release`: the release to take packages from. `install_recommends`: with what packages recommend, or
//!   without. `only_upgrade`: install nothing that is not there. `dpkg_options` (default
//!   `force-confdef,force-confold`): options of dpkg. `policy_rc_d` (exit code): what services that want to start are
//!   told.
//! - `force`: the following two, and packages that are held. `allow_unauthenticated`: packages without signature.
//!   `allow_downgrade`: older versions. `allow_change_held_packages`: packages that are held.
//! - `lock_timeout` (seconds, default 60): how long to wait for another apt. `force_apt_get`: without effect, as
//!   apt-get is used always.
//! - `auto_install_module_deps`: accepted for compatibility; no Python package is needed.
//!
//! Returns: `cache_updated`, `cache_update_time`, `stdout`, `stderr`, `diff`.
//!
//! Check mode: full (apt-get simulates). Diff: full (what apt-get plans).
//!
//! Example:
//! ```yaml
//! - apt:
//!     name: [nginx, "curl=7.88*"]
//!     update_cache: true
//!     cache_valid_time: 3600
//! ```

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rplay_protocol::{Diff, Reply};
use rplay_value::Value;

use crate::dpkg::{self, Database};
use crate::file_attrs::strerror;
use crate::glob::fnmatch;
use crate::policy_rc_d::PolicyGuard;
use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools, words};

/// `ansible.builtin.apt`
pub static MODULE: Module = Module {
    name: "apt",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["absent", "build-dep", "fixed", "latest", "present"]),
            Arg::bool("update_cache").alias(&["update-cache"]),
            Arg::int("update_cache_retries").default("5"),
            Arg::int("update_cache_retry_max_delay").default("12"),
            Arg::int("cache_valid_time").default("0"),
            Arg::bool("purge").default("false"),
            Arg::list("package").alias(&["pkg", "name"]),
            Arg::path("deb"),
            Arg::text("default_release").alias(&["default-release"]),
            Arg::bool("install_recommends").alias(&["install-recommends"]),
            Arg::bool("force").default("false"),
            Arg::text("upgrade").default("no").choices(&["dist", "full", "no", "safe", "yes"]),
            Arg::text("dpkg_options").default("force-confdef,force-confold"),
            Arg::bool("autoremove").default("false"),
            Arg::bool("autoclean").default("false"),
            Arg::bool("fail_on_autoremove").default("false"),
            Arg::int("policy_rc_d"),
            Arg::bool("only_upgrade").default("false"),
            Arg::bool("force_apt_get").default("false"),
            Arg::bool("clean").default("false"),
            Arg::bool("allow_unauthenticated").default("false").alias(&["allow-unauthenticated"]),
            Arg::bool("allow_downgrade").default("false").alias(&[
                "allow-downgrade",
                "allow_downgrades",
                "allow-downgrades",
            ]),
            Arg::bool("allow_change_held_packages").default("false"),
            Arg::int("lock_timeout").default("60"),
            Arg::bool("auto_install_module_deps").default("true"),
        ],
        exclusive: &[&["deb", "package", "upgrade"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

const NOTHING_DONE: &str = "0 upgraded, 0 newly installed";

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    Apt::new(cx, args)?.run()
}

/// One run: the options that every command line shares.
struct Apt<'a, 'c> {
    cx: &'a mut Context<'c>,
    args: &'a Args,
    program: String,
    aptitude: Option<String>,
    dpkg_options: String,
}

/// What a name in the list means on this system.
struct Status {
    installed: bool,
    /// The installed version is one that was asked for.
    fits: bool,
    /// What could be installed.
    installable: Installable,
    /// Configuration files are left of it.
    leftovers: bool,
}

/// What apt could install for a name.
enum Installable {
    Nothing,
    Version(String),
    /// One of several packages: for apt to choose.
    Any,
}

impl From<Option<String>> for Installable {
    fn from(version: Option<String>) -> Self {
        version.map_or(Self::Nothing, Self::Version)
    }
}

/// What the policy knows of a package: its name, candidate, and versions, newest first.
type Policy = (String, Option<String>, Vec<String>);

/// A package as it was asked for.
struct Spec<'s> {
    whole: &'s str,
    name: &'s str,
    operator: &'s str,
    version: &'s str,
}

impl<'s> Spec<'s> {
    fn parse(whole: &'s str) -> Self {
        let Some(at) = whole.find('=') else { return Self { whole, name: whole, operator: "", version: "" } };
        let (name, version) = (&whole[..at], &whole[at + 1..]);
        match name.strip_suffix('>') {
            Some(name) => Self { whole, name, operator: ">=", version },
            None => Self { whole, name, operator: "=", version },
        }
    }
}

impl<'a, 'c> Apt<'a, 'c> {
    fn new(cx: &'a mut Context<'c>, args: &'a Args) -> Result<Self, ModuleError> {
        let apt_get = tools::need(cx, "apt-get")?;
        let aptitude = tools::find(cx, "aptitude").filter(|_| !args.flag("force_apt_get"));
        let options = args.need("dpkg_options").split(',').map(|option| format!("-o \"Dpkg::Options::=--{option}\""));
        let mut dpkg_options = options.collect::<Vec<_>>().join(" ");
        dpkg_options.push_str(&format!(" -o DPkg::Lock::Timeout={}", args.int("lock_timeout").unwrap_or(60)));
        Ok(Self { cx, args, program: apt_get, aptitude, dpkg_options })
    }

    fn run(mut self) -> Result<Reply, ModuleError> {
        let args = self.args;
        let upgrade = Some(args.need("upgrade")).filter(|mode| *mode != "no");
        let requested = args.texts("package");
        let idle = requested.is_empty() && upgrade.is_none() && args.get("deb").is_none();
        if args.flag("clean") {
            let output = self.execute("apt-get clean")?;
            if !output.success() || !output.stderr.is_empty() {
                let reply = Reply::failure(format!("apt-get clean failed: {}", output.err()));
                return Err(ModuleError::reply(reply.with("stdout", output.out()).with("rc", output.rc)));
            }
            if idle {
                let reply = Reply::changed(true).with("msg", output.out());
                return Ok(self.with_output(reply, &output));
            }
        }
        let (updated, cache_time) = self.update_cache()?;
        let wants_update = args.flag("update_cache") || args.int("cache_valid_time").unwrap_or(0) > 0;
        if idle && wants_update {
            return Ok(Reply::changed(updated).with("cache_updated", updated).with("cache_update_time", cache_time));
        }
        if let Some(mode) = upgrade {
            return self.upgrade(mode);
        }
        if let Some(deb) = args.text("deb") {
            return self.install_files(deb);
        }
        let packages: Vec<&str> = requested.iter().filter(|name| **name != "*").map(|name| name.trim()).collect();
        let state = args.need("state");
        if requested.contains(&"*") && state == "latest" {
            if !packages.is_empty() {
                return Err(ModuleError::msg(
                    "unable to install additional packages when upgrading all installed packages",
                ));
            }
            return self.upgrade("yes");
        }
        if let Some(bad) = packages.iter().find(|package| package.matches('=').count() > 1) {
            return Err(ModuleError::msg(format!("invalid package spec: {bad}")));
        }
        if packages.is_empty() {
            if args.flag("autoclean") {
                return self.clean_up("autoclean", "Del ");
            }
            if args.flag("autoremove") {
                return self.clean_up("autoremove", "The following packages will be REMOVED");
            }
        }
        if state == "absent" {
            return self.remove(&packages);
        }
        let reply = self.install(&packages, state);
        let with_cache = |reply: Reply| reply.with("cache_updated", updated).with("cache_update_time", cache_time);
        match reply {
            Ok(reply) => Ok(with_cache(reply)),
            // Of a name that nobody knows nothing more is told, as by ansible-core.
            Err(ModuleError::Failed { reply }) if !unmatched(&reply) => Err(ModuleError::reply(with_cache(*reply))),
            Err(other) => Err(other),
        }
    }

    /// Runs one command line without questions.
    fn execute(&mut self, line: &str) -> Result<Output, ModuleError> {
        let argv = words::split(line).map_err(ModuleError::msg)?;
        let mut program =
            Program::new(argv).live().env("DEBIAN_FRONTEND", "noninteractive").env("DEBIAN_PRIORITY", "critical");
        for name in ["LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "LANGUAGE"] {
            program = program.env(name, "C.UTF-8");
        }
        tools::run_program(self.cx, program)
    }

    /// Runs one command line while services are kept from starting, if `policy_rc_d` asks for it.
    fn execute_quietly(&mut self, line: &str) -> Result<Output, ModuleError> {
        let Some(code) = self.args.int("policy_rc_d") else { return self.execute(line) };
        let guard = PolicyGuard::new(self.cx, code)?;
        let output = self.execute(line);
        guard.restore()?;
        output
    }

    fn with_output(&self, reply: Reply, output: &Output) -> Reply {
        let diff = self.cx.diff().then(|| Diff { prepared: Some(plan(&output.out())), ..Diff::default() });
        reply.with("stdout", output.out()).with("stderr", output.err()).with_diff(diff)
    }

    fn failure(msg: String, output: &Output) -> ModuleError {
        let reply = Reply::failure(msg).with("stdout", output.out()).with("stderr", output.err()).with("rc", output.rc);
        ModuleError::reply(reply)
    }

    /// Seconds since 1970 of the last update of the package lists.
    fn cache_time(&self) -> i64 {
        let time = |path: &str| std::fs::metadata(self.cx.path(path)).ok().map(|meta| meta.mtime());
        time("/var/lib/apt/periodic/update-success-stamp").or_else(|| time("/var/lib/apt/lists")).unwrap_or(0)
    }

    /// Updates the package lists when they are asked for and old enough.
    fn update_cache(&mut self) -> Result<(bool, i64), ModuleError> {
        let before = self.cache_time();
        let valid = self.args.int("cache_valid_time").unwrap_or(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        if !(self.args.flag("update_cache") || valid > 0) || before + valid > now {
            return Ok((false, before));
        }
        if !self.cx.check() {
            self.refresh()?;
        }
        let after = self.cache_time();
        Ok((self.cx.check() || after != before, after))
    }

    fn refresh(&mut self) -> Result<(), ModuleError> {
        let retries = self.args.int("update_cache_retries").unwrap_or(5).max(1);
        let longest = self.args.int("update_cache_retry_max_delay").unwrap_or(12).max(0);
        let deadline = Instant::now() + Duration::from_secs(self.args.int("lock_timeout").unwrap_or(60).max(0) as u64);
        let mut line = format!("{} -q update", self.program);
        if let Some(release) = self.args.text("default_release") {
            line.push_str(&format!(" -o APT::Default-Release={}", words::quote(release)));
        }
        let mut attempt = 0;
        loop {
            let output = self.execute(&line)?;
            let err = output.err();
            let incomplete =
                ["Failed to fetch", "Some index files failed to download"].iter().any(|text| err.contains(text));
            if output.success() && !incomplete {
                return Ok(());
            }
            if err.contains("Could not get lock") || err.contains("Unable to lock") {
                if Instant::now() >= deadline {
                    return Err(ModuleError::msg(format!(
                        "Failed to lock apt for exclusive operation: {}",
                        err.trim()
                    )));
                }
                std::thread::sleep(Duration::from_secs(1));
                continue;
            }
            attempt += 1;
            if attempt >= retries {
                let reason = if err.trim().is_empty() { "unknown reason" } else { err.trim() };
                return Err(Self::failure(
                    format!("Failed to update apt cache after {retries} retries: {reason}"),
                    &output,
                ));
            }
            let delay = (1_i64 << (attempt - 1).min(30)).min(longest);
            self.cx.warn(format!("Failed to update cache after {attempt} retries due to {}, retrying", err.trim()));
            self.cx.warn(format!("Sleeping for {delay} seconds, before attempting to refresh the cache again"));
            std::thread::sleep(Duration::from_secs(delay as u64));
        }
    }

    /// An option word, or nothing, in the place Ansible's command line has it.
    fn word(&self, flag: &str, word: &'static str) -> &'static str {
        if self.args.flag(flag) { word } else { "" }
    }

    fn simulate(&self) -> &'static str {
        if self.cx.check() { "--simulate" } else { "" }
    }

    fn upgrade(&mut self, mode: &str) -> Result<Reply, ModuleError> {
        let with_apt_get = self.aptitude.is_none() || mode == "dist";
        let autoremove = self.word("autoremove", "--auto-remove");
        let command = match (mode, with_apt_get) {
            ("dist" | "full", true) => format!("dist-upgrade {autoremove}"),
            ("full", false) => "full-upgrade".to_owned(),
            (_, true) => format!("upgrade --with-new-pkgs {autoremove}"),
            (_, false) => "safe-upgrade".to_owned(),
        };
        let program = self.aptitude.clone().filter(|_| !with_apt_get).unwrap_or_else(|| self.program.clone());
        let mut forced = self.word("force", "--force-yes");
        let (mut no_remove, mut downgrade) =
            (self.word("fail_on_autoremove", "--no-remove"), self.word("allow_downgrade", "--allow-downgrades"));
        if !with_apt_get {
            if self.args.flag("force") {
                forced = "--assume-yes --allow-untrusted";
            }
            if self.args.flag("fail_on_autoremove") {
                self.cx.warn("APTITUDE does not support '--no-remove', ignoring the 'fail_on_autoremove' parameter.");
                no_remove = "";
            }
            if self.args.flag("allow_downgrade") {
                self.cx
                    .warn("APTITUDE does not support '--allow-downgrades', ignoring the 'allow_downgrade' parameter.");
                downgrade = "";
            }
        }
        let mut line = format!(
            "{program} -y {} {forced} {no_remove} {} {downgrade} {} {command}",
            self.dpkg_options,
            self.word("allow_unauthenticated", "--allow-unauthenticated"),
            self.simulate(),
        );
        if let Some(release) = self.args.text("default_release") {
            line.push_str(&format!(" -t '{release}'"));
        }
        let output = self.execute_quietly(&line)?;
        let out = output.out();
        if !output.success() {
            return Err(Self::failure(format!("'{program} {command}' failed: {}", output.err()), &output));
        }
        if out.contains(NOTHING_DONE) || out.contains("0 packages upgraded, 0 newly installed") {
            return Ok(Reply::ok().with("msg", out.clone()).with("stdout", out).with("stderr", output.err()));
        }
        Ok(self.with_output(Reply::changed(true).with("msg", out), &output))
    }

    fn clean_up(&mut self, operation: &str, sign: &str) -> Result<Reply, ModuleError> {
        let line = format!(
            "{} -y {} {} {} {operation} {}",
            self.program,
            self.dpkg_options,
            self.word("purge", "--purge"),
            self.word("force", "--force-yes"),
            self.simulate(),
        );
        let output = self.execute_quietly(&line)?;
        if !output.success() {
            return Err(Self::failure(format!("'apt-get {operation}' failed: {}", output.err()), &output));
        }
        let changed = output.out().contains(sign);
        Ok(self.with_output(Reply::changed(changed), &output))
    }

    /// Names with globs become the names that match.
    fn expand(&mut self, requested: &[&str], database: &Database) -> Result<Vec<String>, ModuleError> {
        let mut names = Vec::new();
        let mut known: Option<Vec<String>> = None;
        for whole in requested {
            let spec = Spec::parse(whole);
            if !spec.name.contains(['*', '?', '[', ']', '!']) {
                names.push((*whole).to_owned());
                continue;
            }
            let known = match &mut known {
                Some(known) => known,
                empty => {
                    let output = self.execute("apt-cache pkgnames")?;
                    let mut all: Vec<String> = output.out().lines().map(str::to_owned).collect();
                    all.extend(database.all().map(|package| package.name.clone()));
                    all.sort();
                    all.dedup();
                    empty.insert(all)
                }
            };
            let pattern = spec.name.split(':').next().unwrap_or(spec.name);
            let matching: Vec<String> = known.iter().filter(|name| fnmatch(pattern, name)).cloned().collect();
            if matching.is_empty() {
                return Err(ModuleError::msg(format!("No package(s) matching '{}' available", spec.name)));
            }
            names.extend(matching);
        }
        Ok(names)
    }

    /// What could be installed of these names: candidate, and every version known, newest first.
    fn policy(&mut self, names: &[&str]) -> Result<Vec<Policy>, ModuleError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let quoted: Vec<String> = names.iter().map(|name| words::quote(name)).collect();
        let release =
            self.args.text("default_release").map(|r| format!("-o APT::Default-Release={} ", words::quote(r)));
        let output = self.execute(&format!("apt-cache {}policy {}", release.unwrap_or_default(), quoted.join(" ")))?;
        Ok(parse_policy(&output.out()))
    }

    fn install(&mut self, requested: &[&str], state: &str) -> Result<Reply, ModuleError> {
        let args = self.args;
        let database = Database::read(self.cx);
        let build_dep = state == "build-dep";
        let latest = state == "latest";
        let names = self.expand(requested, &database)?;
        let specs: Vec<Spec<'_>> = names.iter().map(|name| Spec::parse(name)).collect();
        let mut wanted: Vec<String> = Vec::new();
        if build_dep {
            wanted.extend(names.iter().map(|name| format!("'{name}'")));
        } else {
            // What is there and needs no comparison is answered by dpkg's database alone.
            let open: Vec<&str> = specs
                .iter()
                .filter(|spec| {
                    latest || !spec.version.is_empty() || !database.get(spec.name).is_some_and(dpkg::Package::installed)
                })
                .map(|spec| spec.name)
                .collect();
            let policy = self.policy(&open)?;
            for spec in &specs {
                let status = self.status(spec, &database, &policy, open.contains(&spec.name))?;
                if !status.installed && args.flag("only_upgrade") {
                    continue;
                }
                if !status.fits && matches!(status.installable, Installable::Nothing) {
                    let msg = format!("no available installation candidate for {}", spec.whole);
                    return Err(ModuleError::msg(msg));
                }
                let needed = !status.installed || latest || !status.fits;
                match status.installable {
                    Installable::Version(version) if needed => wanted.push(format!("'{}={version}'", spec.name)),
                    Installable::Any if needed && spec.version.is_empty() => wanted.push(format!("'{}'", spec.name)),
                    Installable::Any if needed => wanted.push(format!("'{}={}'", spec.name, spec.version)),
                    Installable::Version(_) | Installable::Any if spec.operator == "=" => {
                        wanted.push(format!("'{}={}'", spec.name, spec.version));
                    }
                    _ => {}
                }
            }
        }
        let mut reply = Reply::ok();
        if !wanted.is_empty() {
            reply = self.install_command(&wanted, state)?;
        }
        if !build_dep && !self.cx.check() {
            let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
            self.mark_manual(&names)?;
        }
        Ok(reply)
    }

    fn install_command(&mut self, wanted: &[String], state: &str) -> Result<Reply, ModuleError> {
        let args = self.args;
        let packages = wanted.join(" ");
        let (only, fixed, force) = (
            self.word("only_upgrade", "--only-upgrade"),
            if state == "fixed" { "--fix-broken" } else { "" },
            self.word("force", "--force-yes"),
        );
        let no_remove = self.word("fail_on_autoremove", "--no-remove");
        let (apt_get, options, simulate) = (&self.program, &self.dpkg_options, self.simulate());
        let mut line = if state == "build-dep" {
            format!("{apt_get} -y {options} {only} {fixed} {force} {no_remove} {simulate} build-dep {packages}")
        } else {
            let autoremove = self.word("autoremove", "--auto-remove");
            format!(
                "{apt_get} -y {options} {only} {fixed} {force} {autoremove} {no_remove} {simulate} install {packages}"
            )
        };
        if let Some(release) = args.text("default_release") {
            line.push_str(&format!(" -t '{release}'"));
        }
        match args.bool("install_recommends") {
            Some(true) => line.push_str(" -o APT::Install-Recommends=yes"),
            Some(false) => line.push_str(" -o APT::Install-Recommends=no"),
            None => {}
        }
        for (flag, word) in [
            ("allow_unauthenticated", " --allow-unauthenticated"),
            ("allow_downgrade", " --allow-downgrades"),
            ("allow_change_held_packages", " --allow-change-held-packages"),
        ] {
            line.push_str(self.word(flag, word));
        }
        let output = self.execute_quietly(&line)?;
        if !output.success() {
            return Err(Self::failure(format!("'{line}' failed: {}", output.err()), &output));
        }
        let changed = state != "build-dep" || !output.out().contains(NOTHING_DONE);
        Ok(self.with_output(Reply::changed(changed), &output))
    }

    /// What a name means here. `asked` tells whether the policy was asked for it.
    fn status(
        &mut self,
        spec: &Spec<'_>,
        database: &Database,
        policy: &[Policy],
        asked: bool,
    ) -> Result<Status, ModuleError> {
        let package = database.get(spec.name);
        let installed = package.filter(|package| package.installed()).map(|package| package.version.as_str());
        let entry = policy.iter().find(|(name, ..)| name == spec.name);
        let best = entry.and_then(|(_, candidate, versions)| match spec.operator {
            "=" => versions.iter().find(|version| fnmatch(spec.version, version)).cloned(),
            _ => candidate.clone(),
        });
        if package.is_none() && asked && entry.is_none_or(|(_, _, versions)| versions.is_empty()) {
            return self.virtual_status(spec, database, entry.is_some());
        }
        let leftovers = package.is_some_and(|package| package.state == "config-files");
        let Some(installed) = installed else {
            return Ok(Status { installed: false, fits: false, installable: best.into(), leftovers });
        };
        let fits = |version: &str| match spec.operator {
            "=" => fnmatch(spec.version, version),
            ">=" => dpkg::compare(version, spec.version).is_ge(),
            _ => true,
        };
        let other = best.filter(|best| best != installed && fits(best));
        Ok(Status { installed: true, fits: fits(installed), installable: other.into(), leftovers })
    }

    /// A name no package has: others may provide it.
    fn virtual_status(&mut self, spec: &Spec<'_>, database: &Database, known: bool) -> Result<Status, ModuleError> {
        let installed = database.providers(spec.name);
        let mut providers: Vec<String> = installed.iter().map(|package| package.name.clone()).collect();
        if known {
            let shown = self.execute(&format!("apt-cache showpkg {}", words::quote(spec.name)))?.out();
            let lines = shown.lines().skip_while(|line| !line.starts_with("Reverse Provides:")).skip(1);
            providers
                .extend(lines.filter_map(|line| line.split(' ').next()).filter(|n| !n.is_empty()).map(str::to_owned));
            providers.sort();
            providers.dedup();
        }
        match (providers.len(), installed.len()) {
            (0, _) => Err(ModuleError::msg(format!("No package matching '{}' is available", spec.name))),
            (1, 1) => Ok(Status { installed: true, fits: true, installable: Installable::Nothing, leftovers: false }),
            // Which of several providers to take is for apt to say.
            _ => Ok(Status { installed: false, fits: false, installable: Installable::Any, leftovers: false }),
        }
    }

    /// Packages that were asked for are not removed with those they came for.
    fn mark_manual(&mut self, names: &[&str]) -> Result<(), ModuleError> {
        let states = std::fs::read(self.cx.path("/var/lib/apt/extended_states")).unwrap_or_default();
        let states = String::from_utf8_lossy(&states);
        let automatic: Vec<&str> = states
            .split("\n\n")
            .filter(|paragraph| paragraph.lines().any(|line| line == "Auto-Installed: 1"))
            .filter_map(|paragraph| paragraph.lines().find_map(|line| line.strip_prefix("Package: ")))
            .collect();
        let marked: Vec<&str> =
            names.iter().filter(|n| automatic.contains(&n.split(':').next().unwrap_or(n))).copied().collect();
        if marked.is_empty() {
            return Ok(());
        }
        let Some(apt_mark) = tools::find(self.cx, "apt-mark") else {
            self.cx.warn("Could not find apt-mark binary, not marking package(s) as manually installed.");
            return Ok(());
        };
        let line = format!("{apt_mark} manual {}", marked.join(" "));
        let output = self.execute(&line)?;
        if output.success() {
            Ok(())
        } else {
            Err(Self::failure(format!("'{line}' failed: {}", output.err()), &output))
        }
    }

    fn remove(&mut self, requested: &[&str]) -> Result<Reply, ModuleError> {
        let database = Database::read(self.cx);
        let purge = self.args.flag("purge");
        let mut wanted = Vec::new();
        for name in self.expand(requested, &database)? {
            let spec = Spec::parse(&name);
            let status = match database.get(spec.name) {
                Some(_) => self.status(&spec, &database, &[], false)?,
                None => continue,
            };
            if status.fits || status.leftovers && purge {
                wanted.push(format!("'{name}'"));
            }
        }
        if wanted.is_empty() {
            return Ok(Reply::ok());
        }
        let packages = wanted.join(" ");
        let line = format!(
            "{} -q -y {} {} {} {} {} {} remove {packages}",
            self.program,
            self.dpkg_options,
            self.word("purge", "--purge"),
            self.word("force", "--force-yes"),
            self.word("autoremove", "--auto-remove"),
            self.simulate(),
            self.word("allow_change_held_packages", "--allow-change-held-packages"),
        );
        let output = self.execute_quietly(&line)?;
        if !output.success() {
            return Err(Self::failure(format!("'apt-get remove {packages}' failed: {}", output.err()), &output));
        }
        Ok(self.with_output(Reply::changed(true), &output))
    }

    /// Installs package files, what they depend on included.
    fn install_files(&mut self, files: &str) -> Result<Reply, ModuleError> {
        if self.args.need("state") != "present" {
            return Err(ModuleError::msg("deb only supports state=present"));
        }
        let database = Database::read(self.cx);
        let mut wanted = Vec::new();
        let mut fetched: Vec<tempfile::TempPath> = Vec::new();
        for file in files.split(',') {
            let path = if file.contains("://") {
                let temporary = crate::http::fetch(self.cx, file, ".deb")?;
                let path = temporary.to_path_buf();
                fetched.push(temporary);
                path
            } else {
                std::path::absolute(file)?
            };
            let place = self.cx.path(&path);
            if let Err(error) = std::fs::File::open(&place) {
                let (code, why) = (error.raw_os_error().unwrap_or_default(), strerror(&error));
                let msg = format!("Unable to install package: E:Could not open file {file} - open ({code}: {why})");
                return Err(ModuleError::msg(msg));
            }
            let quoted = words::quote(&path.to_string_lossy());
            let field = self.execute(&format!("dpkg-deb --field {quoted} Package Version Architecture"))?;
            if !field.success() {
                return Err(Self::failure(format!("Unable to install package: {}", field.err().trim()), &field));
            }
            let text = field.out();
            let get =
                |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned();
            let (name, version, architecture) = (get("Package:"), get("Version:"), get("Architecture:"));
            let key = if architecture == "all" { name } else { format!("{name}:{architecture}") };
            let same =
                |package: &dpkg::Package| package.installed() && dpkg::compare(&package.version, &version).is_eq();
            if !database.get(&key).is_some_and(same) {
                wanted.push(quoted);
            }
        }
        if wanted.is_empty() {
            return Ok(Reply::ok().with("stdout", "").with("stderr", "").with("diff", ""));
        }
        self.install_command(&wanted, "present")
    }
}

fn unmatched(reply: &Reply) -> bool {
    reply.data.get("msg").and_then(Value::as_str).is_some_and(|msg| msg.starts_with("No package matching "))
}

/// The part of apt-get's output that tells what it plans.
fn plan(out: &str) -> String {
    let lines: Vec<&str> = out.lines().collect();
    let start = ["Resolving dependencies...", "Reading state information..."]
        .iter()
        .find_map(|marker| lines.iter().position(|line| line == marker))
        .map_or(0, |at| at + 1);
    let is_end = |line: &&str| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && (rest.starts_with(" upgraded") || rest.starts_with(" packages upgraded"))
    };
    let end = lines.iter().position(is_end).map_or(lines.len(), |at| at + 1);
    lines.get(start..end.max(start)).unwrap_or_default().join("\n")
}

/// Reads `apt-cache policy`: name, candidate, versions newest first.
fn parse_policy(text: &str) -> Vec<Policy> {
    let mut packages: Vec<Policy> = Vec::new();
    let mut in_table = false;
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            packages.push((name.to_owned(), None, Vec::new()));
            in_table = false;
            continue;
        }
        let Some((_, candidate, versions)) = packages.last_mut() else { continue };
        if let Some(version) = line.trim_start().strip_prefix("Candidate: ") {
            *candidate = Some(version.to_owned()).filter(|version| version != "(none)");
        } else if line.trim() == "Version table:" {
            in_table = true;
        } else if in_table {
            // ` *** 1.2-3 500` or `     1.2-3 500`; deeper lines are where the version is from.
            let rest =
                line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     ").filter(|r| !r.starts_with(' ')));
            versions.extend(rest.and_then(|rest| rest.split(' ').next()).map(str::to_owned));
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, args};

    const STATUS: &str = "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\n\n\
                          Package: exim4-daemon-light\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4.96\n\
                          Provides: mail-transport-agent\n\n\
                          Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1.0\n";

    fn fake() -> Fake {
        let fake = Fake::new().unwrap().on(
            "apt-get",
            0,
            "Reading state information...\nThe following NEW packages\n1 upgraded, x\ntail",
        );
        fake.write("/var/lib/dpkg/status", STATUS).unwrap();
        fake
    }

    #[test]
    fn what_is_installed_needs_no_program() {
        let fake = fake();
        let reply = fake.call("apt", args([("name", "curl")]));
        assert!(!reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("cache_updated"), Some(&false.into()));
        assert_eq!(fake.command_lines(), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_is_installed_in_its_candidate_version() {
        let fake = fake().on("apt-cache policy", 0, "nginx:\n  Installed: (none)\n  Candidate: 1.22.1-9\n  Version table:\n     1.22.1-9 500\n        500 http://x\n");
        let reply = fake.check("apt", args([("name", "nginx"), ("install_recommends", "no")]));
        assert!(reply.changed, "{reply:?}");
        assert_eq!(reply.diff[0].prepared.as_deref(), Some("The following NEW packages\n1 upgraded, x"));
        let expected = "apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o \
                        DPkg::Lock::Timeout=60 --simulate install nginx=1.22.1-9 -o APT::Install-Recommends=no";
        assert_eq!(fake.command_lines().last().unwrap(), expected);
    }

    #[test]
    fn unknown_names_fail_with_ansibles_words() {
        let fake = fake().on("apt-cache policy", 0, "");
        let reply = fake.call("apt", args([("name", "nonsense")]));
        assert_eq!(reply.data.get("msg"), Some(&"No package matching 'nonsense' is available".into()));
        assert!(reply.failed);
    }

    #[test]
    fn one_provider_stands_for_a_virtual_name() {
        let policy = "mail-transport-agent:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n";
        let shown = "Package: mail-transport-agent\nReverse Provides: \nexim4-daemon-light 4.96 (= )\n";
        let fake = fake().on("apt-cache policy", 0, policy).on("apt-cache showpkg", 0, shown);
        assert!(!fake.call("apt", args([("name", "mail-transport-agent")])).changed);
    }

    #[test]
    fn versions_and_globs() {
        let policy = "curl:\n  Installed: 7.88.1-10\n  Candidate: 8.0-1\n  Version table:\n     8.0-1 500\n        500 x\n *** 7.88.1-10 100\n        100 /var/lib/dpkg/status\n";
        let with = || fake().on("apt-cache policy", 0, policy);
        assert!(!with().call("apt", args([("name", "curl=7.88*")])).changed);
        assert!(with().call("apt", args([("name", "curl>=7.90")])).changed);
        assert!(with().call("apt", args([("name", "curl"), ("state", "latest")])).changed);
        let reply = with().call("apt", args([("name", "curl=9*")]));
        assert_eq!(reply.data.get("msg"), Some(&"no available installation candidate for curl=9*".into()));
    }

    #[test]
    fn removal_looks_at_leftovers_only_when_purging() {
        let fake = fake();
        assert!(!fake.call("apt", args([("name", "gone"), ("state", "absent")])).changed);
        assert!(fake.call("apt", args([("name", "gone"), ("state", "absent"), ("purge", "true")])).changed);
        assert!(!fake.call("apt", args([("name", "never"), ("state", "absent")])).changed);
        assert_eq!(fake.command_lines().len(), 1);
    }

    #[test]
    fn lists_are_updated_only_when_they_are_old() {
        let fake = fake();
        fake.write("/var/lib/apt/periodic/update-success-stamp", "").unwrap();
        let reply = fake.call("apt", args([("update_cache", "true"), ("cache_valid_time", "3600")]));
        assert!(!reply.changed);
        assert!(fake.command_lines().is_empty());
        let reply = fake.call("apt", args([("update_cache", "true"), ("update_cache_retries", "1")]));
        assert!(!reply.failed, "{reply:?}");
        assert_eq!(fake.command_lines(), ["apt-get -q update"]);
    }

    #[test]
    fn the_policy_file_is_put_back() {
        let fake = fake();
        fake.write("/usr/sbin/policy-rc.d", "mine").unwrap();
        fake.call("apt", args([("name", "curl"), ("state", "absent"), ("policy_rc_d", "101")]));
        assert_eq!(fake.read("/usr/sbin/policy-rc.d").unwrap(), "mine");
    }
}
