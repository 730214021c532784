//! Actions in Python: each runs in a process of its own and asks back for what it wants done on the task's host.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rplay_connection::{Kind, Link, Spec};
use rplay_event::Notice;
use rplay_playbook::Resolve as _;
use rplay_protocol::{Attachment, Call, Job};
use rplay_template::Scope;
use rplay_value::{List, Map, Value};
use serde_json::{Value as Json, json};

use crate::action::{ActionCx, Done, find_action};
use crate::actions::normal;
use crate::python_connection;
use crate::python_files::PythonPlugin;
use crate::ran::Effect;
use crate::task::Settings;
use crate::trouble::Trouble;
use crate::worker::Worker;

/// Runs an action.
pub(crate) async fn run(plugin: &PythonPlugin, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
    if let Some(turn) = cx.turn {
        turn.looks_here()?;
    }
    let connection = cx.connection_plugin()?;
    let mut worker = if let Some(worker) = cx.take_worker() {
        worker
    } else {
        let mut preload = vec![plugin.file.json()];
        preload.extend(connection.iter().map(|plugin| plugin.file.json()));
        Worker::start(cx.run(), &preload)?
    };
    let request = request(cx, plugin, &mut worker)?;
    worker.send(request.as_bytes()).await?;
    cx.worker = Some(worker);
    let answered = converse(cx).await;
    let answer = match answered {
        Ok(answer) => answer,
        // Whatever it was doing, it is not to be spoken to again.
        Err(trouble) => {
            cx.worker = None;
            return Err(trouble);
        }
    };
    if answer["op"] == "raised" {
        return raised(cx, &answer);
    }
    let Some(worker) = &cx.worker else { return Err(Trouble::message("the plugin's process is gone")) };
    let result = worker.desk.decode_map(&answer["value"]).map_err(|error| Trouble::message(error.to_string()))?;
    cx.keep_worker();
    Ok(finish(cx, result))
}

/// Answers what the plugin asks until it is done.
async fn converse(cx: &mut ActionCx<'_>) -> Result<Json, Trouble> {
    loop {
        let Some(mut worker) = cx.worker.take() else { return Err(Trouble::message("the plugin's process is gone")) };
        let message = worker.receive().await?;
        let message = worker.minor(cx, message).await?;
        cx.worker = Some(worker);
        let Some(message) = message else { continue };
        if matches!(message["op"].as_str(), Some("done" | "raised")) {
            return Ok(message);
        }
        let done = Box::pin(serve(cx, &message)).await;
        let Some(worker) = cx.worker.as_mut() else { return Err(Trouble::message("the plugin's process is gone")) };
        let answer = match done {
            Ok(value) => match worker.desk.encode(&value) {
                Ok(text) => format!("{{\"op\":\"answer\",\"value\":{text}}}"),
                Err(error) => failure(error.message(), "AnsibleError"),
            },
            Err(trouble) => {
                let kind = if trouble.unreachable { "AnsibleConnectionFailure" } else { "AnsibleError" };
                failure(&trouble.msg.clone().unwrap_or_else(|| trouble.text()), kind)
            }
        };
        worker.send(answer.as_bytes()).await?;
    }
}

fn failure(message: &str, kind: &str) -> String {
    json!({"op": "failed", "message": message, "kind": kind}).to_string()
}

/// What the plugin is told of its task and host.
fn request(cx: &mut ActionCx<'_>, plugin: &PythonPlugin, worker: &mut Worker) -> Result<String, Trouble> {
    let scope = worker.desk.scope(cx.scope.clone());
    let reached = worker.desk.scope(cx.connection_scope.clone());
    let connection = python_connection::fields(cx)?;
    let task = task(cx)?;
    let surroundings = cx.scope.surroundings();
    let places = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let head = json!({
        "op": "act",
        "file": plugin.file.file.display().to_string(),
        "plugin": plugin.file.json(),
        "scope": scope,
        "connection_scope": reached,
        "basedir": surroundings.basedir.display().to_string(),
        "search_path": places(&surroundings.search_path),
        "verbosity": cx.run().options().verbosity,
        "connection": connection,
    });
    let mut text = head.to_string();
    text.pop();
    let mut fields = task.to_string();
    fields.pop();
    let args = worker.desk.encode_map(&cx.args)?;
    text.push_str(&format!(",\"task\":{fields},\"args\":{args}}}}}"));
    Ok(text)
}

/// The keywords of the task.
fn task(cx: &ActionCx<'_>) -> Result<Json, Trouble> {
    let (task, settings) = (cx.task.task, cx.settings);
    let role = cx.task.step.role.as_ref().map(|role| {
        json!({
            "name": &*role.name,
            "path": role.path.display().to_string(),
            "collection": role.collection.as_deref(),
        })
    });
    let place = cx.run().place(task.span).map(|place| format!("{}:{}", place.file, place.line));
    let environment: serde_json::Map<String, Json> =
        settings.environment.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect();
    let name = task.name.as_ref().map_or_else(String::new, |name| {
        match cx.run().render(&Value::Text(name.clone()), cx.scope) {
            Ok(rplay_template::Rendered::Value(value)) => value.to_str().into_owned(),
            _ => name.to_string(),
        }
    });
    let environment = if environment.is_empty() { Vec::new() } else { vec![Json::Object(environment)] };
    Ok(json!({
        "action": task.action.name.as_str(),
        "resolved_action": &*cx.name,
        "name": name,
        "async_val": settings.async_seconds,
        "poll": settings.poll,
        "check_mode": settings.check,
        "diff": settings.diff,
        "no_log": settings.no_log,
        "environment": environment,
        "delegate_to": cx.delegated.map(|delegated| delegated.name.to_string()),
        "collections": cx.task.step.collections().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "role": role,
        "path": place,
        "become": settings.r#become,
        "become_user": settings.become_user,
        "become_method": settings.become_method,
        "connection": settings.connection,
        "remote_user": settings.remote_user,
        "timeout": settings.timeout,
        "register": cx.task.register(cx.scope)?,
        "uuid": cx.task.id.0.to_string(),
    }))
}

/// The settings under which the plugin wants something done: it may have changed its task's.
fn modes(settings: &Settings, message: &Json) -> Settings {
    let flag = |name: &str, own: bool| message[name].as_bool().unwrap_or(own);
    Settings {
        check: flag("check", settings.check),
        diff: flag("diff", settings.diff),
        no_log: flag("no_log", settings.no_log) || settings.no_log,
        ..settings.clone()
    }
}

async fn serve(cx: &mut ActionCx<'_>, message: &Json) -> Result<Value, Trouble> {
    let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
    match message["op"].as_str().unwrap_or_default() {
        "module" => module(cx, message).await,
        "action" => action(cx, message).await,
        "command" => command(cx, message).await,
        "put" => put(cx, &text("local"), &text("remote"), message["sudoable"].as_bool().unwrap_or(true)).await,
        "fetch" => fetch(cx, &text("remote"), &text("local"), message["sudoable"].as_bool().unwrap_or(true)).await,
        "reset" => {
            let spec = cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?;
            cx.run().pool().reset(&spec).await;
            cx.forget_link();
            Ok(Value::Null)
        }
        "secret" => secret(cx, &text("name")),
        "find" => Ok(find(cx, &text("kind"), &text("name"))),
        other => Err(Trouble::message(format!("the plugin asks for `{other}`"))),
    }
}

/// A mapping of a question.
fn map(cx: &ActionCx<'_>, message: &Json, field: &str) -> Result<Map, Trouble> {
    let Some(worker) = &cx.worker else { return Ok(Map::new()) };
    worker.desk.decode_map(&message[field]).map_err(|error| Trouble::message(error.to_string()))
}

async fn module(cx: &mut ActionCx<'_>, message: &Json) -> Result<Value, Trouble> {
    let written = message["name"].as_str().unwrap_or_default();
    let given = map(cx, message, "args")?;
    let mut args: Map =
        given.into_iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("_ansible_"))).collect();
    let mut name = if message["own"].as_bool() == Some(true) { cx.name.to_string() } else { module_name(cx, written)? };
    if args.remove("_uses_shell").is_some_and(|shell| shell.is_true()) && name.rsplit('.').next() == Some("command") {
        "ansible.builtin.shell".clone_into(&mut name);
    }
    let background = message["wrap_async"].as_bool() == Some(true) && cx.settings.async_seconds > 0;
    let (check, diff, no_log) = {
        let settings = modes(cx.settings, message);
        (settings.check, settings.diff, settings.no_log)
    };
    let mut call = normal::module(cx, &name, args)?;
    call.check = check;
    call.diff = diff;
    call.no_log = no_log;
    for (key, flag) in [("check_mode", check), ("diff", diff)] {
        let key = format!("_ansible_{key}");
        if call.args.contains(&key) {
            call.args.insert(key, flag);
        }
    }
    if background {
        cx.apart = true;
        cx.forget_link();
        let name = format!("j{:012}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000);
        let folder = crate::background::folder(cx)?;
        call.job = Some(Job { name, seconds: cx.settings.async_seconds.unsigned_abs(), folder });
    }
    let mut reply = cx.send(call).await?;
    crate::foreign::take_discovered(cx, &mut reply);
    let mut result = reply.into_result();
    if background {
        result.insert("changed", true);
    }
    Ok(Value::Map(result))
}

/// The module that a plugin means by a name: as a task, but short names first mean what the user has.
fn module_name(cx: &ActionCx<'_>, written: &str) -> Result<String, Trouble> {
    let resolver = cx.run().resolver();
    if written.contains('.') {
        let found = resolver.action(written, &[], None);
        let found = found.map_err(|error| Trouble::message(error.message))?;
        // The action plugin of that name is not what is to run.
        return Ok(found.map_or_else(|| written.to_owned(), |found| found.to_string()));
    }
    if resolver.library().outside(written).is_some() || rplay_modules::find(written).is_some() {
        return Ok(written.to_owned());
    }
    let collections = cx.task.step.collections();
    let found = resolver.action(written, collections, None).map_err(|error| Trouble::message(error.message))?;
    Ok(found.map_or_else(|| written.to_owned(), |found| found.to_string()))
}

async fn action(cx: &mut ActionCx<'_>, message: &Json) -> Result<Value, Trouble> {
    let written = message["name"].as_str().unwrap_or_default();
    let args = map(cx, message, "args")?;
    let mut scope: Scope = cx.scope.clone();
    for (name, value) in map(cx, message, "extra")?.texts() {
        scope = scope.with(name.as_str(), value.clone());
    }
    let settings = modes(cx.settings, message);
    let name = module_name(cx, written)?;
    let worker = cx.worker.take();
    let mut inner =
        ActionCx::new(cx.task, &scope, cx.connection_scope, &settings, cx.delegated, Arc::from(name.as_str()), args);
    inner.label.clone_from(&cx.label);
    inner.apart = cx.apart;
    let plugin = inner.connection_plugin()?;
    let (kept, shared) = if plugin.is_some() { (None, worker) } else { (worker, None) };
    inner.worker = shared;
    let action = find_action(&name).unwrap_or(&crate::actions::normal::ACTION);
    let done = action.run(&mut inner).await;
    let (warnings, deprecations) = (std::mem::take(&mut inner.warnings), std::mem::take(&mut inner.deprecations));
    let given_back = inner.worker.take().or(kept);
    drop(inner);
    cx.worker = given_back;
    cx.warnings.extend(warnings);
    cx.deprecations.extend(deprecations);
    match done {
        Ok(done) => Ok(Value::Map(done.result)),
        Err(trouble) if trouble.unreachable => Err(trouble),
        // As an action that was called: its failure is its result.
        Err(trouble) => {
            let mut result = Map::from_iter([("failed", Value::Bool(true)), ("changed", Value::Bool(false))]);
            result.insert("msg", trouble.msg.clone().unwrap_or_else(|| trouble.text()));
            result.extend(trouble.keys);
            Ok(Value::Map(result))
        }
    }
}

/// A call that is not the task's: it changes something even in check mode, and has no environment.
fn aside(cx: &ActionCx<'_>, module: &str, args: Map) -> Call {
    let mut call = cx.call(module, args);
    call.check = false;
    call.diff = false;
    call.environment.clear();
    call
}

/// Sends a call, as the user who is to do the work or as the one who connects.
async fn send(cx: &mut ActionCx<'_>, call: Call, sudoable: bool) -> Result<rplay_protocol::Reply, Trouble> {
    if sudoable || cx.connection_plugin()?.is_some() {
        return cx.send(call).await;
    }
    let spec = Spec { r#become: None, ..cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)? };
    let link: Arc<Link> = cx.run().pool().get(&spec).await?;
    Ok(link.start(call).await?)
}

async fn command(cx: &mut ActionCx<'_>, message: &Json) -> Result<Value, Trouble> {
    let mut args = Map::from_iter([
        ("_raw_params", Value::from(message["cmd"].as_str().unwrap_or_default())),
        ("strip_empty_ends", Value::Bool(false)),
        ("stdin_add_newline", Value::Bool(false)),
    ]);
    let stdin = cx.worker.as_ref().map(|worker| worker.desk.decode(&message["stdin"]));
    if let Some(Ok(value)) = stdin
        && !value.is_null()
    {
        args.insert("stdin", value);
    }
    if cx.connection_plugin()?.is_none()
        && cx.task.spec(cx.settings, cx.connection_scope, cx.delegated)?.kind == Kind::Local
    {
        args.insert("chdir", cx.scope.surroundings().basedir.display().to_string());
    }
    let call = aside(cx, "ansible.builtin.shell", args);
    let reply = send(cx, call, message["sudoable"].as_bool().unwrap_or(true)).await?;
    let data = reply.data;
    let said = |name: &str| data.get(name).map_or_else(String::new, |value| value.to_str().into_owned());
    let rc = data.get("rc").cloned().unwrap_or_else(|| Value::Int(if reply.failed { 127 } else { 0 }));
    let stderr = if data.contains("stderr") { said("stderr") } else { said("msg") };
    Ok(Value::Map(Map::from_iter([("rc", rc), ("stdout", said("stdout").into()), ("stderr", stderr.into())])))
}

async fn put(cx: &mut ActionCx<'_>, local: &str, remote: &str, sudoable: bool) -> Result<Value, Trouble> {
    let content = fs_err::read(local).map_err(|error| Trouble::message(error.to_string()))?;
    let mut call = aside(cx, "ansible.builtin.copy", Map::from_iter([("dest", remote)]));
    call.attachments.push(Attachment { name: "src".to_owned(), length: content.len() as u64, content });
    let reply = send(cx, call, sudoable).await?;
    if reply.failed {
        let why = reply.data.get("msg").map_or_else(String::new, |msg| msg.to_str().into_owned());
        return Err(Trouble::message(format!("failed to transfer file to {remote}: {why}")));
    }
    Ok(Value::Null)
}

async fn fetch(cx: &mut ActionCx<'_>, remote: &str, local: &str, sudoable: bool) -> Result<Value, Trouble> {
    let call = aside(cx, "ansible.builtin.slurp", Map::from_iter([("src", remote)]));
    let reply = send(cx, call, sudoable).await?;
    let text = reply.data.get("content").filter(|_| !reply.failed).map(|content| content.to_str().into_owned());
    let content = text.and_then(|text| STANDARD.decode(text).ok());
    let Some(content) = content else {
        let why = reply.data.get("msg").map_or_else(String::new, |msg| msg.to_str().into_owned());
        return Err(Trouble::message(format!("failed to fetch file {remote}: {why}")));
    };
    fs_err::write(local, content).map_err(|error| Trouble::message(error.to_string()))?;
    Ok(Value::Null)
}

/// A password, for a plugin that reads it.
fn secret(cx: &ActionCx<'_>, name: &str) -> Result<Value, Trouble> {
    let spec = cx.task.plugin_spec(cx.settings, cx.connection_scope, cx.delegated)?;
    let found = match name {
        "password" => spec.password.as_ref(),
        _ => spec.r#become.as_ref().and_then(|r#as| r#as.password.as_ref()),
    };
    Ok(found.map_or(Value::Null, |secret| Value::from(secret.reveal())))
}

/// Where a name leads: the file of a plugin in Python, or the name of what is rplay's own.
fn find(cx: &ActionCx<'_>, kind: &str, name: &str) -> Value {
    let resolver = cx.run().resolver();
    let place = |plugin: &PythonPlugin| {
        Map::from_iter([
            ("name", Value::from(plugin.file.name.as_str())),
            ("file", Value::from(plugin.file.file.display().to_string())),
            ("collection", Value::from(plugin.file.collection.clone())),
        ])
    };
    let own = |name: &str| Value::Map(Map::from_iter([("name", name)]));
    match kind {
        "action" => {
            // The task's own plugin, called again by its short name, is the one it hides.
            if let Some(plugin) = resolver
                .python_action(name)
                .filter(|plugin| cx.run().resolver().python_action(&cx.name).is_none_or(|own| own.file != plugin.file))
            {
                return Value::Map(place(&plugin));
            }
            let short = name.strip_prefix("ansible.legacy.").or_else(|| name.strip_prefix("ansible.builtin."));
            find_action(name).map_or(Value::Null, |_| own(short.unwrap_or(name)))
        }
        "connection" => resolver.python_connection(name).map_or(Value::Null, |plugin| Value::Map(place(&plugin))),
        _ => {
            let short = name.strip_prefix("ansible.legacy.").unwrap_or(name);
            let found = resolver.library().outside(short).or_else(|| resolver.library().inside(name));
            match (found, rplay_modules::find(name)) {
                (Some(_), _) | (None, Some(_)) => own(name),
                (None, None) => Value::Null,
            }
        }
    }
}

/// An exception of the plugin as the task's end.
fn raised(cx: &mut ActionCx<'_>, answer: &Json) -> Result<Done, Trouble> {
    let message = answer["message"].as_str().unwrap_or_default().to_owned();
    tracing::debug!(target: "rplay_python", "{}", answer["trace"].as_str().unwrap_or_default());
    let is = |name: &str| answer["kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == name));
    let keys = match (&cx.worker, answer.get("result")) {
        (Some(worker), Some(result)) => worker.desk.decode_map(result).unwrap_or_default(),
        _ => Map::new(),
    };
    cx.worker = None;
    if is("AnsibleActionSkip") {
        let done = Done::changed(false).with("skipped", true).with("msg", message);
        return Ok(keys.into_iter().fold(done, |done, (key, value)| done.with(&key.to_str(), value)));
    }
    let mut trouble = Trouble::message(if message.is_empty() {
        format!("Unexpected {} error.", answer["type"].as_str().unwrap_or("Exception"))
    } else if is("AnsibleActionFail") {
        format!("Action failed: {message}")
    } else {
        message.clone()
    });
    trouble.unreachable = is("AnsibleConnectionFailure");
    if is("AnsibleActionFail") || trouble.unreachable {
        trouble.msg = Some(message);
    }
    if let Some(missing) = answer["missing"].as_str() {
        trouble = trouble.help(format!(
            "install the Python module `{missing}` where plugins run, or name a Python that has it in RPLAY_PYTHON"
        ));
    }
    Err(trouble.with(keys))
}

/// Takes out of a result what is not for the user.
fn finish(cx: &mut ActionCx<'_>, given: Map) -> Done {
    let (mut hints, mut result) = (HashMap::new(), Map::new());
    for (key, value) in given {
        match key.as_str().and_then(|key| key.strip_prefix("_ansible_")) {
            Some(hint) => _ = hints.insert(hint.to_owned(), value),
            None => _ = result.insert(key, value),
        }
    }
    let hint = |name: &str| hints.get(name).is_some_and(Value::is_true);
    notices(cx, &mut result);
    let mut done = Done {
        verbose_always: hint("verbose_always"),
        verbose_override: hint("verbose_override"),
        secret: hint("no_log"),
        of_module: true,
        ..Done::default()
    };
    if let Some(Value::Map(host)) = result.get("add_host")
        && let Some(name) = host.get("host_name").or_else(|| host.get("name"))
    {
        let groups = match host.get("groups") {
            Some(Value::List(list)) => list.iter().map(|group| group.to_str().into_owned()).collect(),
            _ => Vec::new(),
        };
        let vars = host.get("host_vars").and_then(Value::as_map).cloned().unwrap_or_default();
        done.effects.push(Effect::AddHost { name: name.to_str().into_owned(), groups, vars });
    }
    if let Some(name) = result.get("add_group").filter(|name| !name.is_null()) {
        let parents = match result.get("parent_groups") {
            Some(Value::List(list)) => list.iter().map(|group| group.to_str().into_owned()).collect(),
            _ => vec!["all".to_owned()],
        };
        done.effects.push(Effect::AddGroup { name: name.to_str().into_owned(), parents });
    }
    if let Some(Value::Map(stats)) = result.get("ansible_stats")
        && let Some(Value::Map(data)) = stats.get("data")
    {
        let flag = |name: &str, default| stats.get(name).map_or(default, Value::is_true);
        let (per_host, aggregate) = (flag("per_host", false), flag("aggregate", true));
        done.effects.push(Effect::Stats { data: data.clone(), per_host, aggregate });
    }
    done.result = result;
    done
}

/// Warnings and deprecations of a result.
fn notices(cx: &mut ActionCx<'_>, result: &mut Map) {
    let entries = |value: Option<Value>| match value {
        Some(Value::List(list)) => list,
        Some(Value::Null) | None => List::new(),
        Some(other) => List::from(vec![other]),
    };
    let notice = |entry: &Value| match entry {
        Value::Map(map) => Notice {
            version: map
                .get("version")
                .filter(|version| !version.is_null())
                .map(|version| version.to_str().into_owned()),
            ..Notice::new(map.get("msg").map_or_else(String::new, |msg| msg.to_str().into_owned()))
        },
        other => Notice::new(other.to_str().into_owned()),
    };
    let warnings = entries(result.remove("warnings"));
    cx.warnings.extend(warnings.iter().map(notice));
    let deprecations = entries(result.remove("deprecations"));
    cx.deprecations.extend(deprecations.iter().map(notice));
}
