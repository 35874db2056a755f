//! The board as one page of HTML that needs nothing else.

use crate::board::{Report, SuiteReport};
use crate::record::Score;
use crate::speed::Speed;

const STYLE: &str = "
:root { color-scheme: light dark; --passed: #2c7a4b; --failed: #c2571a; --crashed: #b3263c; --missing: #9a9a9a; }
@media (prefers-color-scheme: dark) { :root { --passed: #4fae77; --failed: #e08a4f; --crashed: #e26a7c; --missing: #777; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { margin: 1.5rem 0; }
h2 { font-size: 1.1rem; margin: 0 0 .25rem; }
h2 small { font-weight: normal; opacity: .7; }
.bar { display: flex; height: 1rem; border-radius: .25rem; overflow: hidden; background: var(--missing); }
.passed { background: var(--passed); } .failed { background: var(--failed); }
.crashed { background: var(--crashed); } .missing { background: var(--missing); }
.key span { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin: 0 .3rem 0 1rem; }
p { margin: .25rem 0; } .bad { color: var(--crashed); }
table { border-collapse: collapse; } td, th { padding: .1rem .8rem .1rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; }
details li { overflow-wrap: anywhere; font-size: .85rem; }
";

/// The page.
pub fn page(reports: &[Report]) -> String {
    let sections: String = reports.iter().map(section).collect();
    let speeds: Vec<&Speed> = reports.iter().flat_map(|report| &report.speed).collect();
    let speeds = if speeds.is_empty() { String::new() } else { speed_table(&speeds) };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Rustclad: the board</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>Published wheels under Rustclad</h1>\n<p>Of each package's own tests, those that pass on CPython 3.14.</p>\n\
         <p class=\"key\"><span class=\"passed\"></span>passed<span class=\"failed\"></span>failed\
         <span class=\"crashed\"></span>crashed or hung<span class=\"missing\"></span>not run</p>\n\
         {sections}{speeds}</body></html>\n"
    )
}

fn section(report: &Report) -> String {
    let smoke = if report.smoke.passed {
        "<p>Smoke script: prints what CPython prints.</p>".to_owned()
    } else {
        format!("<p class=\"bad\">Smoke script: {}</p>", escape(&report.smoke.difference))
    };
    let suite = report.suite.as_ref().map(suite).unwrap_or_default();
    format!(
        "<section><h2>{} <small>{}</small></h2>{suite}{smoke}</section>\n",
        escape(&report.name),
        escape(&report.version)
    )
}

fn suite(report: &SuiteReport) -> String {
    let Score { of, passed, failed, crashed, not_run, failures } = &report.score;
    let parts = [("passed", passed), ("failed", failed), ("crashed", crashed), ("missing", not_run)];
    let bar: String =
        parts.map(|(class, count)| format!("<span class=\"{class}\" style=\"flex:{count} 0 0\"></span>")).concat();
    let numbers = format!("{passed} of {of} passed, {failed} failed, {crashed} crashed, {not_run} not run");
    let items: String =
        failures.iter().map(|(id, why)| format!("<li><code>{}</code>: {}</li>", escape(id), escape(why))).collect();
    let list = match failures.len() {
        0 => String::new(),
        count => format!("<details><summary>{count} do not pass</summary><ul>{items}</ul></details>"),
    };
    format!(
        "<div class=\"bar\" role=\"img\" aria-label=\"{numbers}\">{bar}</div><p>{:.1} %: {numbers}</p>{list}",
        report.score.percent()
    )
}

fn speed_table(speeds: &[&Speed]) -> String {
    let row = |speed: &&Speed| {
        let class = if speed.ratio <= speed.aim { "" } else { " class=\"bad\"" };
        format!(
            "<tr><td>{}</td><td>{:.2}</td><td>{:.2}</td><td{class}>{:.2}</td><td>{:.1}</td></tr>\n",
            escape(&speed.what),
            speed.rustclad * 1e3,
            speed.cpython * 1e3,
            speed.ratio,
            speed.aim
        )
    };
    let rows: String = speeds.iter().map(row).collect();
    format!(
        "<h2>Speed</h2><table><tr><th></th><th>Rustclad ms</th><th>CPython ms</th><th>ratio</th><th>aim</th></tr>\n\
         {rows}</table>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smoke::Smoke;

    #[test]
    fn text_of_others_is_text() {
        let smoke = Smoke { passed: false, difference: "<b> instead of &".into() };
        let report = Report { name: "a".into(), version: "1".into(), smoke, suite: None, speed: Vec::new() };
        assert!(page(&[report]).contains("&lt;b&gt; instead of &amp;"));
    }
}
