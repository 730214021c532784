//! What `--list-hosts`, `--list-tasks`, `--list-tags` and `--syntax-check` show instead of a run.

use std::io::{self, Write as _};

use rplay_diag::Diagnostic;
use rplay_engine::Resolver;
use rplay_inventory::Inventory;
use rplay_playbook::{Listing, Loader, Playbook, Resolve as _, TagSelection, listing, texts_of};
use rplay_value::{List, Map, Text, Value, Verdict, Version};

use super::Command;
use crate::exit;
use crate::failure::Failure;

impl Command<'_> {
    /// `--list-hosts`, `--list-tasks`, `--list-tags` and `--syntax-check`.
    pub(super) fn listing(&self, resolver: &Resolver, inventory: &Inventory) -> Result<i32, Failure> {
        let (only, skip) = self.tags();
        let selection = TagSelection::new(&only, &skip);
        let limit = self.limit();
        let loader = Loader::new(resolver, &self.sources, self.loader_settings());
        let resolve_hosts = |patterns: &[String]| {
            let selected = inventory.select(patterns, limit.as_deref());
            selected.map(|selection| selection.hosts).unwrap_or_default()
        };
        let groups = std::cell::LazyCell::new(|| groups(inventory));
        let render = |text: &Text, play: &rplay_playbook::Play| {
            if !text.is_template() {
                return vec![text.to_string()];
            }
            // What a play's own words may use is known before any host is.
            let mut vars = play.static_vars();
            vars.insert(0, groups.clone());
            let rendered = resolver.render(text, &vars);
            rendered.map_or_else(|_| vec![text.to_string()], |value| texts_of(&value))
        };
        let mut stdout = io::stdout().lock();
        for path in &self.playbooks {
            let playbook = loader.playbook(path).map_err(|error| Failure::parser(&error))?;
            self.show(&loader.take_warnings());
            self.show_unmatched(&playbook, inventory, &render);
            let shown = path.display().to_string();
            let text = if self.options.syntax_check {
                format!("\nplaybook: {shown}\n")
            } else {
                let options = Listing {
                    hosts: self.options.list_hosts,
                    tasks: self.options.list_tasks,
                    tags: self.options.list_tags,
                    selection: &selection,
                    resolve_hosts: &resolve_hosts,
                    raw_names: self.compat.is_strict()
                        && self.compat.added_in(Version::new(2, 19)) == Verdict::Accepted,
                    render: &render,
                };
                listing(&playbook, &shown, &options)
            };
            // A reader that went away (`| head`) has what it wanted.
            let _ = stdout.write_all(text.as_bytes());
        }
        Ok(exit::OK)
    }

    /// Patterns that match nothing are worth a warning here too: as ansible-playbook's listings.
    fn show_unmatched(&self, playbook: &Playbook, inventory: &Inventory, render: rplay_playbook::Render<'_>) {
        let mut seen = std::collections::HashSet::new();
        for play in &playbook.plays {
            let patterns: Vec<String> = play.hosts.iter().flat_map(|text| render(text, play)).collect();
            if let Ok(selection) = inventory.select(&patterns, self.limit().as_deref()) {
                let new: Vec<Diagnostic> =
                    selection.warnings.into_iter().filter(|w| seen.insert(w.message.clone())).collect();
                self.show(&new);
            }
        }
    }
}

/// The variable `groups`.
fn groups(inventory: &Inventory) -> Map {
    let hosts = |name: &str| inventory.select(&[name], None).map(|found| found.hosts).unwrap_or_default();
    let group = |group: &rplay_inventory::Group| {
        let name = group.name.to_string();
        let hosts: List = hosts(&name).into_iter().map(Value::data).collect();
        (name, Value::List(hosts))
    };
    let groups: Map = inventory.groups().map(group).collect();
    Map::from_iter([("groups", Value::Map(groups))])
}
