//! A random password kept in a file: made on first use, read again later. Options: `length`, `chars`, `seed`, `encrypt`.

use crate::lookups::terms;
use crate::pyrandom::Random;
use crate::{Lookup, LookupCall, TemplateError, py};
use minijinja::Value as Mj;
use rplay_value::BigInt;
use rplay_vault::crypt::{self, CryptOptions, Scheme};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A random password kept in a file: made on first use, read again later. Options: `length`, `chars`, `seed`, `encrypt`.
pub static LOOKUP: Lookup = Lookup { name: "password", collection: "ansible.builtin", accepts_undefined: false, run };

fn run(call: &mut LookupCall<'_>) -> Result<Vec<Mj>, TemplateError> {
    call.terms().iter().map(|term| Ok(py::text(password(call, &terms::text(term)?)?))).collect()
}

fn password(call: &LookupCall<'_>, term: &str) -> Result<String, TemplateError> {
    let (path, pairs) = match term.split_once(' ') {
        None => (term.to_owned(), Vec::new()),
        Some((path, rest)) => {
            let (raw, pairs) = terms::key_values(rest);
            let path = if raw.is_empty() { path.to_owned() } else { format!("{path} {raw}") };
            if !term.starts_with(&path) {
                let message = "Unrecognized value after key=value parameters given to password lookup";
                return Err(call.error(message));
            }
            (path, pairs)
        }
    };
    if let Some((name, _)) =
        pairs.iter().find(|(name, _)| !matches!(name.as_str(), "length" | "encrypt" | "chars" | "ident" | "seed"))
    {
        let message = format!("Unrecognized parameter(s) given to password lookup: {name}");
        return Err(call.error(message).hint("it takes length, chars, encrypt, ident and seed"));
    }
    let option = |name: &str| match pairs.iter().find(|(known, _)| known == name) {
        Some((_, value)) => Some(py::text(value.as_str())),
        None => call.opt(name).filter(|value| !value.is_none()).cloned(),
    };
    let length = match option("length") {
        Some(length) => py::str(&length).trim().parse().map_err(|_| call.error("password: length must be a number"))?,
        None => 20,
    };
    let alphabet = alphabet(option("chars").as_ref())?;
    if alphabet.is_empty() {
        return Err(call.error("password: no characters to choose from"));
    }
    let place = place(call, &path);
    let is_null = place == Path::new("/dev/null");
    let stored = if is_null { None } else { fs_err::read_to_string(&place).ok() };
    let encrypt = option("encrypt").map(|encrypt| py::str(&encrypt)).filter(|encrypt| !encrypt.is_empty());
    let mut salt = None;
    let plain = if let Some(content) = &stored {
        let content = content.trim_end();
        match content.rsplit_once(" salt=") {
            Some((plain, rest)) => {
                salt = Some(rest.rsplit_once(" ident=").map_or(rest, |(salt, _)| salt).to_owned());
                plain.to_owned()
            }
            None => content.to_owned(),
        }
    } else {
        let mut random = match option("seed") {
            Some(seed) => match py::as_index(&seed) {
                Some(seed) => Random::from_int(&BigInt::from(seed)),
                None => Random::from_text(&py::str(&seed)),
            },
            None => Random::System,
        };
        (0..length).map(|_: usize| alphabet[random.below(alphabet.len() as u64) as usize]).collect()
    };
    if let Some(scheme) = encrypt {
        return encrypted(call, &scheme, &plain, salt, option("ident"), (!is_null).then_some(&*place));
    }
    if stored.is_none() && !is_null {
        write(&place, &plain).map_err(|e| TemplateError::file(format!("password: {}: {e}", place.display())))?;
    }
    Ok(plain)
}

/// The password's hash. Its salt is kept beside it in the file, so that the hash stays the same.
fn encrypted(
    call: &LookupCall<'_>,
    scheme: &str,
    plain: &str,
    salt: Option<String>,
    ident: Option<Mj>,
    place: Option<&Path>,
) -> Result<String, TemplateError> {
    let fail = |e: rplay_vault::crypt::CryptError| call.error(e.to_string());
    let scheme = Scheme::by_name(scheme).map_err(fail)?;
    let ident = ident.map(|ident| py::str(&ident));
    let options = CryptOptions { salt: salt.as_deref(), ident: ident.as_deref(), ..CryptOptions::default() };
    let hash = crypt::hash(plain, scheme, options).map_err(fail)?;
    if salt.is_none()
        && let Some(place) = place
    {
        // `$id$[rounds=n$]salt$hash`; bcrypt runs salt and hash together.
        let parts: Vec<&str> = hash.split('$').collect();
        let bcrypt = scheme == Scheme::Bcrypt;
        let salt =
            if bcrypt { parts.last().and_then(|last| last.get(..22)) } else { parts.iter().rev().nth(1).copied() };
        let variant = if bcrypt { format!(" ident={}", parts.get(1).copied().unwrap_or("2b")) } else { String::new() };
        let content = format!("{plain} salt={}{variant}", salt.unwrap_or_default());
        write(place, &content).map_err(|e| TemplateError::file(format!("password: {}: {e}", place.display())))?;
    }
    Ok(hash)
}

fn place(call: &LookupCall<'_>, path: &str) -> PathBuf {
    let path = crate::filters::ospath::expand_user(path);
    call.scope().surroundings().basedir.join(path)
}

/// Writes the file so that only its owner can read it; it is complete or not there.
fn write(place: &Path, content: &str) -> std::io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let draft = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(format!("{content}\n").as_bytes()))
        .and_then(|()| fs_err::rename(&draft, place));
    if written.is_err() {
        // The draft is of no use to anybody; the first error is the one to tell.
        let _ = fs_err::remove_file(&draft);
    }
    written
}

/// The characters that specifications such as `ascii_letters,digits,.-` stand for; quotes are never among them.
fn alphabet(specification: Option<&Mj>) -> Result<Vec<char>, TemplateError> {
    let parts: Vec<String> = match specification {
        None => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
        Some(chars) => match chars.as_str() {
            Some(text) => {
                // A doubled comma is the character itself.
                let comma = text.contains(",,").then(|| ",".to_owned());
                let rest = text.replace(",,", ",");
                comma.into_iter().chain(rest.split(',').filter(|part| !part.is_empty()).map(str::to_owned)).collect()
            }
            None => py::iterate(chars)?.iter().map(py::str).collect(),
        },
    };
    let lower = "abcdefghijklmnopqrstuvwxyz";
    let upper = lower.to_uppercase();
    let punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    let mut out = String::new();
    for part in parts {
        match part.as_str() {
            "ascii_letters" => out.push_str(&format!("{lower}{upper}")),
            "ascii_lowercase" => out.push_str(lower),
            "ascii_uppercase" => out.push_str(&upper),
            "digits" => out.push_str("0123456789"),
            "hexdigits" => out.push_str("0123456789abcdefABCDEF"),
            "octdigits" => out.push_str("01234567"),
            "punctuation" => out.push_str(punctuation),
            "whitespace" => out.push_str(" \t\n\r\x0b\x0c"),
            "printable" => out.push_str(&format!("0123456789{lower}{upper}{punctuation} \t\n\r\x0b\x0c")),
            other => out.push_str(other),
        }
    }
    Ok(out.chars().filter(|c| !matches!(c, '"' | '\'')).collect())
}
