//! The agent's program: where the controller finds it, and its name on targets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use sha2::{Digest, Sha256};

/// Where the agent's program comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AgentSource {
    /// The first that exists: `$RPLAY_AGENT`, `rplay-agent` beside the running program, and
    /// `../x86_64-unknown-linux-musl/PROFILE/rplay-agent` relative to that folder (cargo's layout).
    #[default]
    Search,
    /// This file.
    File(PathBuf),
    /// A copy inside the running program.
    Embedded(&'static [u8]),
}

/// The agent cannot be found here, or cannot run there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// None of the places has it.
    #[error("the agent's program rplay-agent was not found")]
    NotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// It is there but cannot be read.
    #[error("could not read the agent's program: {reason}")]
    Unreadable {
        /// The system's text, with the path.
        reason: String,
    },
    /// The target is another kind of machine.
    #[error("the target is {target}, and the agent runs on Linux x86_64 only")]
    Architecture {
        /// What `uname -sm` said.
        target: String,
    },
    /// It did not start.
    #[error("the agent did not start: {reason}")]
    Start {
        /// What the target said.
        reason: String,
    },
    /// It is of another version.
    #[error("the agent speaks protocol {theirs}, this program {ours}")]
    Version {
        /// The agent's.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
}

impl AgentError {
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { searched } => {
                let places: Vec<_> = searched.iter().map(|p| p.display().to_string()).collect();
                format!("looked for {}; set RPLAY_AGENT to its path", places.join(", "))
            }
            Self::Start { reason }
                if reason.contains("ermission denied") || reason.contains("ead-only file system") =>
            {
                "set ansible_remote_tmp to a folder where the user may write and run programs".to_owned()
            }
            Self::Version { .. } => "rebuild rplay-agent together with rplay".to_owned(),
            _ => return None,
        })
    }
}

/// The agent's program, loaded.
#[derive(Debug)]
pub struct Agent {
    /// Where it is on this machine, when it is a file.
    pub path: Option<PathBuf>,
    /// Its bytes.
    pub program: Arc<[u8]>,
    /// Its file name on targets: `agent-` and the start of its SHA-256, so that versions never mix.
    pub name: String,
}

impl Agent {
    /// Finds and reads it. Blocking.
    pub(crate) fn load(source: &AgentSource) -> Result<Self, AgentError> {
        let (path, program): (_, Arc<[u8]>) = match source {
            AgentSource::Embedded(program) => (None, Arc::from(*program)),
            AgentSource::File(path) => (Some(path.clone()), read(path)?),
            AgentSource::Search => {
                let searched = places();
                let Some(path) = searched.iter().find(|p| p.is_file()) else {
                    return Err(AgentError::NotFound { searched });
                };
                (Some(path.clone()), read(path)?)
            }
        };
        let name = format!("agent-{}", crate::words::hex(&Sha256::digest(&program)[..10]));
        Ok(Self { path, program, name })
    }
}

fn read(path: &Path) -> Result<Arc<[u8]>, AgentError> {
    fs::read(path).map(Arc::from).map_err(|error| AgentError::Unreadable { reason: error.to_string() })
}

fn places() -> Vec<PathBuf> {
    let mut places: Vec<_> = std::env::var_os("RPLAY_AGENT").map(PathBuf::from).into_iter().collect();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push(folder.join("rplay-agent"));
        // Test programs are one folder deeper than the programs of their profile.
        let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        places.push(folder.join("rplay-agent"));
        if let (Some(profile), Some(target)) = (folder.file_name(), folder.parent()) {
            places.push(target.join("x86_64-unknown-linux-musl").join(profile).join("rplay-agent"));
        }
        places.dedup();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_follows_the_content() {
        let a = Agent::load(&AgentSource::Embedded(b"one")).unwrap();
        let b = Agent::load(&AgentSource::Embedded(b"two")).unwrap();
        assert_eq!(a.name, "agent-7692c3ad3540bb803c02");
        assert_ne!(a.name, b.name);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Agent::load(&AgentSource::File("/nonexistent/rplay-agent".into())).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/rplay-agent"), "{error}");
    }
}
