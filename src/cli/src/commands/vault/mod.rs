//! `rplay vault`: ansible-vault, with its actions, options, messages and exit codes.
//!
//! What is encrypted or decrypted is written beside its place and renamed into it, so a file is never half of anything.
//! Plain text that has to be a file for an editor lives in memory ([`private`]).

mod create;
mod decrypt;
mod edit;
mod encrypt;
mod encrypt_string;
mod private;
mod rekey;
mod session;
mod view;

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use crate::options::VaultOptions;

/// Options of `rplay vault`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create a new encrypted file in an editor
    Create(Create),
    /// Decrypt files, or standard input
    Decrypt(Decrypt),
    /// Change an encrypted file in an editor
    Edit(Edit),
    /// Show encrypted files
    View(View),
    /// Encrypt files, or standard input
    Encrypt(Encrypt),
    /// Encrypt strings, as values to paste into YAML
    #[command(name = "encrypt_string")]
    EncryptString(EncryptString),
    /// Change the password of encrypted files
    Rekey(Rekey),
    /// Remove a folder with plain text as soon as standard input ends: the edit action's insurance against being killed
    #[command(hide = true)]
    Watch {
        /// The folder
        folder: PathBuf,
    },
}

/// What every action takes.
#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    vault: VaultOptions,

    /// Print more: the config file that is used
    #[arg(short = 'v', long, action = ArgAction::Count)]
    verbose: u8,
}

/// What every action that encrypts takes.
#[derive(Args, Debug)]
struct EncryptId {
    /// The vault id used to encrypt (required if there are several)
    #[arg(long, value_name = "ENCRYPT_VAULT_ID")]
    encrypt_vault_id: Option<String>,
}

/// What actions with a result take.
#[derive(Args, Debug)]
struct Output {
    /// Output file name; - is standard output
    #[arg(long, value_name = "OUTPUT_FILE")]
    output: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Create {
    /// The file to create
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    /// Open the editor even without a terminal
    #[arg(long)]
    skip_tty_check: bool,
    #[command(flatten)]
    id: EncryptId,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Decrypt {
    /// The files; none or - is standard input
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Edit {
    /// The files, one after the other
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    /// Accepted as ansible-vault does: a file keeps the vault id and the password that opened it
    #[command(flatten)]
    id: EncryptId,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct View {
    /// The files
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Encrypt {
    /// The files; none or - is standard input
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    id: EncryptId,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct EncryptString {
    /// The strings; none or - is standard input
    #[arg(value_name = "string_to_encrypt", allow_hyphen_values = false)]
    strings: Vec<String>,
    /// Ask for the string to encrypt
    #[arg(short = 'p', long)]
    prompt: bool,
    /// Show the string while it is typed
    #[arg(long)]
    show_input: bool,
    /// The variable's name; may be given once for each string
    #[arg(short = 'n', long = "name", value_name = "NAME", action = ArgAction::Append)]
    names: Vec<String>,
    /// The variable's name for what standard input holds
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    id: EncryptId,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Rekey {
    /// The files
    #[arg(value_name = "file_name")]
    files: Vec<PathBuf>,
    /// File or script with the new password
    #[arg(long, value_name = "FILE", conflicts_with = "new_vault_id")]
    new_vault_password_file: Option<PathBuf>,
    /// The new vault identity: NAME@FILE or NAME@prompt
    #[arg(long, value_name = "VAULT_ID")]
    new_vault_id: Option<String>,
    #[command(flatten)]
    id: EncryptId,
    #[command(flatten)]
    common: Common,
}

/// Runs the command; the value is the exit code.
pub(crate) fn run(options: &Options) -> i32 {
    match &options.action {
        Action::Create(options) => session::run(&options.common, |session| create::run(options, session)),
        Action::Decrypt(options) => session::run(&options.common, |session| decrypt::run(options, session)),
        Action::Edit(options) => session::run(&options.common, |session| edit::run(options, session)),
        Action::View(options) => session::run(&options.common, |session| view::run(options, session)),
        Action::Encrypt(options) => session::run(&options.common, |session| encrypt::run(options, session)),
        Action::EncryptString(options) => {
            session::run(&options.common, |session| encrypt_string::run(options, session))
        }
        Action::Rekey(options) => session::run(&options.common, |session| rekey::run(options, session)),
        Action::Watch { folder } => private::watch(folder),
    }
}
