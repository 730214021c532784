//! What is done with images: tagged, pushed, loaded, archived.

use std::io;
use std::path::Path;

use rplay_protocol::Reply;
use rplay_value::{Map, Value};

use super::auth::{encoded, resolve_repository};
use super::engine::{Engine, Events, Fault, quoted};
use super::inspect::is_tag;
use crate::{Context, ModuleError};

/// Refuses what is no tag; an empty one is none at all. docker_image, _pull and _push end the sentence with `!`.
pub(super) fn check_tag(tag: &str) -> Result<(), ModuleError> {
    refuse_tag(tag, "!")
}

/// [`check_tag`] as docker_image_tag and _remove say it.
pub(super) fn check_tag_of_name(tag: &str) -> Result<(), ModuleError> {
    refuse_tag(tag, "")
}

fn refuse_tag(tag: &str, end: &str) -> Result<(), ModuleError> {
    if tag.is_empty() || is_tag(tag) {
        return Ok(());
    }
    Err(ModuleError::msg(format!("\"{tag}\" is not a valid docker tag{end}")))
}

/// What a module has done to an image, and what else it tells.
#[derive(Default)]
pub(super) struct Pushed {
    /// Something was sent.
    pub(super) changed: bool,
    /// The last thing the registry said.
    pub(super) status: Value,
}

impl Engine {
    /// Gives an image a name.
    pub(super) fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), Fault> {
        let ask = self.post(&format!("/images/{}/tag", quoted(image)));
        let answer = ask.param("tag", tag).param("repo", repository).flag("force", true).send()?;
        if answer.status() == 201 { Ok(()) } else { Err(Fault::Docker("Tag operation failed.".to_owned())) }
    }

    /// Sends an image to its registry.
    pub(super) fn push(&self, cx: &Context<'_>, name: &str, tag: &str) -> Result<Pushed, Fault> {
        let (registry, _) = resolve_repository(name)?;
        let login = self.credentials().header(cx.sys(), &registry)?;
        let events = self
            .post(&format!("/images/{}/push", quoted(name)))
            .param("tag", tag)
            // Newer daemons want the header even where there is no login.
            .header("X-Registry-Auth", Some(login.unwrap_or_else(|| encoded(&Map::new()))))
            .body(&Map::new())
            .events()?;
        let mut pushed = Pushed::default();
        for event in events {
            let event = event?;
            if let Some(message) = event.get("errorDetail").and_then(|detail| detail.get("message")) {
                return Err(Fault::Docker(message.to_string()));
            }
            pushed.status = event.get("status").cloned().unwrap_or_default();
            pushed.changed |= matches!(pushed.status.as_str(), Some("Pushing" | "Pushed"));
        }
        Ok(pushed)
    }

    /// Loads the images of an archive; what the daemon said, line by line.
    pub(super) fn load(&self, path: &Path) -> Result<Vec<String>, LoadError> {
        let refused = |error| LoadError { lines: Vec::new(), why: Why::Io(error) };
        let file = std::fs::File::open(path).map_err(refused)?;
        // Opening a folder fails in Python; here it would be reading.
        if file.metadata().is_ok_and(|data| data.is_dir()) {
            return Err(refused(io::Error::from_raw_os_error(nix::libc::EISDIR)));
        }
        let length = file.metadata().ok().map(|data| data.len());
        let mut lines = Vec::new();
        let events = self.post("/images/load").content(file, length, None).timeout(None).events();
        let outcome = events.and_then(|events| {
            events.into_iter().try_for_each(|event| {
                output_lines(&event?, &mut lines);
                Ok(())
            })
        });
        match outcome {
            Ok(()) => Ok(lines),
            Err(fault) => Err(LoadError { lines, why: Why::Fault(fault) }),
        }
    }

    /// Writes an image to an archive.
    pub(super) fn save(&self, image: &str, path: &Path) -> Result<(), ModuleError> {
        let answer = self
            .get(&format!("/images/{}/get", quoted(image)))
            .send()
            .map_err(|fault| fault.while_doing(format!("Error getting image {image} - ")))?;
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("/"));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            io::copy(&mut answer.reader(), &mut file)?;
            let file = file.persist(path).map_err(|error| error.error)?;
            // As Python's `open`: the umask's mode, not a temporary file's.
            let mode = 0o666 & !crate::umask();
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
        };
        write().map_err(|error| {
            ModuleError::msg(format!("Error writing image archive {} - {}", path.display(), python_error(&error, path)))
        })
    }
}

/// Why an archive could not be loaded, and what was said before.
pub(super) struct LoadError {
    pub(super) lines: Vec<String>,
    why: Why,
}

enum Why {
    Io(io::Error),
    Fault(Fault),
}

impl LoadError {
    /// The module's failure; `opening` and `loading` begin the message where the file is missing or anything else is wrong.
    pub(super) fn while_doing(self, opening: &str, loading: &str, path: &Path) -> ModuleError {
        let stdout = self.lines.join("\n");
        match self.why {
            Why::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                ModuleError::msg(format!("{opening} - {}", python_error(&error, path)))
            }
            Why::Io(error) => ModuleError::reply(
                Reply::failure(format!("{loading} - {}", python_error(&error, path))).with("stdout", stdout),
            ),
            Why::Fault(fault) => {
                ModuleError::reply(Reply::failure(format!("{loading} - {fault}")).with("stdout", stdout))
            }
        }
    }
}

/// An error of the system in Python's words.
pub(super) fn python_error(error: &io::Error, path: &Path) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("[Errno {}] {text}: '{}'", error.raw_os_error().unwrap_or(0), path.display())
}

/// Adds what an event says to the output.
pub(super) fn output_lines(event: &Value, lines: &mut Vec<String>) {
    let said = ["stream", "status"].into_iter().filter_map(|key| event.get(key)).find(|said| said.is_true());
    lines.extend(said.map(Value::to_string).unwrap_or_default().lines().map(str::to_owned));
}

/// The names and ids that loading has told of.
pub(super) fn loaded(lines: &[String]) -> (Vec<&str>, Vec<&str>) {
    let after = |prefix: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| Some(line.strip_prefix(prefix)?.trim())).collect()
    };
    (after("Loaded image:"), after("Loaded image ID:"))
}

/// What a push that failed is reported as.
pub(super) fn push_failure(fault: &Fault, name: &str, tag: &str, plain: &str) -> ModuleError {
    let text = fault.to_string();
    let (registry, repository) = resolve_repository(name).unwrap_or_default();
    let place = format!("Error pushing image {registry}/{repository}:{tag} - {text}");
    ModuleError::msg(if !text.contains("unauthorized") {
        format!("{plain}: {text}")
    } else if text.contains("authentication required") {
        format!("{place}. Try logging into {registry} first.")
    } else {
        format!("{place}. Does the repository exist?")
    })
}

/// Follows a build: what it said, or how it failed.
pub(super) fn follow_build(events: Events, name: &str) -> Result<Vec<String>, ModuleError> {
    let mut lines = Vec::new();
    for event in events {
        let event = event?;
        output_lines(&event, &mut lines);
        let Some(error) = event.get("error").filter(|error| error.is_true()) else { continue };
        let logs = Value::from(lines).to_string();
        let shown = |value: Option<&Value>| value.map_or_else(|| "None".to_owned(), Value::to_string);
        return Err(ModuleError::msg(match event.get("errorDetail").filter(|detail| detail.is_true()) {
            Some(detail) => format!(
                "Error building {name} - code: {}, message: {}, logs: {logs}",
                shown(detail.get("code")),
                shown(detail.get("message"))
            ),
            None => format!("Error building {name} - message: {}, logs: {logs}", error.to_str()),
        }));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_loaded() {
        let mut lines = Vec::new();
        for event in [
            "{\"stream\": \"Loaded image: a:1\\n\"}",
            "{\"status\": \"x\"}",
            "{\"stream\": \"Loaded image ID: sha256:0\\n\"}",
        ] {
            output_lines(&rplay_value::json::loads(event).unwrap(), &mut lines);
        }
        assert_eq!(lines, ["Loaded image: a:1", "x", "Loaded image ID: sha256:0"]);
        assert_eq!(loaded(&lines), (vec!["a:1"], vec!["sha256:0"]));
    }

    #[test]
    fn pushes_that_need_a_login() {
        let why = |text: &str| push_failure(&Fault::Docker(text.to_owned()), "h:5/a", "t", "Error").to_string();
        assert_eq!(why("x"), "Error: x");
        assert_eq!(
            why("unauthorized: authentication required"),
            "Error pushing image h:5/a:t - unauthorized: authentication required. Try logging into h:5 first."
        );
        assert!(why("unauthorized").ends_with("Does the repository exist?"));
    }
}
