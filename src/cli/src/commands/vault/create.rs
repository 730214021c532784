//! `rplay vault create`: a new file from an editor, encrypted when that ends.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use super::edit;
use super::session::{self, Session};
use crate::failure::Failure;

pub(super) fn run(options: &super::Create, session: &Session<'_>) -> Result<(), Failure> {
    let (secrets, key) = session.encrypting(&options.id)?;
    let [file] = options.files.as_slice() else {
        return Err(session::options("ansible-vault create can take only one filename argument"));
    };
    if !io::stdout().is_terminal() && !options.skip_tty_check {
        return Err(session::options("not a tty, editor cannot be opened"));
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        crate::vault::warn(&format!("{} does not exist, creating...", folder.display()));
        create_folder(folder)?;
    }
    if file.is_file() {
        return Err(session::trouble(format!("{} exists, please use 'edit' instead", file.display())));
    }
    let plain = edit::edited(file, None, session)?.unwrap_or_default();
    edit::save(file, &plain, &secrets, (&key.password, &key.id))
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs_err::create_dir_all(folder).map_err(|error| session::trouble(error.to_string()))
}
