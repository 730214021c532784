//! Keeps Linux capabilities of files.
//!
//! Options:
//! - `path` (required; alias `key`): the file.
//! - `capability` (required; alias `cap`): such as `cap_net_raw+ep`; to remove one, its name is enough.
//! - `state` (default `present`): `absent`, `present`.
//!
//! Returns: `state`, `msg` and `stdout` of setcap where something changed.
//!
//! Check mode: full. Diff: none.
//!
//! Example:
//! ```yaml
//! - community.general.capabilities:
//!     path: /usr/bin/ping
//!     capability: cap_net_raw=ep
//! ```

use rplay_protocol::Reply;

use crate::{Arg, ArgSpec, Args, Context, Module, ModuleError, Support, tools};

/// `community.general.capabilities`
pub static MODULE: Module = Module {
    name: "capabilities",
    collection: "community.general",
    spec: &ArgSpec {
        args: &[
            Arg::text("path").required().alias(&["key"]),
            Arg::text("capability").required().alias(&["cap"]),
            Arg::text("state").default("present").choices(&["absent", "present"]),
        ],
        ..ArgSpec::EMPTY
    },
    check: Support::Full,
    diff: Support::None,
    run,
};

/// One capability, how it is given and in which sets; without an operator only its name matters.
#[derive(Clone, Debug, PartialEq)]
struct Capability {
    name: String,
    operator: Option<char>,
    flags: String,
}

impl Capability {
    fn parse(text: &str) -> Self {
        let operator = ['=', '-', '+'].into_iter().find(|operator| text.contains(*operator));
        let (name, flags) = operator.and_then(|operator| text.split_once(operator)).unwrap_or((text, ""));
        Self { name: name.to_owned(), operator, flags: flags.to_owned() }
    }

    fn with_operator(text: &str) -> Result<Self, ModuleError> {
        let capability = Self::parse(text);
        if capability.operator.is_some() {
            return Ok(capability);
        }
        Err(ModuleError::msg("Couldn't find operator (one of: ('=', '-', '+'))"))
    }

    fn text(&self) -> String {
        format!("{}{}{}", self.name, self.operator.map(String::from).unwrap_or_default(), self.flags)
    }
}

fn run(cx: &mut Context<'_>, args: &Args) -> Result<Reply, ModuleError> {
    let (path, state) = (args.need("path").trim(), args.need("state"));
    let [getcap, setcap] = [tools::need(cx, "getcap")?, tools::need(cx, "setcap")?];
    let text = args.need("capability").trim().to_lowercase();
    let present = state == "present";
    let wanted = if present { Capability::with_operator(&text)? } else { Capability::parse(&text) };
    let mut now = current(cx, &getcap, path)?;
    let differs = if present { !now.contains(&wanted) } else { now.iter().any(|c| c.name == wanted.name) };
    if !differs {
        return Ok(Reply::ok().with("state", state));
    }
    let reply = Reply::changed(true).with("msg", "capabilities changed");
    if cx.check() {
        return Ok(reply);
    }
    now.retain(|capability| capability.name != wanted.name);
    if present {
        now.push(wanted);
    }
    let all = now.iter().map(Capability::text).collect::<Vec<_>>().join(" ");
    let output = tools::run(cx, &[setcap.as_str(), &all, path])?;
    if !output.success() {
        let failure = Reply::failure(format!("Unable to set capabilities of {path}"));
        return Err(ModuleError::reply(failure.with("stdout", output.out()).with("stderr", output.err())));
    }
    Ok(reply.with("state", state).with("stdout", output.out()))
}

/// What the file has. getcap prints `FILE a,b=ep c+i`, before libcap 2.41 `FILE = a,b+ep c+i`.
fn current(cx: &Context<'_>, getcap: &str, path: &str) -> Result<Vec<Capability>, ModuleError> {
    let output = tools::run(cx, &[getcap, "-v", path])?;
    let (out, err) = (output.out().trim().to_owned(), output.err());
    // Of a file that is not there it says so in brackets, and ends well.
    let rest = out.strip_prefix(path).unwrap_or(&out).trim();
    if !output.success() || !err.is_empty() || rest.ends_with(')') {
        let failure = Reply::failure(format!("Unable to get capabilities of {path}"));
        return Err(ModuleError::reply(failure.with("stdout", out).with("stderr", err)));
    }
    let mut found = Vec::new();
    let rest = rest.strip_prefix('=').unwrap_or(rest).to_lowercase();
    for group in rest.split_whitespace() {
        let mut names: Vec<&str> = group.split(',').collect();
        let last = Capability::with_operator(names.pop().unwrap_or_default())?;
        found.extend(names.into_iter().map(|name| Capability { name: name.to_owned(), ..last.clone() }));
        found.push(last);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rplay_protocol::Reply;

    use crate::testing::{Fake, args};

    fn call(fake: &Fake, capability: &'static str, state: &'static str) -> Reply {
        let given = [("path", "/bin/ping"), ("capability", capability), ("state", state)];
        fake.call("community.general.capabilities", args(given))
    }

    fn fake(shown: &str) -> Fake {
        Fake::new().unwrap().on("getcap", 0, shown).on("setcap", 0, "")
    }

    #[test]
    fn capabilities_are_added_replaced_and_removed() {
        let two = fake("/bin/ping cap_chown,cap_net_raw=ep\n");
        assert!(!call(&two, "CAP_NET_RAW=ep", "present").changed);
        assert!(call(&two, "cap_net_raw=eip", "present").changed);
        assert!(call(&two, "cap_chown", "absent").changed);
        assert!(!call(&two, "cap_kill", "absent").changed);
        let set: Vec<String> = two.command_lines().into_iter().filter(|line| line.starts_with("setcap")).collect();
        assert_eq!(set, ["setcap cap_chown=ep cap_net_raw=eip /bin/ping", "setcap cap_net_raw=ep /bin/ping"]);
        let old = fake("/bin/ping = cap_net_raw+ep\n");
        assert!(!call(&old, "cap_net_raw+ep", "present").changed);
        assert!(
            fake("/bin/ping\n").check("capabilities", args([("path", "/bin/ping"), ("cap", "cap_kill=p")])).changed
        );
    }

    #[test]
    fn files_and_capabilities_must_exist() {
        let missing = fake("/bin/ping (No such file or directory)\n");
        let reply = call(&missing, "cap_kill=p", "present");
        assert_eq!(reply.data.get("msg"), Some(&"Unable to get capabilities of /bin/ping".into()));
        assert_eq!(
            call(&missing, "cap_kill", "present").data.get("msg"),
            Some(&"Couldn't find operator (one of: ('=', '-', '+'))".into())
        );
        let refused = Fake::new().unwrap().on("getcap", 0, "/bin/ping\n").on("setcap", 1, "");
        assert!(call(&refused, "cap_x=p", "present").failed);
    }
}
