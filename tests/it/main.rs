//! End-to-end tests, one file a feature.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod architecture;
mod collections;
mod compat;
mod config;
mod doc;
mod fact_cache;
mod inventory;
mod lab;
mod leaks;
mod lint;
mod live;
mod malformed;
mod plugins;
mod reference;
mod settings;
mod vault;
mod why;

use rplay_testkit::TestBed;

/// A fresh folder for the program under test.
fn bed() -> TestBed {
    TestBed::new(env!("CARGO_BIN_EXE_rplay"))
}
