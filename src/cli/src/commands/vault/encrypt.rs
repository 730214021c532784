//! `rplay vault encrypt`: files or standard input become envelopes.

use std::io::{self, IsTerminal as _};

use super::session::{self, Session};
use crate::failure::Failure;

pub(super) fn run(options: &super::Encrypt, session: &Session<'_>) -> Result<(), Failure> {
    let output = options.output.output.as_deref();
    session::check_output(&options.files, output)?;
    let (secrets, key) = session.encrypting(&options.id)?;
    if options.files.is_empty() && io::stdin().is_terminal() {
        session::say("Reading plaintext input from stdin");
    }
    for file in session::or_standard(&options.files) {
        let plain = session::read_data(&file)?;
        let envelope =
            secrets.encrypt_with(&*plain, &key.password, &key.id).map_err(|error| session::failed(&error))?;
        // The plain text that was there must not stay on the disk.
        session::write_data(envelope.as_bytes(), &file, output, true)?;
    }
    session::say_to_terminal("Encryption successful");
    Ok(())
}
