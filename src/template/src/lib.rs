//! rplay-template.
