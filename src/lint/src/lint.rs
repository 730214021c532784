//! The check of files and folders.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rplay_diag::{Diagnose as _, Diagnostic, Sources, Span};
use rplay_template::{Engine, EngineOptions};
use rplay_value::{Compat, Version};
use rplay_yaml::Node;

use crate::files::{self, Kind};
use crate::{Finding, Level, Rule};

static YAML: Rule = Rule { name: "yaml", since: Version::new(1, 9), about: "A YAML file that cannot be read." };
static DUPLICATE: Rule = Rule {
    name: "duplicate-key",
    since: Version::new(2, 1),
    about: "A key twice in one mapping: the last one wins, with a warning.",
};

pub(crate) static RULES: &[&Rule] = &[&YAML, &DUPLICATE];

/// What to check for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The release that is to accept everything.
    pub release: Version,
    /// Whether notes ([`Level::Info`]) are wanted.
    pub info: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { release: Version::new(2, 19), info: false }
    }
}

/// A check under way: give it paths, then take the findings.
pub struct Lint {
    pub(crate) sources: Sources,
    pub(crate) engine: Engine,
    options: Options,
    findings: Vec<Finding>,
    documents: Vec<(Kind, Node)>,
    /// Every name that is a variable somewhere in what is checked.
    pub(crate) variables: HashSet<String>,
    seen: HashSet<PathBuf>,
    ranks: HashMap<rplay_diag::SourceId, usize>,
}

impl Lint {
    /// A check whose texts are registered in `sources`.
    pub fn new(sources: Sources, options: Options) -> Self {
        let engine = Engine::new(EngineOptions {
            sources: sources.clone(),
            // The union reads everything; the rules say what a release refuses.
            compat: Compat::default(),
            ..EngineOptions::default()
        });
        Self {
            sources,
            engine,
            options,
            findings: Vec::new(),
            documents: Vec::new(),
            variables: HashSet::new(),
            seen: HashSet::new(),
            ranks: HashMap::new(),
        }
    }

    /// Reads a file, or every file below a folder. A file that is named itself is always looked at.
    pub fn add(&mut self, path: &Path) -> std::io::Result<()> {
        if fs_err::metadata(path)?.is_dir() {
            for file in files::below(path) {
                self.file(&file, false)?;
            }
            return Ok(());
        }
        self.file(path, true)
    }

    fn file(&mut self, path: &Path, named: bool) -> std::io::Result<()> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let bytes = fs_err::read(path)?;
        // What is encrypted or no text is not looked at.
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        if text.starts_with("$ANSIBLE_VAULT;") {
            return Ok(());
        }
        let shown = path.strip_prefix(".").unwrap_or(path);
        let source = self.sources.add_file(shown, text.as_str());
        self.ranks.insert(source, self.ranks.len());
        if files::is_template(path) {
            self.template_file(&text, source);
        } else if files::is_yaml(path) {
            self.yaml(path, source, named);
        } else if files::is_ini(path) || named {
            self.ini(&text, source);
        }
        Ok(())
    }

    fn yaml(&mut self, path: &Path, source: rplay_diag::SourceId, named: bool) {
        let document = match rplay_yaml::parse(&self.sources, source) {
            Ok(document) => document,
            Err(error) => {
                if named || files::is_ansibles(path) {
                    self.diagnosed(&YAML, Level::Error, &error.diagnostic(), "every release refuses the file");
                }
                return;
            }
        };
        let known = |name: &str| crate::modules::is_known(name);
        let kind = files::kind(path, &document.node, &known);
        if kind == Kind::Other {
            return;
        }
        for warning in &document.warnings {
            self.diagnosed(&DUPLICATE, Level::Warning, warning, "remove all but the last");
        }
        self.learn(kind, &document.node);
        self.documents.push((kind, document.node));
    }

    /// Everything found, by file, line and rule.
    pub fn finish(mut self) -> Vec<Finding> {
        for (kind, node) in std::mem::take(&mut self.documents) {
            self.document(kind, &node);
        }
        let (release, info) = (self.options.release, self.options.info);
        self.findings.retain(|f| match f.level {
            Level::Info => info,
            _ => f.since <= release,
        });
        let ranks = &self.ranks;
        self.findings.sort_by_key(|f| (ranks.get(&f.span.source).copied(), f.span.start, f.rule.name, f.span.end));
        // An anchor's tasks are read wherever it is used.
        self.findings.dedup();
        self.findings
    }

    /// Takes a finding.
    pub(crate) fn found(
        &mut self,
        rule: &'static Rule,
        level: Level,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Finding {
        self.findings.push(Finding {
            rule,
            level,
            since: rule.since,
            message: message.into(),
            span,
            help: help.into(),
            replacement: None,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Takes what another part of rplay says is wrong.
    pub(crate) fn diagnosed(&mut self, rule: &'static Rule, level: Level, diagnostic: &Diagnostic, help: &str) {
        let Some(label) = diagnostic.labels.first() else { return };
        let help = diagnostic.hints.first().cloned().unwrap_or_else(|| help.to_owned());
        self.found(rule, level, label.span, diagnostic.message.clone(), help);
    }
}
