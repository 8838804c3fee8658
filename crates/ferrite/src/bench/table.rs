//! Turns the results of an A-B-B-A series into the tables of `docs/benchmarks.md`.
//!
//! Used by `bench/abba.sh`. Input: one JSON object a line, `{"server": ..., "report": ...}`, where
//! the report is what `--json` printed. A figure is the median over a server's runs; its spread
//! stands beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use serde_json::Value;

/// Runs of one goal: reports by server.
type Runs = BTreeMap<String, Vec<Value>>;

/// The tables in Markdown.
///
/// # Errors
/// A line is not JSON of that shape.
pub fn render(results: &str) -> anyhow::Result<String> {
    let mut goals: Vec<(String, Runs)> = Vec::new();
    let mut idle: Vec<(String, Value)> = Vec::new();
    for (index, line) in results.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("line {} of the results", index + 1);
        let value: Value = serde_json::from_str(line).with_context(place)?;
        let server = value["server"].as_str().with_context(place)?.to_owned();
        let report = value["report"].clone();
        if report.get("context_switches_per_s").is_some() {
            idle.push((server, report));
            continue;
        }
        let goal = report["goal"].as_str().with_context(place)?.to_owned();
        match goals.iter_mut().find(|(name, _)| *name == goal) {
            Some((_, runs)) => runs.entry(server).or_default().push(report),
            None => goals.push((goal, Runs::from([(server, vec![report])]))),
        }
    }
    let mut out = String::from(
        "| goal | workload | Java C | ours C | floor C | Java / ours | ours / floor \
         | Java p50 / p99 ms | ours p50 / p99 ms |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (goal, runs) in &goals {
        goal_row(&mut out, goal, runs)?;
    }
    if !idle.is_empty() {
        out.push_str("\n| idle | CPU ms/s | context switches/s | threads | anonymous MiB |\n");
        out.push_str("|---|---|---|---|---|\n");
        for (server, report) in &idle {
            idle_row(&mut out, server, report)?;
        }
    }
    Ok(out)
}

fn goal_row(out: &mut String, goal: &str, runs: &Runs) -> anyhow::Result<()> {
    let of = |server: &str| runs.get(server).map_or(&[][..], Vec::as_slice);
    let (java, ours, floor) = (of("java"), of("ferrite"), of("floor"));
    let workload = java.iter().chain(ours).chain(floor).find_map(|run| run["workload"].as_str());
    let c = |runs| figures(runs, |run| run["broker_cpu_us"].as_f64());
    let (java_c, ours_c, floor_c) = (c(java), c(ours), c(floor));
    writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        goal.to_uppercase(),
        workload.unwrap_or("-"),
        spread(&java_c),
        spread(&ours_c),
        spread(&floor_c),
        ratio(&java_c, &ours_c),
        ratio(&ours_c, &floor_c),
        latency(java),
        latency(ours),
    )?;
    Ok(())
}

fn idle_row(out: &mut String, server: &str, report: &Value) -> anyhow::Result<()> {
    let number = |key: &str| report[key].as_f64().unwrap_or(f64::NAN);
    let mib = report["anonymous_bytes"].as_f64().map_or(f64::NAN, |bytes| bytes / 1_048_576.0);
    writeln!(
        out,
        "| {server} | {:.2} | {:.0} | {:.0} | {mib:.1} |",
        number("cpu_ms_per_s"),
        number("context_switches_per_s"),
        number("threads"),
    )?;
    Ok(())
}

/// A figure of each run, in ascending order.
fn figures(runs: &[Value], figure: impl Fn(&Value) -> Option<f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = runs.iter().filter_map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) =
        (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

fn digits(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value => format!("{value:.1}"),
    }
}

/// Median, and the range when there are several runs.
fn spread(sorted: &[f64]) -> String {
    let Some(median) = median(sorted) else { return "-".to_owned() };
    match (sorted.first(), sorted.last()) {
        (Some(low), Some(high)) if sorted.len() > 1 => {
            format!("{} ({}-{})", digits(median), digits(*low), digits(*high))
        }
        _ => digits(median),
    }
}

fn ratio(above: &[f64], below: &[f64]) -> String {
    match (median(above), median(below)) {
        (Some(above), Some(below)) if below > 0.0 => format!("{:.1}x", above / below),
        _ => "-".to_owned(),
    }
}

/// Send latency, and behind it end to end where messages were consumed.
fn latency(runs: &[Value]) -> String {
    let part = |kind: &str| {
        let at = |quantile: &str| median(&figures(runs, |run| run[kind][quantile].as_f64()));
        Some(format!("{} / {}", digits(at("p50")?), digits(at("p99")?)))
    };
    match (part("latency_ms"), part("end_to_end_ms")) {
        (Some(send), Some(delivery)) => format!("{send}; end to end {delivery}"),
        (Some(send), None) => send,
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(server: &str, c: f64, p50: f64) -> String {
        serde_json::json!({"server": server, "report": {
            "goal": "g2", "workload": "plain", "broker_cpu_us": c,
            "latency_ms": {"p50": p50, "p99": p50 * 2.0}, "end_to_end_ms": null,
        }})
        .to_string()
    }

    #[test]
    fn a_row_holds_medians_and_ratios() {
        let lines = [
            run("java", 20.0, 1.0),
            run("ferrite", 1.0, 0.5),
            run("ferrite", 1.2, 0.5),
            run("java", 22.0, 1.2),
            run("floor", 0.5, 0.1),
        ];
        let table = render(&lines.join("\n")).unwrap();
        let row = table.lines().nth(2).unwrap();
        assert_eq!(
            row,
            "| G2 | plain | 21.0 (20.0-22.0) | 1.10 (1.00-1.20) | 0.500 | 19.1x | 2.2x \
             | 1.10 / 2.20 | 0.500 / 1.00 |"
        );
    }

    #[test]
    fn missing_runs_leave_a_dash() {
        let table = render(&run("java", 20.0, 1.0)).unwrap();
        assert!(table.contains("| G2 | plain | 20.0 | - | - | - | - | 1.00 / 2.00 | - |"));
        assert!(render("not json").is_err());
        assert!(render("{\"report\": {}}").is_err());
    }

    #[test]
    fn idle_figures_get_a_table_of_their_own() {
        let line = serde_json::json!({"server": "java", "report": {
            "cpu_ms_per_s": 85.0, "context_switches_per_s": 2300.0, "threads": 143,
            "anonymous_bytes": 104_857_600_u64,
        }});
        let table = render(&line.to_string()).unwrap();
        assert!(table.ends_with("| java | 85.00 | 2300 | 143 | 100.0 |\n"), "{table}");
    }
}
