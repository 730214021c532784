//! The report: one HTML file with everything in it, made of the same records that `--output jsonl` prints.

use std::fmt::Write as _;

use serde_json::Value;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c2024;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}td,th{text-align:\
left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #e3e6ea;vertical-align:top}.n{text-align:right;font-variant-numeric:\
tabular-nums}.failed{color:#b42318;font-weight:600}.changed{color:#8a5a00}.same,.done{color:#1a7f37}pre{background:#f5f6f8;padding:\
.75rem;overflow:auto;white-space:pre-wrap}svg text{font:12px system-ui,sans-serif}@media(prefers-color-scheme:dark){body{background:\
#16181b;color:#e6e8eb}td,th{border-color:#33383e}pre{background:#1f2226}svg text{fill:#e6e8eb}}";

/// The page of what was recorded.
pub(super) fn html(name: &str, description: Option<&str>, records: &[Value], code: i32) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
        title = escaped(name),
    );
    if let Some(description) = description {
        let _ = writeln!(out, "<p>{}</p>", escaped(description));
    }
    let ended: Vec<&Value> = records.iter().filter(|record| record["scenario"] == "ended").collect();
    let failed = ended.iter().filter(|record| record["ending"] == "failed").count();
    let took = records.iter().filter_map(|record| record["at"].as_f64()).fold(0.0, f64::max);
    let verdict =
        if code == 0 { ("done", "All went well".to_owned()) } else { ("failed", format!("Ended with {code}")) };
    let _ = writeln!(
        out,
        "<p><span class=\"{}\">{}</span>: {} steps, {failed} failed, {took:.1} s.</p>",
        verdict.0,
        verdict.1,
        ended.len()
    );
    timeline(&mut out, &ended, took);
    for (title, kinds) in [
        ("Stages", &["stage", "idempotence"][..]),
        ("Checks", &["check"]),
        ("Faults", &["fault", "mend"]),
        (
            "Nodes, networks and images",
            &["network", "link", "image", "node", "volume", "snapshot", "back", "export", "import"],
        ),
    ] {
        let rows: Vec<&&Value> =
            ended.iter().filter(|record| kinds.contains(&record["what"].as_str().unwrap_or_default())).collect();
        if !rows.is_empty() {
            table(&mut out, title, &rows);
        }
    }
    runs(&mut out, records);
    lines(&mut out, records);
    out.push_str("</body>\n</html>\n");
    out
}

/// Bars over time: what ran side by side stands side by side.
fn timeline(out: &mut String, ended: &[&Value], took: f64) {
    const WIDTH: f64 = 800.0;
    let bars: Vec<(&Value, f64, f64)> = ended
        .iter()
        .filter_map(|record| {
            let (end, seconds) = (record["at"].as_f64()?, record["seconds"].as_f64()?);
            (seconds >= 0.05 || record["what"] == "stage").then_some((*record, (end - seconds).max(0.0), end))
        })
        .collect();
    if bars.is_empty() || took <= 0.0 {
        return;
    }
    let height = bars.len() * 20 + 24;
    let _ = writeln!(out, "<h2>Timeline</h2>\n<svg viewBox=\"0 0 1000 {height}\" width=\"100%\" role=\"img\">");
    for (row, (record, from, to)) in bars.iter().enumerate() {
        let color = match record["ending"].as_str() {
            Some("failed") => "#d92d20",
            Some("changed") => "#d9a441",
            _ => "#57ab5a",
        };
        let y = row * 20;
        let (x, width) = (180.0 + from / took * WIDTH, ((to - from) / took * WIDTH).max(2.0));
        let label = format!("{} {}", text(record, "what"), text(record, "name"));
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"14\" rx=\"2\" \
             fill=\"{color}\"><title>{} {from:.1}-{to:.1} s</title></rect>",
            y + 13,
            escaped(&shortened(&label, 26)),
            y + 2,
            escaped(&label),
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"180\" y=\"{y}\">0 s</text><text x=\"980\" y=\"{y}\" text-anchor=\"end\">{took:.1} s</text>\n</svg>",
        y = height - 6
    );
}

fn table(out: &mut String, title: &str, rows: &[&&Value]) {
    let _ = writeln!(
        out,
        "<h2>{title}</h2>\n<table>\n<tr><th></th><th>Name</th><th></th><th class=\"n\">Seconds</th><th></th></tr>"
    );
    for record in rows {
        let ending = text(record, "ending");
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"{ending}\">{ending}</td><td class=\"n\">{:.1}</td><td>{}</td></tr>",
            escaped(text(record, "what")),
            escaped(text(record, "name")),
            record["seconds"].as_f64().unwrap_or_default(),
            escaped(text(record, "note")),
        );
    }
    out.push_str("</table>\n");
}

/// Counts by host, and tasks that changed something or failed.
fn runs(out: &mut String, records: &[Value]) {
    for run in records.iter().filter(|record| record["scenario"] == "ran") {
        let _ = writeln!(
            out,
            "<h2>Run of {}</h2>\n<table>\n<tr><th>Host</th><th class=\"n\">ok</th><th class=\"n\">changed</th><th \
             class=\"n\">skipped</th><th class=\"n\">failed</th><th class=\"n\">unreachable</th></tr>",
            escaped(text(run, "stage"))
        );
        for (host, counts) in run["hosts"].as_object().into_iter().flatten() {
            let _ = write!(out, "<tr><td>{}</td>", escaped(host));
            for count in ["ok", "changed", "skipped", "failed", "unreachable"] {
                let _ = write!(out, "<td class=\"n\">{}</td>", counts[count]);
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
        let tasks: Vec<&Value> = run["tasks"].as_array().into_iter().flatten().collect();
        if tasks.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<details><summary>{} tasks changed something or failed</summary>\n<table>", tasks.len());
        for task in tasks {
            let failed = task["failed"].as_str();
            let (class, why) = failed.map_or(("changed", ""), |why| ("failed", why));
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{class}</td><td>{}</td></tr>",
                escaped(text(task, "host")),
                escaped(text(task, "task")),
                escaped(why)
            );
        }
        out.push_str("</table></details>\n");
    }
}

/// What commands wrote, and notes.
fn lines(out: &mut String, records: &[Value]) {
    let lines: Vec<String> = records
        .iter()
        .filter_map(|record| match record["scenario"].as_str()? {
            "line" => Some(format!("{}: {}", text(record, "stage"), text(record, "text"))),
            "note" => Some(format!("note: {}", text(record, "text"))),
            _ => None,
        })
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "<h2>Output of commands</h2>\n<pre>{}</pre>", escaped(&lines.join("\n")));
    }
}

fn text<'r>(record: &'r Value, key: &str) -> &'r str {
    record[key].as_str().unwrap_or_default()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A text that is no markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no place for these.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_holds_everything_and_nothing_of_it_is_markup() {
        let records = [
            json!({"scenario": "ended", "at": 1.0, "what": "node", "name": "web", "ending": "changed", "seconds": 1.0}),
            json!({"scenario": "line", "at": 1.5, "stage": "deploy", "text": "<script>alert(1)</script>"}),
            json!({"scenario": "ran", "at": 2.0, "stage": "deploy", "code": 2, "hosts": {"web": {"ok": 1, "changed": 0,
                "skipped": 0, "failed": 1, "unreachable": 0}}, "tasks":
                [{"host": "web", "task": "Copy", "failed": "no room", "seconds": 0.1}]}),
            json!({"scenario": "ended", "at": 2.0, "what": "stage", "name": "deploy", "ending": "failed",
                "note": "the run ended with 2", "seconds": 1.0}),
        ];
        let page = html("lab", Some("a & b"), &records, 2);
        assert!(page.contains("<p>a &amp; b</p>") && page.contains("Ended with 2"), "{page}");
        assert!(page.contains("2 steps, 1 failed, 2.0 s"), "{page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("<td>Copy</td><td class=\"failed\">failed</td><td>no room</td>"), "{page}");
        assert!(!page.contains("http"), "it needs nothing from elsewhere");
    }
}
