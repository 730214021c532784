//! Whether a file on the controller is encrypted by vault.

use crate::{TemplateError, Test, TestCall, py};

/// Whether a file on the controller is encrypted by vault.
pub static TEST: Test = Test {
    name: "vaulted_file",
    collection: "ansible.builtin",
    aliases: &[],
    params: &[],
    accepts_undefined: false,
    run,
};

fn run(call: &mut TestCall<'_>) -> Result<bool, TemplateError> {
    let path = py::str(call.input());
    let mut head = [0_u8; 15];
    let read = fs_err::File::open(&path).and_then(|file| {
        use std::io::Read as _;
        let mut taken = Vec::new();
        file.take(head.len() as u64).read_to_end(&mut taken)?;
        head[..taken.len()].copy_from_slice(&taken);
        Ok(())
    });
    read.map_err(|_| call.error(format!("Cannot test if the file '{path}' is a vault.")))?;
    Ok(&head == b"$ANSIBLE_VAULT;")
}
