//! Steps as a JUnit report: a suite for each kind of step, a case for each step.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;

/// The report of what was recorded.
pub(super) fn report(name: &str, records: &[Value]) -> String {
    let mut report = Report::new(name);
    let mut suites: Vec<TestSuite> = Vec::new();
    let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    for record in records.iter().filter(|record| record["scenario"] == "ended") {
        let what = text(record, "what");
        let mut status = TestCaseStatus::success();
        if record["ending"] == "failed" {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("failed").set_message(text(record, "note"));
            let lines = why(records, record);
            if !lines.is_empty() {
                status.set_description(lines.join("\n"));
            }
        }
        let mut case = TestCase::new(text(record, "name"), status);
        case.set_classname(format!("{name}.{what}"));
        case.set_time(Duration::from_secs_f64(record["seconds"].as_f64().unwrap_or_default().max(0.0)));
        if let Some(suite) = suites.iter_mut().find(|suite| suite.name.as_str() == what) {
            suite.add_test_case(case);
        } else {
            let mut suite = TestSuite::new(what);
            suite.add_test_case(case);
            suites.push(suite);
        }
    }
    report.add_test_suites(suites);
    // Only characters that XML does not have could keep it from being written, and those are left out.
    report.to_string().unwrap_or_default()
}

/// Tasks of a stage that failed.
fn why(records: &[Value], ended: &Value) -> Vec<String> {
    let of_stage = records.iter().filter(|record| record["scenario"] == "ran" && record["stage"] == ended["name"]);
    let tasks = of_stage.flat_map(|record| record["tasks"].as_array().into_iter().flatten());
    tasks
        .filter_map(|task| {
            let failed = task["failed"].as_str()?;
            Some(format!("{} on {}: {failed}", task["task"].as_str()?, task["host"].as_str()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_step_is_a_case() {
        let records = [
            json!({"scenario": "begun", "at": 0.0, "what": "node", "name": "web"}),
            json!({"scenario": "ended", "at": 1.0, "what": "node", "name": "web", "ending": "changed", "seconds": 1.0}),
            json!({"scenario": "ran", "at": 2.0, "stage": "deploy", "code": 2, "tasks":
                [{"host": "web", "task": "Copy <it>", "failed": "no room", "seconds": 0.1}]}),
            json!({"scenario": "ended", "at": 2.0, "what": "stage", "name": "deploy", "ending": "failed",
                "note": "the run ended with 2", "seconds": 1.0}),
        ];
        let text = report("lab", &records);
        assert!(text.contains("<testsuite name=\"node\" tests=\"1\""), "{text}");
        assert!(text.contains("<testcase name=\"web\" classname=\"lab.node\" time=\"1.000\"/>"), "{text}");
        assert!(text.contains("message=\"the run ended with 2\""), "{text}");
        assert!(text.contains("Copy &lt;it&gt; on web: no room"), "{text}");
    }
}
