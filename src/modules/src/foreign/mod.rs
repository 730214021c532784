//! Modules that are not native: Python in a warm interpreter, and programs of any other kind.
//!
//! What they are comes with the call ([`rplay_protocol::Foreign`]); the controller has found them and packed what they
//! import. Here is how they are started, stopped and heard.

mod interpreter;
mod output;
mod program;
mod server;

use std::io;

use rplay_protocol::{Call, Foreign, Form, Reply};
use rplay_value::{Map, Value};

pub use output::RAISED;

use crate::{Output, Real};

/// Key of a reply: the interpreter that was looked for and found.
pub const DISCOVERED: &str = "_ansible_discovered";

/// As [`DISCOVERED`], of a native module that was asked to look as well.
pub const BESIDE: &str = "_ansible_discovered_beside";

/// Runs a module that is not native.
pub(crate) fn run(sys: &Real, call: &Call, foreign: &Foreign) -> Reply {
    let chosen = match interpreter::choose(sys, &foreign.interpreter) {
        Ok(chosen) => chosen,
        Err(tried) => return no_python(call, foreign, &tried),
    };
    let output = match foreign.form {
        Form::Python => python(sys, call, foreign, &chosen.command),
        _ => program::run(sys, foreign, &chosen, &call.args),
    };
    let mut reply = match output {
        Ok(output) if output.rc == 127 && output.stdout.is_empty() && !found(sys, &chosen.command) => {
            output::no_interpreter(&chosen.name)
        }
        Ok(output) => output::reply(&output),
        Err(error) if error.kind() == io::ErrorKind::NotFound && foreign.form != Form::Binary => {
            output::no_interpreter(&chosen.name)
        }
        Err(error) => output::reply(&Output { rc: 1, stdout: Vec::new(), stderr: error.to_string().into_bytes() }),
    };
    for gone in reply.deprecations.iter_mut().filter(|gone| gone.by.is_none()) {
        gone.by = (!foreign.path.is_empty()).then(|| speaker(&foreign.path));
        gone.kind = gone.by.as_ref().map(|_| "module".to_owned());
    }
    if chosen.discovered { reply.with(DISCOVERED, chosen.name) } else { reply }
}

/// The first Python of these that is here; null when none is.
pub(crate) fn discovered(sys: &dyn crate::Sys, candidates: &[String]) -> Value {
    interpreter::discover(sys, candidates).map_or(Value::Null, Value::data)
}

/// Who says what a module says, when it does not name anybody.
fn speaker(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        ["ansible", "modules", rest @ ..] => format!("ansible.builtin.{}", rest.join(".")),
        ["ansible_collections", namespace, name, "plugins", "modules", rest @ ..] => {
            format!("{namespace}.{name}.{}", rest.join("."))
        }
        _ => path.to_owned(),
    }
}

fn found(sys: &Real, command: &[String]) -> bool {
    use crate::Sys as _;
    command.first().is_none_or(|program| sys.which(program).is_some())
}

/// A failure that names the module and what would help.
fn no_python(call: &Call, foreign: &Foreign, tried: &[String]) -> Reply {
    let mut msg = format!(
        "The module {} is written in Python, and no Python was found on the target (tried {}).",
        call.module,
        tried.join(", ")
    );
    match &foreign.native {
        Some(native) => msg.push_str(&format!(" The module {native} does the same without Python.")),
        None => msg.push_str(" Install Python 3 there, or set ansible_python_interpreter."),
    }
    Reply::failure(msg).with(DISCOVERED, Value::Null)
}

/// Runs Python in the process that waits for it.
fn python(sys: &Real, call: &Call, foreign: &Foreign, command: &[String]) -> io::Result<Output> {
    let [base, own] = foreign.packs.as_slice() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let name = foreign.file.split('.').next().unwrap_or_default();
    let mut head = serde_json::Map::new();
    head.insert("path".to_owned(), foreign.path.as_str().into());
    head.insert("name".to_owned(), name.into());
    head.insert("profile".to_owned(), foreign.profile.as_str().into());
    head.insert("open_files".to_owned(), call.open_files.into());
    head.insert("scratch".to_owned(), foreign.scratch.into());
    let args = program::json(&Map::from_iter([("ANSIBLE_MODULE_ARGS", Value::Map(call.args.clone()))]))?;
    let work = server::Work {
        command: command.to_vec(),
        packs: [base, own],
        environment: &call.environment,
        head,
        args: args.as_bytes(),
    };
    server::run(&work, &sys.cancel)
}

#[cfg(test)]
mod tests;
