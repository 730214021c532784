//! rplay-inventory.
