//! The order of variables, for every two levels in every place: as `fixtures/precedence/generate.py` recorded it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness::Bed;
use rplay_engine::{CacheSettings, FactCaching, Prompter, Question};
use rplay_value::Value;

/// Answers nothing, so that every default holds: as ansible-playbook without a terminal.
struct Defaults;

impl Prompter for Defaults {
    fn ask(&self, _: &Question) -> std::io::Result<String> {
        Ok(String::new())
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/precedence").join(name)
}

/// What each place sees: `{place: {pair: text}}`.
fn run(merge: bool) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut bed = Bed::new();
    harness::copy(&fixture("project"), bed.path());
    bed.sources = vec!["inventory/hosts.yml".to_owned()];
    let path = bed.path().join("extra.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    let folder = bed.path().join("cache");
    let bed = bed.options(move |options| {
        let source = options.sources.add_file(&path, text.as_str());
        let (value, _) = rplay_yaml::load_str(&text, source, rplay_yaml::Trust::Written).unwrap();
        let Value::Map(extra) = value else { unreachable!("extra.yml is a mapping") };
        options.extra_vars = extra;
        options.merge_hashes = merge;
        options.prompter = Arc::new(Defaults);
        options.fact_caching =
            FactCaching::JsonFile(CacheSettings { path: folder.clone(), prefix: String::new(), timeout: None });
    });
    let text = bed.run("site.yml").text();
    assert!(text.ends_with("exit 0"), "{}", &text[text.len().saturating_sub(3000)..]);
    let mut seen: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut place = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("TASK [").or_else(|| line.strip_prefix("HANDLER [")) {
            let name = name.trim_end_matches(']');
            name.split_once(" : ").map_or(name, |(_, name)| name).clone_into(&mut place);
        }
        let shown = line.strip_prefix("  ok one => ").or_else(|| line.strip_prefix("  changed one => "));
        for (pair, text) in shown.into_iter().flat_map(str::split_whitespace).filter_map(|word| word.split_once('=')) {
            let pairs = seen.entry(place.clone()).or_default();
            // The loop's tasks run once for each pair of theirs.
            if place != "in tasks included by a loop" || text.contains("include_loop") || !pairs.contains_key(pair) {
                pairs.insert(pair.to_owned(), text.to_owned());
            }
        }
    }
    seen
}

/// Compares every pair in every place with the recording: an order, and the pairs that it does not explain.
fn compare(recording: &str, merge: bool) {
    let levels: Vec<String> = {
        let script = std::fs::read_to_string(fixture("generate.py")).unwrap();
        let (_, rest) = script.split_once("LEVELS = \"\"\"").unwrap();
        rest.split_once("\"\"\"").unwrap().0.split_whitespace().map(str::to_owned).collect()
    };
    let recorded = std::fs::read_to_string(fixture(recording)).unwrap();
    let seen = run(merge);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut places, mut count) = (BTreeSet::new(), 0);
    for section in recorded.split("# ").filter(|section| !section.is_empty()) {
        let mut lines = section.lines();
        let place = lines.next().unwrap();
        places.insert(place.to_owned());
        let order: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let rank = |level: &str| order.iter().position(|name| *name == level);
        let special: BTreeMap<(&str, &str), &str> = lines
            .map(|line| {
                let (pair, text) = line.strip_prefix("! ").unwrap().split_once(": ").unwrap();
                (pair.split_once(' ').unwrap(), text)
            })
            .collect();
        let nothing = BTreeMap::new();
        let pairs = seen.get(place).unwrap_or(&nothing);
        for (i, a) in levels.iter().enumerate() {
            for (j, b) in levels.iter().enumerate().skip(i + 1) {
                count += 1;
                let mut here: Vec<&String> = [a, b].into_iter().filter(|level| rank(level).is_some()).collect();
                here.sort_by_key(|level| rank(level));
                let expected = special.get(&(a, b)).map_or_else(
                    || match here.as_slice() {
                        [] => "-".to_owned(),
                        [strong, ..] if *strong == "vars_prompt" => "vars_prompt".to_owned(),
                        [strong, weak] if merge && *weak != "vars_prompt" => format!("{strong}+{weak}+{strong}"),
                        [strong, ..] => format!("{strong}+{strong}"),
                    },
                    |text| (*text).to_owned(),
                );
                let got = pairs.get(&format!("{i:02}_{j:02}")).map_or("-", String::as_str);
                if got != expected {
                    let line = format!("{a} {b}: {got} instead of {expected}");
                    wrong.entry(place.to_owned()).or_default().push(line);
                }
            }
        }
    }
    assert_eq!(places, seen.keys().cloned().collect(), "the places");
    assert!(count > 20_000, "only {count} comparisons");
    let total: usize = wrong.values().map(Vec::len).sum();
    let shown: Vec<String> = wrong
        .iter()
        .map(|(place, lines)| format!("{place}: {}\n  {}", lines.len(), lines[..lines.len().min(12)].join("\n  ")))
        .collect();
    assert!(wrong.is_empty(), "{total} of {count} differ\n{}", shown.join("\n"));
}

#[test]
fn every_two_levels_in_every_place() {
    compare("replace.txt", false);
}

#[test]
fn every_two_levels_are_merged_where_ansible_merges_them() {
    compare("merge.txt", true);
}
