//! Checks out, updates or exports a Subversion repository.
//!
//! Options:
//! - `repo` (text, required; aliases `name`, `repository`), `dest` (path), `revision` (default `HEAD`; aliases `rev`, `version`).
//! - `checkout`, `update`, `switch` (bool, default true): what may be done to get there.
//! - `export` (bool): files without what belongs to a working copy. `in_place` (bool): into a folder that is there.
//! - `force` (bool): local changes are lost.
//! - `username`, `password`, `validate_certs` (bool), `executable` (path of svn).
//!
//! Returns: `before`, `after` (revision and URL). Needs svn on the target. Check mode: yes.
//!
//! Example:
//! ```yaml
//! - ansible.builtin.subversion:
//!     repo: https://svn.example.com/thing/trunk
//!     dest: /srv/thing
//! ```

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Output, Program, Support, tools};

/// `ansible.builtin.subversion`
pub static MODULE: Module = Module {
    name: "subversion",
    collection: "ansible.builtin",
    spec: &SPEC,
    check: Support::Full,
    diff: Support::None,
    run,
};

const SPEC: ArgSpec = ArgSpec {
    args: &[
        Arg::path("dest"),
        Arg::text("repo").required().alias(&["name", "repository"]),
        Arg::text("revision").default("HEAD").alias(&["rev", "version"]),
        Arg::bool("force").default("false"),
        Arg::text("username"),
        Arg::text("password").no_log(),
        Arg::path("executable"),
        Arg::bool("export").default("false"),
        Arg::bool("checkout").default("true"),
        Arg::bool("update").default("true"),
        Arg::bool("switch").default("true"),
        Arg::bool("in_place").default("false"),
        Arg::bool("validate_certs").default("false"),
    ],
    ..ArgSpec::EMPTY
};

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let svn = Svn::new(cx, args)?;
    let (checkout, update, export) = (args.flag("checkout"), args.flag("update"), args.flag("export"));
    let force = args.flag("force");
    let Some(dest) = args.text("dest").filter(|dest| !dest.is_empty()) else {
        if checkout || update || export {
            let msg = "the destination directory must be specified unless checkout=no, update=no, and export=no";
            return Err(ModuleError::msg(msg));
        }
        return Ok(Reply::ok().with("after", svn.remote()?));
    };
    if !export && !update && !checkout {
        return Ok(Reply::ok().with("after", svn.remote()?));
    }
    let modified = || ModuleError::msg("ERROR: modified files exist in the repository.");
    let mut before = Value::Null;
    let changed;
    if export || !cx.path(dest).exists() {
        if cx.check() {
            return Ok(Reply::changed(true));
        }
        if !export && !checkout {
            return Ok(Reply::ok());
        }
        let mut what = vec![if export { "export" } else { "checkout" }];
        if export && force {
            what.push("--force");
        }
        what.extend(["-r", svn.revision, svn.repo, dest]);
        svn.lines(&what)?;
        changed = true;
    } else if svn.output(&["info", dest])?.success() {
        if !update {
            return Ok(Reply::ok());
        }
        let local = svn.modified(dest)?;
        if cx.check() {
            if local && !force {
                return Err(modified());
            }
            let (now, then) =
                (svn.revision_of(&["info", dest])?, svn.revision_of(&["info", "-r", svn.revision, dest])?);
            let number = |text: &str| text.rsplit(':').next().and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0);
            let behind = number(&now) < number(&then);
            return Ok(Reply::changed(behind).with("before", now).with("after", then));
        }
        before = svn.place(dest)?;
        let mut touched = false;
        if args.flag("switch") {
            touched |= worked(&svn.lines(&["switch", "--revision", svn.revision, svn.repo, dest])?);
        }
        if local {
            if !force {
                return Err(modified());
            }
            touched |= svn.revert(dest)?;
        }
        touched |= worked(&svn.lines(&["update", "-r", svn.revision, dest])?);
        changed = touched || local;
    } else if args.flag("in_place") {
        svn.lines(&["checkout", "--force", "-r", svn.revision, svn.repo, dest])?;
        if svn.modified(dest)? && force {
            svn.revert(dest)?;
        }
        changed = true;
    } else {
        let msg = format!("ERROR: {dest} folder already exists, but its not a subversion repository.");
        return Err(ModuleError::msg(msg));
    }
    if export {
        return Ok(Reply::changed(true));
    }
    Ok(Reply::changed(changed).with("before", before).with("after", svn.place(dest)?))
}

/// Whether an update or switch did something to a file.
fn worked(lines: &[String]) -> bool {
    lines.iter().any(|line| {
        let mut characters = line.chars();
        characters.next().is_some_and(|c| "ABDUCGE".contains(c)) && characters.next().is_some_and(char::is_whitespace)
    })
}

struct Svn<'a, 'c> {
    cx: &'a Context<'c>,
    program: String,
    options: Vec<String>,
    password: Option<&'a str>,
    revision: &'a str,
    repo: &'a str,
}

impl<'a, 'c> Svn<'a, 'c> {
    fn new(cx: &'a Context<'c>, args: &'a Args) -> Result<Self, ModuleError> {
        let found = || cx.sys().which("svn").map(|path| path.to_string_lossy().into_owned());
        let program = args.text("executable").map(str::to_owned).or_else(found).ok_or_else(|| {
            let path = cx.sys().var("PATH").unwrap_or_default();
            ModuleError::msg(format!("Failed to find required executable \"svn\" in paths: {path}"))
        })?;
        let mut options = vec!["--non-interactive".to_owned(), "--no-auth-cache".to_owned()];
        if !args.flag("validate_certs") {
            options.push("--trust-server-cert".to_owned());
        }
        if let Some(user) = args.text("username").filter(|user| !user.is_empty()) {
            options.extend(["--username".to_owned(), user.to_owned()]);
        }
        let password = args.text("password").filter(|password| !password.is_empty());
        if password.is_some() {
            // By standard input: everybody may read the arguments of a program.
            options.push("--password-from-stdin".to_owned());
        }
        Ok(Self { cx, program, options, password, revision: args.need("revision"), repo: args.need("repo") })
    }

    fn output(&self, args: &[&str]) -> Result<Output, ModuleError> {
        let words = [self.program.as_str()].into_iter().chain(self.options.iter().map(String::as_str));
        let mut program = Program::new(words.chain(args.iter().copied())).env("LC_ALL", "C.UTF-8");
        if let Some(password) = self.password {
            program = program.stdin(password);
        }
        tools::run_program(self.cx, program)
    }

    /// The lines that svn prints; what it complains about when it fails.
    fn lines(&self, args: &[&str]) -> Result<Vec<String>, ModuleError> {
        let output = self.output(args)?;
        if output.success() {
            return Ok(output.out().lines().map(str::to_owned).collect());
        }
        let words = [self.program.as_str()].into_iter().chain(self.options.iter().map(String::as_str));
        Err(tools::failed(&words.chain(args.iter().copied()).collect::<Vec<_>>(), &output))
    }

    fn revision_of(&self, args: &[&str]) -> Result<String, ModuleError> {
        let lines = self.lines(args)?;
        let number = |line: &&String| {
            line.split_once(':').is_some_and(|(word, number)| {
                let number = number.trim();
                let word = word.trim_end();
                !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
                    && word.chars().all(|c| c.is_alphanumeric() || c == '_')
            })
        };
        Ok(lines.iter().find(number).cloned().unwrap_or_else(|| "Unable to get revision".to_owned()))
    }

    fn remote(&self) -> Result<String, ModuleError> {
        self.revision_of(&["info", self.repo])
    }

    /// Revision and URL of a working copy.
    fn place(&self, dest: &str) -> Result<Value, ModuleError> {
        let lines = self.lines(&["info", dest])?;
        let url = lines.iter().find(|line| line.starts_with("URL:") || line.starts_with("URL :"));
        let url = url.cloned().unwrap_or_else(|| "Unable to get URL".to_owned());
        Ok(Value::from(vec![self.revision_of(&["info", dest])?, url]))
    }

    /// Whether files under revision are not as they were checked out.
    fn modified(&self, dest: &str) -> Result<bool, ModuleError> {
        let lines = self.lines(&["status", "--quiet", "--ignore-externals", dest])?;
        Ok(lines.iter().any(|line| !line.is_empty() && !line.starts_with(['?', 'X'])))
    }

    fn revert(&self, dest: &str) -> Result<bool, ModuleError> {
        Ok(self.lines(&["revert", "-R", dest])?.iter().any(|line| !line.starts_with("Reverted ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, args};

    const SVN: &str = "svn --non-interactive --no-auth-cache --trust-server-cert";

    fn fake() -> Fake {
        let info = "Path: x\nURL: http://h/r\nRevision: 7\n";
        Fake::new()
            .unwrap()
            .on(&format!("{SVN} info"), 0, info)
            .on(&format!("{SVN} checkout"), 0, "A  x/f\n")
            .on(&format!("{SVN} switch"), 0, "At revision 7.\n")
            .on(&format!("{SVN} update"), 0, "U    x/f\nUpdated to revision 7.\n")
            .on(&format!("{SVN} status"), 0, "")
    }

    /// Results as ansible-core 2.19 gives them.
    #[test]
    fn a_checkout_and_an_update_tell_revision_and_url() {
        let fake = fake();
        let reply = fake.call("subversion", args([("repo", "http://h/r"), ("dest", "/x")]));
        assert!(reply.changed && !reply.failed, "{reply:?}");
        assert_eq!(reply.data.get("after").unwrap().repr(), "['Revision: 7', 'URL: http://h/r']");
        assert_eq!(reply.data.get("before"), Some(&Value::Null));
        fake.write("/x/f", "").unwrap();
        let reply = fake.call("subversion", args([("repo", "http://h/r"), ("dest", "/x"), ("rev", "7")]));
        assert!(reply.changed);
        assert_eq!(reply.data.get("before").unwrap().repr(), "['Revision: 7', 'URL: http://h/r']");
        assert!(!fake.check("subversion", args([("repo", "http://h/r"), ("dest", "/x")])).changed);
    }

    #[test]
    fn a_password_is_no_argument() {
        let start = format!("{SVN} --username u --password-from-stdin");
        let fake = Fake::new().unwrap().on(&start, 0, "Revision: 7\nURL: u\n");
        let given = [("repo", "r"), ("dest", "/x"), ("username", "u"), ("password", "secret")];
        assert!(fake.call("subversion", args(given)).changed);
        assert!(fake.programs().iter().all(|program| program.stdin.as_deref() == Some(b"secret")));
        assert!(!fake.command_lines().join(" ").contains("secret"));
    }

    #[test]
    fn without_a_place_nothing_is_checked_out() {
        let reply = fake().call("subversion", args([("repo", "http://h/r")]));
        let msg = "the destination directory must be specified unless checkout=no, update=no, and export=no";
        assert_eq!(reply.data.get("msg").and_then(Value::as_str), Some(msg));
    }
}
