//! rplay-cli.
