//! A password as a type 5 (MD5) hash, as network devices keep it.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_vault::crypt::{CryptOptions, Scheme, hash};

/// A password as a type 5 (MD5) hash, as network devices keep it.
pub static FILTER: Filter = Filter {
    name: "type5_pw",
    collection: "ansible.netcommon",
    aliases: &[],
    params: &["salt"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let text = |value: &Mj, what: &str| {
        value.as_str().map(str::to_owned).ok_or_else(|| {
            let name = py::type_name(value);
            call.error(format!("type5_pw {what} input should be a string, but was given a input of {name}"))
        })
    };
    let password = text(call.input(), "password")?;
    let salt = call.opt("salt").filter(|salt| !salt.is_none()).map(|salt| text(salt, "salt")).transpose()?;
    type5(&password, salt.as_deref()).map_err(|error| call.error(error))
}

/// The hash, with a random salt of four characters unless one is given.
pub(crate) fn type5(password: &str, salt: Option<&str>) -> Result<Mj, String> {
    let salt = salt.filter(|salt| !salt.is_empty());
    if let Some(salt) = salt
        && !salt.chars().all(|c| CHARS.contains(c))
    {
        return Err(format!("type5_pw salt used inproper characters, must be one of {CHARS}"));
    }
    let options = CryptOptions { salt, salt_size: Some(4).filter(|_| salt.is_none()), rounds: None, ident: None };
    hash(password, Scheme::Md5, options).map(py::text).map_err(|error| error.to_string())
}

const CHARS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";
