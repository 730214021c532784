//! End-to-end tests, one file a feature.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod adhoc;
mod architecture;
mod calls;
mod collections;
mod compat;
mod config;
mod debugger;
mod diffs;
mod doc;
mod fact_cache;
mod inventory;
mod lab;
mod leaks;
mod lint;
mod live;
mod loops;
mod malformed;
mod plugins;
mod reference;
mod resume;
mod scenario;
mod settings;
mod vault;
mod why;

use std::path::Path;

use rplay_testkit::TestBed;

/// A fresh folder for the program under test.
fn bed() -> TestBed {
    TestBed::new(env!("CARGO_BIN_EXE_rplay"))
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap().filter_map(Result::ok) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}
