//! A container on its way to the state that is wanted.

use rplay_protocol::Reply;
use rplay_value::{List, Map, Value};

use super::super::compare::{Comparison, Shape, equal};
use super::super::differences::Differences;
use super::super::engine::{Engine, quoted};
use super::super::inspect::{is_image_id, split_tag};
use super::option::{Against, Field, Group, Place};
use super::prepare::order;
use super::{network, platform};
use crate::{Context, ModuleError};

/// A container as it was described last.
#[derive(Clone, Debug, Default)]
pub(in crate::docker) struct Container(pub Option<Map>);

impl Container {
    fn state(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get("State")?.get(key)
    }

    fn own(&self, key: &str) -> String {
        let value = self.0.as_ref().and_then(|container| container.get(key));
        value.filter(|value| !value.is_null()).map(Value::to_string).unwrap_or_default()
    }

    pub(super) fn id(&self) -> String {
        self.own("Id")
    }

    fn exists(&self) -> bool {
        self.0.is_some()
    }

    fn removing(&self) -> bool {
        self.state("Status").and_then(Value::as_str) == Some("removing")
    }

    fn running(&self) -> bool {
        self.state("Running").is_some_and(Value::is_true) && !self.state("Ghost").is_some_and(Value::is_true)
    }

    fn paused(&self) -> bool {
        self.state("Paused").is_some_and(Value::is_true)
    }
}

/// Everything that one run of the module knows and has done.
pub(in crate::docker) struct Work<'a, 'b> {
    /// The module's context.
    pub cx: &'a mut Context<'b>,
    /// The daemon.
    pub engine: Engine,
    /// All arguments, as `container_default_behavior` and others changed them.
    pub params: Map,
    /// The options in the daemon's words.
    pub wanted: Vec<(&'static Group, Map)>,
    /// How each option is compared.
    pub comparisons: Vec<(&'static Field, Comparison)>,
    /// What the module has done, or would do.
    pub actions: List,
    /// Whether that changed something.
    pub changed: bool,
    /// What is shown in diff mode.
    pub tracked: Differences,
    /// The collection's own list of differences.
    pub listed: List,
    /// Whether the container has another image than wanted.
    pub image_different: Option<bool>,
    /// Status of a container that was waited for.
    pub status: Option<Value>,
    /// Output of a container that ended badly.
    pub failed: Option<Value>,
}

impl Work<'_, '_> {
    pub(super) fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.param(name).is_some_and(Value::is_true)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.param(name).map(Value::to_string).filter(|text| !text.is_empty())
    }

    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.param(name).and_then(Value::as_float).or_else(|| self.param(name)?.as_int().map(|n| n as f64))
    }

    fn comparison(&self, name: &str) -> Comparison {
        let found = self.comparisons.iter().find(|(field, _)| field.name == name);
        found.map_or(Comparison::Strict, |(_, comparison)| *comparison)
    }

    pub(super) fn networks(&self) -> Vec<Map> {
        let of = self.wanted.iter().find(|(group, _)| group.place == Place::Network);
        let list = of.and_then(|(_, values)| values.get("networks")?.as_list());
        list.into_iter().flatten().filter_map(|network| network.as_map().cloned()).collect()
    }

    pub(super) fn note<V: Into<Value>>(&mut self, entries: impl IntoIterator<Item = (&'static str, V)>) {
        self.actions.push(entries.into_iter().collect::<Map>());
    }

    pub(super) fn did<V: Into<Value>>(&mut self, entries: impl IntoIterator<Item = (&'static str, V)>) {
        self.note(entries);
        self.changed = true;
    }

    pub(super) fn find(&self, name: &str) -> Result<Container, ModuleError> {
        self.engine.container(name).map(Container)
    }

    /// Fails, with the status of a container that was waited for.
    pub(super) fn fail(&self, msg: impl Into<String>) -> ModuleError {
        let reply = Reply::failure(msg);
        ModuleError::reply(match &self.status {
            Some(status) => reply.with("status", status.clone()),
            None => reply,
        })
    }

    /// `present`, `started`, `healthy`, `stopped`: what is known of the container at the end.
    pub(in crate::docker) fn present(&mut self, state: &str) -> Result<Option<Map>, ModuleError> {
        let name = self.text("name").unwrap_or_default();
        let mut container = self.find(&name)?;
        let (was_running, was_paused) = (container.running(), container.paused());
        let needs_image = self.wanted.iter().any(|(group, values)| match group.place {
            Place::Command => values.get("command").and_then(Value::as_list).is_some_and(|command| command.is_empty()),
            Place::Platform => values.contains("platform"),
            _ => false,
        });
        let (image, own_image, mut compared_image) = self.image(&container, needs_image)?;
        let needs_host = self.wanted.iter().any(|(group, values)| match group.place {
            Place::Network => values.get("network_mode").and_then(Value::as_str) == Some("default"),
            Place::Platform => values.contains("platform"),
            _ => false,
        });
        let host = if needs_host { Some(self.engine.info()?) } else { None };
        let mut created = false;
        if !container.exists() || container.removing() {
            let Some(image) = self.text("image") else {
                return Err(self.fail("Cannot create container when image is not specified!"));
            };
            self.tracked.add("exists", true, false);
            if container.removing() && !self.cx.check() {
                self.wait_until_gone(&container.id())?;
            }
            if let Some(made) = self.create(&image)? {
                container = made;
            }
            created = true;
        } else if self.recreate(
            &mut container,
            image.as_ref(),
            own_image.as_ref(),
            compared_image.as_ref(),
            host.as_ref(),
        )? {
            created = true;
            compared_image = image;
        }
        if container.exists() {
            self.update_limits(&mut container, own_image.as_ref(), compared_image.as_ref(), host.as_ref())?;
            self.update_networks(&mut container, created)?;
            self.reach(state, &mut container, was_running, was_paused)?;
        }
        let mut facts = container.0.clone();
        if state == "healthy" && !self.cx.check() {
            let limit = self.seconds("healthy_wait_timeout").filter(|limit| *limit > 0.0);
            let healthy = |state: Option<&str>| matches!(state, Some("healthy") | None);
            let waits = |state: Option<&str>| matches!(state, Some("starting" | "unhealthy"));
            let found = self.wait(&container.id(), true, healthy, waits, false, limit)?;
            facts = found.or(facts);
        }
        Ok(facts)
    }

    /// Removes and makes the container anew where it differs; whether it did.
    fn recreate(
        &mut self,
        container: &mut Container,
        image: Option<&Map>,
        own_image: Option<&Map>,
        compared_image: Option<&Map>,
        host: Option<&Value>,
    ) -> Result<bool, ModuleError> {
        let (mut different, differences) = self.configuration(container, own_image, compared_image, host)?;
        let wanted_image = self.text("image");
        let mut image_different = false;
        if self.comparison("image") == Comparison::Strict {
            let id = image.and_then(|image| image.get("Id")).map(Value::to_string);
            let active = container.own("Image");
            if let Some(id) = id.filter(|id| !id.is_empty() && !active.is_empty() && *id != active) {
                self.tracked.add("image", id, active);
                image_different = true;
            }
            let config = container.0.as_ref().and_then(|container| container.get("Config"));
            let name = config.and_then(|config| config.get("Image")).cloned().unwrap_or_default();
            let recreates = self.text("image_name_mismatch").as_deref() == Some("recreate");
            if let (true, Some(wanted)) = (recreates, &wanted_image)
                && name.as_str() != Some(wanted)
            {
                different = true;
                self.tracked.add("image_name", wanted.as_str(), name);
            }
        }
        if !image_different && !different && !self.flag("recreate") {
            return Ok(false);
        }
        self.tracked.merge(&differences);
        self.listed = differences.of_container();
        self.image_different = Some(image_different);
        let image = wanted_image.unwrap_or_else(|| container.own("Image"));
        if image.is_empty() {
            return Err(self.fail(
                "Cannot recreate container when image is not specified or cannot be extracted from current container!",
            ));
        }
        let id = container.id();
        if container.running() {
            self.stop(&id)?;
        }
        self.remove(&id, false)?;
        if !self.cx.check() {
            self.wait_until_gone(&id)?;
        }
        if let Some(made) = self.create(&image)? {
            *container = made;
        }
        Ok(true)
    }

    /// Starts, restarts, stops, pauses.
    fn reach(
        &mut self,
        state: &str,
        container: &mut Container,
        was_running: bool,
        was_paused: bool,
    ) -> Result<(), ModuleError> {
        let id = container.id();
        let runs = matches!(state, "started" | "healthy");
        if runs && !container.running() {
            self.tracked.add("running", true, was_running);
            *container = self.start(&id)?;
        } else if runs && self.flag("restart") {
            self.tracked.add("running", true, was_running);
            self.tracked.add("restarted", true, false);
            *container = self.restart(&id)?;
        } else if state == "stopped" && container.running() {
            self.tracked.add("running", false, was_running);
            self.stop(&id)?;
            *container = self.find(&id)?;
        }
        if let (true, Some(paused)) = (runs, self.params.get("paused").and_then(Value::as_bool))
            && container.paused() != paused
        {
            self.tracked.add("paused", paused, was_paused);
            if !self.cx.check() {
                let (verb, doing) = if paused { ("pause", "pausing") } else { ("unpause", "unpausing") };
                self.engine
                    .post(&order(&id, verb))
                    .done()
                    .map_err(|fault| self.fail(format!("Error {doing} container {id}: {fault}")))?;
                *container = self.find(&id)?;
            }
            self.did([("set_paused", paused)]);
        }
        Ok(())
    }

    /// `absent`
    pub(in crate::docker) fn absent(&mut self) -> Result<(), ModuleError> {
        let container = self.find(&self.text("name").unwrap_or_default())?;
        if container.exists() {
            let id = container.id();
            if container.running() {
                self.tracked.add("running", false, true);
                self.stop(&id)?;
            }
            self.tracked.add("exists", false, true);
            self.remove(&id, false)?;
        }
        Ok(())
    }

    /// The image that is wanted, the one the container has, and the one it is compared with.
    #[expect(clippy::type_complexity, reason = "three images, named where they are taken apart")]
    fn image(
        &mut self,
        container: &Container,
        needed: bool,
    ) -> Result<(Option<Map>, Option<Map>, Option<Map>), ModuleError> {
        let written = self.text("image");
        let looks = needed || written.is_none();
        let mut own = if looks { self.own_image(container)? } else { None };
        let Some(written) = written else { return Ok((None, own.clone(), own)) };
        let image = if is_image_id(&written) {
            let image = self.engine.image_by_id(&written)?;
            Some(image.ok_or_else(|| self.fail(format!("Cannot find image with ID {written}")))?)
        } else {
            let (repository, tag) = split_tag(&written);
            let tag = tag.unwrap_or("latest");
            self.named_image(repository, tag)?
        };
        let mut compared = image.clone();
        if self.text("image_comparison").as_deref() == Some("current-image") {
            if !looks {
                own = self.own_image(container)?;
            }
            compared.clone_from(&own);
        }
        Ok((image, own, compared))
    }

    fn named_image(&mut self, repository: &str, tag: &str) -> Result<Option<Map>, ModuleError> {
        let image = self.engine.image(repository, Some(tag))?;
        let pull = match self.param("pull") {
            Some(Value::Text(text)) if text.as_str() == "always" => "always",
            Some(Value::Text(text)) if text.as_str() == "never" => "never",
            Some(Value::Text(text)) if text.as_str() == "True" => "always",
            Some(Value::Bool(true)) => "always",
            _ => "missing",
        };
        let name = format!("{repository}:{tag}");
        if image.is_none() && pull == "never" {
            return Err(self.fail(format!("Cannot find image with name {name}, and pull=never")));
        }
        if image.is_some() && pull != "always" {
            return Ok(image);
        }
        if !self.cx.check() {
            let platform = self.text("platform");
            let (pulled, same) = self.engine.pull(self.cx, repository, tag, platform.as_deref())?;
            self.changed = !same;
            self.note([("pulled_image", Value::from(name)), ("changed", (!same).into())]);
            return Ok(pulled);
        }
        let claims = self.text("pull_check_mode_behavior").as_deref() == Some("always");
        if image.is_none() {
            self.did([("pulled_image", Value::from(name)), ("changed", true.into())]);
        } else if claims {
            self.did([("pulled_image", name)]);
        }
        Ok(image)
    }

    fn own_image(&self, container: &Container) -> Result<Option<Map>, ModuleError> {
        if !container.exists() || container.removing() {
            return Ok(None);
        }
        self.engine.image_written(&container.own("Image"))
    }

    /// Compares one group of options with what is there.
    fn compare(
        &self,
        found: &mut Differences,
        group: &'static Group,
        wanted: &Map,
        against: &Against<'_>,
    ) -> Result<(), ModuleError> {
        let current = group.current(against);
        let expected = group.expected(wanted, against)?;
        for field in group.fields {
            let Some(wanted) = expected.get(field.name) else { continue };
            let there = current.get(field.name).cloned().unwrap_or_default();
            let comparison = self.comparison(field.name);
            let same = match group.place {
                Place::Platform => comparison == Comparison::Ignore || platform::equal(wanted, &there),
                _ => equal(wanted, &there, comparison, field.shape),
            };
            if same || self.excused(group, wanted, &there, comparison, against)? {
                continue;
            }
            found.add(field.name, sorted(wanted, field.shape), sorted(&there, field.shape));
        }
        Ok(())
    }

    /// Differences that are none.
    fn excused(
        &self,
        group: &Group,
        wanted: &Value,
        there: &Value,
        comparison: Comparison,
        against: &Against<'_>,
    ) -> Result<bool, ModuleError> {
        match group.place {
            // Newer daemons write the network they take by default.
            Place::Network if wanted.as_str() == Some("default") => {
                let system = against.host.and_then(|host| host.get("OSType")).and_then(Value::as_str);
                Ok(matches!((there.as_str(), system), (Some("bridge"), Some("linux")) | (Some("nat"), Some("windows"))))
            }
            Place::Labels if comparison == Comparison::Strict && !against.keeps_image_labels => {
                let of_image = against.image.and_then(|image| image.get("Config")?.get("Labels")?.as_map());
                let own = self.param("labels").and_then(Value::as_map);
                let lost: Vec<String> = of_image
                    .into_iter()
                    .flat_map(Map::texts)
                    .filter(|(label, _)| own.is_none_or(|own| !own.contains(label.as_str())))
                    .map(|(label, _)| format!("\"{label}\""))
                    .collect();
                if lost.is_empty() {
                    return Ok(false);
                }
                Err(self.fail(format!(
                    "Some labels should be removed but are present in the base image. You can set image_label_mismatch to \
                     'ignore' to ignore this error. Labels: {}",
                    lost.join(", ")
                )))
            }
            _ => Ok(false),
        }
    }

    fn against<'c>(
        &self,
        container: &'c Map,
        own_image: Option<&'c Map>,
        image: Option<&'c Map>,
        host: Option<&'c Value>,
    ) -> Against<'c> {
        let keeps_image_labels = self.text("image_label_mismatch").as_deref() == Some("ignore");
        Against { container, image, own_image, host, keeps_image_labels }
    }

    /// Whether the container has to be made anew, and why.
    fn configuration(
        &self,
        container: &Container,
        own_image: Option<&Map>,
        image: Option<&Map>,
        host: Option<&Value>,
    ) -> Result<(bool, Differences), ModuleError> {
        let raw = container.0.clone().unwrap_or_default();
        let against = self.against(&raw, own_image, image, host);
        let (mut fixed, mut limits) = (Differences::default(), Differences::default());
        for (group, wanted) in &self.wanted {
            self.compare(if group.updates() { &mut limits } else { &mut fixed }, group, wanted, &against)?;
        }
        let different = !fixed.is_empty();
        if different {
            fixed.merge(&limits);
        }
        Ok((different, fixed))
    }

    /// Changes what can be changed while the container stays.
    fn update_limits(
        &mut self,
        container: &mut Container,
        own_image: Option<&Map>,
        image: Option<&Map>,
        host: Option<&Value>,
    ) -> Result<(), ModuleError> {
        let raw = container.0.clone().unwrap_or_default();
        let against = self.against(&raw, own_image, image, host);
        let (mut found, mut body) = (Differences::default(), Map::new());
        for (group, wanted) in self.wanted.iter().filter(|(group, _)| group.updates()) {
            self.compare(&mut found, group, wanted, &against)?;
            group.update(wanted, &mut body);
        }
        if found.is_empty() {
            return Ok(());
        }
        self.tracked.merge(&found);
        if self.cx.check() || body.is_empty() {
            return Ok(());
        }
        let id = container.id();
        self.did([("updated", Value::from(id.as_str())), ("update_parameters", body.clone().into())]);
        let answer = self
            .engine
            .post(&order(&id, "update"))
            .body(&body)
            .value()
            .map_err(|fault| self.fail(format!("Error updating container {id}: {fault}")))?;
        self.report_warnings(&answer);
        *container = self.find(&id)?;
        Ok(())
    }

    pub(super) fn report_warnings(&mut self, answer: &Value) {
        for warning in answer.get("Warnings").and_then(Value::as_list).into_iter().flatten() {
            self.cx.warn(format!("Docker warning: {}", warning.to_str()));
        }
    }

    fn update_networks(&mut self, container: &mut Container, created: bool) -> Result<(), ModuleError> {
        let comparison = self.comparison("networks");
        let networks = self.networks();
        let given = self.param("networks").is_some();
        let settings = |container: &Container| {
            container.0.as_ref().is_some_and(|raw| raw.get("NetworkSettings").is_some_and(Value::is_true))
        };
        if !networks.is_empty() && (comparison != Comparison::Ignore || created) {
            if !settings(container) {
                let msg = "has_missing_networks: Error parsing container properties. NetworkSettings missing.";
                return Err(self.fail(msg));
            }
            let found = network::differences(container.0.as_ref().unwrap_or(&Map::new()), &networks);
            if !found.is_empty() {
                let entry = |(wanted, there): &(Map, Option<Map>)| {
                    Map::from_iter([("parameter", Value::from(wanted.clone())), ("container", there.clone().into())])
                };
                let list: List = found.iter().map(entry).collect();
                self.listed.push(Map::from_iter([("network_differences", list)]));
                for (wanted, there) in &found {
                    let name = wanted.get("name").map(Value::to_string).unwrap_or_default();
                    self.tracked.add(format!("network.{name}"), wanted.clone(), there.clone());
                }
                self.changed = true;
                self.connect(container, &found)?;
            }
        }
        if comparison == Comparison::Strict && given {
            if !settings(container) {
                let msg = "has_extra_networks: Error parsing container properties. NetworkSettings missing.";
                return Err(self.fail(msg));
            }
            let extra = network::extra(container.0.as_ref().unwrap_or(&Map::new()), &networks);
            if !extra.is_empty() {
                self.listed.push(Map::from_iter([("purge_networks", extra.iter().cloned().collect::<List>())]));
                for one in &extra {
                    let name = one.get("name").map(Value::to_string).unwrap_or_default();
                    self.tracked.add(format!("network.{name}"), Value::Null, one.clone());
                }
                self.changed = true;
                let id = container.id();
                for one in &extra {
                    let name = one.get("name").map(Value::to_string).unwrap_or_default();
                    self.disconnect(&id, &name, &name)?;
                }
                *container = self.find(&id)?;
            }
        }
        Ok(())
    }

    fn disconnect(&mut self, id: &str, name: &str, network: &str) -> Result<(), ModuleError> {
        self.note([("removed_from_network", name)]);
        if self.cx.check() {
            return Ok(());
        }
        self.engine
            .post(&format!("/networks/{}/disconnect", quoted(network)))
            .body(&Map::from_iter([("Container", id)]))
            .done()
            .map_err(|fault| self.fail(format!("Error disconnecting container from network {name} - {fault}")))
    }

    fn connect(&mut self, container: &mut Container, found: &[(Map, Option<Map>)]) -> Result<(), ModuleError> {
        let id = container.id();
        for (wanted, there) in found {
            let text = |key: &str| wanted.get(key).map(Value::to_string).unwrap_or_default();
            let (name, network) = (text("name"), text("id"));
            if there.is_some() {
                self.disconnect(&id, &name, &network)?;
            }
            self.note([
                ("added_to_network", Value::from(name.as_str())),
                ("network_parameters", wanted.clone().into()),
            ]);
            if self.cx.check() {
                continue;
            }
            let body = Map::from_iter([
                ("Container", Value::from(id.as_str())),
                ("EndpointConfig", network::endpoint(wanted).into()),
            ]);
            self.engine
                .post(&format!("/networks/{}/connect", quoted(&network)))
                .body(&body)
                .done()
                .map_err(|fault| self.fail(format!("Error connecting container to network {name} - {fault}")))?;
        }
        *container = self.find(&id)?;
        Ok(())
    }
}

/// Members of sets in an order that does not change from run to run.
fn sorted(value: &Value, shape: Shape) -> Value {
    let mut members: Vec<Value> = match (shape, value) {
        (Shape::Set | Shape::SetOfMaps, Value::List(list)) => list.to_vec(),
        (Shape::Set, Value::Map(map)) => map.keys().cloned().collect(),
        _ => return value.clone(),
    };
    members.sort_by_cached_key(|member| match member {
        Value::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}\0{}", key.to_str(), value.to_str())).collect();
            entries.sort();
            entries.join("\0\0")
        }
        other => other.to_string(),
    });
    members.into()
}
