//! Keywords, from the table that reads playbooks.

use rplay_playbook::keyword::{KEYWORDS, Keyword, Kind, Place};
use rplay_value::{List, Map};

/// The keyword of a name; every `with_...` is one.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name).or_else(|| {
        let looped = name.strip_prefix("with_").is_some_and(|rest| !rest.is_empty());
        looped.then(|| KEYWORDS.iter().find(|keyword| keyword.name == "loop")).flatten()
    })
}

/// What people read.
pub(super) fn text(keyword: &Keyword) -> String {
    let places: Vec<String> = keyword.places().map(|place| place.to_string()).collect();
    let templated = if keyword.templated { ", or a template of one" } else { "" };
    let mut text = format!(
        "{}\n\n{}\n\ntakes: {}{templated}\nstands in: {}\n",
        keyword.name,
        keyword.help,
        keyword.kind,
        places.join(", ")
    );
    if let Some(since) = keyword.since {
        text.push_str(&format!("since: ansible {since}\n"));
    }
    if keyword.own {
        text.push_str("rplay's own: no release of ansible has it\n");
    }
    if let Some(until) = keyword.until {
        text.push_str(&format!("until: ansible {until}, which no longer has it\n"));
    }
    text + "\n"
}

/// In the shape of `ansible-doc --json`.
pub(super) fn shape(keyword: &Keyword) -> Map {
    let places = keyword.places().map(|place| match place {
        Place::Play => "Play",
        Place::Block => "Block",
        Place::Task => "Task",
        Place::Handler => "Handler",
        Place::Role => "Role",
        Place::LoopControl => "LoopControl",
        Place::ImportPlaybook => "PlaybookInclude",
        Place::VarsPrompt => "VarsPrompt",
    });
    let kind = match keyword.kind {
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Percent => "percent",
        Kind::Text | Kind::Any => "string",
        Kind::Texts | Kind::Conditions | Kind::Maps | Kind::Tasks | Kind::Roles => "list",
        Kind::Map | Kind::Vars => "dict",
    };
    // Conditions are templates without braces.
    let template = match (keyword.kind, keyword.templated) {
        (Kind::Conditions, _) => "implicit",
        (_, true) => "explicit",
        (_, false) => "static",
    };
    let mut out = Map::new();
    out.insert("applies_to", places.collect::<List>());
    out.insert("description", keyword.help);
    out.insert("template", template);
    out.insert("type", kind);
    out
}
