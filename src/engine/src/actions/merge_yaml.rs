//! Lays YAML files of the controller over one another and puts the result in place on the host.
//!
//! Options: `sources` (a file or a list; what is not there is left out), `dest`, `extend_lists` (default `false`: a later
//! list replaces an earlier one), `yaml_width` (default 80), `vars` (further variables for the templates), and those of
//! `copy` for owner, mode, backup and validation.
//!
//! Each file is a template. This is kolla-ansible's `merge_yaml`.

use async_trait::async_trait;
use rplay_diag::SourceId;
use rplay_value::{Map, Value};
use rplay_yaml::{DumpStyle, Trust};

use super::merge_configs::{put, rendered, sources};
use crate::action::{Action, ActionCx, Done, Traits};
use crate::merge::tree::overlay;
use crate::trouble::Trouble;

/// `merge_yaml`
pub(crate) static ACTION: MergeYaml = MergeYaml;

/// Merges YAML files.
pub(crate) struct MergeYaml;

const OWN: &[&str] = &["sources", "extend_lists", "yaml_width", "vars"];

#[async_trait(?Send)]
impl Action for MergeYaml {
    fn traits(&self) -> Traits {
        Traits::new("merge_yaml").of("ansible.legacy")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let extend = cx.flag("extend_lists", false)?;
        let width = match cx.int("yaml_width")? {
            Some(width) => {
                Some(i32::try_from(width).map_err(|_| Trouble::action(format!("yaml_width {width} is too wide")))?)
            }
            None => None,
        };
        let mut scope = cx.scope.clone();
        if let Some(Value::Map(vars)) = cx.args.get("vars") {
            for (name, value) in vars.texts() {
                scope = scope.with(name.as_str(), value.clone());
            }
        }
        cx.reads_here()?;
        let watch = cx.turn.and_then(crate::action::Turn::watch);
        let mut merged = Map::new();
        for source in sources(cx)? {
            let Some(text) = rendered(cx, &source, &scope)? else { continue };
            let failed = |error: String| Trouble::action(format!("cannot merge {source}: {error}"));
            let (value, _) = rplay_yaml::load_str(&text, SourceId::UNKNOWN, Trust::Data)
                .map_err(|error| failed(error.to_string()))?;
            match value {
                Value::Map(map) => overlay(&mut merged, &map, extend).map_err(|error| failed(error.to_string()))?,
                other if !other.is_true() => {}
                other => return Err(failed(format!("a mapping is needed, not {}", other.type_name()))),
            }
        }
        drop(watch);
        let style = DumpStyle { flow: Some(false), width, allow_unicode: false, ..DumpStyle::default() };
        let text = rplay_yaml::dump(&Value::Map(merged), &style).map_err(|error| Trouble::action(error.to_string()))?;
        put(cx, OWN, text.into_bytes()).await
    }
}
