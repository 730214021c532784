//! Where the agent's program comes from: `RPLAY_AGENT`, else the copy inside this program, else beside it.

use rplay_connection::AgentSource;

include!(concat!(env!("OUT_DIR"), "/agent.rs"));

/// The agent for this run.
pub(crate) fn source() -> AgentSource {
    match EMBEDDED {
        Some(program) if std::env::var_os("RPLAY_AGENT").is_none() => AgentSource::Embedded(program),
        _ => AgentSource::Search,
    }
}
