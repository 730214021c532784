//! Runs a module on the host. This is what happens for everything that is not an action of its own.

use async_trait::async_trait;
use rplay_protocol::Call;
use rplay_value::Map;

use crate::action::{Action, ActionCx, Done, Traits};
use crate::resolve::is_file_name;
use crate::trouble::Trouble;

/// `normal`
pub(crate) static ACTION: Normal = Normal;

/// Runs a module.
pub(crate) struct Normal;

#[async_trait(?Send)]
impl Action for Normal {
    fn traits(&self) -> Traits {
        Traits::new("normal")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        if cx.settings.check && matches!(&*cx.name, "uri" | "ansible.builtin.uri" | "ansible.legacy.uri") {
            // Ansible's action says so before the module is asked.
            return Ok(Done::skip(format!("This action ({}) does not support check mode.", cx.name)));
        }
        let call = prepare(cx)?;
        // Facts may be what the next item's templates want.
        let native = rplay_modules::find(&call.module);
        let reply = if native.is_some_and(|module| !module.gives_facts()) {
            cx.send_last(call).await?
        } else {
            cx.send(call).await?
        };
        Ok(cx.reply(reply))
    }
}

/// The task as a call of its module.
pub(crate) fn prepare(cx: &mut ActionCx<'_>) -> Result<Call, Trouble> {
    let name = cx.name.clone();
    let mut args = std::mem::take(&mut cx.args);
    let native = rplay_modules::find(&name);
    if native.is_none_or(|module| !module.spec.free_form) && args.contains("_raw_params") {
        let message = format!("Action '{name}' does not support raw params.");
        return Err(Trouble::message(message).at(cx.task.task.action.span));
    }
    args.remove("_uses_shell");
    module(cx, &name, args)
}

/// A call of the module of this name, native or not.
pub(crate) fn module(cx: &mut ActionCx<'_>, name: &str, args: Map) -> Result<Call, Trouble> {
    let native = rplay_modules::find(name);
    let library = cx.run().resolver().library();
    let short =
        name.strip_prefix("ansible.legacy.").or_else(|| (!name.contains('.') || is_file_name(name)).then_some(name));
    if let Some(found) = short.and_then(|short| library.outside(short)) {
        return crate::foreign::call(cx, &found, args);
    }
    if let Some(native) = native {
        // What the native module leaves to the one in Python goes there where that is installed.
        let python = rplay_modules::is_beyond_native(native, &args).then(|| library.inside(name)).flatten();
        if let Some(found) = python {
            return crate::foreign::call(cx, &found, args);
        }
        let call = cx.call(name, args);
        return Ok(crate::foreign::discovering(cx, call));
    }
    match library.inside(name) {
        Some(found) => crate::foreign::call(cx, &found, args),
        None => Err(missing(cx, name)),
    }
}

/// Names what is missing.
fn missing(cx: &ActionCx<'_>, name: &str) -> Trouble {
    let short = name.rsplit('.').next().unwrap_or(name);
    let modules = rplay_modules::table().map(|(_, module, _)| module.name);
    let trouble = Trouble::message(format!("The module {name} was not found in configured module paths")).at(cx
        .task
        .task
        .action
        .span);
    let collection: Vec<&str> = name.split('.').collect();
    match (rplay_diag::nearest(short, modules), collection.as_slice()) {
        (_, [namespace, collection, _, ..]) if *namespace != "ansible" => {
            trouble.help(format!("it is not native, and the collection {namespace}.{collection} is not installed or does not have it"))
        }
        (Some(near), _) => trouble.help(format!("did you mean `{near}`?")),
        _ => trouble.help("it is not native; an installed ansible-core, `library/` beside the playbook or a collection may provide it"),
    }
}
