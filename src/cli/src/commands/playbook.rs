//! `rplay PLAYBOOK...`: from options, settings and inventory to a run or a listing.

mod ended;
mod listing;
mod look;

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_collection::{Collections, Kind};
use rplay_connection::{Pool, PoolOptions};
use rplay_diag::{Diagnose as _, Diagnostic, Severity, Sources};
use rplay_engine::{
    ConnectionDefaults, EngineError, FactCaching, Gathering, InventoryReading, Resolver, Run, RunOptions, RunOutcome,
};
use rplay_event::{Dispatcher, EventKind, LogWriter, Notice, Sink};
use rplay_inventory::Inventory;
use rplay_journal::Journal;
use rplay_output::{CallbackRun, Look, PythonCallbacks, Terminal};
use rplay_template::{Engine, EngineOptions};
use rplay_value::{Compat, Map, Results};
use rplay_vault::VaultedFiles;

use self::ended::{Ended, ended};
use self::look::{look, open_log, trace};
use crate::commands::adhoc::{Asked, NO_HOSTS};
use crate::commands::console::Console;
use crate::commands::resume::{self, Resumed};
use crate::compat::{self, Choice};
use crate::composer::Composer;
use crate::failure::Failure;
use crate::inventory_plugins::PythonInventories;
use crate::known::KnownSettings;
use crate::notices::{self, Listener};
use crate::options::PlaybookOptions;
use crate::places::Places;
use crate::settings::Settings;
use crate::vars_plugins::PythonVars;
use crate::{exit, extra_vars, journal, plugins, prompter, vault};

/// What a run is to do.
pub(crate) enum Work {
    /// The playbooks of the options.
    Playbooks,
    /// The one task of an ad-hoc command.
    AdHoc(Box<Asked>),
    /// Whatever the user types.
    Console(Box<Console>),
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &PlaybookOptions) -> i32 {
    start(options, &|_| Ok(Work::Playbooks))
}

/// Runs playbooks for a program that wants to know what happens; the value is the exit code.
pub(crate) fn heard(options: &PlaybookOptions, hearing: Hearing) -> i32 {
    begin(options, None, hearing, &|_| Ok(Work::Playbooks))
}

/// What a program has to do with a run in its own process.
#[derive(Default)]
pub(crate) struct Hearing {
    /// Sinks besides those that options and settings ask for.
    pub(crate) sinks: Vec<Box<dyn Sink>>,
    /// Where output goes instead of standard output and standard error: other runs are at work.
    pub(crate) out: Option<Arc<dyn Fn() -> Box<dyn Write + Send> + Send + Sync>>,
    /// Environment that counts for settings, before the process's own.
    pub(crate) env: Vec<(String, String)>,
    /// Ends the run as Ctrl-C would.
    pub(crate) stop: Option<Arc<tokio::sync::Notify>>,
}

impl Hearing {
    fn variable(&self, name: &str) -> Option<String> {
        let own = self.env.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }

    fn terminal(&self, look: &Look) -> Terminal {
        self.out.as_ref().map_or_else(|| Terminal::standard(look), |out| Terminal::new(out(), out(), look))
    }

    /// Waits until the user or the program ends the run.
    async fn ended(&self) {
        let stop = async {
            match &self.stop {
                Some(stop) => stop.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

/// Goes on with a run; the value is the exit code.
pub(crate) fn resume(options: &PlaybookOptions, resumed: Resumed) -> i32 {
    begin(options, Some(resumed), Hearing::default(), &|_| Ok(Work::Playbooks))
}

/// Reads the settings, and runs what they and the options ask for.
pub(crate) fn start(options: &PlaybookOptions, work: &dyn Fn(&Settings) -> Result<Work, Failure>) -> i32 {
    begin(options, None, Hearing::default(), work)
}

fn begin(
    options: &PlaybookOptions,
    resumed: Option<Resumed>,
    hearing: Hearing,
    work: &dyn Fn(&Settings) -> Result<Work, Failure>,
) -> i32 {
    let sources = Sources::new();
    let mut settings = match Settings::load(&sources, &|name| hearing.variable(name)) {
        Ok(settings) => settings,
        Err(error) => {
            let failure = Failure::error(error.diagnostic());
            failure.report(&sources, io::stderr().is_terminal());
            return failure.code;
        }
    };
    let verbosity =
        options.verbose.saturating_add(u8::try_from(settings.int("DEFAULT_VERBOSITY").unwrap_or(0)).unwrap_or(0));
    trace(verbosity);
    let log = open_log(&mut settings);
    let look = Look { follow: options.follow, log, ..look(&settings, verbosity) };
    let color = look.color;
    let ran = work(&settings)
        .and_then(|work| Command { resumed, hearing, ..Command::new(options, settings, &sources, look) }.run(&work));
    ran.unwrap_or_else(|failure| {
        failure.report(&sources, color);
        failure.code
    })
}

struct Command<'a> {
    options: &'a PlaybookOptions,
    playbooks: Vec<PathBuf>,
    settings: Settings,
    sources: Sources,
    look: Look,
    compat: Compat,
    collections: Collections,
    /// Why that release is followed, for `-v`.
    because: Option<String>,
    listener: Option<Listener>,
    /// The run to go on with.
    resumed: Option<Resumed>,
    hearing: Hearing,
    journal: Option<Arc<Journal>>,
    /// Nothing is run, so that an inventory that cannot be read is only worth a warning.
    looks: bool,
}

/// A run that is ready and was not started, for commands that only look.
pub(crate) struct Opened {
    pub(crate) run: Run,
    pub(crate) inventory: Inventory,
    pub(crate) files: VaultedFiles,
    pub(crate) extra_vars: Map,
}

impl Opened {
    /// The hosts that a pattern means.
    pub(crate) fn hosts(&self, pattern: &str) -> Result<Vec<Arc<str>>, Failure> {
        let selection = self.inventory.select(&[pattern], None).map_err(|error| Failure::error(error.diagnostic()))?;
        if selection.hosts.is_empty() {
            let known: Vec<&str> = self.inventory.hosts().map(|host| &*host.name).collect();
            let near = rplay_diag::nearest(pattern, known);
            let error = Diagnostic::error(format!("no host of the inventory matches `{pattern}`"));
            return Err(Failure::error(error.hint_maybe(near.map(|near| format!("did you mean `{near}`?")))));
        }
        Ok(selection.hosts)
    }
}

/// Reads settings, secrets, variables and inventory as a run of playbooks does. Nothing is asked and nobody is told
/// anything but warnings.
pub(crate) fn open(options: &PlaybookOptions, sources: &Sources) -> Result<Opened, Failure> {
    let settings = Settings::load(sources, &|name| std::env::var(name).ok())
        .map_err(|error| Failure::error(error.diagnostic()))?;
    let look = look(&settings, 0);
    let mut command = Command { looks: true, ..Command::new(options, settings, sources, look) };
    for playbook in &command.playbooks {
        check_playbook(playbook)?;
    }
    let prepared = command.prepare()?;
    command.show(&prepared.notices);
    let (tags, skip_tags) = command.tags();
    let caches = &prepared.caches;
    let fact_caching =
        crate::fact_caching::from_settings(&command.settings, |name| caches.cache(name)).unwrap_or_default();
    let run_options = RunOptions {
        tags,
        skip_tags,
        extra_vars: prepared.extra_vars.clone(),
        inject_facts: command.settings.flag("INJECT_FACTS_AS_VARS"),
        merge_hashes: prepared.merge,
        fact_caching,
        compat: command.compat.clone(),
        config_file: command.settings.file.clone(),
        playbook_python: Some(crate::settings::python()),
        ..RunOptions::new(sources.clone(), Arc::new(prompter::Defaults))
    };
    let pool = Pool::new(PoolOptions::default());
    // Nobody listens: what happens is nothing.
    let (emitter, _) = Dispatcher::start(Vec::new());
    let inventory = prepared.inventory;
    let run = Run::new(
        run_options,
        inventory.clone(),
        Arc::new(prepared.files.clone()),
        prepared.resolver,
        command.loader_settings(),
        pool,
        emitter,
    );
    Ok(Opened { run, inventory, files: prepared.files, extra_vars: prepared.extra_vars })
}

/// The sinks of a run, and what there is to say about those that a later release of ansible-core does without.
type Outputs = (Vec<Box<dyn Sink>>, Vec<Notice>);

/// What every command about playbooks reads first.
struct Prepared {
    files: VaultedFiles,
    resolver: Arc<Resolver>,
    inventory: Inventory,
    reading: InventoryReading,
    caches: Arc<PythonInventories>,
    extra_vars: Map,
    merge: bool,
    notices: Vec<Diagnostic>,
}

impl<'a> Command<'a> {
    fn new(options: &'a PlaybookOptions, settings: Settings, sources: &Sources, look: Look) -> Self {
        let sources = sources.clone();
        let collections = plugins::collections(&settings, &sources);
        // A playbook of a collection by its full name.
        let file = |named: &PathBuf| {
            let found = named.to_str().and_then(|name| collections.playbook(name));
            found.map_or_else(|| named.clone(), |found| found.path)
        };
        let playbooks = options.playbooks.iter().map(file).collect();
        Self {
            options,
            playbooks,
            settings,
            sources,
            look,
            compat: Compat::default(),
            collections,
            because: None,
            listener: None,
            resumed: None,
            hearing: Hearing::default(),
            journal: None,
            looks: false,
        }
    }

    fn run(mut self, work: &Work) -> Result<i32, Failure> {
        if let Some((option, why)) = self.options.refused() {
            return Err(Failure::options(Diagnostic::error(format!("{option} is not supported")).note(why)));
        }
        for playbook in &self.playbooks {
            check_playbook(playbook)?;
        }
        let mut prepared = self.prepare()?;
        let options = self.options;
        if let Work::AdHoc(asked) = work {
            let early = asked.early(&prepared.inventory, self.limit().as_deref(), &mut prepared.notices);
            if !matches!(early, Ok(None)) {
                self.show(&prepared.notices);
            }
            if let Some(code) = early? {
                return Ok(code);
            }
        }
        if options.syntax_check || options.list_hosts || options.list_tasks || options.list_tags {
            self.show(&prepared.notices);
            return self.listing(&prepared.resolver, &prepared.inventory);
        }
        self.play(work, prepared)
    }

    fn prepare(&mut self) -> Result<Prepared, Failure> {
        let secrets = Arc::new(vault::secrets(&self.options.vault(), &self.settings)?);
        let files = VaultedFiles::new(Arc::clone(&secrets), self.sources.clone());
        let given = self.go_on(&secrets)?;
        let merge = self.settings.text("DEFAULT_HASH_BEHAVIOUR").as_deref() == Some("merge");
        let read = |path: &Path| files.text(path).map_err(|error| error.to_string());
        let (extra_vars, said) =
            extra_vars::read(given.as_ref().unwrap_or(&self.options.extra_vars), &self.sources, merge, &read)
                .map_err(|error| Failure::options(error.diagnostic()))?;
        if let Some(resumed) = &self.resumed {
            resume::missing(resumed, &extra_vars)?;
        }
        let mut notices = std::mem::take(&mut self.settings.warnings);
        notices.extend(said);
        let choice = self.compat()?;
        let listener = Listener::new(self.sources.clone());
        let collections = self.collections.clone();
        let python = plugins::python(&self.settings, &self.sources, &choice.compat, collections, listener.clone());
        let engine = Engine::new(EngineOptions {
            compat: choice.compat.clone(),
            notices: Some(Arc::new(listener.clone())),
            foreign: Some(Arc::new(python.clone())),
            sources: self.sources.clone(),
            files: Arc::new(files.clone()),
            vault: Some(Arc::new(files.clone())),
            settings: Some(Arc::new(KnownSettings::new(self.settings.file.as_deref()).following(&choice.compat))),
        });
        if self.settings.flag("DEFAULT_JINJA2_NATIVE") && choice.compat.profile().results == Results::Literal {
            let message = format!("jinja2_native has no effect under --compat {}", choice.compat);
            let hint = "results are text as without it; native results are those of 2.19 and of no --compat at all";
            notices.push(Diagnostic::warning(message).hint(hint));
        }
        self.compat = choice.compat;
        self.because = choice.because;
        self.listener = Some(listener);
        let composer = Arc::new(Composer { engine: engine.clone(), extra: extra_vars.clone() });
        let folders = self.folders();
        let places = |kind| Places::new(kind, &folders, &self.settings, &self.collections);
        let plugins = Arc::new(PythonInventories {
            python: python.clone(),
            engine: engine.clone(),
            places: places(Kind::Inventory),
            caches: places(Kind::Cache),
            variables: PythonVars::new(
                python.clone(),
                engine.clone(),
                &places(Kind::Vars),
                &self.settings.list("VARIABLE_PLUGINS_ENABLED"),
            )
            .map(Arc::new),
            extra_vars: extra_vars.clone(),
            cached: !self.options.flush_cache,
            state: std::sync::Mutex::default(),
        });
        let caches = Arc::clone(&plugins);
        let reading = InventoryReading { templates: composer, plugins };
        let inventory = self.inventory(&files, &reading, &mut notices)?;
        let resolver = Arc::new(
            Resolver::new(engine, extra_vars.clone(), false)
                .without(crate::modules::rejected(&self.settings, &self.sources, &mut notices)?)
                .with_library(crate::modules::library(
                    &self.settings,
                    self.collections.clone(),
                    &self.options.module_path,
                    &self.compat,
                ))
                .with_collections(self.collections.clone())
                .with_python(python)
                .with_action_plugins(&self.settings.paths("DEFAULT_ACTION_PLUGIN_PATH"))
                .with_strategy_plugins(&self.settings.paths("DEFAULT_STRATEGY_PLUGIN_PATH"))
                .with_connection_plugins(&self.settings.paths("DEFAULT_CONNECTION_PLUGIN_PATH")),
        );
        Ok(Prepared { files, resolver, inventory, reading, caches, extra_vars, merge, notices })
    }

    /// Opens the journal of a run that goes on. The value is its `-e`, with those of now after them.
    fn go_on(&mut self, secrets: &Arc<rplay_vault::Secrets>) -> Result<Option<Vec<String>>, Failure> {
        let Some(resumed) = &self.resumed else { return Ok(None) };
        let journal = Journal::resume(&resumed.path, Arc::clone(secrets), &self.sources, resumed.changed_files)
            .map_err(|error| Failure::error(error.diagnostic()))?;
        let mut given = journal.secret_options().unwrap_or_else(|| self.options.extra_vars.clone());
        given.extend(resumed.extra_vars.iter().cloned());
        self.journal = Some(Arc::new(journal));
        Ok(Some(given))
    }

    /// The journal of this run. One that cannot be had is no reason not to run.
    fn journal(&self, files: &VaultedFiles, said: &mut Vec<Diagnostic>) -> Option<Arc<Journal>> {
        if let Some(journal) = &self.journal {
            journal.watch();
            return Some(Arc::clone(journal));
        }
        let options = self.options;
        if options.check || options.no_journal || !self.settings.flag("RPLAY_JOURNAL") {
            return None;
        }
        let runs = journal::runs(options.journal_dir.as_deref(), &self.settings);
        let new = journal::new_run(options, !files.secrets().is_empty());
        match Journal::create(&runs, new, Arc::clone(files.secrets()), &self.sources) {
            Ok(journal) => Some(Arc::new(journal)),
            Err(error) => {
                said.push(Diagnostic { severity: Severity::Warning, ..error.diagnostic() });
                None
            }
        }
    }

    fn inventory(
        &self,
        files: &VaultedFiles,
        reading: &InventoryReading,
        notices: &mut Vec<Diagnostic>,
    ) -> Result<Inventory, Failure> {
        let given =
            if self.options.inventory.is_empty() { self.settings.inventory() } else { self.options.inventory.clone() };
        let settings = self.inventory_settings();
        let loader = rplay_inventory::Loader {
            settings,
            templates: Some(&*reading.templates),
            plugins: Some(&*reading.plugins),
            ..rplay_inventory::Loader::new(&self.sources, files)
        };
        let (mut inventory, failed) = loader.load(&given);
        let implicit = self.options.inventory.is_empty() && !self.settings.is_set("DEFAULT_HOST_LIST");
        // A folder that is empty, or about to be filled, is no typo.
        let typo = failed.iter().any(|attempt| !attempt.is_folder());
        let broken: Vec<Diagnostic> = failed
            .iter()
            // The inventory that nobody asked for need not exist.
            .filter(|attempt| !implicit || Path::new(&attempt.source).exists())
            .map(rplay_inventory::Attempt::diagnostic)
            .collect();
        // A source that was asked for and says nothing would run the play on the wrong hosts, or on none: that ends the
        // run, unless the settings say in so many words that it does not.
        let nothing = inventory.hosts().len() == 0;
        let said = self.settings.is_set("INVENTORY_UNPARSED_IS_FAILED");
        let fatal =
            nothing && if said { self.settings.flag("INVENTORY_UNPARSED_IS_FAILED") } else { typo && !self.looks };
        if !broken.is_empty() && (fatal || self.settings.flag("INVENTORY_ANY_UNPARSED_IS_FAILED")) {
            let mut said = inventory.take_warnings();
            said.retain(|said| said.severity == Severity::Deprecated);
            self.show(&said);
            let diagnostics = broken.into_iter().map(|d| Diagnostic { severity: Severity::Error, ..d }).collect();
            return Err(Failure { diagnostics, code: exit::ERROR });
        }
        notices.extend(broken);
        notices.extend(inventory.take_warnings());
        if !self.settings.flag("INVENTORY_UNPARSED_WARNING") {
            notices.retain(|notice| !notice.message.starts_with("No inventory was parsed"));
        }
        if inventory.hosts().len() == 0 {
            if self.settings.flag("LOCALHOST_WARNING") {
                notices.push(Diagnostic::warning(
                    "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'",
                ));
            }
        } else {
            let limit = self.limit();
            let selection =
                inventory.select(&["all"], limit.as_deref()).map_err(|error| Failure::error(error.diagnostic()))?;
            if selection.hosts.is_empty() {
                let error = Diagnostic::error(NO_HOSTS);
                let limit = limit.map(|limit| format!("no host of the inventory matches `--limit {limit}`"));
                return Err(Failure::error(error.hint_maybe(limit)));
            }
        }
        Ok(inventory)
    }

    fn inventory_settings(&self) -> rplay_inventory::Settings {
        use rplay_inventory::InvalidGroupNames;
        let mut settings = rplay_inventory::Settings {
            invalid_group_names: match self.settings.text("TRANSFORM_INVALID_GROUP_CHARS").as_deref() {
                Some("always") => InvalidGroupNames::Always,
                Some("ignore") => InvalidGroupNames::Ignore,
                Some("silently") => InvalidGroupNames::Silently,
                _ => InvalidGroupNames::Never,
            },
            ignored_patterns: self.settings.list("INVENTORY_IGNORE_PATTERNS"),
            merge_hashes: self.settings.text("DEFAULT_HASH_BEHAVIOUR").as_deref() == Some("merge"),
            script_stderr: self.settings.flag("INVENTORY_SCRIPT_STDERR"),
            ..rplay_inventory::Settings::default()
        };
        for (name, list) in
            [("INVENTORY_ENABLED", &mut settings.enabled), ("INVENTORY_IGNORE_EXTS", &mut settings.ignored_extensions)]
        {
            if self.settings.is_set(name) {
                *list = self.settings.list(name);
            }
        }
        settings
    }

    /// The release to follow.
    fn compat(&self) -> Result<Choice, Failure> {
        let set = self.settings.text("RPLAY_COMPAT");
        let asked = match (&self.options.compat, &set) {
            (Some(given), _) => Some((given.as_str(), "--compat")),
            (None, Some(set)) => Some((set.as_str(), "compat in the settings")),
            (None, None) => None,
        };
        compat::choose(asked, self.playbooks.first().map(PathBuf::as_path)).map_err(Failure::options)
    }

    fn limit(&self) -> Option<String> {
        (!self.options.limit.is_empty()).then(|| self.options.limit.join(","))
    }

    fn loader_settings(&self) -> rplay_playbook::Settings {
        rplay_playbook::Settings {
            roles_path: self.settings.paths("DEFAULT_ROLES_PATH"),
            collections: self.collections.clone(),
            compat: self.compat.clone(),
        }
    }

    fn tags(&self) -> (Vec<String>, Vec<String>) {
        let or = |given: &[String], name: &str| {
            let given = PlaybookOptions::split(given);
            if given.is_empty() { self.settings.list(name) } else { given }
        };
        let only = or(&self.options.tags, "TAGS_RUN");
        (if only.is_empty() { vec!["all".to_owned()] } else { only }, or(&self.options.skip_tags, "TAGS_SKIP"))
    }

    /// Warnings for commands that have no run, and so no sink, of their own.
    fn show(&self, notices: &[Diagnostic]) {
        let mut stderr = io::stderr().lock();
        for diagnostic in notices {
            let word = if diagnostic.severity == Severity::Deprecated { "DEPRECATION WARNING" } else { "WARNING" };
            let text = rplay_output::notice_text(&Notice::of(diagnostic, &self.sources));
            // Nowhere is left to complain about a broken standard error.
            let _ = write!(stderr, "[{word}]: {text}");
        }
    }

    fn play(mut self, work: &Work, prepared: Prepared) -> Result<i32, Failure> {
        let Prepared { files, resolver, inventory, reading, caches, extra_vars, merge, notices: mut said } = prepared;
        let files = &files;
        let connection = self.connection_defaults()?;
        let fact_caching = crate::fact_caching::from_settings(&self.settings, |name| caches.cache(name))
            .unwrap_or_else(|warning| {
                said.push(*warning);
                FactCaching::Memory
            });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::error(Diagnostic::error(format!("could not start worker threads: {error}"))))?;
        let (mut sinks, deprecated) = self.sinks(work, &resolver, &extra_vars, &connection.kind, &mut said)?;
        sinks.append(&mut self.hearing.sinks);
        let journal = if matches!(work, Work::Playbooks) { self.journal(files, &mut said) } else { None };
        let (emitter, dispatcher) = Dispatcher::start(sinks);
        for diagnostic in &said {
            emitter.emit(notices::event(diagnostic, &self.sources));
        }
        if let Some(because) = &self.because {
            let followed =
                if self.compat.is_strict() { self.compat.full() } else { "no release in particular".to_owned() };
            let text = format!("Following {followed} ({because})");
            emitter.emit(EventKind::Verbose { level: 1, host: None, text });
        }
        if let Some(listener) = &self.listener {
            listener.open(emitter.clone());
        }
        if self.look.verbosity > 0 {
            let text = self.settings.file.as_ref().map_or_else(
                || "No config file found; using defaults".to_owned(),
                |file| format!("Using {} as config file", file.display()),
            );
            emitter.emit(EventKind::Verbose { level: 1, host: None, text });
        }
        if let Work::AdHoc(asked) = work {
            asked.deprecations().into_iter().for_each(|notice| emitter.emit(EventKind::Deprecated(notice)));
        }
        for notice in deprecated {
            emitter.emit(EventKind::Deprecated(notice));
        }
        let (tags, skip_tags) = self.tags();
        let options = RunOptions {
            forks: self
                .options
                .forks
                .or_else(|| usize::try_from(self.settings.int("DEFAULT_FORKS")?).ok())
                .unwrap_or(5)
                .max(1),
            check: self.options.check,
            diff: self.options.diff || self.settings.flag("DIFF_ALWAYS"),
            verbosity: self.look.verbosity,
            tags,
            skip_tags,
            limit: self.limit(),
            extra_vars,
            start_at_task: self.options.start_at_task.clone(),
            step: self.options.step,
            task_debugger: self.settings.flag("ENABLE_TASK_DEBUGGER"),
            task_debugger_ignore_errors: self.settings.flag("TASK_DEBUGGER_IGNORE_ERRORS"),
            error_on_missing_handler: self.settings.flag("ERROR_ON_MISSING_HANDLER"),
            force_handlers: self.options.force_handlers || self.settings.flag("DEFAULT_FORCE_HANDLERS"),
            gathering: match self.settings.text("DEFAULT_GATHERING").as_deref() {
                Some("explicit") => Gathering::Explicit,
                Some("smart") => Gathering::Smart,
                _ => Gathering::Implicit,
            },
            facts_modules: self.settings.list("FACTS_MODULES"),
            fact_caching,
            flush_cache: self.options.flush_cache,
            async_dir: self.settings.text("ASYNC_DIR"),
            task_timeout: self.settings.int("TASK_TIMEOUT").unwrap_or(0),
            poll_interval: self.settings.int("DEFAULT_POLL_INTERVAL").and_then(|n| u64::try_from(n).ok()).unwrap_or(15),
            strategy: self.settings.text("DEFAULT_STRATEGY").unwrap_or_else(|| "linear".to_owned()),
            inject_facts: self.settings.flag("INJECT_FACTS_AS_VARS"),
            merge_hashes: merge,
            no_log: self.settings.flag("DEFAULT_NO_LOG"),
            any_errors_fatal: self.settings.flag("ANY_ERRORS_FATAL"),
            config_file: self.settings.file.clone(),
            inventory_sources: if self.options.inventory.is_empty() {
                self.settings.inventory()
            } else {
                self.options.inventory.clone()
            },
            inventory_settings: self.inventory_settings(),
            inventory_reading: Some(reading),
            playbook_python: Some(crate::settings::python()),
            connection,
            modules: crate::modules::defaults(&self.settings),
            compat: self.compat.clone(),
            journal: journal.clone(),
            ..RunOptions::new(self.sources.clone(), Arc::new(prompter::Terminal))
        };
        let pool = Pool::new(PoolOptions {
            agent: crate::agent::source(),
            keep_agent: !self.options.no_cache_agent,
            control_dir: crate::settings::expand(&self.settings.text("SSH_CONTROL_PATH_DIR").unwrap_or_default()),
        });
        let run = Run::new(
            options,
            inventory,
            Arc::new(files.clone()),
            resolver,
            self.loader_settings(),
            pool,
            emitter.clone(),
        );
        let ended = runtime.block_on(ended(run, work, &self.playbooks, &emitter, &self.hearing));
        drop(emitter);
        if let Some(listener) = &self.listener {
            listener.close();
        }
        let broken = dispatcher.finish();
        runtime.shutdown_timeout(std::time::Duration::from_millis(200));
        if let Some(error) = broken.into_iter().find(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            return Err(Failure::error(Diagnostic::error(format!("could not write the output: {error}"))));
        }
        if let Some(journal) =
            journal.filter(|_| !matches!(ended, Ended::Done(RunOutcome::Ok)) && io::stderr().is_terminal())
        {
            // Nowhere is left to complain about a broken standard error.
            let _ = writeln!(io::stderr().lock(), "To go on from here: rplay resume {}", journal.id());
        }
        match ended {
            Ended::Done(outcome) => Ok(i32::from(outcome.code())),
            Ended::Interrupted => {
                let error = Diagnostic::error("User interrupted execution");
                Err(Failure { diagnostics: vec![error], code: exit::INTERRUPTED })
            }
            // The debugger said so itself.
            Ended::Error(error) if matches!(*error, EngineError::Quit) => Ok(exit::INTERRUPTED),
            Ended::Error(error) => {
                let code = match &*error {
                    // A vault that does not open is no mistake of the playbook's writer.
                    EngineError::Playbook(rplay_playbook::PlaybookError::Io { source, .. })
                        if source.kind() == std::io::ErrorKind::InvalidData =>
                    {
                        exit::ERROR
                    }
                    EngineError::Playbook(_) => exit::PARSER,
                    _ => exit::ERROR,
                };
                Err(Failure { diagnostics: vec![error.diagnostic()], code })
            }
        }
    }

    fn sinks(
        &self,
        work: &Work,
        resolver: &Resolver,
        extra_vars: &Map,
        transport: &str,
        said: &mut Vec<Diagnostic>,
    ) -> Result<Outputs, Failure> {
        let settings = &self.settings;
        let name = match work {
            Work::AdHoc(asked) => asked.output(self.options, settings),
            Work::Console(_) => crate::commands::adhoc::output(false, self.options, settings),
            Work::Playbooks => {
                let given = self.options.output.clone();
                given.or_else(|| settings.text("DEFAULT_STDOUT_CALLBACK")).unwrap_or_default()
            }
        };
        let loads = matches!(work, Work::Playbooks) || settings.flag("DEFAULT_LOAD_CALLBACK_PLUGINS");
        let callbacks = self.python_callbacks(&name, loads);
        let python = |callbacks: &CallbackRun| {
            let callbacks =
                CallbackRun { transport: transport.to_owned(), extra_vars: extra_vars.clone(), ..callbacks.clone() };
            resolver.python().map(|python| PythonCallbacks::start(python, resolver.engine(), &callbacks, &self.look))
        };
        let mut python_sink: Option<Box<dyn Sink>> = None;
        if callbacks.stdout.is_some() || !callbacks.others.is_empty() {
            match python(&callbacks) {
                Some(Ok(sink)) => python_sink = sink.map(|sink| Box::new(sink) as Box<dyn Sink>),
                Some(Err(error)) if callbacks.stdout.is_some() => {
                    let message = format!("Could not load '{name}' callback plugin: {error}");
                    return Err(Failure::error(Diagnostic::error(message)));
                }
                Some(Err(error)) => {
                    said.push(Diagnostic::warning(format!("callbacks in Python are left out: {error}")));
                }
                None => {}
            }
        }
        let terminal =
            || if python_sink.is_some() { Terminal::direct(&self.look) } else { self.hearing.terminal(&self.look) };
        let opened = match work {
            Work::Console(console) => console.sink(&name, &self.look),
            // What a callback in Python shows, nothing else does.
            _ if callbacks.stdout.is_some() => Ok(Box::new(rplay_output::Silent) as Box<dyn Sink>),
            _ => rplay_output::open(&name, terminal(), self.look.clone()),
        };
        let sink = opened.map_err(|error| {
            Failure::options(
                Diagnostic::error(error.to_string())
                    .hint_maybe(error.near.map(|near| format!("did you mean `{near}`?")))
                    .note(format!("there are: {}", rplay_output::NAMES.join(", "))),
            )
        })?;
        let mut sinks = vec![sink];
        if self.options.follow {
            sinks.extend(rplay_output::open_follow(&name, Terminal::standard(&self.look)));
        }
        let (mut enabled, mut tree) = (self.settings.list("CALLBACKS_ENABLED"), None);
        if !matches!(work, Work::Playbooks) && !self.settings.flag("DEFAULT_LOAD_CALLBACK_PLUGINS") {
            enabled.clear();
        }
        if let Work::AdHoc(asked) = work {
            tree.clone_from(&asked.tree);
        }
        let in_tree = |name: &String| matches!(name.as_str(), "tree" | "ansible.builtin.tree");
        if tree.is_none() && enabled.iter().any(in_tree) {
            tree = self.settings.text("TREE_DIR").map(PathBuf::from);
        }
        enabled.retain(|name| !in_tree(name));
        let old =
            [(matches!(name.as_str(), "oneline" | "ansible.builtin.oneline"), "oneline"), (tree.is_some(), "tree")];
        let deprecated = old.into_iter().filter(|(used, _)| *used).map(|(_, name)| Notice {
            version: Some("2.23".to_owned()),
            ..Notice::new(format!("The {name} callback plugin is deprecated."))
        });
        let deprecated = deprecated.collect();
        if let Some(folder) = tree {
            let folder = crate::settings::expand(&folder.to_string_lossy());
            let terminal = Terminal::standard(&self.look);
            sinks.push(Box::new(rplay_output::Tree::new(folder, terminal, self.look.clone())));
        }
        sinks.extend(python_sink);
        for name in enabled {
            if callbacks.others.iter().any(|other| other.file.name == name) {
                continue;
            }
            match rplay_output::open_extra(&name, Terminal::standard(&self.look), self.look.clone()) {
                Ok(sink) => sinks.push(sink),
                Err(error) => self
                    .show(&[Diagnostic::warning(format!("{error}; callbacks_enabled names it, and it is left out"))]),
            }
        }
        if let Some(path) = &self.options.record {
            let file = std::fs::File::create(path).map_err(|error| {
                Failure::error(Diagnostic::error(format!("could not write the record {}: {error}", path.display())))
            })?;
            sinks.push(Box::new(LogWriter::new(io::BufWriter::new(file))));
        }
        Ok((sinks, deprecated))
    }

    /// The playbooks' folders: plugins stand in folders beside.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = self
            .playbooks
            .iter()
            .map(|playbook| playbook.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
            .map(Path::to_owned)
            .collect();
        if folders.is_empty() {
            let configured = self.options.playbook_dir.clone().or_else(|| self.settings.path("PLAYBOOK_DIR"));
            folders.push(configured.unwrap_or_else(|| PathBuf::from(".")));
        }
        folders
    }

    /// The callbacks in Python of this run.
    fn python_callbacks(&self, stdout: &str, loads: bool) -> CallbackRun {
        let places = Places::new(Kind::Callback, &self.folders(), &self.settings, &self.collections);
        let native = |name: &str| rplay_output::is_native(name);
        let stdout_plugin = if stdout.contains('.') && native(stdout) { None } else { places.find(stdout) };
        let others = if loads {
            places
                .others(stdout, &self.settings.list("CALLBACKS_ENABLED"), |name| name.contains("tree") || native(name))
        } else {
            Vec::new()
        };
        CallbackRun {
            stdout: stdout_plugin,
            others,
            diff: self.options.diff,
            check: self.options.check,
            ..CallbackRun::default()
        }
    }

    fn connection_defaults(&self) -> Result<ConnectionDefaults, Failure> {
        let (options, settings) = (self.options, &self.settings);
        let text = |given: &Option<String>, name: &str| given.clone().or_else(|| settings.text(name));
        let password = if options.ask_pass || settings.flag("DEFAULT_ASK_PASS") {
            Some(ask("SSH password: ")?)
        } else {
            let file = options.connection_password_file.clone().or_else(|| settings.path("CONNECTION_PASSWORD_FILE"));
            file.map(|path| password_file(&path)).transpose()?
        };
        let become_password = if options.ask_become_pass || settings.flag("BECOME_ASK_PASS") {
            let typed = ask(if password.is_some() {
                "BECOME password[defaults to SSH password]: "
            } else {
                "BECOME password: "
            })?;
            if typed.is_empty() { password.clone() } else { Some(typed) }
        } else {
            let file = options.become_password_file.clone().or_else(|| settings.path("BECOME_PASSWORD_FILE"));
            file.map(|path| password_file(&path)).transpose()?
        };
        Ok(ConnectionDefaults {
            kind: text(&options.connection, "DEFAULT_TRANSPORT").unwrap_or_else(|| "ssh".to_owned()),
            user: text(&options.remote_user, "DEFAULT_REMOTE_USER"),
            port: settings.int("DEFAULT_REMOTE_PORT").and_then(|port| u16::try_from(port).ok()),
            private_key: options
                .private_key
                .clone()
                .or_else(|| settings.path("DEFAULT_PRIVATE_KEY_FILE"))
                .map(|path| path.display().to_string()),
            timeout: options.timeout.or_else(|| u64::try_from(settings.int("DEFAULT_TIMEOUT")?).ok()).unwrap_or(10),
            password,
            ssh_args: settings.text("SSH_ARGS"),
            ssh_common_args: text(&options.ssh_common_args, "SSH_COMMON_ARGS"),
            ssh_extra_args: text(&options.ssh_extra_args, "SSH_EXTRA_ARGS"),
            ssh_executable: settings.text("SSH_EXECUTABLE"),
            control_path_dir: settings.text("SSH_CONTROL_PATH_DIR").map(|dir| crate::settings::expand(&dir)),
            control_path: settings.text("SSH_CONTROL_PATH"),
            host_key_checking: settings.flag("HOST_KEY_CHECKING"),
            retries: settings.int("SSH_RETRIES").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            remote_tmp: settings.is_set("DEFAULT_REMOTE_TMP").then(|| settings.text("DEFAULT_REMOTE_TMP")).flatten(),
            r#become: options.become_ || settings.flag("DEFAULT_BECOME"),
            become_method: text(&options.become_method, "DEFAULT_BECOME_METHOD").unwrap_or_else(|| "sudo".to_owned()),
            become_user: options.become_user.clone().or_else(|| {
                settings.is_set("DEFAULT_BECOME_USER").then(|| settings.text("DEFAULT_BECOME_USER")).flatten()
            }),
            become_allow_same_user: settings.flag("BECOME_ALLOW_SAME_USER"),
            // By the kernel's word, not the environment's, which may be another user's.
            local_user: nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name),
            become_exe: settings.text("DEFAULT_BECOME_EXE"),
            become_flags: settings.text("DEFAULT_BECOME_FLAGS"),
            become_password,
        })
    }
}

fn check_playbook(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let problem = match fs_err::metadata(path) {
        Err(_) => format!("the playbook: {shown} could not be found"),
        Ok(found) if found.is_dir() => format!("the playbook: {shown} does not appear to be a file"),
        Ok(_) => return Ok(()),
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = fs_err::read_dir(folder)
        .map(|entries| entries.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    let wanted = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let near = rplay_diag::nearest(&wanted, names.iter().map(String::as_str).filter(|n| *n != wanted));
    Err(Failure::error(Diagnostic::error(problem).hint_maybe(near.map(|near| format!("did you mean `{near}`?")))))
}

fn ask(text: &str) -> Result<String, Failure> {
    prompter::Terminal::password(text)
        .map_err(|error| Failure::error(Diagnostic::error(format!("could not ask for a password: {error}"))))
}

/// A password file: its first line's text, or what it prints when it is a program.
fn password_file(path: &Path) -> Result<String, Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let fail = |error: io::Error| {
        Failure::error(Diagnostic::error(format!("could not read the password file {}: {error}", path.display())))
    };
    let executable = fs_err::metadata(path).map_err(fail)?.permissions().mode() & 0o111 != 0;
    let text = if executable {
        let output = std::process::Command::new(std::path::absolute(path).map_err(fail)?).output().map_err(fail)?;
        if !output.status.success() {
            return Err(fail(io::Error::other(format!("the script ended with {}", output.status))));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        fs_err::read_to_string(path).map_err(fail)?
    };
    Ok(text.trim().to_owned())
}
