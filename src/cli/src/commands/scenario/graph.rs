//! Pictures: networks with their nodes, stages with what they need; as text and as SVG.

use std::collections::HashMap;
use std::fmt::Write as _;

use rplay_scenario::Scenario;
use rplay_scenario::network::Reach;
use rplay_scenario::stage::{Stage, Work};
use rplay_scenario::topology::Node;

use super::report::escaped;

fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Nat => "nat",
        Reach::Isolated => "isolated",
        Reach::Routed => "routed",
    }
}

pub(super) fn text(scenario: &Scenario, nodes: &[Node<'_>]) -> String {
    let mut out = String::new();
    for network in scenario.networks.values() {
        let _ = writeln!(out, "network {} {} ({})", network.name, network.cidr, reach(network.reach));
        for node in nodes {
            for port in node.ports.iter().filter(|port| port.network == network.name) {
                let route = if port.default_route { "  default route" } else { "" };
                let _ = writeln!(out, "  {:20} {:15} {}{route}", node.name, port.address, port.mac_text());
            }
        }
    }
    for link in &scenario.links {
        let _ = writeln!(out, "link {} - {}{}", link.between[0].text, link.between[1].text, how(link));
    }
    let alone: Vec<&str> = nodes.iter().filter(|node| node.ports.is_empty()).map(|node| node.name.as_str()).collect();
    if !alone.is_empty() {
        let _ = writeln!(out, "in no network\n  {}", alone.join(" "));
    }
    for stage in scenario.stages.iter() {
        let needs: Vec<&str> = scenario.stages.needs(stage).into_iter().collect();
        let _ = write!(out, "stage {}", stage.name);
        if let Work::Group(members) = &stage.work {
            let members: Vec<&str> = members.iter().map(|member| member.text.as_str()).collect();
            let _ = write!(out, " = {}", members.join(" "));
        }
        if !needs.is_empty() {
            let _ = write!(out, " <- {}", needs.join(" "));
        }
        let late: Vec<&str> = stage.late().map(|late| late.text.as_str()).collect();
        if !late.is_empty() {
            let _ = write!(out, " (and once it is there: {})", late.join(" "));
        }
        out.push('\n');
    }
    out
}

fn how(link: &rplay_scenario::network::Link) -> String {
    let how = &link.impairment;
    let mut words = Vec::new();
    words.extend(how.latency.map(|time| format!("{time:?}")));
    words.extend(how.loss.map(|loss| format!("{loss}% lost")));
    words.extend(how.rate.map(|rate| format!("{} Mbit/s", rate / 1_000_000)));
    if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) }
}

const BOX: (usize, usize) = (150, 30);

/// Networks as lines with their nodes below them, then stages from left to right.
pub(super) fn svg(scenario: &Scenario, nodes: &[Node<'_>]) -> String {
    let mut body = String::new();
    let columns = nodes.len().max(1);
    let width_of_nodes = 40 + columns * (BOX.0 + 20);
    let mut y = 50;
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for network in scenario.networks.values() {
        let _ = writeln!(
            body,
            "<line x1=\"20\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" class=\"{kind}\"/><text x=\"20\" y=\"{}\">{} {} ({kind})</text>",
            width_of_nodes - 20,
            y - 6,
            escaped(&network.name),
            network.cidr,
            kind = reach(network.reach),
        );
        lines.insert(&network.name, y);
        y += 36;
    }
    let top = y + 20;
    for (column, node) in nodes.iter().enumerate() {
        let x = 30 + column * (BOX.0 + 20);
        for (place, port) in node.ports.iter().enumerate() {
            let Some(line) = lines.get(port.network.as_str()) else { continue };
            let at = x + 20 + place * 24;
            let _ = writeln!(
                body,
                "<line x1=\"{at}\" y1=\"{line}\" x2=\"{at}\" y2=\"{top}\" class=\"cable\"/><circle cx=\"{at}\" cy=\"{line}\" r=\"3\">\
                 <title>{} {}</title></circle>",
                port.address,
                port.mac_text()
            );
        }
        boxed(&mut body, x, top, &node.name, node.set.provider.name());
    }
    let (stages, width, height) = stages(scenario, if nodes.is_empty() { y } else { top + BOX.1 + 70 });
    body.push_str(&stages);
    let width = width.max(width_of_nodes);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <style>text{{font:12px sans-serif;fill:#1c2024}}line,path{{stroke:#57606a;fill:none}}.nat,.isolated,.routed{{stroke-width:3}}\
         .nat{{stroke:#57ab5a}}.isolated{{stroke:#d9a441}}.routed{{stroke:#4184e4}}.cable{{stroke-width:1}}rect{{fill:#f5f6f8;stroke:\
         #57606a}}</style>\n<rect width=\"{width}\" height=\"{height}\" style=\"fill:#fff;stroke:none\"/>\n<text x=\"20\" y=\"20\" \
         style=\"font-weight:bold\">{}</text>\n{body}</svg>\n",
        escaped(&scenario.name)
    )
}

fn boxed(out: &mut String, x: usize, y: usize, name: &str, kind: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"font-size:10px\">{}</text>",
        BOX.0,
        BOX.1,
        x + BOX.0 / 2,
        y + 19,
        escaped(name),
        x + BOX.0 / 2,
        y + BOX.1 + 12,
        escaped(kind),
    );
}

/// Stages in columns: each right of all that it needs.
fn stages(scenario: &Scenario, top: usize) -> (String, usize, usize) {
    let real: Vec<&Stage> = scenario.stages.iter().filter(|stage| !matches!(stage.work, Work::Group(_))).collect();
    let mut out = String::new();
    let mut column: HashMap<&str, usize> = HashMap::new();
    // There are no cycles: as many rounds as stages put every one right of its needs.
    for _ in &real {
        for stage in &real {
            let right = scenario
                .stages
                .needs(stage)
                .iter()
                .filter_map(|need| column.get(need))
                .max()
                .map_or(0, |most| most + 1);
            column.insert(&stage.name, right);
        }
    }
    let mut rows: HashMap<usize, usize> = HashMap::new();
    let mut at: HashMap<&str, (usize, usize)> = HashMap::new();
    for stage in &real {
        let column = column.get(stage.name.as_str()).copied().unwrap_or_default();
        let row = rows.entry(column).or_default();
        at.insert(&stage.name, (30 + column * (BOX.0 + 50), top + *row * (BOX.1 + 34)));
        *row += 1;
    }
    for stage in &real {
        let Some(to) = at.get(stage.name.as_str()) else { continue };
        let hard = scenario.stages.needs(stage).into_iter().map(|need| (need, ""));
        let late = stage.late().map(|late| (late.text.as_str(), " stroke-dasharray=\"4 3\""));
        for (need, dash) in hard.chain(late) {
            let Some(from) = at.get(need) else { continue };
            let (x1, y1, x2, y2) = (from.0 + BOX.0, from.1 + BOX.1 / 2, to.0, to.1 + BOX.1 / 2);
            let _ = writeln!(
                out,
                "<path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\"{dash}/>",
                x1 + 25,
                x2.saturating_sub(25)
            );
        }
    }
    for stage in &real {
        let Some((x, y)) = at.get(stage.name.as_str()) else { continue };
        let kind = if matches!(stage.work, Work::Playbook(_)) { "playbook" } else { "command" };
        boxed(&mut out, *x, *y, &stage.name, stage.on.as_deref().unwrap_or(kind));
    }
    let columns = rows.keys().max().map_or(0, |most| most + 1);
    let most = rows.values().max().copied().unwrap_or_default();
    (out, 60 + columns * (BOX.0 + 50), top + most * (BOX.1 + 34) + 20)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use rplay_diag::Sources;
    use rplay_scenario::topology::{Counts, Known};

    use super::*;

    #[test]
    fn pictures_show_networks_and_stages() {
        let sources = Arc::new(Sources::new());
        let file = "
name: lab
networks: {inner: {kind: isolated, cidr: 192.0.2.0/24}, a: {cidr: 198.51.100.0/24}, b: {cidr: 203.0.113.0/24}}
links: [{between: [a, b], latency: 20ms, rate: 10mbit}]
images: {base: {docker: debian}}
nodes: {web: {image: base, networks: [inner]}, box: {image: base}}
stages:
  first: {command: 'true', inputs: {x: 'second.y?'}}
  second: {command: 'true', needs: first, outputs: {y: {value: 1}}}
  both: {stages: [first, second]}
";
        let source = sources.add("scenario.yml", file);
        let document = rplay_yaml::parse(&sources, source).unwrap().node;
        let scenario = Scenario::from_document(Path::new("scenario.yml"), document, &sources).unwrap();
        let nodes = scenario.topology(&Counts::default(), &Known::default()).unwrap();
        let drawn = text(&scenario, &nodes);
        assert!(drawn.contains("network inner 192.0.2.0/24 (isolated)\n  web"), "{drawn}");
        assert!(drawn.contains("in no network\n  box\n"), "{drawn}");
        assert!(drawn.contains("link a - b: 20ms, 10 Mbit/s\n"), "{drawn}");
        assert!(drawn.contains("stage first (and once it is there: second)\n"), "{drawn}");
        assert!(drawn.contains("stage second <- first\nstage both = first second\n"), "{drawn}");
        let picture = svg(&scenario, &nodes);
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        assert_eq!(picture.matches("stroke-dasharray").count(), 1, "{picture}");
        for word in ["web", "box", "first", "second", "203.0.113.0/24"] {
            assert!(picture.contains(&format!(">{word}")) || picture.contains(word), "{word}: {picture}");
        }
    }
}
