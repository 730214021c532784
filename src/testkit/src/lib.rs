//! rplay-testkit.
