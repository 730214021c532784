//! rplay-agent.
