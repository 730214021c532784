//! Keeps SELinux file context definitions of the policy, through `semanage fcontext`.
//!
//! Options:
//! - `target` (required; alias `path`): a path or an expression for paths.
//! - `setype`: its SELinux type; or `substitute` (alias `equal`): a path whose definitions also apply to it.
//! - `ftype` (default `a`): for `a`ll files, `b`lock or `c`haracter devices, `d`irectories, regular `f`iles, `l`inks,
//!   `p`ipes, `s`ockets.
//! - `seuser`, `selevel` (alias `serange`): `system_u` and `s0` for new definitions, what they have for others.
//! - `state` (default `present`): `absent` without `setype` and `substitute` removes both kinds.
//! - `reload` (default true): load the policy then. `ignore_selinux_state`: also where SELinux is off, as in a chroot.
//!
//! Returns: `target`, `ftype`, `setype`, `substitute`, `state`, `seuser`, `serange`, `diff`. Files are not relabelled;
//! that is `restorecon`'s work.
//!
//! Check mode: full. Diff: full.
//!
//! Example:
//! ```yaml
//! - community.general.sefcontext:
//!     target: /srv/git(/.*)?
//!     setype: httpd_sys_content_t
//! ```

use rplay_protocol::{Diff, Reply};
use rplay_value::Value;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, selinux_enabled, tools};

/// `community.general.sefcontext`
pub static MODULE: Module = Module {
    name: "sefcontext",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::bool("ignore_selinux_state").default("false"),
            Arg::text("target").required().alias(&["path"]),
            Arg::text("ftype").default("a").choices(&["a", "b", "c", "d", "f", "l", "p", "s"]),
            Arg::text("setype"),
            Arg::text("substitute").alias(&["equal"]),
            Arg::text("seuser"),
            Arg::text("selevel").alias(&["serange"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
            Arg::bool("reload").default("true"),
        ],
        exclusive: &[
            &["setype", "substitute"],
            &["substitute", "ftype"],
            &["substitute", "seuser"],
            &["substitute", "selevel"],
        ],
        required_if_any: &[("state", "present", &["setype", "substitute"])],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::Full,
    run,
};

/// What the policy says of a target.
#[derive(Debug, Default, PartialEq)]
struct Known {
    /// User, role, type and range.
    context: Option<[String; 4]>,
    substitute: Option<String>,
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let semanage = tools::need(cx, "semanage")?;
    if !args.flag("ignore_selinux_state") && !selinux_enabled(cx.sys()) {
        return Err(ModuleError::msg("SELinux is disabled on this host."));
    }
    let call = Call { cx, args, semanage, target: args.need("target"), ftype: args.need("ftype") };
    let listed = call.semanage(&["-l", "-n"])?;
    let known = parse(&listed, call.target, kind(call.ftype));
    let mut reply = Reply::ok();
    for name in ["target", "ftype", "setype", "substitute", "state"] {
        reply = reply.with(name, args.get(name).cloned().unwrap_or(Value::Null));
    }
    let diff = if args.need("state") == "present" {
        let (diff, user, range) = match args.text("substitute") {
            Some(substitute) => (call.set_substitute(&known, substitute)?, args.text("seuser"), args.text("selevel")),
            None => call.set_context(&known)?,
        };
        reply = reply.with("seuser", user).with("serange", range);
        diff
    } else {
        call.remove(&known)?
    };
    reply.changed = !diff.is_empty();
    let diff = Some(diff).filter(|diff| cx.diff() && !diff.is_empty());
    Ok(reply.with_diff(diff.map(|diff| Diff { prepared: Some(diff), ..Diff::default() })))
}

/// What `semanage fcontext -l` calls a kind of files.
fn kind(ftype: &str) -> &'static str {
    match ftype {
        "b" => "block device",
        "c" => "character device",
        "d" => "directory",
        "f" => "regular file",
        "l" => "symbolic link",
        "p" => "named pipe",
        "s" => "socket",
        _ => "all files",
    }
}

struct Call<'a> {
    cx: &'a Context<'a>,
    args: &'a Args,
    semanage: String,
    target: &'a str,
    ftype: &'a str,
}

impl<'a> Call<'a> {
    fn semanage(&self, words: &[&str]) -> Result<String, ModuleError> {
        let argv: Vec<&str> = [self.semanage.as_str(), "fcontext"].into_iter().chain(words.iter().copied()).collect();
        let output = tools::run(self.cx, &argv)?;
        // semanage says what is wrong as the Python library that it is made of.
        if output.success() { Ok(output.out()) } else { Err(ModuleError::msg(output.err())) }
    }

    /// Changes the policy, unless in check mode.
    fn act(&self, action: &str, words: &[&str]) -> Result<(), ModuleError> {
        if self.cx.check() {
            return Ok(());
        }
        let mut argv = vec![action];
        if !self.args.flag("reload") {
            argv.push("-N");
        }
        argv.extend(words);
        argv.push(self.target);
        self.semanage(&argv).map(|_| ())
    }

    /// A line of the diff: what is given of a target and kind.
    fn line(&self, sign: char, [user, role, setype, range]: [&str; 4]) -> String {
        format!("{sign}{}      {}      {user}:{role}:{setype}:{range}\n", self.target, self.ftype)
    }

    fn set_context<'k>(&self, known: &'k Known) -> Result<(String, Option<&'k str>, Option<&'k str>), ModuleError>
    where
        'a: 'k,
    {
        let (args, setype): (&'a Args, &'a str) = (self.args, self.args.need("setype"));
        let (user, range) = (args.text("seuser"), args.text("selevel"));
        let Some(now) = &known.context else {
            let (user, range) = (user.unwrap_or("system_u"), range.unwrap_or("s0"));
            self.act("-a", &["-t", setype, "-f", self.ftype, "-r", range, "-s", user])?;
            let diff = self.line('+', [user, "object_r", setype, range]);
            return Ok((format!("# Addition to semanage file context mappings\n{diff}"), Some(user), Some(range)));
        };
        let [old_user, role, old_type, old_range] = now.each_ref().map(String::as_str);
        let (user, range) = (user.unwrap_or(old_user), range.unwrap_or(old_range));
        if [setype, user, range] == [old_type, old_user, old_range] {
            return Ok((String::new(), Some(user), Some(range)));
        }
        self.act("-m", &["-t", setype, "-f", self.ftype, "-r", range, "-s", user])?;
        let old = self.line('-', [old_user, role, old_type, old_range]);
        let new = self.line('+', [user, role, setype, range]);
        Ok((format!("# Change to semanage file context mappings\n{old}{new}"), Some(user), Some(range)))
    }

    fn set_substitute(&self, known: &Known, substitute: &str) -> Result<String, ModuleError> {
        let target = self.target;
        let Some(now) = &known.substitute else {
            self.act("-a", &["-e", substitute])?;
            return Ok(format!("# Addition to semanage file context path substitutions\n+{target} = {substitute}\n"));
        };
        if now == substitute {
            return Ok(String::new());
        }
        self.act("-m", &["-e", substitute])?;
        Ok(format!(
            "# Change to semanage file context path substitutions\n-{target} = {now}\n+{target} = {substitute}\n"
        ))
    }

    fn remove(&self, known: &Known) -> Result<String, ModuleError> {
        let (setype, substitute) = (self.args.text("setype"), self.args.text("substitute"));
        let mut diff = String::new();
        if let Some(now) = known.context.as_ref().filter(|_| substitute.is_none()) {
            self.act("-d", &["-f", self.ftype])?;
            diff.push_str("# Deletion to semanage file context mappings\n");
            diff.push_str(&self.line('-', now.each_ref().map(String::as_str)));
        }
        let is_meant = |now: &&String| setype.is_none() && substitute.is_none_or(|substitute| substitute == **now);
        if let Some(now) = known.substitute.as_ref().filter(is_meant) {
            self.act("-d", &["-e", now])?;
            diff.push_str(&format!(
                "# Deletion to semanage file context path substitutions\n-{} = {now}\n",
                self.target
            ));
        }
        Ok(diff)
    }
}

/// A target in what `semanage fcontext -l -n` prints: `TARGET  KIND  USER:ROLE:TYPE:RANGE`, and `TARGET = SUBSTITUTE`,
/// first those of the distribution. The local ones come later, and of definitions the last one counts.
fn parse(listed: &str, target: &str, kind: &str) -> Known {
    let mut known = Known::default();
    for rest in listed.lines().filter_map(|line| line.strip_prefix(target)) {
        if let Some(substitute) = rest.strip_prefix(" = ") {
            known.substitute.get_or_insert_with(|| substitute.trim().to_owned());
            continue;
        }
        let Some(context) = rest.trim_start().strip_prefix(kind).filter(|_| rest.starts_with(' ')) else { continue };
        let parts: Vec<String> = context.trim().splitn(4, ':').map(str::to_owned).collect();
        if let Ok(context) = parts.try_into() {
            known.context = Some(context);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    const LIST: &str = "/srv/a(/.*)?                  all files          system_u:object_r:var_t:s0 \n\
        /srv/a(/.*)?                  directory          system_u:object_r:dir_t:s0:c0.c3 \n\n\
        SELinux Local fcontext Equivalence \n\n/srv/e = /var/lib/e\n";

    fn fake() -> Fake {
        let fake = Fake::new().unwrap().on("semanage", 0, "").on("semanage fcontext -l", 0, LIST);
        fake.write("/sys/fs/selinux/enforce", "1").unwrap();
        fake
    }

    fn call(fake: &Fake, given: &[(&'static str, &str)]) -> Reply {
        fake.call("community.general.sefcontext", args(given.iter().copied()))
    }

    #[test]
    fn types_are_added_changed_and_removed() {
        let fake = fake();
        let reply = call(&fake, &[("target", "/srv/a(/.*)?"), ("setype", "var_t")]);
        assert!(!reply.changed);
        assert_eq!(reply.data.get("seuser"), Some(&"system_u".into()));
        assert!(
            call(&fake, &[("target", "/srv/a(/.*)?"), ("setype", "new_t"), ("ftype", "d"), ("reload", "no")]).changed
        );
        assert!(call(&fake, &[("target", "/srv/b"), ("setype", "b_t"), ("seuser", "u"), ("selevel", "s1")]).changed);
        assert!(call(&fake, &[("target", "/srv/a(/.*)?"), ("state", "absent")]).changed);
        assert!(!call(&fake, &[("target", "/srv/b"), ("state", "absent")]).changed);
        let lines: Vec<String> = fake.command_lines().into_iter().filter(|line| !line.contains(" -l ")).collect();
        assert_eq!(
            lines,
            [
                "semanage fcontext -m -N -t new_t -f d -r s0:c0.c3 -s system_u /srv/a(/.*)?",
                "semanage fcontext -a -t b_t -f a -r s1 -s u /srv/b",
                "semanage fcontext -d -f a /srv/a(/.*)?",
            ]
        );
    }

    #[test]
    fn substitutes_are_added_changed_and_removed() {
        let fake = fake();
        assert!(!call(&fake, &[("target", "/srv/e"), ("substitute", "/var/lib/e")]).changed);
        assert!(call(&fake, &[("target", "/srv/e"), ("equal", "/var/lib/f")]).changed);
        assert!(call(&fake, &[("target", "/srv/n"), ("equal", "/var/lib/f")]).changed);
        assert!(!call(&fake, &[("target", "/srv/e"), ("equal", "/else"), ("state", "absent")]).changed);
        assert!(call(&fake, &[("target", "/srv/e"), ("state", "absent")]).changed);
        assert_eq!(fake.command_lines().last().unwrap(), "semanage fcontext -d -e /var/lib/e /srv/e");
        let diff = fake.check("sefcontext", args([("target", "/srv/e"), ("equal", "/x")])).diff;
        assert_eq!(
            diff[0].prepared.as_deref(),
            Some("# Change to semanage file context path substitutions\n-/srv/e = /var/lib/e\n+/srv/e = /x\n")
        );
    }

    #[test]
    fn selinux_has_to_be_on_unless_told_otherwise() {
        let off = Fake::new().unwrap().on("semanage", 0, "");
        let given = [("target", "/x"), ("setype", "t")];
        assert_eq!(call(&off, &given).data.get("msg"), Some(&"SELinux is disabled on this host.".into()));
        assert!(call(&off, &[("target", "/x"), ("setype", "t"), ("ignore_selinux_state", "yes")]).changed);
        assert_eq!(
            call(&off, &[("target", "/x")]).data.get("msg"),
            Some(&"state is present but any of the following are missing: setype, substitute".into())
        );
    }
}
