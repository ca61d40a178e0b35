//! Every page in a real browser: on a phone and on a desk nothing hangs over, nothing is complained about, nothing is asked for.

#[path = "../examples/gallery/asked.rs"]
mod asked;
#[path = "../examples/gallery/console.rs"]
mod console;
#[path = "../examples/gallery/samples.rs"]
mod samples;
#[path = "browser/script.rs"]
mod script;

use std::{env, fs, process::Command};

use hedgerow_pages::{
    canary::html,
    console::{script_path, style, style_path},
};
use serde_json::Value;

/// A phone, and a desk.
const WIDTHS: [u32; 2] = [390, 1280];

/// Where a frame is told to be too wide for its page, and which of its charts' texts lie outside of their charts.
const LOOK: &str = "onload=()=>{const told=[];for(const frame of document.querySelectorAll('iframe')){\
    const page=frame.contentDocument,wide=page.documentElement.scrollWidth,outside=[];let least=99;\
    for(const text of page.querySelectorAll('svg.chart text')){const box=text.getBoundingClientRect(),\
    chart=text.ownerSVGElement,all=chart.getBoundingClientRect();if(!all.width)continue;\
    least=Math.min(least,12*all.width/chart.viewBox.baseVal.width);\
    if(box.left<all.left-2||box.right>all.right+2)outside.push(text.textContent)}\
    told.push({name:frame.title,wide,room:frame.clientWidth,outside,least})}\
    document.getElementById('told').textContent=JSON.stringify(told)}";

/// Returns the command that starts it; `tools/setup.sh browser` installs one, `HEDGEROW_BROWSER` names another.
fn browser() -> Option<String> {
    if let Ok(named) = env::var("HEDGEROW_BROWSER") {
        return Some(named);
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success());
    let found = names.into_iter().find(starts).map(str::to_owned);
    if found.is_none() {
        println!("skipped: there is no browser here; tools/setup.sh browser installs one");
    }
    found
}

fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

/// Returns a page of the console with its style inside and without its script: here is nobody who serves them.
fn alone(page: &str) -> String {
    let link = format!("<link rel=\"stylesheet\" href=\"{}\">", style_path());
    let script = format!("<script src=\"{}\" defer></script>", script_path());
    assert!(page.contains(&link) && page.contains(&script), "both are linked");
    page.replace(&link, &format!("<style>{}</style>", style())).replace(&script, "")
}

#[test]
fn in_a_browser_nothing_hangs_over_and_nothing_is_asked_for() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrapper = format!("<!doctype html><meta charset=utf-8><pre id=told></pre><script>{LOOK}</script>");
    let reports = samples::all().into_iter();
    let reports = reports.map(|one| (one.name.to_owned(), html(&one.report, &one.examples, &samples::made())));
    let pages = console::all().into_iter().map(|shown| (shown.name.to_owned(), alone(&shown.html)));
    let asked = asked::all().into_iter().map(|shown| (shown.name.clone(), alone(&shown.html())));
    let all: Vec<(String, String)> = reports.chain(pages).chain(asked).collect();
    for (called, page) in &all {
        let page = quoted(page);
        for width in WIDTHS {
            let name = format!("{called} at {width}");
            let frame = format!(
                "<iframe title=\"{name}\" style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{page}\"></iframe>"
            );
            wrapper.push_str(&frame);
        }
    }
    let (file, log) = (folder.path().join("all.html"), folder.path().join("net.json"));
    fs::write(&file, wrapper).expect("written");
    let said = Command::new(&browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--dump-dom",
            "--hide-scrollbars",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("it starts");
    let (dom, complaints) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));

    let told = dom.split_once("id=\"told\">").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(told, _)| told);
    let told: Vec<Value> =
        serde_json::from_str(&told.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
            .unwrap_or_else(|error| panic!("{error}: {complaints}"));
    assert_eq!(told.len(), all.len() * WIDTHS.len());
    for page in told {
        assert!(page["wide"].as_u64() <= page["room"].as_u64(), "wider than its window: {page}");
        assert_eq!(page["outside"].as_array().map(Vec::len), Some(0), "texts hang out of charts: {page}");
        // Of a page without a chart the least is what the look begins with.
        assert!(page["least"].as_f64().is_some_and(|least| least > 11.0), "text is too small: {page}");
    }
    let console: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:#?}");
    let asked = fs::read_to_string(log).expect("what was asked for");
    assert!(asked.contains("constants"), "the log is one");
    // A browser asks its maker for news, whatever it is told; a page of ours never would ask him.
    let is_known = |url: &str| {
        let host = url.split('/').nth(2).unwrap_or_default();
        url.ends_with("/all.html")
            || !url.contains("://")
            || host.ends_with(".google.com")
            || host.ends_with(".googleapis.com")
    };
    let urls = asked.split("\"url\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let pages_ask: Vec<&str> = urls.filter(|url| !is_known(url)).collect();
    assert!(pages_ask.is_empty(), "{pages_ask:#?}");
}
