//! Lays INI files of the controller over one another and puts the result in place on the host.
//!
//! Options: `sources` (a file or a list; what is not there is left out), `dest`, `whitespace` (default `true`: blanks
//! around `=`), and those of `copy` for owner, mode, backup and validation.
//!
//! Each file is a template. A key of a later file replaces the key of an earlier one; a key that repeats in one file keeps
//! all its values. This is kolla-ansible's `merge_configs`.

use std::path::Path;

use async_trait::async_trait;
use rplay_value::{Map, Value};

use crate::action::{Action, ActionCx, Done, Traits};
use crate::merge::oslo::Merged;
use crate::trouble::Trouble;

/// `merge_configs`
pub(crate) static ACTION: MergeConfigs = MergeConfigs;

/// Merges INI files.
pub(crate) struct MergeConfigs;

#[async_trait(?Send)]
impl Action for MergeConfigs {
    fn traits(&self) -> Traits {
        Traits::new("merge_configs").of("ansible.legacy")
    }

    async fn run(&self, cx: &mut ActionCx<'_>) -> Result<Done, Trouble> {
        let mut merged = Merged::default();
        let spaces = cx.flag("whitespace", true)?;
        cx.reads_here()?;
        let watch = cx.turn.and_then(crate::action::Turn::watch);
        for source in sources(cx)? {
            if let Some(text) = rendered(cx, &source, cx.scope)? {
                let failed = |error| Trouble::action(format!("cannot merge {source}: {error}"));
                merged.add(&text).map_err(failed)?;
            }
        }
        drop(watch);
        put(cx, &["sources", "whitespace"], merged.text(spaces).into_bytes()).await
    }
}

/// The files to merge.
pub(super) fn sources(cx: &ActionCx<'_>) -> Result<Vec<String>, Trouble> {
    let sources: Vec<String> = match cx.args.get("sources") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(list)) => list.iter().map(|source| source.to_str().into_owned()).collect(),
        Some(one) => vec![one.to_str().into_owned()],
    };
    if sources.is_empty() { Err(Trouble::action("sources is required")) } else { Ok(sources) }
}

/// What a file renders to; `None` when it is not there or must not be read.
pub(super) fn rendered(
    cx: &ActionCx<'_>,
    source: &str,
    scope: &rplay_template::Scope,
) -> Result<Option<String>, Trouble> {
    let path = Path::new(source);
    if source.is_empty() || fs_err::File::open(path).is_err() {
        return Ok(None);
    }
    let source = cx.run().template_source(path)?;
    let text = cx.run().engine().render_template(&source, &rplay_template::FileOptions::default(), scope)?;
    Ok(Some(text))
}

/// Puts the merged file in place: what is left of the arguments is `copy`'s.
pub(super) async fn put(cx: &mut ActionCx<'_>, own: &[&str], bytes: Vec<u8>) -> Result<Done, Trouble> {
    cx.need("dest").map_err(|_| Trouble::action("dest is required"))?;
    let mut args: Map = cx.args.clone();
    for name in own {
        args.remove(name);
    }
    if !args.contains("_original_basename") {
        // The name in a folder, as the original's temporary file has it.
        args.insert("_original_basename", "source");
    }
    super::copy::put(cx, args, bytes).await
}
