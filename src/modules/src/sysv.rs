//! Init scripts: where they are, whether a runlevel starts them.

use crate::Context;

/// Whether an init script of this name is there.
pub(crate) fn exists(cx: &Context<'_>, name: &str) -> bool {
    let path = if name.starts_with('/') { name.to_owned() } else { format!("/etc/init.d/{name}") };
    cx.path(path).exists()
}

/// Whether a runlevel (or any) has a start link for the script.
pub(crate) fn is_enabled(cx: &Context<'_>, name: &str, runlevel: Option<&str>) -> bool {
    let root = if cx.path("/etc/rc0.d").is_dir() { "/etc" } else { "/etc/init.d" };
    let levels = ["0", "1", "2", "3", "4", "5", "6", "S"];
    let levels = levels.iter().filter(|level| runlevel.is_none_or(|wanted| wanted == **level));
    levels.into_iter().any(|level| {
        let Ok(entries) = std::fs::read_dir(cx.path(format!("{root}/rc{level}.d"))) else { return false };
        entries.filter_map(Result::ok).any(|entry| {
            let entry = entry.file_name();
            let link = entry.to_str().unwrap_or_default();
            let number = link.strip_prefix('S').and_then(|rest| rest.get(..2));
            number.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit())) && &link[3..] == name
        })
    })
}
