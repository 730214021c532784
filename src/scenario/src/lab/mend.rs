//! What mends what is broken on purpose, written down before anything is broken: a command that was killed leaves a file that
//! the next one works off. What it says does not hang on the scenario's file, which may have changed since.

use std::fmt;
use std::io::ErrorKind;
use std::sync::{MutexGuard, PoisonError};

use super::{Ending, Lab, LabError, one_of};
use crate::handoff::Reached;

/// File with what is not mended yet, a line each.
const BROKEN: &str = "broken";

/// What mends a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It is started.
    Start,
    /// It goes on.
    Resume,
    /// It is attached to a network again.
    Attach(String),
    /// Its link to a network is as fast as it was.
    Clear(String),
    /// A service is started.
    Unit(String),
    /// What takes all room below this path is removed.
    Empty(String),
    /// Its clock is set to this machine's.
    Clock,
    /// Packets between two networks pass again.
    Join(String, String),
}

/// What mends one node, or one link, of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mend {
    /// The fault.
    pub(super) fault: String,
    /// The node; of a link, its first network.
    pub(super) node: String,
    /// What is done.
    pub(super) remedy: Remedy,
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.fault, self.node)?;
        match &self.remedy {
            Remedy::Start => f.write_str("start"),
            Remedy::Resume => f.write_str("resume"),
            Remedy::Attach(network) => write!(f, "attach {network}"),
            Remedy::Clear(network) => write!(f, "clear {network}"),
            Remedy::Unit(unit) => write!(f, "unit {unit}"),
            Remedy::Empty(path) => write!(f, "empty {path}"),
            Remedy::Clock => f.write_str("clock"),
            Remedy::Join(a, b) => write!(f, "join {a} {b}"),
        }
    }
}

impl Mend {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let (fault, node, verb) = (words.next()?, words.next()?, words.next()?);
        let rest = words.next();
        let text = || rest.map(str::to_owned);
        let remedy = match verb {
            "start" => Remedy::Start,
            "resume" => Remedy::Resume,
            "attach" => Remedy::Attach(text()?),
            "clear" => Remedy::Clear(text()?),
            "unit" => Remedy::Unit(text()?),
            "empty" => Remedy::Empty(text()?),
            "clock" => Remedy::Clock,
            "join" => rest?.split_once(' ').map(|(a, b)| Remedy::Join(a.to_owned(), b.to_owned()))?,
            _ => return None,
        };
        Some(Self { fault: fault.to_owned(), node: node.to_owned(), remedy })
    }
}

impl Lab<'_> {
    fn list(&self) -> MutexGuard<'_, Vec<Mend>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what will mend what is about to be broken.
    pub(super) fn about_to_break(&self, mends: Vec<Mend>) -> Result<(), LabError> {
        let mut broken = self.list();
        broken.extend(mends);
        self.write_broken(&broken)
    }

    fn write_broken(&self, broken: &[Mend]) -> Result<(), LabError> {
        if broken.is_empty() {
            return match fs_err::remove_file(self.folder.file(BROKEN)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let lines: Vec<String> = broken.iter().map(|mend| format!("{mend}\n")).collect();
        self.folder.write(BROKEN, &lines.concat())?;
        Ok(())
    }

    /// Mends what a fault broke, last things first. What cannot be mended stays written down.
    pub(super) fn mend(&self, fault: &str, reached: &[Reached<'_>]) -> Result<(), LabError> {
        let mends: Vec<Mend> = self.list().iter().rev().filter(|mend| mend.fault == fault).cloned().collect();
        if mends.is_empty() {
            return Ok(());
        }
        self.step("mend", fault, || {
            let objects = self.objects()?;
            let mut errors = Vec::new();
            for mend in &mends {
                match self.remedy(mend, reached, &objects) {
                    Ok(()) => {
                        let mut broken = self.list();
                        broken.retain(|other| other != mend);
                        self.write_broken(&broken)?;
                    }
                    Err(error) => errors.push(error),
                }
            }
            one_of(errors)?;
            Ok::<_, LabError>(Ending::Changed)
        })
        .map(|_| ())
    }

    /// Mends what a killed command left broken.
    pub(super) fn mend_left(&self) -> Result<(), LabError> {
        let text = match fs_err::read_to_string(self.folder.file(BROKEN)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mends: Vec<Mend> = text.lines().filter_map(Mend::read).collect();
        let mut faults: Vec<String> = Vec::new();
        for mend in mends.iter().rev().filter(|mend| !mend.fault.is_empty()) {
            if !faults.contains(&mend.fault) {
                faults.push(mend.fault.clone());
            }
        }
        *self.list() = mends;
        let objects = self.objects()?;
        let nodes = self.nodes(&objects)?;
        let there: Vec<_> = nodes.into_iter().filter(|node| Self::object(&objects, &node.name).is_some()).collect();
        let reached = self.reached(&there, &objects)?;
        let ended: Vec<LabError> = faults.iter().filter_map(|fault| self.mend(fault, &reached).err()).collect();
        one_of(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let all = [
            Remedy::Start,
            Remedy::Resume,
            Remedy::Attach("inner".to_owned()),
            Remedy::Clear("inner".to_owned()),
            Remedy::Unit("ssh.service".to_owned()),
            Remedy::Empty("/srv/with a space".to_owned()),
            Remedy::Clock,
            Remedy::Join("a".to_owned(), "b".to_owned()),
        ];
        for remedy in all {
            let mend = Mend { fault: "f".to_owned(), node: "web-0".to_owned(), remedy };
            assert_eq!(Mend::read(&mend.to_string()), Some(mend));
        }
        assert_eq!(Mend::read("f web-0 sing"), None);
    }
}
