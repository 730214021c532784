//! What a module is, and how one call is run.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::LazyLock;

use rplay_protocol::{Call, Reply};
use rplay_value::{Map, Value};

use crate::censor::{censor, collect_texts};
use crate::{ArgError, ArgSpec, Args, Context, Surroundings, Sys, path_info};

/// How far a module honours check or diff mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Completely.
    Full,
    /// For some arguments; the module's documentation says which.
    Partial,
    /// Not at all: in check mode the module is skipped.
    None,
}

/// One module. Its file's `//!` header is its documentation.
pub struct Module {
    /// Short name, such as `copy`.
    pub name: &'static str,
    /// Collection, such as `ansible.builtin`.
    pub collection: &'static str,
    /// The arguments it takes.
    pub spec: &'static ArgSpec,
    /// Check mode.
    pub check: Support,
    /// Diff mode.
    pub diff: Support,
    /// The work: plan, then apply unless `cx.check()`.
    pub run: fn(&mut Context<'_>, &Args) -> Result<Reply, ModuleError>,
}

impl Module {
    /// Whether its results hold facts, which are variables from then on.
    pub fn gives_facts(&self) -> bool {
        matches!(
            self.name,
            "getent"
                | "hostname"
                | "mount_facts"
                | "package_facts"
                | "service_facts"
                | "setup"
                | "virt_net"
                | "virt_pool"
        )
    }
}

/// Why a module could not do its work. Becomes a failed [`Reply`] whose `msg` is the error's text.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The arguments do not fit the spec.
    #[error(transparent)]
    Args(#[from] ArgError),
    /// The module's own message, with further result keys.
    #[error("{}", reply.data.get("msg").and_then(|m| m.as_str()).unwrap_or("module failed"))]
    Failed {
        /// The failed result.
        reply: Box<Reply>,
    },
    /// A file operation failed.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was being done, such as `could not read`.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Any other system call.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ModuleError {
    /// A failure with a message.
    pub fn msg(msg: impl Into<String>) -> Self {
        Self::Failed { reply: Box::new(Reply::failure(msg)) }
    }

    /// A failure with a message and further keys.
    pub fn reply(reply: Reply) -> Self {
        Self::Failed { reply: Box::new(Reply { failed: true, ..reply }) }
    }

    /// For `map_err` of file operations: what was being done, to what.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    fn into_reply(self) -> Reply {
        match self {
            Self::Failed { mut reply } => {
                if let Some(text) =
                    reply.data.get("msg").and_then(Value::as_str).filter(|text| text.contains("(os error"))
                {
                    let text = plain(text);
                    reply.data.insert("msg", text);
                }
                *reply
            }
            other => Reply::failure(plain(&other.to_string())),
        }
    }
}

/// The system's words without its number, which is Rust's way of saying it.
fn plain(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (os error ") else { return text.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

type Row = (&'static str, &'static Module, &'static str);

/// Every native module: file name, module, documentation.
pub fn table() -> impl Iterator<Item = &'static Row> {
    crate::builtin::TABLE
        .iter()
        .chain(crate::posix::TABLE)
        .chain(crate::general::TABLE)
        .chain(crate::crypto::TABLE)
        .chain(crate::docker::TABLE)
        .chain(crate::libvirt::TABLE)
}

/// The module of this name: short, `ansible.builtin.x`, `ansible.legacy.x`, or its own collection's full name.
pub fn find(name: &str) -> Option<&'static Module> {
    static BY_NAME: LazyLock<HashMap<String, &'static Module>> = LazyLock::new(|| {
        let mut names = HashMap::new();
        for (_, module, _) in table() {
            names.insert(module.name.to_owned(), *module);
            names.insert(format!("{}.{}", module.collection, module.name), *module);
            // ansible-core redirects the short and the `ansible.builtin` names of what moved to collections.
            names.insert(format!("ansible.builtin.{}", module.name), *module);
            names.insert(format!("ansible.legacy.{}", module.name), *module);
        }
        names
    });
    BY_NAME.get(name).copied()
}

/// Whether a call with these arguments asks for what the native module leaves to the one in Python.
pub fn is_beyond_native(module: &Module, args: &Map) -> bool {
    module.collection == "community.crypto" && crate::crypto::is_beyond(module.name, args)
}

/// Runs one call: arguments are checked, the module runs, and whatever goes wrong becomes a failed reply.
///
/// As Ansible's modules do, the reply ends with `invocation`, and nothing given to a `no_log` argument is in it.
pub fn run(sys: &dyn Sys, call: &Call) -> Reply {
    let Some(module) = find(&call.module) else {
        return Reply::failure(format!("The module {} is not native to this agent", call.module));
    };
    let surroundings = Surroundings::new(|name| sys.var(name));
    let args = match module.spec.check_in(called(module, call), &call.args, &surroundings) {
        Ok(args) => args,
        Err(error) => return refused(module, call, error),
    };
    let mut reply = if call.check && module.check == Support::None {
        let msg = format!("remote module ({}) does not support check mode", call.module);
        Reply::ok().with("skipped", true).with("msg", msg)
    } else {
        sys.conceal(args.secrets());
        let mut cx = Context::new(sys, call);
        let mut reply = (module.run)(&mut cx, &args).unwrap_or_else(ModuleError::into_reply);
        reply.warnings.splice(0..0, args.warnings.iter().cloned().chain(cx.take_warnings()));
        reply
    };
    path_info(sys, &mut reply.data);
    crate::output_lines::add(&mut reply.data);
    if !call.discover.is_empty() {
        reply.data.insert(crate::foreign::BESIDE, crate::foreign::discovered(sys, &call.discover));
    }
    add_invocation(&mut reply, args.all().clone());
    censor(&mut reply, args.secrets());
    reply
}

/// The name that messages have: command and shell are one module there.
fn called<'a>(module: &Module, call: &'a Call) -> &'a str {
    match module.name {
        "command" | "shell" => "ansible.legacy.command",
        "uri" => "ansible.legacy.uri",
        _ => &call.module,
    }
}

fn refused(module: &Module, call: &Call, error: ArgError) -> Reply {
    let mut reply = Reply::failure(error.message);
    if let Some(suggestion) = error.suggestion {
        reply.warnings.push(format!("{}: did you mean `{suggestion}`?", call.module));
    }
    add_invocation(&mut reply, call.args.clone());
    let mut secrets = Vec::new();
    given_secrets(module.spec, &call.args, &mut secrets);
    censor(&mut reply, &secrets);
    reply
}

/// What was given to secret arguments, those inside of mappings included, where nothing is converted yet.
fn given_secrets(spec: &ArgSpec, given: &Map, secrets: &mut Vec<String>) {
    for (name, value) in given.texts() {
        let Some(arg) = spec.find(name) else { continue };
        if arg.no_log {
            collect_texts(value, secrets);
        }
        let Some(inner) = arg.options else { continue };
        match value {
            Value::List(list) => list.iter().for_each(|item| secrets_inside(inner, item, secrets)),
            other => secrets_inside(inner, other, secrets),
        }
    }
}

fn secrets_inside(spec: &ArgSpec, given: &Value, secrets: &mut Vec<String>) {
    fn holds_secrets(spec: &ArgSpec) -> bool {
        spec.all().any(|arg| arg.no_log || arg.options.is_some_and(holds_secrets))
    }
    match given {
        Value::Map(map) => given_secrets(spec, map, secrets),
        // The text of a mapping: which part of it is the secret is not known.
        other if holds_secrets(spec) => collect_texts(other, secrets),
        _ => {}
    }
}

fn add_invocation(reply: &mut Reply, args: Map) {
    reply.data.insert("invocation", Map::from_iter([("module_args", args)]));
}
