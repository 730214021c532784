//! rplay-vault.
