//! Playbooks and plays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::{Diagnostic, Span};
use rplay_value::{Map, Text, Value, Verdict, Version};
use rplay_yaml::Node;

use super::fields::{
    bool_field, check_variable_name, common_keyword, conditions, float_field, int_field, maybe_text, plain_text, tags,
    text_field, texts, unknown, vars, wrong_type,
};
use super::import::include_params;
use super::loader::{Context, Loader};
use crate::keyword::{self, Kind, Place};
use crate::{Common, Condition, Field, Item, Play, Playbook, PlaybookError, PromptVar};

type Result<T> = std::result::Result<T, PlaybookError>;

/// What `import_playbook` gives to every play it brings.
#[derive(Clone, Default)]
struct Given {
    vars: Map,
    tags: Vec<Text>,
    when: Vec<Condition>,
}

impl Loader<'_> {
    /// A playbook with everything it imports.
    pub fn playbook(&self, path: &Path) -> Result<Playbook> {
        let mut plays = Vec::new();
        self.plays(path, None, &Given::default(), &mut Vec::new(), &mut plays)?;
        Ok(Playbook { path: path.to_owned(), plays })
    }

    fn plays(
        &self,
        path: &Path,
        named: Option<Span>,
        given: &Given,
        chain: &mut Vec<(PathBuf, Option<Span>)>,
        out: &mut Vec<Arc<Play>>,
    ) -> Result<()> {
        let same = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if chain.iter().any(|(seen, _)| *seen == same) {
            let mut chain: Vec<_> = chain.iter().map(|(p, s)| (p.display().to_string(), *s)).collect();
            chain.push((path.display().to_string(), named));
            return Err(PlaybookError::Cycle { what: path.display().to_string(), chain });
        }
        if let Some(folder) = same.parent() {
            self.resolve.entered(folder);
            if self.settings.collections.of_path(&same).is_none() {
                self.settings.collections.add_playbook(folder);
            }
        }
        chain.push((same, named));
        let document = self.document(path, named)?;
        let Some(entries) = document.as_sequence() else {
            if document.is_null() {
                return Err(Diagnostic::error(format!("Empty playbook, nothing to do: {}", path.display())).into());
            }
            let message = format!(
                "A playbook must be a list of plays, got a {} instead: {}",
                document.kind_name(),
                path.display()
            );
            let error = Diagnostic::error(message).at(document.span().at_start(), "");
            let single = document.get("hosts").is_some();
            return Err(error
                .hint_maybe(single.then(|| "put `- ` before the first keyword of the play".to_owned()))
                .into());
        };
        if entries.is_empty() {
            let message = format!("A playbook must contain at least one play: {}", path.display());
            return Err(Diagnostic::error(message).into());
        }
        for entry in entries {
            if entry.as_mapping().is_none() {
                let message = "playbook entries must be either valid plays or 'import_playbook' statements";
                return Err(Diagnostic::error(message)
                    .at(entry.span(), format!("a {} here", entry.kind_name()))
                    .into());
            }
            let statements =
                ["import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"];
            if statements.iter().any(|name| entry.get(name).is_some()) {
                self.import_playbook(path, entry, given, chain, out)?;
            } else {
                out.push(Arc::new(self.play(path, entry, given)?));
            }
        }
        chain.pop();
        Ok(())
    }

    fn import_playbook(
        &self,
        path: &Path,
        entry: &Node,
        given: &Given,
        chain: &mut Vec<(PathBuf, Option<Span>)>,
        out: &mut Vec<Arc<Play>>,
    ) -> Result<()> {
        let mut file: Option<(Text, Span)> = None;
        let mut mine = Given::default();
        let mut ignored = Common::default();
        let old = entry.get("include").is_some();
        for (key, value) in entry.as_mapping().unwrap_or_default() {
            let name = key.as_str().unwrap_or_default();
            let short =
                name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name);
            match short {
                "import_playbook" | "include" => {
                    if file.is_some() {
                        let error = Diagnostic::error("Found conflicting import_playbook actions");
                        return Err(error.at(key.span(), "second one").into());
                    }
                    let text = plain_text(value).ok_or_else(|| wrong_type(short, Kind::Text, value))?;
                    file = Some((text, value.span()));
                    if let Some(keyword) = keyword::find(short, Place::ImportPlaybook) {
                        self.check_release(keyword, key, value, Place::ImportPlaybook)?;
                    }
                }
                "vars" => mine.vars.extend(vars(value, Place::ImportPlaybook)?),
                "tags" => mine.tags = tags(value)?,
                "when" => mine.when = conditions("when", value)?,
                "name" => {}
                other => {
                    let keyword = keyword::find(other, Place::ImportPlaybook);
                    if let Some(keyword) = keyword {
                        self.check_release(keyword, key, value, Place::ImportPlaybook)?;
                    }
                    let known = keyword.is_some() && common_keyword(&mut ignored, other, value, Place::ImportPlaybook)?;
                    if known {
                        let message = format!("`{other}` has no effect on import_playbook");
                        let hint = "Ansible ignores it too; write it on the imported plays";
                        self.warn(Diagnostic::warning(message).at(key.span(), "").hint(hint));
                    }
                    if !known && old {
                        // Ansible 1: further keys of an include are variables.
                        check_variable_name(other, key.span())?;
                        mine.vars.insert(key.to_value(), value.to_value());
                    } else if !known {
                        return Err(unknown(key, Place::ImportPlaybook));
                    }
                }
            }
        }
        let Some((file, span)) = file else { return Ok(()) };
        // Until 2.18 an import took `key=value` variables after its file, as `include` did.
        let takes = self.settings.compat.removed_in(Version::new(2, 19));
        let given_more = !old && file.contains(' ') && file.contains('=') && takes != Verdict::Refused;
        if given_more && takes == Verdict::Deprecated {
            let message = "Additional parameters in import_playbook statements were removed in ansible-core 2.19";
            self.deprecated(message, Some(span), "write them as `vars` of the import");
        }
        let file = include_params(&file, span, old || given_more, &mut mine.vars)?;
        if let Some(given_tags) = mine.vars.get("tags").cloned().filter(|_| given_more) {
            mine.vars.remove("tags");
            mine.tags.extend(given_tags.to_str().split(',').map(|tag| Text::data(tag.trim())));
        }
        let context = Context { vars: vec![mine.vars.clone(), given.vars.clone()], ..Context::default() };
        let name = self.render_text(&file, &context, &[]).map_err(|error| {
            error.context(Some(span), "in this import").hint(
                "a static import cannot use facts or inventory variables in its name; define the variable in vars or with -e",
            )
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let target = match self.settings.collections.playbook(&name) {
            Some(found) => found.path,
            None => folder.join(&name),
        };
        if !target.exists() {
            let searched = Vec::new();
            return Err(PlaybookError::NoFile {
                statement: "import_playbook",
                path: target,
                searched,
                span: Some(span),
            });
        }
        // The outermost import's variables win.
        let mut inner = mine;
        inner.vars.extend(given.vars.clone());
        inner.tags.extend(given.tags.iter().cloned());
        inner.when = given.when.iter().cloned().chain(inner.when).collect();
        self.plays(&target, Some(span), &inner, chain, out)
    }

    fn play(&self, path: &Path, node: &Node, given: &Given) -> Result<Play> {
        let mut play = Play::empty(path.to_owned(), Some(node.span()));
        let mut common = Common::default();
        let entries = node.as_mapping().unwrap_or_default();
        for (key, value) in entries {
            let Some(keyword) = key.as_str().and_then(|name| keyword::find(name, Place::Play)) else {
                return Err(self.unknown_in_play(key));
            };
            self.check_release(keyword, key, value, Place::Play)?;
            match keyword.name {
                "name" => play.name = maybe_text("name", value)?,
                "hosts" => play.hosts = hosts(value)?,
                "gather_facts" => play.gather_facts = bool_field(keyword.name, value)?,
                "gather_subset" => {
                    play.gather_subset = Some(Field::at(Some(value.span()), texts(keyword.name, value)?));
                }
                "gather_timeout" => play.gather_timeout = int_field(keyword.name, value)?,
                "fact_path" => play.fact_path = text_field(keyword.name, value)?,
                "vars_files" => play.vars_files = list_of_values(value),
                "vars_prompt" => play.vars_prompt = prompts(value)?,
                "serial" => play.serial = list_of_values(value),
                "strategy" => play.strategy = text_field(keyword.name, value)?,
                "max_fail_percentage" => play.max_fail_percentage = float_field(keyword.name, Kind::Percent, value)?,
                "force_handlers" => play.force_handlers = bool_field(keyword.name, value)?,
                "order" => play.order = text_field(keyword.name, value)?,
                "tasks" | "pre_tasks" | "post_tasks" | "handlers" | "roles" => {}
                name => {
                    common_keyword(&mut common, name, value, Place::Play)?;
                }
            }
        }
        if node.get("user").is_some() && node.get("remote_user").is_some() {
            let error = Diagnostic::error("both 'user' and 'remote_user' are set for this play");
            return Err(error.at(node.span().at_start(), "").hint("remove `user`").into());
        }
        if play.hosts.is_empty() {
            let error = match node.get_entry("hosts") {
                Some((key, _)) => {
                    Diagnostic::error("Hosts list cannot be empty. Please check your playbook").at(key.span(), "")
                }
                None => Diagnostic::error("the field 'hosts' is required but was not set")
                    .at(first_key(node), "in this play"),
            };
            let looks_like_task = entries
                .iter()
                .any(|(key, _)| key.as_str().is_some_and(|name| keyword::find(name, Place::Play).is_none()));
            let hint =
                looks_like_task.then(|| "this looks like a task: tasks stand in the `tasks` of a play".to_owned());
            return Err(error.hint_maybe(hint).into());
        }
        let mut inherited = given.vars.clone();
        // The import's own variables are stronger than those written in the play.
        let written = std::mem::take(&mut common.vars);
        let mut all = written;
        all.extend(std::mem::take(&mut inherited));
        common.vars = all;
        common.tags.extend(given.tags.iter().cloned());
        common.when.clone_from(&given.when);
        let default_collection = self.settings.collections.of_path(path).map(Text::data);
        if let Some(default) = &default_collection {
            let searched = common.collections.get_or_insert_default();
            if !searched.contains(default) {
                searched.insert(0, default.clone());
            }
        }
        let collections = self.searched(common.collections.as_mut());
        play.common = Arc::new(common);
        let playbook_dir = std::path::absolute(path)
            .ok()
            .and_then(|p| p.parent().map(Path::to_owned))
            .unwrap_or_else(|| PathBuf::from("."));
        let magic = [("playbook_dir", Value::data(playbook_dir.display().to_string()))].into_iter().collect();
        let vars = vec![magic, play.common.vars.clone()];
        let mut context = Context { playbook_dir, collections, default_collection, vars, ..Context::default() };
        self.static_vars_files(&play.vars_files, &mut context);
        if let Some(roles) = node.get("roles").filter(|node| !node.is_null()) {
            let uses = roles.as_sequence().ok_or_else(|| wrong_type("roles", Kind::Roles, roles))?;
            for item in uses {
                let role = self.role_entry(item, &context)?;
                context.vars.insert(0, role.role.defaults.clone());
                context.vars.push(role.role.vars.clone());
                play.roles.push(role);
            }
        }
        let mut brought = Vec::new();
        let section = |name: &str, handlers: bool, brought: &mut Vec<Item>| match node.get(name) {
            Some(value) => {
                let inner = Context { handlers, ..context.clone() };
                self.task_list(name, value, &inner, brought)
            }
            None => Ok(Vec::new()),
        };
        play.handlers = section("handlers", true, &mut brought)?;
        play.pre_tasks = section("pre_tasks", false, &mut brought)?;
        play.tasks = section("tasks", false, &mut brought)?;
        play.post_tasks = section("post_tasks", false, &mut brought)?;
        play.handlers.extend(brought);
        Ok(play)
    }

    /// The collections of a `collections` keyword as they are searched: Ansible's own modules are always there.
    pub(crate) fn searched(&self, keyword: Option<&mut Vec<Text>>) -> Vec<Text> {
        let Some(list) = keyword else { return Vec::new() };
        let core = |name: &Text| matches!(name.as_str(), "ansible.builtin" | "ansible.legacy");
        if !list.is_empty() && !list.iter().any(core) {
            list.push(Text::data("ansible.legacy"));
        }
        for name in list.iter().filter(|name| name.is_template()) {
            let message = format!(
                "\"collections\" is not templatable, but we found: {name}, it will not be templated and will be used \"as is\"."
            );
            self.warn(Diagnostic::warning(message).at_maybe(name.origin(), ""));
        }
        list.clone()
    }

    /// The variables of those `vars_files` that can be found before any host is known; names of static imports may
    /// use them.
    fn static_vars_files(&self, files: &[Value], context: &mut Context) {
        for file in files {
            let candidates: Vec<&Text> = match file {
                Value::Text(text) => vec![text],
                Value::List(list) => list.iter().filter_map(Value::as_text).collect(),
                _ => Vec::new(),
            };
            let found = candidates.into_iter().find_map(|text| {
                let name = self.render_text(text, context, &[]).ok()?;
                let tries = [context.playbook_dir.join("vars").join(&name), context.playbook_dir.join(&name)];
                tries.into_iter().find(|path| path.is_file())
            });
            // A file that is wrong is reported when the play reads it for its hosts.
            if let Some(document) = found.and_then(|path| self.document(&path, None).ok())
                && let Value::Map(map) = document.to_value()
            {
                context.vars.push(map);
            }
        }
    }

    fn unknown_in_play(&self, key: &Node) -> PlaybookError {
        let PlaybookError::Invalid(mut error) = unknown(key, Place::Play) else { return unknown(key, Place::Play) };
        let name = key.as_str().unwrap_or_default();
        if error.hints.is_empty() && !matches!(self.resolve.action(name, &[], None), Ok(None)) {
            error.hints.push(format!("`{name}` is a module: tasks stand in the `tasks` of a play"));
        }
        PlaybookError::Invalid(error)
    }
}

fn first_key(node: &Node) -> Span {
    node.as_mapping().and_then(<[_]>::first).map_or(node.span(), |(key, _)| key.span())
}

fn hosts(value: &Node) -> Result<Vec<Text>> {
    let message = |text: &str| Diagnostic::error(text.to_owned()).at(value.span(), "");
    let Some(items) = value.as_sequence() else {
        if value.is_null() {
            return Ok(Vec::new());
        }
        let text = value.to_value();
        return match text {
            Value::Text(text) if text.trim().is_empty() => Ok(Vec::new()),
            Value::Text(text) => Ok(vec![text]),
            _ => Err(message("Hosts list must be a sequence or string. Please check your playbook.").into()),
        };
    };
    let mut out = Vec::new();
    for item in items {
        match item.to_value() {
            Value::Text(text) => out.push(text),
            Value::Null => {
                return Err(message("Hosts list cannot contain values of 'None'. Please check your playbook").into());
            }
            other => {
                let error =
                    Diagnostic::error(format!("Hosts list contains an invalid host value: '{}'", other.to_str()));
                return Err(error.at(item.span(), "").hint("put the name in quotes").into());
            }
        }
    }
    Ok(out)
}

/// A list as its values; anything else as the only value.
fn list_of_values(value: &Node) -> Vec<Value> {
    match value.as_sequence() {
        Some(items) => items.iter().map(Node::to_value).collect(),
        None if value.is_null() => Vec::new(),
        None => vec![value.to_value()],
    }
}

fn prompt(entries: &[(Node, Node)], span: Span) -> Result<PromptVar> {
    let mut prompt = PromptVar {
        name: Text::data(""),
        prompt: None,
        default: None,
        private: true,
        confirm: false,
        encrypt: None,
        salt_size: None,
        salt: None,
        r#unsafe: false,
        span: Some(span),
    };
    let constant = |name: &str, value: &Node| -> Result<bool> {
        Ok(bool_field(name, value)?.and_then(|f| f.constant().copied()).unwrap_or_default())
    };
    for (key, value) in entries {
        match key.as_str().unwrap_or_default() {
            "name" => prompt.name = maybe_text("name", value)?.ok_or_else(|| wrong_type("name", Kind::Text, value))?,
            "prompt" => prompt.prompt = maybe_text("prompt", value)?,
            "default" => prompt.default = Some(value.to_value()).filter(|v| !v.is_null()),
            "private" => prompt.private = constant("private", value)?,
            "confirm" => prompt.confirm = constant("confirm", value)?,
            "encrypt" => prompt.encrypt = maybe_text("encrypt", value)?,
            "salt" => prompt.salt = maybe_text("salt", value)?,
            "salt_size" => prompt.salt_size = int_field("salt_size", value)?.and_then(|f| f.constant().copied()),
            "unsafe" => prompt.r#unsafe = constant("unsafe", value)?,
            other => {
                let error =
                    Diagnostic::error(format!("Invalid vars_prompt data structure, found unsupported key '{other}'"));
                let near = keyword::suggest(other, Place::VarsPrompt).map(|near| format!("did you mean `{near}`?"));
                return Err(error.at(key.span(), "").hint_maybe(near).into());
            }
        }
    }
    Ok(prompt)
}

fn prompts(value: &Node) -> Result<Vec<PromptVar>> {
    // The oldest form: a mapping of names to questions.
    if let Some(entries) = value.as_mapping().filter(|_| value.get("name").is_none()) {
        let prompt = |(key, value): &(Node, Node)| -> Result<PromptVar> {
            let mut prompt = prompt(&[], key.span())?;
            prompt.name = plain_text(key).ok_or_else(|| wrong_type("name", Kind::Text, key))?;
            prompt.prompt = plain_text(value);
            Ok(prompt)
        };
        return entries.iter().map(prompt).collect();
    }
    let one = std::slice::from_ref(value);
    let items = value.as_sequence().unwrap_or(one);
    let mut prompts = Vec::new();
    for item in items.iter().filter(|item| !item.is_null()) {
        let entries = item.as_mapping().ok_or_else(|| wrong_type("vars_prompt", Kind::Maps, item))?;
        if item.get("name").is_none() {
            let error = Diagnostic::error("Invalid vars_prompt data structure, missing 'name' key");
            return Err(error.at(item.span(), "this question has no name").into());
        }
        prompts.push(prompt(entries, item.span())?);
    }
    Ok(prompts)
}
