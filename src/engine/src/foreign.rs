//! Modules that are not native: what they are told besides their arguments, and what runs them.

use rplay_event::{EventKind, Notice};
use rplay_library::{Found, Shebang};
use rplay_protocol::{Call, Foreign, Interpreter, Reply};
use rplay_value::{List, Map, Value};

use crate::action::ActionCx;
use crate::trouble::Trouble;

/// The fact that says which Python was found.
const FACT: &str = "discovered_interpreter_python";

/// What ansible-core takes when it finds none.
const FALLBACK: &str = "/usr/bin/python3";

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
    let variable = format!("ansible_{name}_interpreter");
    let given = run.text_variable(&variable, cx.connection_scope)?;
    // A variable that is empty or omitted asks for the default, whatever the configuration says.
    let unsaid = cx.connection_scope.has(&variable).then(|| "auto".to_owned());
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
    let wanted = given.or(unsaid).or_else(here).unwrap_or_else(|| run.options().modules.python.clone());
    if !is_auto(&wanted) {
        return Ok(path(wanted));
    }
    if let Some(known) = run.world().facts(host).namespaced.get(FACT).and_then(Value::as_str) {
        return Ok(path(known.to_owned()));
    }
    attempting(cx, host);
    Ok(Interpreter::Discover { candidates: candidates(cx)?, args: shebang.args.clone() })
}

/// The Pythons to look for, the best first.
fn candidates(cx: &ActionCx<'_>) -> Result<Vec<String>, Trouble> {
    let run = cx.run();
    Ok(match run.value_variable("ansible_interpreter_python_fallback", cx.connection_scope)? {
        Some(Value::List(list)) => list.iter().map(|item| item.to_str().into_owned()).collect(),
        _ => run.options().modules.pythons.clone(),
    })
}

/// A call of a native module that also says which Python the target has: roles ask for `discovered_interpreter_python`.
/// That is part of gathering facts; of other modules where a variable says that it is to be found out (`auto`).
pub(crate) fn discovering(cx: &ActionCx<'_>, call: Call) -> Call {
    let run = cx.run();
    let given = || run.text_variable("ansible_python_interpreter", cx.connection_scope).ok().flatten();
    let setup = call.module.rsplit('.').next() == Some("setup");
    let wanted = match given() {
        Some(given) => given,
        None if setup => run.options().modules.python.clone(),
        None => return call,
    };
    let host = cx.delegated.map_or(&cx.task.host, |delegated| &delegated.name);
    if !is_auto(&wanted) || run.world().facts(host).namespaced.contains(FACT) {
        return call;
    }
    attempting(cx, host);
    Call { discover: candidates(cx).unwrap_or_default(), ..call }
}

/// For `-vvv`.
fn attempting(cx: &ActionCx<'_>, host: &std::sync::Arc<str>) {
    let text = "Attempting python interpreter discovery.".to_owned();
    cx.run().emit(EventKind::Verbose { level: 3, host: Some(host.clone()), text });
}

/// Whether an interpreter is to be found out.
fn is_auto(wanted: &str) -> bool {
    matches!(wanted, "" | "auto" | "auto_silent" | "auto_legacy" | "auto_legacy_silent")
}

/// Takes out of a reply which Python was found, and makes it a fact and a warning.
pub(crate) fn take_discovered(cx: &mut ActionCx<'_>, reply: &mut Reply) {
    if let Some(Value::Map(facts)) = reply.data.get_mut("ansible_facts") {
        // Which interpreter there is, is not a module's to say.
        let said = |key: &str| key.strip_prefix("ansible_").unwrap_or(key).starts_with("discovered_interpreter_");
        let said: Vec<Value> =
            facts.iter().filter(|(key, _)| key.as_str().is_some_and(said)).map(|(key, _)| key.clone()).collect();
        for key in said {
            facts.remove(&key.to_str());
        }
    }
    let beside = reply.data.remove(rplay_modules::foreign::BESIDE);
    let native = beside.is_some();
    let Some(found) = reply.data.remove(rplay_modules::foreign::DISCOVERED).or(beside) else { return };
    let host = cx.delegated.map_or_else(|| cx.task.host.clone(), |delegated| delegated.name.clone());
    let given = cx.run().text_variable("ansible_python_interpreter", cx.connection_scope).ok().flatten();
    // Nobody asked, and nothing needed it: no reason to warn.
    let silent_native = native && given.is_none();
    let wanted = given.unwrap_or_else(|| cx.run().options().modules.python.clone());
    let silent = wanted.ends_with("_silent") || silent_native;
    let tried = candidates(cx).unwrap_or_default();
    // A shell refuses the list: ansible-core asks one.
    let broken = tried.iter().any(|name| name.contains('\''));
    let path = match found.as_str() {
        Some(path) if !broken => path.to_owned(),
        _ if native && silent_native => return,
        _ => FALLBACK.to_owned(),
    };
    if broken && !silent {
        cx.warn(format!("Unhandled error in Python interpreter discovery for host '{host}'."));
    } else if found.is_null() && !silent {
        let tried: List = tried.iter().map(|name| Value::from(name.as_str())).collect();
        cx.warn(format!("No python interpreters found for host '{host}' (tried {}).", Value::List(tried).repr()));
    }
    if found.is_null() && !native {
        // The module has failed and says so.
        return;
    }
    if wanted.starts_with("auto_legacy") && !silent_native {
        let text = format!("The '{wanted}' option for 'INTERPRETER_PYTHON' now has the same effect as 'auto'.");
        cx.deprecations.push(Notice { version: Some("2.21".to_owned()), ..Notice::new(text) });
    }
    let told = !found.is_null() || broken;
    if told && !silent && cx.run().first_discovery(&host, cx.task.id) {
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
