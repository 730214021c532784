//! The Python side's own tests, under the Python that plugins would run in.

use std::path::Path;
use std::process::Command;

#[test]
fn the_python_side_passes_its_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sidecar");
    let python = rplay_collection::interpreter(&|name| std::env::var_os(name)).unwrap_or_else(|| "python3".into());
    let ran = Command::new(python)
        .args(["-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("\nOK"), "{said}");
}
