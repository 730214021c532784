//! Permissions as people write them: octal numbers and texts, and chmod's symbolic form.

use rplay_protocol::Reply;
use rplay_value::Value;

use crate::ModuleError;
use crate::convert::python_str;

const PERMISSIONS: u32 = 0o7777;

/// A wanted mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// These bits exactly.
    Bits(u32),
    /// A change such as `u+rwX,g-w,o=`.
    Symbolic(String),
}

impl Mode {
    /// A number is taken as it is (YAML has read its octal form), text is octal or symbolic.
    pub fn parse(value: &Value) -> Result<Self, ModuleError> {
        match value {
            Value::Int(bits) => u32::try_from(*bits).map(Self::Bits).map_err(|_| invalid(&bits.to_string())),
            other => {
                let text = python_str(other);
                let digits = text.trim().replace('_', "");
                let digits = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")).unwrap_or(&digits);
                match u32::from_str_radix(digits, 8) {
                    Ok(bits) => Ok(Self::Bits(bits)),
                    // Refused now rather than when half of the work is done.
                    Err(_) => {
                        symbolic(&text, 0, false).map(|_| Self::Symbolic(text.clone())).map_err(|why| invalid(&why))
                    }
                }
            }
        }
    }

    /// The bits for a file that has `current` now.
    pub fn resolve(&self, current: u32, is_folder: bool) -> u32 {
        match self {
            Self::Bits(bits) => *bits,
            Self::Symbolic(text) => symbolic(text, current & PERMISSIONS, is_folder).unwrap_or(current),
        }
    }
}

fn invalid(details: &str) -> ModuleError {
    ModuleError::reply(Reply::failure("mode must be in octal or symbolic form").with("details", details))
}

/// The file creation mask of this process, read without changing it (other threads create files meanwhile).
pub fn umask() -> u32 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))
        .and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o022)
}

/// chmod's grammar as Ansible reads it: `[ugoa]*([-+=][rwxXstugo]*)+` between commas.
fn symbolic(text: &str, current: u32, is_folder: bool) -> Result<u32, String> {
    let mut mode = current;
    for clause in text.split(',') {
        let bad = || format!("bad symbolic permission for mode: {clause}");
        let is_operator = |c: char| matches!(c, '+' | '-' | '=');
        let start = clause.find(is_operator).ok_or_else(bad)?;
        let (users, mut rest) = clause.split_at(start);
        if !users.chars().all(|c| "ugo".contains(c)) && users != "a" {
            return Err(bad());
        }
        let masked = users.is_empty();
        let users = if masked || users == "a" { "ugo" } else { users };
        while let Some(operator) = rest.chars().next() {
            let end = rest[1..].find(is_operator).map_or(rest.len(), |at| at + 1);
            let permissions = &rest[1..end];
            rest = &rest[end..];
            if !permissions.chars().all(|c| "rwxXstugo".contains(c)) {
                return Err(bad());
            }
            for user in users.chars() {
                let bits = permissions.chars().fold(0, |bits, p| bits | permission(p, user, mode, is_folder, masked));
                mode = match operator {
                    '+' => mode | bits,
                    '-' => mode & !bits,
                    _ => {
                        let own = match user {
                            'u' => 0o4700,
                            'g' => 0o2070,
                            _ => 0o1007,
                        };
                        (mode & !own & PERMISSIONS) | bits
                    }
                };
            }
        }
    }
    Ok(mode)
}

/// The bits one letter stands for, for one class of users.
fn permission(letter: char, user: char, mode: u32, is_folder: bool, masked: bool) -> u32 {
    let shift = match user {
        'u' => 6,
        'g' => 3,
        _ => 0,
    };
    let allowed = if masked { !umask() } else { !0 };
    match letter {
        'r' => (4 << shift) & allowed,
        'w' => (2 << shift) & allowed,
        'x' => (1 << shift) & allowed,
        'X' if is_folder || mode & 0o111 != 0 => 1 << shift,
        's' if user == 'u' => 0o4000,
        's' if user == 'g' => 0o2000,
        't' if user == 'o' => 0o1000,
        'u' => ((mode >> 6) & 7) << shift,
        'g' => ((mode >> 3) & 7) << shift,
        'o' => (mode & 7) << shift,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_mode_or_refused(text in "[ugoarwxXst0-9=+,-]{0,10}", current in 0_u32..0o10000, is_folder: bool) {
            if let Ok(mode @ Mode::Symbolic(_)) = Mode::parse(&text.as_str().into()) {
                prop_assert!(mode.resolve(current, is_folder) < 0o10000);
            }
        }
    }

    fn bits(mode: impl Into<Value>, current: u32, is_folder: bool) -> u32 {
        Mode::parse(&mode.into()).unwrap().resolve(current, is_folder)
    }

    #[test]
    fn octal_comes_as_number_or_text() {
        assert_eq!(bits(0o644, 0, false), 0o644);
        assert_eq!(bits("0644", 0, false), 0o644);
        assert_eq!(bits("644", 0, false), 0o644);
        assert_eq!(bits("0o1777", 0, false), 0o1777);
    }

    #[test]
    fn symbolic_changes_are_those_of_chmod() {
        assert_eq!(bits("u+rwX,g-w,o=", 0o664, false), 0o640);
        assert_eq!(bits("u=rwX,g=rX,o=rX", 0o600, true), 0o755);
        assert_eq!(bits("u=rw-x+X,g=r-x+X,o=r-x+X", 0o777, true), 0o755);
        assert_eq!(bits("a+x", 0o644, false), 0o755);
        assert_eq!(bits("g=u,o=g-w", 0o750, false), 0o775);
        assert_eq!(bits("u+s,g+s,o+t", 0o755, true), 0o7755);
        assert_eq!(bits("ug+X", 0o644, false), 0o644);
    }

    #[test]
    fn without_users_the_mask_is_respected() {
        let mask = umask();
        assert_eq!(bits("+w", 0o444, false), 0o444 | (0o222 & !mask));
    }

    #[test]
    fn nonsense_is_refused_with_details() {
        let Err(ModuleError::Failed { reply }) = Mode::parse(&"rwxr".into()) else { panic!() };
        assert_eq!(reply.data.get("msg"), Some(&"mode must be in octal or symbolic form".into()));
        assert_eq!(reply.data.get("details"), Some(&"bad symbolic permission for mode: rwxr".into()));
    }
}
