//! Playbooks under `fixtures/playbook`, listed and compared with what ansible-playbook 2.19 printed
//! (`fixtures/playbook/record` records it).

mod surroundings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rplay_diag::Sources;
use rplay_playbook::listing::{Listing, listing, texts_of};
use rplay_playbook::{Loader, Resolve as _, Settings, TagSelection};
use rplay_value::Text;
use surroundings::{Fixture, show};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/playbook")
}

/// What ansible-playbook prints for these options.
fn list(folder: &Path, name: &str, options: &str) -> String {
    let sources = Sources::new();
    let resolve = Fixture;
    let loader = Loader::new(&resolve, &sources, Settings::default());
    let playbook = match loader.playbook(&folder.join(name)) {
        Ok(playbook) => playbook,
        Err(error) => return show(&error, &sources, folder),
    };
    let words: Vec<&str> = options.split(' ').collect();
    let after =
        |flag: &str| words.iter().position(|w| *w == flag).map(|i| words[i + 1]).into_iter().collect::<Vec<_>>();
    let has = |flag: &str| words.contains(&flag);
    let selection = TagSelection::new(&after("--tags"), &after("--skip-tags"));
    let chosen = |patterns: &[String]| -> Vec<Arc<str>> {
        let wanted: Vec<&str> = patterns.iter().flat_map(|p| p.split(':')).collect();
        ["x", "y"].into_iter().filter(|h| wanted.contains(h) || wanted.contains(&"all")).map(Arc::from).collect()
    };
    let texts = |text: &Text, play: &rplay_playbook::Play| {
        resolve.render(text, std::slice::from_ref(&play.common.vars)).map(|v| texts_of(&v)).unwrap_or_default()
    };
    let listing_options = Listing {
        hosts: has("--list-hosts"),
        tasks: has("--list-tasks"),
        tags: has("--list-tags"),
        selection: &selection,
        resolve_hosts: &chosen,
        raw_names: false,
        render: &texts,
    };
    listing(&playbook, name, &listing_options)
}

#[test]
fn listings_are_ansibles() {
    let folder = fixtures();
    let recorded = std::fs::read_to_string(folder.join("listings.txt")).unwrap();
    let mut count = 0;
    for case in recorded.split("==== ").skip(1) {
        let (head, expected) = case.split_once('\n').unwrap();
        let (name, options) = head.split_once(' ').unwrap();
        assert_eq!(list(&folder, name, options), expected, "{head}");
        count += 1;
    }
    assert!(count >= 10, "only {count} cases were found");
}
