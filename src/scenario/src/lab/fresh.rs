//! What stages have done, and whether it still holds: a stage is stale when its text, what it is given, or something that it needs
//! has changed since it ran.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use super::{Ending, Lab, LabError};
use crate::provider::digest;
use crate::stage::{Stage, Work};

/// File with what stages have done.
const DONE: &str = "stages.json";

/// Whether what a stage did still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It has not run, or not to its end.
    Never,
    /// It has run, and nothing has changed since.
    Fresh,
    /// It has run, and this has happened since.
    Stale(String),
}

/// What a stage did when it last ran to its end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Done {
    /// When it began, in milliseconds since 1970.
    began: u64,
    /// When something was last changed by it.
    changed: u64,
    /// Digest of what it is.
    text: String,
    /// Digests of what it was given.
    given: BTreeMap<String, String>,
    /// Digest of what it gave.
    gave: String,
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Done {
    fn read(json: &Json) -> Self {
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let given = json["given"].as_object().into_iter().flatten();
        Self {
            began: json["began"].as_u64().unwrap_or_default(),
            changed: json["changed"].as_u64().unwrap_or_default(),
            text: text("text"),
            given: given.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
            gave: text("gave"),
        }
    }

    fn write(&self) -> Json {
        json!({"began": self.began, "changed": self.changed, "text": self.text, "given": self.given, "gave": self.gave})
    }
}

impl Lab<'_> {
    fn done(&self) -> BTreeMap<String, Done> {
        // What cannot be read has not been done.
        let text = fs_err::read_to_string(self.folder.file(DONE)).unwrap_or_default();
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        json.as_object().into_iter().flatten().map(|(name, json)| (name.clone(), Done::read(json))).collect()
    }

    /// Writes down that a stage ran to its end.
    pub(super) fn remember(&self, stage: &Stage, began: u64, ending: Ending) -> Result<(), LabError> {
        let gave = fs_err::read(self.folder.file("outputs").join(format!("{}.json", stage.name))).unwrap_or_default();
        let gave = self.content(stage, gave);
        let given = self.given_now(stage);
        // Stages that run side by side write one file.
        let _turn = self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = self.done();
        let before = all.get(&stage.name);
        let same = match ending {
            Ending::Same => true,
            // A command does not say; what it gave does.
            Ending::Done => !stage.outputs.is_empty(),
            Ending::Changed | Ending::Failed => false,
        };
        let changed = match before.filter(|before| same && before.gave == gave) {
            Some(before) => before.changed,
            None => now(),
        };
        all.insert(stage.name.clone(), Done { began, changed, text: self.text(stage), given, gave });
        let json: serde_json::Map<String, Json> = all.iter().map(|(name, done)| (name.clone(), done.write())).collect();
        self.folder.write(DONE, &Json::Object(json).to_string())?;
        Ok(())
    }

    /// Forgets that a stage ran, with what it gave.
    pub(super) fn forget(&self, stage: &Stage) -> Result<(), LabError> {
        let mut all = self.done();
        all.remove(&stage.name);
        let json: serde_json::Map<String, Json> = all.iter().map(|(name, done)| (name.clone(), done.write())).collect();
        self.folder.write(DONE, &Json::Object(json).to_string())?;
        match fs_err::remove_file(self.folder.file("outputs").join(format!("{}.json", stage.name))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A digest of what a stage gave, with the content of files.
    fn content(&self, stage: &Stage, document: Vec<u8>) -> String {
        let files = stage.outputs.values().filter_map(|given| match given {
            crate::stage::Given::File(path) => fs_err::read(self.folder.file("outputs").join(path)).ok(),
            _ => None,
        });
        digest(&std::iter::once(document).chain(files).collect::<Vec<_>>())
    }

    /// A digest of what a stage is: its fields, and the playbooks that it names.
    fn text(&self, stage: &Stage) -> String {
        let mut parts: Vec<Vec<u8>> = vec![
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                stage.on,
                stage.tags,
                stage.skip_tags,
                stage.vars,
                stage.env,
                self.names()
            )
            .into_bytes(),
        ];
        match &stage.work {
            Work::Playbook(paths) => parts.extend(paths.iter().map(|path| fs_err::read(path).unwrap_or_default())),
            Work::Shell(line) => parts.push(line.clone().into_bytes()),
            Work::Program(words) => parts.extend(words.iter().map(|word| word.clone().into_bytes())),
            Work::Group(_) => {}
        }
        digest(&parts)
    }

    /// What a stage would be given now: digests by variable. Files count by what is in them.
    fn given_now(&self, stage: &Stage) -> BTreeMap<String, String> {
        let mut given = BTreeMap::new();
        for (name, source) in &stage.inputs {
            let Some(giver) = self.scenario.stages.get(&source.stage.text) else { continue };
            let Some(value) = self.given_by(&source.stage.text, &source.output) else { continue };
            let mut parts = vec![value.repr().into_bytes()];
            if let Some(crate::stage::Given::File(path)) = giver.outputs.get(&source.output) {
                parts.push(fs_err::read(self.folder.file("outputs").join(path)).unwrap_or_default());
            }
            given.insert(name.clone(), digest(&parts));
        }
        given
    }

    /// Whether what a stage did still holds.
    pub fn freshness(&self, stage: &Stage) -> Freshness {
        self.freshness_of(stage, &self.done(), true)
    }

    /// Whether others can use what a stage gave: what it would rather have, and has not yet, does not matter to them.
    pub(super) fn usable(&self, stage: &Stage) -> Freshness {
        self.freshness_of(stage, &self.done(), false)
    }

    fn freshness_of(&self, stage: &Stage, all: &BTreeMap<String, Done>, late: bool) -> Freshness {
        let Some(done) = all.get(&stage.name) else { return Freshness::Never };
        if done.text != self.text(stage) {
            return Freshness::Stale("it was written anew".to_owned());
        }
        let given = self.given_now(stage);
        let counts = |name: &str| late || stage.inputs.get(name).is_none_or(|source| !source.late);
        let other = |(name, value): &(&String, &String)| counts(name) && done.given.get(*name) != Some(*value);
        if let Some((name, _)) = given.iter().find(other) {
            return Freshness::Stale(format!("its input `{name}` is another now"));
        }
        for need in self.scenario.stages.needs(stage) {
            let Some(need) = self.scenario.stages.get(need) else { continue };
            if all.get(&need.name).is_some_and(|need| need.changed > done.began) {
                return Freshness::Stale(format!("`{}` has changed something since", need.name));
            }
            match self.freshness_of(need, all, false) {
                Freshness::Fresh => {}
                Freshness::Never => return Freshness::Stale(format!("`{}` has not run", need.name)),
                Freshness::Stale(_) => return Freshness::Stale(format!("`{}` is stale", need.name)),
            }
        }
        Freshness::Fresh
    }
}
