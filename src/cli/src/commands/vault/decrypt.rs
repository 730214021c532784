//! `rplay vault decrypt`: envelopes become what they hold.

use std::io::{self, IsTerminal as _};

use super::session::{self, Session};
use crate::failure::Failure;

pub(super) fn run(options: &super::Decrypt, session: &Session<'_>) -> Result<(), Failure> {
    let output = options.output.output.as_deref();
    session::check_output(&options.files, output)?;
    let secrets = session.known()?;
    if options.files.is_empty() && io::stdin().is_terminal() {
        session::say("Reading ciphertext input from stdin");
    }
    for file in session::or_standard(&options.files) {
        let envelope = session::read_data(&file)?;
        let opened = session::decrypt(&secrets, &envelope, &session::real(&file))?;
        session::write_data(&opened.plain, &file, output, false)?;
    }
    session::say_to_terminal("Decryption successful");
    Ok(())
}
