//! A password as a crypt(3) hash: `sha512` (the default), `sha256`, `md5`, `blowfish`.

use crate::{Filter, FilterCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_vault::crypt::{CryptOptions, Scheme, hash};

/// A password as a crypt(3) hash: `sha512` (the default), `sha256`, `md5`, `blowfish`.
pub static FILTER: Filter = Filter {
    name: "password_hash",
    collection: "ansible.builtin",
    aliases: &[],
    params: &["hashtype", "salt", "salt_size", "rounds", "ident"],
    accepts_undefined: false,
    run,
};

fn run(call: &mut FilterCall<'_>) -> Result<Mj, TemplateError> {
    let Some(password) = call.input().as_str() else {
        let message = format!("secret must be unicode or bytes, not {}", py::type_name(call.input()));
        return Err(call.error(message));
    };
    let scheme = call.text_or("hashtype", "sha512")?;
    let scheme = Scheme::by_name(&scheme).map_err(|e| call.error(e.to_string()))?;
    let given = |name| call.opt(name).filter(|value| !value.is_none());
    let salt = given("salt").map(py::str);
    let ident = given("ident").map(py::str);
    let number = |name| match given(name) {
        Some(value) if py::as_index(value).is_none() => {
            Err(call.error(format!("Could not hash the secret: {name} must be an integer")))
        }
        Some(_) => call.int(name, 0).map(Some),
        None => Ok(None),
    };
    let options = CryptOptions {
        salt: salt.as_deref(),
        salt_size: number("salt_size")?.and_then(|size| usize::try_from(size).ok()),
        rounds: number("rounds")?.and_then(|rounds| u32::try_from(rounds).ok()),
        ident: ident.as_deref(),
    };
    hash(password, scheme, options).map(py::text).map_err(|e| {
        // The filter's sentence begins where the vault's goes on.
        let message = e.to_string();
        call.error(message.strip_prefix("could not").map_or_else(|| message.clone(), |rest| format!("Could not{rest}")))
    })
}
