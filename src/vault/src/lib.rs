//! Ansible's vault: reading and writing encrypted texts, where passwords come from, and crypt(3) password hashes.
//!
//! [`Secrets`] holds the run's passwords by vault id; [`Secrets::decrypt`] opens a `$ANSIBLE_VAULT` envelope with the
//! one it names, or with any that fits. [`SecretSource`] reads one from a file, a script or a prompt. [`crypt`] makes the
//! hashes of `password_hash`. Passwords and plain texts are wiped from memory when they are dropped and never printed.
//!
//! [`VaultedFiles`] is how the rest of rplay reads files that may be encrypted.
//!
//! Start reading at [`Secrets`], then `format.rs`.

mod cipher;
pub mod crypt;
mod error;
mod files;
mod format;
mod random;
mod seal;
mod secret;
mod source;

pub use error::VaultError;
pub use files::{Permissions, VaultedFiles, create_private, read_file, shred_file, shred_folder, write_file};
pub use format::{HEADER, is_vault};
pub use seal::Seal;
pub use secret::{DEFAULT_ID, Decrypted, Key, Password, Secrets};
pub use source::{Asking, Place, Prompt, SecretSource};
