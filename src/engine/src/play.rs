//! A play before its first batch: its keywords rendered, its questions asked, its files of variables read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::Span;
use rplay_event::{EventKind, Notice, PlayId, PlayInfo};
use rplay_playbook::{Play, PromptVar};
use rplay_template::{Rendered, Scope};
use rplay_value::{Map, Text, Value};
use rplay_vault::crypt::{CryptOptions, Scheme, hash};

use crate::error::EngineError;
use crate::fields::Keyword;
use crate::plan::{dependencies, imported_roles};
use crate::prompt::Question;
use crate::run::Run;
use crate::strategy::Strategy;
use crate::trouble::Trouble;
use crate::vars::{PlayRole, PlayScope, VarsFile, View, reserved};

/// A play that is ready for its batches.
pub(crate) struct Prepared {
    pub(crate) name: String,
    pub(crate) patterns: Vec<String>,
    pub(crate) order: Option<String>,
    /// The strategy as written.
    pub(crate) strategy: String,
    pub(crate) pace: Strategy,
    /// What the play sees without any host.
    pub(crate) scope: Scope,
    vars: Map,
    files: Vec<VarsFile>,
    roles: Vec<PlayRole>,
}

/// Renders what a play needs before any of its hosts.
pub(crate) fn prepare(run: &Run, play: &Arc<Play>) -> Result<Prepared, EngineError> {
    let mut vars = play.common.vars.clone();
    let scope = play_scope(run, play, &vars, Vec::new(), &[])?;
    for prompt in &play.vars_prompt {
        if !run.options().extra_vars.contains(&prompt.name) {
            let answer = match run.kept_answer(prompt) {
                Some(answer) => answer,
                None => ask(run, prompt, &scope)?,
            };
            run.keep_answer(prompt, &answer);
            vars.insert(prompt.name.as_str(), answer);
        }
    }
    let mut roles = Vec::new();
    for role in &play.roles {
        roles.push(PlayRole { role: Arc::clone(&role.role), dependencies: dependencies(role) });
    }
    let mut imported = Vec::new();
    for role in &play.roles {
        imported_roles(&role.tasks, &mut imported);
    }
    for section in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
        imported_roles(section, &mut imported);
    }
    roles.extend(
        imported.iter().map(|role| PlayRole { role: Arc::clone(&role.role), dependencies: dependencies(role) }),
    );
    let scope = play_scope(run, play, &vars, Vec::new(), &roles)?;
    let files = read_files(run, play, &scope)?;
    let scope = play_scope(run, play, &vars, files.clone(), &roles)?;
    let text = |what: &str, text: &Text| -> Result<Value, EngineError> {
        let rendered = run.engine().render(&Value::Text(text.clone()), &scope);
        let rendered =
            rendered.map_err(|source| EngineError::Template { context: format!("in the play's `{what}`"), source })?;
        Ok(rendered.value().unwrap_or_default())
    };
    let mut patterns = Vec::new();
    for pattern in &play.hosts {
        match text("hosts", pattern)? {
            Value::List(list) => patterns.extend(list.iter().map(|item| item.to_str().into_owned())),
            Value::Null => {}
            other => patterns.push(other.to_str().into_owned()),
        }
    }
    let name = match play.name.as_ref().filter(|name| !name.is_empty()) {
        Some(name) => text("name", name)?.to_str().into_owned(),
        None => patterns.join(","),
    };
    let keyword = |what: &str, field: Option<&rplay_playbook::Field<Text>>| -> Result<Option<String>, EngineError> {
        let field = field
            .map(|field| run.field::<Text>(what, field, &scope).map_err(|trouble| keyword_error(trouble, field.span)));
        Ok(field.transpose()?.flatten().map(|text| text.to_string()))
    };
    let strategy = keyword("strategy", play.strategy.as_ref())?.unwrap_or_else(|| run.options().strategy.clone());
    let pace = match Strategy::of(&strategy, play) {
        Err(error) => crate::strategy::of_plugin(run, &strategy)?.ok_or(error)?,
        Ok(pace) => pace,
    };
    let order = keyword("order", play.order.as_ref())?;
    Ok(Prepared { name, patterns, order, strategy, pace, scope, vars, files, roles })
}

pub(crate) fn keyword_error(trouble: Trouble, span: Option<Span>) -> EngineError {
    let help = trouble.chain.last().and_then(|link| link.help.clone());
    let at = trouble.chain.last().and_then(|link| link.span).or(span);
    EngineError::Keyword { message: trouble.text(), span: at, hint: help }
}

fn play_scope(
    run: &Run,
    play: &Arc<Play>,
    vars: &Map,
    files: Vec<VarsFile>,
    roles: &[PlayRole],
) -> Result<Scope, EngineError> {
    let scope = PlayScope::new(play.title(), vars.clone(), files, Vec::new(), Vec::new());
    scope.publish(roles);
    let view = run.view(None, Some(&Arc::new(scope)), None).map_err(|trouble| keyword_error(trouble, play.span))?;
    Ok(view.into_scope())
}

fn ask(run: &Run, prompt: &PromptVar, scope: &Scope) -> Result<Value, EngineError> {
    let render = |value: &Value| -> Result<Value, EngineError> {
        let rendered = run.engine().render(value, scope);
        let rendered = rendered
            .map_err(|source| EngineError::Template { context: format!("in vars_prompt `{}`", prompt.name), source })?;
        Ok(rendered.value().unwrap_or_default())
    };
    let text = match &prompt.prompt {
        Some(text) => render(&Value::Text(text.clone()))?.to_str().into_owned(),
        None => prompt.name.to_string(),
    };
    let default = prompt.default.as_ref().map(&render).transpose()?.filter(|value| !value.is_null());
    let shown = match &default {
        Some(default) => format!("{text} [{}]: ", default.to_str()),
        None => format!("{text}: "),
    };
    run.emit(rplay_event::EventKind::VariableAsked {
        name: prompt.name.to_string(),
        private: prompt.private,
        prompt: Some(text.clone()),
        default: default.clone(),
    });
    let put = |text: String| -> Result<String, EngineError> {
        run.flush_events();
        let question = Question { text, private: prompt.private };
        run.options()
            .prompter
            .ask(&question)
            .map_err(|source| EngineError::Prompt { name: prompt.name.to_string(), source })
    };
    loop {
        let answer = match put(shown.clone()) {
            // As Ansible without a terminal; an unanswered question without a default stays an error.
            Err(EngineError::Prompt { source, .. }) if source.kind() == ErrorKind::Unsupported && default.is_some() => {
                run.warn(Notice::new("Not prompting as we are not in interactive mode"));
                String::new()
            }
            answer => answer?,
        };
        if prompt.confirm && !answer.is_empty() && put(format!("confirm {shown}"))? != answer {
            run.emit(EventKind::Prompted { text: "***** VALUES ENTERED DO NOT MATCH ****".to_owned() });
            continue;
        }
        let answer = match default {
            Some(default) if answer.is_empty() => default,
            _ if prompt.r#unsafe => Value::data(answer),
            _ => Value::Text(Text::trusted(answer)),
        };
        return match &prompt.encrypt {
            Some(scheme) => encrypted(prompt, scheme, &answer),
            None => Ok(answer),
        };
    }
}

/// The answer as a crypt(3) hash.
fn encrypted(prompt: &PromptVar, scheme: &str, answer: &Value) -> Result<Value, EngineError> {
    let options = CryptOptions {
        salt: prompt.salt.as_ref().map(Text::as_str),
        salt_size: prompt.salt_size.and_then(|size| usize::try_from(size).ok()),
        ..CryptOptions::default()
    };
    let hashed = Scheme::by_name(scheme).and_then(|scheme| hash(&answer.to_str(), scheme, options));
    hashed.map(Value::data).map_err(|error| EngineError::Keyword {
        message: format!("vars_prompt `{}`: {error}", prompt.name),
        span: prompt.encrypt.as_ref().and_then(Text::origin).or(prompt.span),
        hint: Some("the schemes are sha512_crypt, sha256_crypt, bcrypt and md5_crypt".to_owned()),
    })
}

/// Reads what can be read without a host.
fn read_files(run: &Run, play: &Play, scope: &Scope) -> Result<Vec<VarsFile>, EngineError> {
    let mut out = Vec::new();
    for entry in &play.vars_files {
        let candidates: Vec<Value> = entry.as_list().map_or_else(|| vec![entry.clone()], |list| list.to_vec());
        if candidates.iter().any(Value::holds_template)
            && candidates.iter().any(|value| run.engine().render(value, scope).is_err())
        {
            out.push(VarsFile::PerHost { candidates, without: None });
            continue;
        }
        match first_file(run, &candidates, scope) {
            // A host's variables may lead to another file, or to one where there is none now.
            Ok(without) if candidates.iter().any(Value::holds_template) => {
                out.push(VarsFile::PerHost { candidates, without });
            }
            Ok(Some(vars)) => out.push(VarsFile::Read(vars)),
            Ok(None) => {
                let names: Vec<String> = candidates.iter().map(|value| value.to_str().into_owned()).collect();
                let span = candidates.first().and_then(Value::origin).or(play.span);
                return Err(EngineError::Vars {
                    message: format!("Could not find or access '{}' on the Ansible Controller.", names.join("', '")),
                    path: PathBuf::from(names.first().cloned().unwrap_or_default()),
                    span,
                });
            }
            Err(trouble) => {
                return Err(keyword_error(trouble, candidates.first().and_then(Value::origin).or(play.span)));
            }
        }
    }
    Ok(out)
}

/// The first of the candidates that exists.
fn first_file(run: &Run, candidates: &[Value], scope: &Scope) -> Result<Option<Map>, Trouble> {
    for candidate in candidates {
        let Rendered::Value(name) = run.render(candidate, scope)? else { continue };
        let Some(path) = scope.find_file("vars", &name.to_str()) else { continue };
        return run.vars_file(&path, candidate.origin()).map(Some);
    }
    Ok(None)
}

/// The variables of a file: a mapping, or nothing.
pub(crate) fn load_vars(run: &Run, path: &Path, span: Option<Span>) -> Result<Map, Trouble> {
    let value = run.load_yaml(path, span)?;
    match value {
        Value::Null => Ok(Map::new()),
        Value::Map(map) => Ok(map),
        Value::List(list) => {
            let mut all = Map::new();
            for item in &list {
                match item {
                    Value::Map(map) => all.extend(map.clone()),
                    other => return Err(not_vars(path, other)),
                }
            }
            Ok(all)
        }
        other => Err(not_vars(path, &other)),
    }
}

fn not_vars(path: &Path, value: &Value) -> Trouble {
    Trouble::message(format!("Invalid variable file contents: {} holds a '{}'.", path.display(), value.type_name()))
        .at(value.origin())
        .help("Variable files must contain either a dictionary of variables, or a list of dictionaries.")
}

/// Adds the play's files of variables to a view, strongest first.
pub(crate) fn add_files(run: &Run, play: &Arc<PlayScope>, view: &mut View) -> Result<(), Trouble> {
    if play.files.is_empty() {
        return Ok(());
    }
    let mut files = Vec::with_capacity(play.files.len());
    for file in &play.files {
        match file {
            VarsFile::Read(vars) => files.push(vars.clone()),
            VarsFile::PerHost { candidates, without } => {
                if view.host.is_none() {
                    files.extend(without.clone());
                    continue;
                }
                let mut so_far = view.clone();
                so_far.files = files.iter().rev().cloned().collect();
                match first_file(run, candidates, &so_far.into_scope()) {
                    Ok(vars) => files.extend(vars),
                    Err(trouble) if trouble.undefined => {
                        let span = candidates.first().and_then(Value::origin);
                        run.warn_at(
                            rplay_event::Notice::new("skipping vars_files item due to an undefined variable"),
                            span,
                        );
                    }
                    Err(trouble) => return Err(trouble),
                }
            }
        }
    }
    files.reverse();
    view.files = files;
    Ok(())
}

impl Prepared {
    /// Tells outputs that a batch begins.
    pub(crate) fn start(&mut self, run: &Run, play: &Play, batch: &[Arc<str>]) -> PlayId {
        let id = run.next_play();
        if let Some(journal) = run.journal() {
            journal.play(id.0, &self.name, batch.len());
        }
        let files = self.files.iter().filter_map(|file| match file {
            VarsFile::Read(vars) => Some(vars),
            VarsFile::PerHost { .. } => None,
        });
        for vars in [&run.options().extra_vars, &self.vars].into_iter().chain(files) {
            reserved::among(vars).for_each(|name| run.warn_reserved(name));
        }
        let check = play
            .common
            .check_mode
            .as_ref()
            .and_then(|field| run.field::<bool>("check_mode", field, &self.scope).ok().flatten());
        run.emit(EventKind::PlayStarted(Arc::new(PlayInfo {
            id,
            name: self.name.clone(),
            pattern: self.patterns.join(","),
            hosts: batch.iter().map(ToString::to_string).collect(),
            place: run.place(play.span),
            strategy: self.strategy.clone(),
            check: check.unwrap_or(run.options().check),
        })));
        id
    }

    /// What the steps of a batch share.
    pub(crate) fn share(&self, _play: &Arc<Play>, all: &[Arc<str>], batch: &[Arc<str>]) -> Arc<PlayScope> {
        let mut scope =
            PlayScope::new(self.name.clone(), self.vars.clone(), self.files.clone(), all.to_vec(), batch.to_vec());
        scope.patterns.clone_from(&self.patterns);
        scope.publish(&self.roles);
        Arc::new(scope)
    }
}

/// The words of a list of texts that may be templates, split at commas (tags).
pub(crate) fn words(run: &Run, texts: &[&Text], scope: &Scope) -> Result<Vec<String>, Trouble> {
    let mut out = Vec::new();
    for text in texts {
        let value = if text.is_template() {
            run.render(&Value::Text((*text).clone()), scope)?.value().unwrap_or_default()
        } else {
            Value::Text((*text).clone())
        };
        let list = Vec::<Text>::convert(&value).unwrap_or_default();
        out.extend(
            list.iter()
                .flat_map(|text| text.split(','))
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty()),
        );
    }
    Ok(out)
}
