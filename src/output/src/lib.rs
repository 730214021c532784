//! rplay-output.
