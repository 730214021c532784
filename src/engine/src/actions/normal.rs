//! Runs a module on the host. This is what happens for everything that is not an action of its own.

use async_trait::async_trait;
use rplay_protocol::Call;

use crate::action::{Action, ActionCx, Done, Traits};
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
        let call = prepare(cx)?;
        let reply = cx.send(call).await?;
        Ok(cx.reply(reply))
    }
}

/// The task as a call of its module.
pub(crate) fn prepare(cx: &mut ActionCx<'_>) -> Result<Call, Trouble> {
    let name = cx.name.clone();
    let Some(module) = rplay_modules::find(&name) else { return Err(not_native(cx, &name)) };
    let mut args = std::mem::take(&mut cx.args);
    if !module.spec.free_form && args.contains("_raw_params") {
        let message = format!("Action '{name}' does not support raw params.");
        return Err(Trouble::message(message).at(cx.task.task.action.span));
    }
    args.remove("_uses_shell");
    Ok(cx.call(&name, args))
}

/// Names what is missing and where it was looked for.
fn not_native(cx: &ActionCx<'_>, name: &str) -> Trouble {
    let short = name.rsplit('.').next().unwrap_or(name);
    let modules = rplay_modules::table().map(|(_, module, _)| module.name);
    let near = rplay_diag::nearest(short, modules);
    let python = cx
        .run()
        .options()
        .module_paths
        .iter()
        .map(|folder| folder.join(format!("{short}.py")))
        .find(|path| path.exists());
    let trouble =
        Trouble::message(format!("The module {name} is not native to rplay, and Python modules cannot be run yet."))
            .at(cx.task.task.action.span);
    match (python, near) {
        (Some(path), _) => trouble.help(format!("it was found as {}", path.display())),
        (None, Some(near)) => trouble.help(format!("did you mean `{near}`?")),
        (None, None) => trouble.help("`rplay doc --list` shows the modules there are"),
    }
}
