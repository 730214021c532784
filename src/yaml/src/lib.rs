//! rplay-yaml.
