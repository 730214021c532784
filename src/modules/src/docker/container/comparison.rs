//! How each option is compared.

use rplay_value::{Map, Value};

use super::super::compare::{Comparison, Shape};
use super::option::{Field, fields};
use crate::ModuleError;

/// How options are compared: as usual, or as `comparisons` says.
pub(in crate::docker) fn comparisons(params: &Map) -> Result<Vec<(&'static Field, Comparison)>, ModuleError> {
    let mut all: Vec<(&'static Field, Comparison)> = fields()
        .map(|field| match field.name {
            "stop_timeout" => (field, Comparison::Ignore),
            _ => (field, field.shape.usual()),
        })
        .collect();
    let written = params.get("comparisons").and_then(Value::as_map).cloned().unwrap_or_default();
    let failed = |msg: String| Err(ModuleError::msg(msg));
    if let Some(value) = written.get("*") {
        let how = match value.as_str() {
            Some("strict") => Comparison::Strict,
            Some("ignore") => Comparison::Ignore,
            _ => {
                return failed("The wildcard can only be used with comparison modes 'strict' and 'ignore'!".to_owned());
            }
        };
        let networks = params.get("networks").is_some_and(|networks| !networks.is_null());
        for (field, comparison) in &mut all {
            if field.name != "networks" || networks {
                *comparison = how;
            }
        }
    }
    let mut used: Vec<(&str, String)> = Vec::new();
    for (key, value) in written.texts().filter(|(key, _)| key.as_str() != "*") {
        let named =
            |field: &Field| field.written && (field.name == key.as_str() || field.aliases.contains(&key.as_str()));
        let Some((field, comparison)) = all.iter_mut().find(|(field, _)| named(field)) else {
            return failed(format!("Unknown module option '{key}' in comparisons dict!"));
        };
        if let Some((name, other)) = used.iter().find(|(name, _)| *name == field.name) {
            return failed(format!(
                "Both '{key}' and '{other}' (aliases of {name}) are specified in comparisons dict!"
            ));
        }
        used.push((field.name, key.to_string()));
        *comparison = match value.as_str() {
            Some("strict") => Comparison::Strict,
            Some("ignore") => Comparison::Ignore,
            Some("allow_more_present") if field.shape == Shape::Value => {
                return failed(format!(
                    "Option '{key}' is a value and not a set/list/dict, so its comparison cannot be allow_more_present"
                ));
            }
            Some("allow_more_present") => Comparison::AllowMorePresent,
            _ => return failed(format!("Unknown comparison mode '{}'!", value.to_str())),
        };
    }
    // Binds are volumes.
    let volumes = all.iter().find(|(field, _)| field.name == "volumes").map(|(_, comparison)| *comparison);
    for (field, comparison) in &mut all {
        if let ("volume_binds", Some(volumes)) = (field.name, volumes) {
            *comparison = volumes;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use rplay_value::json::loads;

    use super::*;

    fn read(json: &str, name: &str) -> Result<Comparison, String> {
        let params = Map::from_iter([("comparisons", loads(json).unwrap())]);
        let all = comparisons(&params).map_err(|error| error.to_string())?;
        Ok(all.iter().find(|(field, _)| field.name == name).unwrap().1)
    }

    #[test]
    fn comparisons_are_chosen_by_option_or_for_all() {
        assert_eq!(read("{}", "env"), Ok(Comparison::AllowMorePresent));
        assert_eq!(read("{}", "stop_timeout"), Ok(Comparison::Ignore));
        assert_eq!(read("{\"*\": \"strict\", \"env\": \"ignore\"}", "env"), Ok(Comparison::Ignore));
        assert_eq!(read("{\"*\": \"strict\"}", "networks"), Ok(Comparison::AllowMorePresent));
        assert_eq!(read("{\"volumes\": \"strict\"}", "volume_binds"), Ok(Comparison::Strict));
        assert_eq!(read("{\"ports\": \"strict\"}", "published_ports"), Ok(Comparison::Strict));
    }

    #[test]
    fn wrong_comparisons_are_refused() {
        let why = |json: &str| read(json, "env").unwrap_err();
        assert_eq!(why("{\"envv\": \"strict\"}"), "Unknown module option 'envv' in comparisons dict!");
        assert_eq!(why("{\"env\": \"x\"}"), "Unknown comparison mode 'x'!");
        assert!(why("{\"*\": \"allow_more_present\"}").starts_with("The wildcard can only"));
        assert!(why("{\"image\": \"allow_more_present\"}").contains("is a value and not a set/list/dict"));
        assert!(
            why("{\"ports\": \"strict\", \"published_ports\": \"strict\"}").starts_with("Both 'published_ports' and")
        );
    }
}
