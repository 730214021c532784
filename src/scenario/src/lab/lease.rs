//! Which labs are kept, and for how long: a note beside the folder of every scenario, so that what nobody owns any more can be found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::fresh::now;
use super::{Lab, LabError};
use crate::folder::cache;

/// A note of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The scenario's name.
    pub scenario: String,
    /// The folder of its own files.
    pub folder: PathBuf,
    /// Until when it is kept, in milliseconds since 1970; `None` until it is removed.
    pub until: Option<u64>,
}

fn notes() -> PathBuf {
    cache().join("labs")
}

impl Lease {
    /// All labs of this user that were made here.
    pub fn all() -> Vec<Self> {
        let entries = fs_err::read_dir(notes()).into_iter().flatten().filter_map(Result::ok);
        let mut all: Vec<Self> = entries.filter_map(|entry| Self::read(&entry.path())).collect();
        all.sort_by(|a, b| a.scenario.cmp(&b.scenario));
        all
    }

    fn read(path: &Path) -> Option<Self> {
        let json: Json = serde_json::from_str(&fs_err::read_to_string(path).ok()?).ok()?;
        Some(Self {
            scenario: path.file_stem()?.to_str()?.to_owned(),
            folder: json["folder"].as_str()?.into(),
            until: json["until"].as_u64(),
        })
    }

    fn path(&self) -> PathBuf {
        notes().join(format!("{}.json", self.scenario))
    }

    fn write(&self) -> std::io::Result<()> {
        fs_err::create_dir_all(notes())?;
        fs_err::write(self.path(), json!({"folder": self.folder, "until": self.until}).to_string())
    }

    /// Why nobody owns the lab any more, if nobody does.
    pub fn over(&self) -> Option<String> {
        if !self.folder.exists() {
            return Some(format!("its folder {} is gone", self.folder.display()));
        }
        self.until.filter(|until| *until < now()).map(|_| "its time is over".to_owned())
    }

    /// Forgets the lab.
    pub fn forget(&self) {
        // It is forgotten when there is none.
        let _ = fs_err::remove_file(self.path());
    }
}

impl Lab<'_> {
    fn lease(&self) -> Lease {
        let scenario = self.scenario.name.clone();
        let folder = self.folder.path().to_owned();
        let known = Lease::read(&notes().join(format!("{scenario}.json"))).filter(|known| known.folder == folder);
        known.unwrap_or(Lease { scenario, folder, until: None })
    }

    /// Notes that the lab is there.
    pub(super) fn note_lab(&self) -> Result<(), LabError> {
        Ok(self.lease().write()?)
    }

    /// Forgets it.
    pub(super) fn forget_lab(&self) {
        self.lease().forget();
    }

    /// Keeps the lab for so long from now, or until it is removed.
    pub fn keep_for(&self, time: Option<Duration>) -> Result<(), LabError> {
        let until = time.map(|time| now() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2));
        Ok(Lease { until, ..self.lease() }.write()?)
    }
}
