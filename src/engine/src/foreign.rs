//! Modules that are not native: what they are told besides their arguments, and what runs them.

use rplay_event::Notice;
use rplay_library::{Found, Shebang};
use rplay_protocol::{Call, Foreign, Interpreter, Reply};
use rplay_value::{List, Map, Value};

use crate::action::ActionCx;
use crate::trouble::Trouble;

/// The fact that says which Python was found.
const FACT: &str = "discovered_interpreter_python";

/// The folder for temporary files of modules when nobody says.
const FOLDER: &str = "~/.ansible/tmp";

const HELP: &str = "See https://docs.ansible.com/ansible-core/2.19/reference_appendices/interpreter_discovery.html for more information.";

/// The task as a call of this module.
pub(crate) fn call(cx: &mut ActionCx<'_>, found: &Found, mut args: Map) -> Result<Call, Trouble> {
    let payload = cx.run().resolver().library().payload(found).map_err(|error| {
        let trouble = Trouble::message(error.to_string()).at(cx.task.task.action.span);
        match error.help() {
            Some(help) => trouble.help(help),
            None => trouble,
        }
    })?;
    let folder = cx
        .run()
        .text_variable("ansible_remote_tmp", cx.connection_scope)?
        .or_else(|| cx.run().options().connection.remote_tmp.clone())
        .unwrap_or_else(|| FOLDER.to_owned());
    tell(cx, found, &mut args, &folder)?;
    let interpreter = match &payload.shebang {
        None => Interpreter::Itself,
        Some(shebang) => interpreter(cx, shebang)?,
    };
    let defaults = &cx.run().options().modules;
    let native = rplay_modules::find(&found.name)
        .filter(|_| found.place == rplay_library::Place::Library)
        .map(|module| format!("{}.{}", module.collection, module.name));
    let foreign = Foreign {
        form: payload.form,
        file: payload.file.clone(),
        path: payload.path.clone(),
        packs: payload.packs.clone(),
        interpreter,
        profile: "legacy".to_owned(),
        folder,
        keep: defaults.keep_files,
        scratch: payload.scratch,
        native,
    };
    let name = match &found.place {
        rplay_library::Place::Collection(collection) => format!("{collection}.{}", found.name),
        _ => found.name.clone(),
    };
    Ok(Call { foreign: Some(Box::new(foreign)), ..cx.call(&name, args) })
}

/// What every module is told, as ansible-core 2.19 tells it.
fn tell(cx: &ActionCx<'_>, found: &Found, args: &mut Map, folder: &str) -> Result<(), Trouble> {
    let run = cx.run();
    let options = run.options();
    let defaults = &options.modules;
    let text = |name: &str| run.text_variable(name, cx.scope);
    let texts = |list: &[String]| Value::from(list.iter().map(|item| Value::from(item.as_str())).collect::<List>());
    let written = &cx.task.task.action.name;
    // As the task calls it, unless an action chose another module.
    let own = written.rsplit('.').next() == Some(found.name.as_str());
    let name = if own { written.as_str() } else { found.name.as_str() };
    let facility = text("ansible_syslog_facility")?.unwrap_or_else(|| defaults.syslog_facility.clone());
    let shell = text("ansible_shell_executable")?.unwrap_or_else(|| defaults.shell.clone());
    for (key, value) in [
        ("check_mode", Value::from(cx.settings.check)),
        ("no_log", Value::from(cx.settings.no_log || defaults.no_target_syslog)),
        ("debug", Value::from(false)),
        ("diff", Value::from(cx.settings.diff)),
        ("verbosity", Value::from(i64::from(options.verbosity))),
        ("version", Value::from(options.compat.full())),
        ("module_name", Value::from(name)),
        ("syslog_facility", Value::from(facility)),
        ("selinux_special_fs", texts(&defaults.special_filesystems)),
        ("socket", Value::from(text("ansible_socket")?)),
        ("shell_executable", Value::from(shell)),
        ("keep_remote_files", Value::from(defaults.keep_files)),
        ("tmpdir", Value::Null),
        ("remote_tmp", Value::from(folder)),
        ("ignore_unknown_opts", Value::from(false)),
        ("target_log_info", Value::from(defaults.log_info.clone())),
        ("tracebacks_for", texts(&defaults.tracebacks)),
    ] {
        args.insert(format!("_ansible_{key}"), value);
    }
    Ok(())
}

/// What runs a script: the first line's interpreter, or what variables and settings put in its place.
fn interpreter(cx: &ActionCx<'_>, shebang: &Shebang) -> Result<Interpreter, Trouble> {
    let path = |path: String| Interpreter::Path { path, args: shebang.args.clone() };
    let run = cx.run();
    let name = shebang.name();
    let given = run.text_variable(&format!("ansible_{name}_interpreter"), cx.connection_scope)?;
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if name != "python" {
        return Ok(path(given.unwrap_or_else(|| shebang.interpreter.clone())));
    }
    let host = cx.delegated.map_or(&cx.task.host, |delegated| &delegated.name);
    // This machine, where no inventory names it, is known: what plays are run with runs modules, too.
    let here = || {
        let implicit =
            matches!(&**host, "localhost" | "127.0.0.1" | "::1") && run.world().inventory().host(host).is_none();
        run.options().playbook_python.as_ref().filter(|_| implicit).map(|path| path.to_string_lossy().into_owned())
    };
    let wanted = given.or_else(here).unwrap_or_else(|| run.options().modules.python.clone());
    if !matches!(wanted.as_str(), "" | "auto" | "auto_silent" | "auto_legacy" | "auto_legacy_silent") {
        return Ok(path(wanted));
    }
    if let Some(known) = run.world().facts(host).namespaced.get(FACT).and_then(Value::as_str) {
        return Ok(path(known.to_owned()));
    }
    let candidates = run.value_variable("ansible_interpreter_python_fallback", cx.connection_scope)?;
    let candidates = match candidates {
        Some(Value::List(list)) => list.iter().map(|item| item.to_str().into_owned()).collect(),
        _ => run.options().modules.pythons.clone(),
    };
    Ok(Interpreter::Discover { candidates, args: shebang.args.clone() })
}

/// Takes out of a reply which Python was found, and makes it a fact and a warning.
pub(crate) fn take_discovered(cx: &mut ActionCx<'_>, reply: &mut Reply) {
    let Some(found) = reply.data.remove(rplay_modules::foreign::DISCOVERED) else { return };
    let host = cx.delegated.map_or_else(|| cx.task.host.clone(), |delegated| delegated.name.clone());
    let wanted = cx.run().text_variable("ansible_python_interpreter", cx.connection_scope).ok().flatten();
    let wanted = wanted.unwrap_or_else(|| cx.run().options().modules.python.clone());
    let silent = wanted.ends_with("_silent");
    let Some(path) = found.as_str() else {
        if !silent {
            let tried: List =
                cx.run().options().modules.pythons.iter().map(|name| Value::from(name.as_str())).collect();
            cx.warn(format!("No python interpreters found for host '{host}' (tried {}).", Value::List(tried).repr()));
        }
        return;
    };
    if wanted.starts_with("auto_legacy") {
        let text = format!("The '{wanted}' option for 'INTERPRETER_PYTHON' now has the same effect as 'auto'.");
        cx.deprecations.push(Notice { version: Some("2.21".to_owned()), ..Notice::new(text) });
    }
    if !silent && cx.run().first_discovery(&host, cx.task.id) {
        cx.warn(format!(
            "Host '{host}' is using the discovered Python interpreter at '{path}', but future installation of another \
             Python interpreter could cause a different interpreter to be discovered. {HELP}"
        ));
    }
    // A fact of another host would be taken for one of this host.
    let delegate_facts = || {
        let field = cx.task.step.keyword(|common| common.delegate_facts.as_ref());
        cx.run().maybe::<bool>("delegate_facts", field, cx.scope).ok().flatten().unwrap_or(false)
    };
    if cx.delegated.is_some() && !delegate_facts() {
        return;
    }
    let fact = Map::from_iter([(FACT, Value::from(path))]);
    match reply.data.get_mut("ansible_facts") {
        Some(Value::Map(facts)) => facts.extend(fact),
        _ => _ = reply.data.insert("ansible_facts", fact),
    }
}
