//! Tests (`x is name`), one file each: `pub static TEST: Test`.

include!(concat!(env!("OUT_DIR"), "/tests.rs"));
