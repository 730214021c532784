//! rplay-engine.
