//! Manages Python packages with the target's pip, in the system or a virtual environment.
//!
//! Options:
//! - `name` (list): packages, with version conditions or URLs; `version`: of a single name; or `requirements`: a file.
//! - `state` (default `present`): `present`, `latest`, `absent`, `forcereinstall`.
//! - `virtualenv`: folder of an environment, made when missing with `virtualenv_command` (default `virtualenv`) and
//!   `virtualenv_python`, `virtualenv_site_packages`.
//! - `executable`: which pip; `extra_args`, `editable`, `chdir`, `umask`, `break_system_packages`.
//!
//! Returns: `cmd`, `name`, `version`, `state`, `requirements`, `virtualenv`, `stdout`, `stderr`.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - pip:
//!     name: [bottle, "django>3"]
//!     virtualenv: /opt/app/venv
//!     virtualenv_command: python3 -m venv
//! ```

use std::collections::BTreeMap;

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools, words};

/// `ansible.builtin.pip`
pub static MODULE: Module = Module {
    name: "pip",
    collection: "ansible.builtin",
    spec: &ArgSpec {
        args: &[
            Arg::text("state").default("present").choices(&["present", "absent", "latest", "forcereinstall"]),
            Arg::list("name"),
            Arg::text("version"),
            Arg::text("requirements"),
            Arg::path("virtualenv"),
            Arg::bool("virtualenv_site_packages").default("false"),
            Arg::path("virtualenv_command").default("virtualenv"),
            Arg::text("virtualenv_python"),
            Arg::text("extra_args"),
            Arg::bool("editable").default("false"),
            Arg::path("chdir"),
            Arg::path("executable"),
            Arg::text("umask"),
            Arg::bool("break_system_packages").default("false"),
        ],
        exclusive: &[&["name", "requirements"], &["executable", "virtualenv"]],
        one_of: &[&["name", "requirements"]],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let umask = args.text("umask").map(|text| u32::from_str_radix(text, 8)).transpose();
    let umask = umask.map_err(|_| {
        let shown = Value::from(args.need("umask")).repr();
        let details = format!("invalid literal for int() with base 8: {shown}");
        ModuleError::reply(Reply::failure("umask must be an octal integer").with("details", details))
    })?;
    let names = joined(&args.texts("name"));
    let (state, version) = (args.need("state"), args.text("version"));
    if state == "latest" && version.is_some() {
        return Err(ModuleError::msg("version is incompatible with state=latest"));
    }
    if version.is_some() && names.len() > 1 {
        let msg = "'version' argument is ambiguous when installing multiple package distributions. Please specify version restrictions next to each package in 'name' argument.";
        return Err(ModuleError::msg(msg));
    }
    if version.is_some() && names.first().is_some_and(|name| split(name).1.is_some()) {
        let msg = "The 'version' argument conflicts with any version specifier provided along with a package name. Please keep the version specifier, but remove the 'version' argument.";
        return Err(ModuleError::msg(msg));
    }
    Pip { cx, args, umask, out: String::new(), err: String::new() }.run(names)
}

/// `a>=1` and `<2` of a list that a comma split apart belong together.
fn joined(names: &[&str]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for name in names {
        match whole.last_mut() {
            Some(last) if name.trim_start().starts_with(['<', '>', '=', '!', '~']) => {
                last.push_str(&format!(",{}", name.trim()));
            }
            _ => whole.push(name.trim().to_owned()),
        }
    }
    whole
}

/// A requirement's name, without extras, and its conditions.
fn split(requirement: &str) -> (String, Option<&str>) {
    let end = requirement.find(['<', '>', '=', '!', '~', ';', ' ']).unwrap_or(requirement.len());
    let name = requirement[..end].split('[').next().unwrap_or_default();
    let conditions = requirement[end..].split(';').next().map(str::trim).filter(|conditions| !conditions.is_empty());
    (name.trim().to_lowercase().replace(['_', '.'], "-"), conditions)
}

/// Ends well where Python has pip.
const HAS_PIP: &str = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)";

/// A requirement in one form: no blanks, its conditions in order.
fn plain(requirement: &str) -> String {
    if is_place(requirement) || requirement.contains(';') {
        return requirement.to_owned();
    }
    let end = requirement.find(['<', '>', '=', '!', '~', ' ']).unwrap_or(requirement.len());
    let compact: String = requirement[end..].chars().filter(|c| !c.is_whitespace()).collect();
    let mut conditions: Vec<&str> = compact.split(',').filter(|condition| !condition.is_empty()).collect();
    conditions.sort_unstable();
    format!("{}{}", &requirement[..end], conditions.join(","))
}

/// Whether a requirement names a place instead of a package.
fn is_place(requirement: &str) -> bool {
    ["svn+", "git+", "hg+", "bzr+", "http:", "https:", "file:", ".", "/"]
        .iter()
        .any(|start| requirement.starts_with(start))
        || requirement.contains(" @ ")
}

struct Pip<'a, 'c> {
    cx: &'a mut Context<'c>,
    args: &'a Args,
    umask: Option<u32>,
    out: String,
    err: String,
}

impl Pip<'_, '_> {
    fn run(mut self, names: Vec<String>) -> Result<Reply, ModuleError> {
        let args = self.args;
        let state = args.need("state");
        let made = self.virtual_environment()?;
        if made && self.cx.check() {
            return Ok(Reply::changed(true));
        }
        let pip = self.pip()?;
        let mut command = pip.clone();
        command.push(if state == "absent" { "uninstall".to_owned() } else { "install".to_owned() });
        match state {
            "absent" => command.push("-y".to_owned()),
            "latest" => command.push("-U".to_owned()),
            "forcereinstall" => command.extend(["-U".to_owned(), "--force-reinstall".to_owned()]),
            _ => {}
        }
        let extra = args.text("extra_args").unwrap_or_default();
        command.extend(words::split(extra).map_err(ModuleError::msg)?);
        if args.flag("editable") && !command.iter().any(|word| word == "-e") {
            command.push("-e".to_owned());
        }
        let wanted: Vec<String> = names
            .iter()
            .map(|name| match args.text("version") {
                Some(version) if version.starts_with(|c: char| c.is_ascii_digit()) => format!("{name}=={version}"),
                Some(conditions) => format!("{name} {conditions}"),
                None => name.clone(),
            })
            .map(|requirement| plain(&requirement))
            .collect();
        if let Some(file) = args.text("requirements") {
            command.extend(["-r".to_owned(), file.to_owned()]);
        }
        command.extend(wanted.iter().cloned());
        let uncertain = !extra.is_empty() || args.flag("editable") || args.get("requirements").is_some();
        if self.cx.check() && (uncertain || state == "latest" || names.is_empty()) {
            return Ok(Reply::changed(true));
        }
        let places = wanted.iter().any(|name| is_place(name)) || args.get("requirements").is_some();
        let (asked, before) = self.list(&pip)?;
        let fits = |requirement: &String| {
            let (name, conditions) = split(requirement);
            before.get(&name).is_some_and(|version| conditions.is_none_or(|conditions| satisfies(version, conditions)))
        };
        let settled = match state {
            "present" => !places && wanted.iter().all(fits),
            "absent" => !places && !wanted.iter().any(fits),
            _ => false,
        };
        if self.cx.check() {
            let changed = !settled && matches!(state, "present" | "absent");
            return Ok(self.said(Reply::changed(changed).with("cmd", asked)));
        }
        let text = |name: &str| args.get(name).cloned().unwrap_or(Value::Null);
        let environment = self.environment().map_or(Value::Null, Value::from);
        let mut reply = Reply::changed(made)
            .with("cmd", command.clone())
            .with("name", text("name"))
            .with("version", text("version"))
            .with("state", state)
            .with("requirements", text("requirements"))
            .with("virtualenv", environment);
        if settled {
            return Ok(self.said(reply));
        }
        let output = self.execute(&command)?;
        let nothing_there = |text: &str| state == "absent" && output.rc == 1 && text.contains("not installed");
        if !output.success() && !nothing_there(&output.out()) && !nothing_there(&output.err()) {
            return Err(self.failed(&command));
        }
        let out = output.out();
        reply.changed |= if state == "absent" {
            out.contains("Successfully uninstalled")
        } else {
            out.contains("Successfully installed") || places && before != self.list(&pip)?.1
        };
        Ok(self.said(reply))
    }

    /// What was said, as the message.
    fn failed(&self, command: &[String]) -> ModuleError {
        let mut msg = String::new();
        if !self.out.is_empty() {
            msg.push_str(&format!("stdout: {}", self.out));
        }
        if !self.err.is_empty() {
            msg.push_str(&format!("\n:stderr: {}", self.err));
        }
        ModuleError::reply(Reply::failure(msg).with("cmd", command.to_vec()))
    }

    /// The folder of the environment.
    fn environment(&self) -> Option<String> {
        let folder = self.args.text("virtualenv")?;
        Some(match self.args.text("chdir").filter(|_| !folder.starts_with('/')) {
            Some(chdir) => format!("{}/{folder}", chdir.trim_end_matches('/')),
            None => folder.to_owned(),
        })
    }

    fn said(&self, reply: Reply) -> Reply {
        reply.with("stdout", self.out.as_str()).with("stderr", self.err.as_str())
    }

    fn execute(&mut self, argv: &[String]) -> Result<Output, ModuleError> {
        let mut program = Program { umask: self.umask, ..Program::new(argv.iter().map(String::as_str)).live() };
        let folder = self.args.text("chdir").map_or_else(|| self.cx.sys().tmp(), |folder| self.cx.path(folder));
        program = program.cwd(folder);
        if self.args.flag("break_system_packages") {
            // Older releases of pip do not know the option.
            program = program.env("PIP_BREAK_SYSTEM_PACKAGES", "1");
        }
        let output = tools::run_program(self.cx, program)?;
        self.out.push_str(&output.out());
        self.err.push_str(&output.err());
        Ok(output)
    }

    /// Makes the environment when it is missing; true when it was.
    fn virtual_environment(&mut self) -> Result<bool, ModuleError> {
        let Some(folder) = self.environment() else { return Ok(false) };
        if self.cx.path(&folder).join("bin/activate").exists() {
            return Ok(false);
        }
        if self.cx.check() {
            return Ok(true);
        }
        let mut command = words::split(self.args.need("virtualenv_command")).map_err(ModuleError::msg)?;
        if let Some(first) = command.first_mut() {
            *first = tools::need(self.cx, first)?;
        }
        if self.args.flag("virtualenv_site_packages") {
            command.push("--system-site-packages".to_owned());
        }
        let is_venv = command.iter().any(|word| word == "venv" || word.ends_with("pyvenv"));
        match self.args.text("virtualenv_python") {
            Some(_) if is_venv => {
                return Err(ModuleError::msg(
                    "virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command",
                ));
            }
            Some(python) => command.push(format!("-p{python}")),
            None => {}
        }
        command.push(folder);
        if self.execute(&command)?.success() { Ok(true) } else { Err(self.failed(&command)) }
    }

    fn pip(&self) -> Result<Vec<String>, ModuleError> {
        if let Some(folder) = self.environment() {
            let inside = ["pip3", "pip"].map(|name| format!("{folder}/bin/{name}"));
            let found = inside.iter().find(|path| self.cx.path(path.as_str()).exists());
            return found.map(|path| vec![path.clone()]).ok_or_else(|| {
                ModuleError::msg(format!("Unable to find pip in the virtualenv, {folder}, under any of these names: pip3, pip. Make sure pip is present in the virtualenv."))
            });
        }
        let executable = self.args.text("executable");
        if let Some(path) = executable.filter(|path| path.starts_with('/')) {
            return Ok(vec![path.to_owned()]);
        }
        // The packages of the target's own Python are meant, whatever `pip3` is.
        let python = tools::find(self.cx, "python3").filter(|_| executable.is_none());
        if let Some(python) = python
            && tools::run(self.cx, &[&python, "-c", HAS_PIP])?.success()
        {
            return Ok(vec![python, "-m".to_owned(), "pip".to_owned()]);
        }
        let name = executable.unwrap_or("pip3");
        let missing = || ModuleError::msg(format!("Unable to find any of {name} to use.  pip needs to be installed."));
        Ok(vec![tools::find(self.cx, name).ok_or_else(missing)?])
    }

    /// What is asked, and installed packages with their versions.
    fn list(&mut self, pip: &[String]) -> Result<(String, BTreeMap<String, String>), ModuleError> {
        let argv = [pip, &["list".to_owned(), "--format=freeze".to_owned()]].concat();
        let asked = argv.join(" ");
        let mut program = Program::new(argv);
        program = program.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").cwd(self.cx.sys().tmp());
        let listed = tools::run_program(self.cx, program)?;
        if self.cx.check() {
            self.out.push_str(&listed.out());
            self.err.push_str(&listed.err());
        }
        let text = listed.out();
        let pairs = text.lines().filter_map(|line| line.split_once("=="));
        Ok((asked, pairs.map(|(name, version)| (split(name).0, version.trim().to_owned())).collect()))
    }
}

/// Whether a version fits conditions such as `>=1.2,!=1.4,<2`.
fn satisfies(version: &str, conditions: &str) -> bool {
    conditions.split(',').map(str::trim).all(|condition| {
        let end = condition.find(|c: char| !"<>=!~".contains(c)).unwrap_or(condition.len());
        let (operator, wanted) = (&condition[..end], condition[end..].trim());
        let order = compare(version, wanted.trim_end_matches(".*"));
        let prefix = wanted.strip_suffix(".*").map(|p| version == p || version.starts_with(&format!("{p}.")));
        match operator {
            "==" | "===" => prefix.unwrap_or(order.is_eq()),
            "!=" => !prefix.unwrap_or(order.is_eq()),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            "~=" => {
                let series = wanted.rsplit_once('.').map_or(wanted, |(series, _)| series);
                order.is_ge() && (version == series || version.starts_with(&format!("{series}.")))
            }
            _ => false,
        }
    })
}

/// Orders versions by their numbers; a word after them (`rc1`, `.dev2`) comes before the release.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    let parts = |version: &str| -> (Vec<u64>, String) {
        let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
        let mut numbers: Vec<u64> = version[..end].split('.').filter_map(|part| part.parse().ok()).collect();
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        // `~` sorts after every letter: a release without a word is the newest.
        let word = &version[end..];
        (
            numbers,
            if word.is_empty() || word.starts_with('+') || word.starts_with("post") {
                "~".to_owned()
            } else {
                word.to_owned()
            },
        )
    };
    parts(a).cmp(&parts(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    #[test]
    fn versions_and_conditions() {
        assert!(satisfies("2.10.1", ">=2.9,<3") && !satisfies("2.9", ">2.9") && satisfies("1.0", "==1"));
        assert!(satisfies("1.4.5", "~=1.4") && !satisfies("2.0", "~=1.4") && satisfies("1.2.3", "==1.2.*"));
        assert!(!satisfies("2.0rc1", ">=2.0") && satisfies("2.0", "!=1.9"));
        assert_eq!(joined(&["a>1", "<3", "b"]), ["a>1,<3", "b"]);
        assert_eq!(split("Flask_App[x]>=1; python_version>'3'").0, "flask-app");
    }

    #[test]
    fn what_is_there_stays_and_what_is_missing_comes() {
        let fake = Fake::new()
            .unwrap()
            .on("pip3 list", 0, "Django==4.2\nsix==1.16.0\n")
            .on("pip3 install", 0, "Successfully installed bottle")
            .on("pip3 uninstall", 0, "Successfully uninstalled six");
        let call = |entries: &[(&'static str, &'static str)]| fake.call("pip", args(entries.iter().copied()));
        assert!(!call(&[("name", "django>=4,six")]).changed);
        assert!(call(&[("name", "django"), ("version", "3.0")]).changed);
        let reply = call(&[("name", "bottle"), ("extra_args", "--no-cache-dir")]);
        assert!(reply.changed, "{reply:?}");
        assert_eq!(fake.command_lines().last().unwrap(), "pip3 install --no-cache-dir bottle");
        assert!(call(&[("name", "six"), ("state", "absent")]).changed);
        assert!(!call(&[("name", "nothing"), ("state", "absent")]).changed);
        assert!(call(&[("name", "a"), ("state", "latest"), ("version", "1")]).failed);
    }

    #[test]
    fn environments_are_made() {
        let fake = Fake::new().unwrap().on("python3 -m venv", 0, "").on("pip3", 0, "Successfully installed x");
        let reply =
            fake.check("pip", args([("name", "x"), ("virtualenv", "/v"), ("virtualenv_command", "python3 -m venv")]));
        assert!(reply.changed, "{reply:?}");
        fake.write("/v/bin/pip3", "").unwrap();
        let reply =
            fake.call("pip", args([("name", "x"), ("virtualenv", "/v"), ("virtualenv_command", "python3 -m venv")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(fake.command_lines()[0], "python3 -m venv /v");
    }
}
