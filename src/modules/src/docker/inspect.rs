//! Containers, images and networks by name or id, as the daemon describes them.

use rplay_value::{Map, Value};

use super::auth::resolve_repository;
use super::engine::{Engine, Fault, quoted};
use crate::{Context, ModuleError};

impl Engine {
    /// A container by name or (start of an) id.
    pub(super) fn container(&self, name: &str) -> Result<Option<Map>, ModuleError> {
        let wanted = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        let list = self
            .get("/containers/json")
            .param("limit", -1)
            .param("all", 1)
            .param("size", 0)
            .param("trunc_cmd", 0)
            .value()
            .map_err(|fault| fault.while_doing("Error retrieving container list: "))?;
        let found = items(&list).find(|container| {
            let named = container.get("Names").is_some_and(|names| items(names).any(|n| n.as_str() == Some(&wanted)));
            named || text(container, "Id").starts_with(name)
        });
        found.map_or(Ok(None), |container| self.container_by_id(text(container, "Id")))
    }

    /// A container by id, if it is still there.
    pub(super) fn container_by_id(&self, id: &str) -> Result<Option<Map>, ModuleError> {
        let answer = self.get(&format!("/containers/{}/json", quoted(id))).value();
        existing(answer).map_err(|fault| fault.while_doing("Error inspecting container: "))
    }

    /// A network by name or (start of an) id.
    pub(super) fn network(&self, name: &str) -> Result<Option<Map>, ModuleError> {
        let list =
            self.get("/networks").value().map_err(|fault| fault.while_doing("Error retrieving network list: "))?;
        let found = items(&list).find(|network| text(network, "Name") == name || text(network, "Id").starts_with(name));
        found.map_or(Ok(None), |network| self.network_by_id(text(network, "Id")))
    }

    /// A network by id, if it is still there.
    pub(super) fn network_by_id(&self, id: &str) -> Result<Option<Map>, ModuleError> {
        let answer = self.get(&format!("/networks/{}", quoted(id))).value();
        existing(answer).map_err(|fault| fault.while_doing("Error inspecting network: "))
    }

    /// An image by id, if it is there.
    pub(super) fn image_by_id(&self, id: &str) -> Result<Option<Map>, ModuleError> {
        let answer = self.get(&format!("/images/{}/json", quoted(id))).value();
        existing(answer).map_err(|fault| fault.while_doing(format!("Error inspecting image ID {id} - ")))
    }

    /// An image by name and tag (or digest), looked for under every name it may have.
    pub(super) fn image(&self, name: &str, tag: Option<&str>) -> Result<Option<Map>, ModuleError> {
        if name.is_empty() {
            return Ok(None);
        }
        let mut images = self.images_called(name, tag)?;
        if images.is_empty() {
            let (registry, repository) = resolve_repository(name)?;
            if registry == "docker.io" {
                let mut others = vec![repository.clone()];
                others.extend(repository.strip_prefix("library/").map(str::to_owned));
                others.push(format!("{registry}/{repository}"));
                if !repository.contains('/') {
                    others.push(format!("{registry}/library/{repository}"));
                }
                for other in others {
                    images = self.images_called(&other, tag)?;
                    if !images.is_empty() {
                        break;
                    }
                }
            }
        }
        let shown = tag.unwrap_or("None");
        match images.as_slice() {
            [] => Ok(None),
            [id] => existing(self.get(&format!("/images/{}/json", quoted(id))).value())
                .map_err(|fault| fault.while_doing(format!("Error inspecting image {name}:{shown} - "))),
            _ => Err(ModuleError::msg(format!("Daemon returned more than one result for {name}:{shown}"))),
        }
    }

    /// An image by what a user wrote: an id, or a name with or without a tag.
    pub(super) fn image_written(&self, written: &str) -> Result<Option<Map>, ModuleError> {
        if is_image_id(written) {
            return self.image_by_id(written);
        }
        let (name, tag) = split_tag(written);
        self.image(name, Some(tag.unwrap_or("latest")))
    }

    fn images_called(&self, name: &str, tag: Option<&str>) -> Result<Vec<String>, ModuleError> {
        let list = self
            .get("/images/json")
            .param("only_ids", 0)
            .param("all", 0)
            .filters(&Map::from_iter([("reference", vec![name])]))
            .value()
            .map_err(|fault| fault.while_doing(format!("Error searching for image {name} - ")))?;
        let id = |image: &Value| text(image, "Id").to_owned();
        let Some(tag) = tag.filter(|tag| !tag.is_empty()) else { return Ok(items(&list).map(id).collect()) };
        let (tagged, digest) = (format!("{name}:{tag}"), format!("{name}@{tag}"));
        let has = |image: &Value, key: &str, wanted: &str| {
            image.get(key).is_some_and(|names| items(names).any(|n| n.as_str() == Some(wanted)))
        };
        let found = items(&list).find(|image| has(image, "RepoTags", &tagged) || has(image, "RepoDigests", &digest));
        Ok(found.map(id).into_iter().collect())
    }

    /// Pulls an image; also tells whether it was there already.
    pub(super) fn pull(
        &self,
        cx: &Context<'_>,
        name: &str,
        tag: &str,
        platform: Option<&str>,
    ) -> Result<(Option<Map>, bool), ModuleError> {
        let before = self.image(name, Some(tag))?;
        let failed = |fault: Fault| fault.while_doing(format!("Error pulling image {name}:{tag} - "));
        let (repository, written) = split_tag(name);
        let (registry, _) = resolve_repository(repository).map_err(failed)?;
        let wanted = if tag.is_empty() { written.unwrap_or("latest") } else { tag };
        let login = self.credentials().header(cx.sys(), &registry).map_err(failed)?;
        let events = self
            .post("/images/create")
            .param("tag", wanted)
            .param("fromImage", repository)
            .maybe("platform", platform)
            .header("X-Registry-Auth", login)
            .timeout(None)
            .events()
            .map_err(failed)?;
        for event in events {
            let event = event.map_err(failed)?;
            if let Some(error) = event.get("error").filter(|error| error.is_true()) {
                let detail = event.get("errorDetail").filter(|detail| detail.is_true());
                return Err(ModuleError::msg(match detail {
                    Some(detail) => format!(
                        "Error pulling {name} - code: {} message: {}",
                        shown(detail.get("code")),
                        shown(detail.get("message"))
                    ),
                    None => format!("Error pulling {name} - {}", error.to_str()),
                }));
            }
        }
        let after = self.image(name, Some(tag))?;
        let same = without_metadata(before.as_ref()) == without_metadata(after.as_ref());
        Ok((after, same))
    }
}

/// When an image was last tagged says nothing about the image.
fn without_metadata(image: Option<&Map>) -> Option<Map> {
    image.map(|image| {
        let mut image = image.clone();
        image.remove("Metadata");
        image
    })
}

/// What was asked for, unless there is no such thing.
fn existing(answer: Result<Value, Fault>) -> Result<Option<Map>, Fault> {
    match answer {
        Ok(value) => Ok(value.as_map().cloned()),
        Err(fault) if fault.is_not_found() => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The items of a list; none of anything else.
pub(super) fn items(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_list().map(|list| list.iter()).unwrap_or_default()
}

/// A text of a mapping; empty when there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A value as Python's `str` shows it.
pub(super) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_str().into_owned())
}

/// Whether a name is an image's id.
pub(super) fn is_image_id(name: &str) -> bool {
    name.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

/// A name and its tag or digest.
pub(super) fn split_tag(name: &str) -> (&str, Option<&str>) {
    if let Some((name, digest)) = name.rsplit_once('@') {
        return (name, Some(digest));
    }
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    }
}

/// Whether a text can be a tag.
pub(super) fn is_tag(tag: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(letter) && tag.chars().all(|c| letter(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images() {
        assert_eq!(split_tag("h:5/a"), ("h:5/a", None));
        assert_eq!(split_tag("h:5/a:t"), ("h:5/a", Some("t")));
        assert_eq!(split_tag("a@sha256:00"), ("a", Some("sha256:00")));
        assert!(is_image_id(&format!("sha256:{}", "a0".repeat(32))));
        assert!(!is_image_id("sha256:a0"));
        assert!(is_tag("v1.0-x") && !is_tag(".x") && !is_tag(""));
    }
}
