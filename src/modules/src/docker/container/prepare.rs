//! What the user wrote, in the daemon's words.

use rplay_value::{List, Map, Value};

use super::super::engine::{Engine, quoted};
use super::super::inspect::items;
use super::super::options;
use super::option::{Group, Place};
use super::{mounts, network, ports};
use crate::{Context, ModuleError, words};

/// What options are read with.
pub(in crate::docker) struct Reader<'a, 'b> {
    /// The module's context.
    pub cx: &'a mut Context<'b>,
    /// The daemon.
    pub engine: &'a Engine,
    /// All arguments, as `container_default_behavior` and others changed them.
    pub params: &'a Map,
    /// The address in `default_host_ip`, if it is given.
    pub default_address: Option<&'a str>,
}

impl Reader<'_, '_> {
    /// The values of a group, ready to be compared and sent.
    pub(in crate::docker) fn read(&mut self, group: &Group) -> Result<Map, ModuleError> {
        let mut values = Map::new();
        for field in group.fields.iter().filter(|field| field.written) {
            if let Some(value) = self.params.get(field.name).filter(|value| !value.is_null()) {
                values.insert(field.name, value.clone());
            }
        }
        match group.place {
            Place::Command => self.command(&mut values)?,
            Place::Environment => self.environment(&mut values)?,
            Place::Labels => {
                if let Some(labels) = values.get("labels").and_then(Value::as_map).cloned() {
                    values.insert("labels", options::labels(&labels)?);
                }
            }
            Place::Healthcheck => {
                if let Some(check) = values.get("healthcheck").and_then(Value::as_map).cloned() {
                    values.insert("healthcheck", healthcheck(&check)?);
                }
            }
            Place::Log => self.log(&mut values),
            Place::Network => network::prepare(self, &mut values)?,
            Place::Mounts => mounts::prepare(self.cx, &mut values)?,
            Place::Ports => {
                ports::prepare(&mut values)?;
                if ports::needs_default_address(&values) {
                    let address = self.default_address()?;
                    ports::set_default_address(&mut values, &address);
                }
            }
            Place::Config(_) | Place::Host(_) | Place::Limit(_) => {
                let only = values.texts().next().map(|(name, value)| (name.as_str().to_owned(), value.clone()));
                if let Some((name, value)) = only {
                    match self.simple(&name, value)? {
                        Some(value) => drop(values.insert(name, value)),
                        None => drop(values.remove(&name)),
                    }
                }
            }
            Place::Attached | Place::Image | Place::Platform | Place::Restart => {}
        }
        Ok(values)
    }

    /// Options that are one value in one place; `None` where the value says nothing.
    fn simple(&mut self, name: &str, value: Value) -> Result<Option<Value>, ModuleError> {
        let texts = || items(&value).map(Value::to_string);
        Ok(Some(match name {
            "entrypoint" => {
                if self.correct_commands() {
                    texts().collect::<List>().into()
                } else if value.is_true() {
                    split(&texts().collect::<Vec<_>>().join(" "))?.into()
                } else {
                    return Ok(None);
                }
            }
            "kernel_memory" | "memory" | "memory_reservation" | "memory_swap" | "shm_size" => {
                let text = value.to_str();
                if name == "memory_swap" && (text == "unlimited" || text == "-1") {
                    return Ok(Some(Value::Int(-1)));
                }
                let bytes = options::bytes(&text)
                    .map_err(|why| ModuleError::msg(format!("Failed to convert {name} to bytes: {why}")))?;
                Value::Int(bytes)
            }
            "mac_address" => value.to_str().replace('-', ":").into(),
            "cpus" => Value::Int((value.as_float().unwrap_or_default() * 1e9).round_ties_even() as i64),
            "sysctls" => text_values(&value).into(),
            "tmpfs" => {
                let entry = |text: String| {
                    let (path, how) = text.split_once(':').unwrap_or((&text, ""));
                    (path.to_owned(), how.to_owned())
                };
                texts().map(entry).collect::<Map>().into()
            }
            "ulimits" => texts().map(|text| ulimit(&text)).collect::<Result<Vec<_>, _>>()?.into(),
            "devices" => texts().map(|text| device(&text)).collect::<List>().into(),
            "device_read_bps" | "device_write_bps" => {
                let mut list = List::new();
                for entry in items(&value) {
                    let rate = entry.get("rate").map(Value::to_string).unwrap_or_default();
                    let rate = options::bytes(&rate).map_err(ModuleError::msg)?;
                    list.push(Map::from_iter([
                        ("Path", entry.get("path").cloned().unwrap_or_default()),
                        ("Rate", rate.into()),
                    ]));
                }
                list.into()
            }
            "device_read_iops" | "device_write_iops" => rename(&value, &[("Path", "path"), ("Rate", "rate")]),
            "device_requests" => rename(
                &value,
                &[
                    ("Driver", "driver"),
                    ("Count", "count"),
                    ("DeviceIDs", "device_ids"),
                    ("Capabilities", "capabilities"),
                    ("Options", "options"),
                ],
            ),
            "etc_hosts" => {
                let entries = value.as_map().into_iter().flatten();
                entries
                    .map(|(name, address)| format!("{}:{}", name.to_str(), address.to_str()))
                    .collect::<List>()
                    .into()
            }
            "ipc_mode" | "pid_mode" => self.container_mode(value)?,
            "links" => {
                let own = self.params.get("name").map(Value::to_string).unwrap_or_default();
                let link = |text: String| {
                    let (name, alias) = text.split_once(':').unwrap_or((&text, &text));
                    format!("/{name}:/{own}/{alias}")
                };
                texts().map(link).collect::<List>().into()
            }
            _ => value,
        }))
    }

    fn correct_commands(&self) -> bool {
        self.params.get("command_handling").and_then(Value::as_str) == Some("correct")
    }

    fn command(&mut self, values: &mut Map) -> Result<(), ModuleError> {
        let Some(value) = values.get("command").cloned() else { return Ok(()) };
        let list = value.as_list().map(|list| list.iter().map(Value::to_string).collect::<Vec<_>>());
        let words: List = match (list, self.correct_commands()) {
            (Some(list), true) => list.into_iter().collect(),
            (None, true) => split(&value.to_str())?,
            (_, false) if !value.is_true() => {
                values.remove("command");
                return Ok(());
            }
            (Some(list), false) => split(&list.join(" "))?,
            (None, false) => split(&value.to_str())?,
        };
        values.insert("command", words);
        Ok(())
    }

    /// The file's variables, then the option's.
    fn environment(&mut self, values: &mut Map) -> Result<(), ModuleError> {
        let file = self.params.get("env_file").filter(|file| !file.is_null());
        let own = values.remove("env");
        if file.is_none() && own.is_none() {
            return Ok(());
        }
        let mut all = Map::new();
        if let Some(file) = file {
            let file = file.to_str();
            let text = std::fs::read_to_string(self.cx.path(file.as_ref())).map_err(|error| {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                ModuleError::msg(format!("[Errno {}] {text}: '{file}'", error.raw_os_error().unwrap_or(0)))
            })?;
            for line in
                text.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty())
            {
                let (name, value) = line.split_once('=').ok_or_else(|| {
                    ModuleError::msg(format!(
                        "An unexpected Docker error occurred: Invalid line in environment file {file}:\n{line}"
                    ))
                })?;
                all.insert(name, value);
            }
        }
        for (name, value) in own.as_ref().and_then(Value::as_map).into_iter().flatten() {
            let name = name.to_str();
            if value.as_str().is_none() {
                return Err(ModuleError::msg(format!(
                    "Non-string value found for env option. Ambiguous env options must be wrapped in quotes to avoid them \
                     being interpreted. Key: {name}"
                )));
            }
            all.insert(name.into_owned(), value.clone());
        }
        let list: List = all.texts().map(|(name, value)| format!("{name}={}", value.to_str())).collect();
        values.insert("env", list);
        Ok(())
    }

    fn log(&mut self, values: &mut Map) {
        if !values.contains("log_driver") {
            *values = Map::new();
            return;
        }
        let Some(written) = values.get("log_options").and_then(Value::as_map).cloned() else { return };
        for (key, value) in &written {
            if value.as_str().is_none() {
                self.cx.warn(format!(
                    "Non-string value found for log_options option '{}'. The value is automatically converted to '{}'. If \
                     this is not correct, or you want to avoid such warnings, please quote the value.",
                    key.to_str(),
                    value.to_str()
                ));
            }
        }
        values.insert("log_options", text_values(&written.into()));
    }

    /// `container:NAME` with the container's id for its name.
    pub(super) fn container_mode(&mut self, value: Value) -> Result<Value, ModuleError> {
        let text = value.to_str().into_owned();
        let Some(name) = text.strip_prefix("container:") else { return Ok(value) };
        if let Some(container) = self.engine.container(name)? {
            let id = container.get("Id").map(Value::to_string).unwrap_or_default();
            return Ok(format!("container:{id}").into());
        }
        self.cx.warn(format!("Cannot find a container with name or ID \"{name}\""));
        Ok(value)
    }

    /// The address that ports are published on: the option's, a network's own, or all.
    fn default_address(&self) -> Result<String, ModuleError> {
        if let Some(address) = self.default_address {
            return Ok(address.to_owned());
        }
        for wanted in self.params.get("networks").into_iter().flat_map(items) {
            let name = wanted.get("name").map(Value::to_string).unwrap_or_default();
            let Some(network) = self.engine.network(&name)? else {
                return Err(ModuleError::msg(format!(
                    "Cannot inspect the network '{name}' to determine the default IP"
                )));
            };
            let bridge = network.get("Driver").and_then(Value::as_str) == Some("bridge");
            let address = network.get("Options").and_then(|all| all.get("com.docker.network.bridge.host_binding_ipv4"));
            if let (true, Some(address)) = (bridge, address.filter(|address| address.is_true())) {
                return Ok(address.to_string());
            }
        }
        Ok("0.0.0.0".to_owned())
    }
}

fn split(line: &str) -> Result<List, ModuleError> {
    words::split(line).map(List::from_iter).map_err(ModuleError::msg)
}

fn text_values(map: &Value) -> Map {
    map.as_map().into_iter().flatten().map(|(key, value)| (key.clone(), value.to_str().into_owned())).collect()
}

/// A list of mappings with the daemon's keys for the option's.
fn rename(list: &Value, keys: &[(&str, &str)]) -> Value {
    let entry = |entry: &Value| -> Map { keys.iter().map(|(to, from)| (*to, entry.get(from).cloned())).collect() };
    items(list).map(entry).collect::<List>().into()
}

fn device(text: &str) -> Map {
    let parts: Vec<&str> = text.split(':').collect();
    let host = parts.first().copied().unwrap_or_default();
    Map::from_iter([
        ("CgroupPermissions", parts.get(2).copied().unwrap_or("rwm")),
        ("PathInContainer", parts.get(1).copied().unwrap_or(host)),
        ("PathOnHost", host),
    ])
}

/// `name:soft` or `name:soft:hard`.
fn ulimit(text: &str) -> Result<Value, ModuleError> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| {
        let wrong = || ModuleError::msg(format!("invalid literal for int() with base 10: '{text}'"));
        text.trim().parse::<i64>().map_err(|_| wrong())
    };
    let mut limit = Map::new();
    if let [name, soft, rest @ ..] = parts.as_slice() {
        limit.insert("Name", *name);
        limit.insert("Soft", number(soft)?);
        limit.insert(
            "Hard",
            number(match rest {
                [hard] => hard,
                _ => soft,
            })?,
        );
    }
    Ok(limit.into())
}

fn healthcheck(written: &Map) -> Result<Map, ModuleError> {
    let given = |key: &str| written.get(key).filter(|value| !value.is_null());
    let duration = |key: &str| match given(key) {
        Some(text) => nanoseconds(&text.to_str()).map(|n| Some(n).filter(|n| *n != 0)),
        None => Ok(None),
    };
    let test = given("test").filter(|test| test.is_true());
    let as_the_image = given("test_cli_compatible").is_some_and(Value::is_true) && given("test").is_none();
    let times = [
        ("Interval", duration("interval")?),
        ("Timeout", duration("timeout")?),
        ("StartPeriod", duration("start_period")?),
        ("StartInterval", duration("start_interval")?),
    ];
    let mut check = Map::new();
    match test {
        None if !as_the_image => return Ok(Map::from_iter([("Test", vec!["NONE"])])),
        None => {}
        Some(Value::List(words)) => drop(check.insert("Test", words.iter().map(Value::to_string).collect::<List>())),
        Some(line) => drop(check.insert("Test", vec!["CMD-SHELL".to_owned(), line.to_string()])),
    }
    for (key, value) in times {
        if let Some(value) = value {
            check.insert(key, value);
        }
    }
    if let Some(retries) = given("retries").filter(|retries| retries.is_true()) {
        check.insert("Retries", retries.clone());
    }
    Ok(check)
}

/// `1h2m3s4ms5us` in nanoseconds.
fn nanoseconds(text: &str) -> Result<i64, ModuleError> {
    let wrong = || ModuleError::msg(format!("Invalid time duration - {text}"));
    let units: [(&str, i64); 5] =
        [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let (mut rest, mut next, mut total) = (text, 0, 0_i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let found = units.iter().position(|(unit, _)| *unit == &rest[digits..end]).filter(|at| *at >= next);
        let at = found.ok_or_else(wrong)?;
        total = total.saturating_add(number.saturating_mul(units[at].1));
        (next, rest) = (at + 1, &rest[end..]);
    }
    Ok(total)
}

/// The id of a network by its exact name.
pub(super) fn network_id(engine: &Engine, name: &str) -> Result<Option<Value>, ModuleError> {
    let list = engine
        .get("/networks")
        .filters(&Map::from_iter([("name", vec![name])]))
        .value()
        .map_err(|fault| fault.while_doing(format!("Error getting network id for {name} - ")))?;
    let found = items(&list).find(|network| network.get("Name").and_then(Value::as_str) == Some(name));
    Ok(found.and_then(|network| network.get("Id")).cloned())
}

/// The path of one of a container's orders.
pub(in crate::docker) fn order(id: &str, verb: &str) -> String {
    format!("/containers/{}/{verb}", quoted(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let read = |text: &str| nanoseconds(text).map_err(|error| error.to_string());
        assert_eq!(read("1m30s"), Ok(90_000_000_000));
        assert_eq!(read("5ms6us"), Ok(5_006_000));
        assert_eq!(read("30s1m"), Err("Invalid time duration - 30s1m".to_owned()));
        assert_eq!(read("5"), Err("Invalid time duration - 5".to_owned()));
    }

    #[test]
    fn checks_of_health() {
        let read = |json: &str| {
            let value = rplay_value::json::loads(json).unwrap();
            Value::Map(healthcheck(value.as_map().unwrap()).unwrap()).to_string()
        };
        assert_eq!(read("{\"test\": \"true\", \"retries\": 3}"), "{'Test': ['CMD-SHELL', 'true'], 'Retries': 3}");
        assert_eq!(
            read("{\"test\": [\"CMD\", \"a\"], \"interval\": \"1s\"}"),
            "{'Test': ['CMD', 'a'], 'Interval': 1000000000}"
        );
        assert_eq!(read("{\"interval\": \"1s\"}"), "{'Test': ['NONE']}");
        assert_eq!(read("{\"interval\": \"1s\", \"test_cli_compatible\": true}"), "{'Interval': 1000000000}");
    }

    #[test]
    fn limits_and_devices() {
        assert_eq!(ulimit("nofile:1:2").unwrap().to_string(), "{'Name': 'nofile', 'Soft': 1, 'Hard': 2}");
        assert_eq!(ulimit("nofile:1").unwrap().to_string(), "{'Name': 'nofile', 'Soft': 1, 'Hard': 1}");
        assert!(ulimit("nofile:x").is_err());
        assert_eq!(
            Value::Map(device("/dev/a:/dev/b")).to_string(),
            "{'CgroupPermissions': 'rwm', 'PathInContainer': '/dev/b', 'PathOnHost': '/dev/a'}"
        );
    }
}
