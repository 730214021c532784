//! End-to-end tests, one file a feature.

mod architecture;
mod lab;
mod malformed;

use rplay_testkit::TestBed;

/// A fresh folder for the program under test.
fn bed() -> TestBed {
    TestBed::new(env!("CARGO_BIN_EXE_rplay"))
}
