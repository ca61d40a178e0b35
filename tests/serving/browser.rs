//! Every page of a process that runs, in a real browser: on a phone and on a desk, by keyboard, and as things go on.
//!
//! Where there is no browser, this says so. `HEDGEROW_PICTURES=DIR` keeps a picture of each page.

use std::{env, fs, path::Path};

use crate::{
    chromium::Chromium,
    process::{OPERATOR, Process},
};

const PAGES: [(&str, &str); 11] = [
    ("health", "/health"),
    ("overview", "/"),
    ("rendezvous", "/rendezvous/wine"),
    ("policy", "/rendezvous/wine/policy?version=1&against=2"),
    ("canaries", "/rendezvous/wine/canaries"),
    ("report", "/rendezvous/wine/canaries/next"),
    ("search", "/rendezvous/wine/requests"),
    ("playground", "/rendezvous/wine/playground"),
    ("models", "/models"),
    ("sign-in", "/sign-in"),
    ("not-found", "/rendezvous/beer"),
];

/// A phone, and a desk.
const WIDTHS: [u32; 2] = [390, 1280];

const TAB: u32 = 9;

/// What can be used and is seen, named by what it is called.
const USABLE: &str = "[...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary,\
    [tabindex=\"0\"]')].filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled)";

fn browser() -> Option<Chromium> {
    let started = Chromium::start();
    if started.is_none() {
        println!("skipped: there is no browser here; tools/setup.sh browser installs one");
    }
    started
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_every_page_fits_complains_about_nothing_and_asks_nobody_else() {
    let Some(mut browser) = browser() else { return };
    let process = Process::up(&[], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    let mut request = String::new();
    for x in 0..30 {
        request = format!("/rendezvous/wine/requests/{}", process.ask(x).await);
    }
    fs::write(process.folder().join("policy.yaml"), crate::process::POLICY.replace("NAME", "wine") + "# edited\n")
        .unwrap();
    let applied = process.run(&["apply", "policy.yaml"], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    assert!(applied.status.success());
    tokio::task::block_in_place(|| {
        sign_in(&mut browser, &process.console);
        let pages = PAGES.into_iter().chain([("request", request.as_str())]);
        for (name, path) in pages {
            for width in WIDTHS {
                for is_dark in [false, true] {
                    browser.look_like(width, is_dark);
                    browser.open(&format!("{}{path}", process.console));
                    let told = format!("{name} at {width}");
                    let wide = browser.evaluate("document.documentElement.scrollWidth");
                    assert!(wide.as_u64() <= Some(width.into()), "{told}: {wide} wide");
                    assert_eq!(browser.evaluate("document.querySelectorAll('h1').length"), 1, "{told}");
                    if let Ok(folder) = env::var("HEDGEROW_PICTURES") {
                        let theme = if is_dark { "dark" } else { "light" };
                        let file = Path::new(&folder).join(format!("{name}-{width}-{theme}.png"));
                        fs::write(file, browser.picture()).unwrap();
                    }
                }
            }
        }
    });
    // Of what is not there the browser says so.
    let not_found = |told: &&String| !(told.contains("404") && told.contains("/rendezvous/beer"));
    let complaints: Vec<&String> = browser.complaints.iter().filter(not_found).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let others =
        |url: &&String| !url.starts_with(&process.console) && !url.starts_with("data:") && *url != "about:blank";
    let others: Vec<&String> = browser.requests.iter().filter(others).collect();
    assert!(others.is_empty() && browser.requests.len() > 40, "{others:#?}");
}

/// Signs in as a person does, and comes where he wanted to go.
fn sign_in(browser: &mut Chromium, at: &str) {
    browser.open(&format!("{at}/sign-in?to=/rendezvous/wine/canaries"));
    browser.evaluate(&format!("document.getElementById('token').value = '{OPERATOR}'"));
    browser.evaluate("document.querySelector('main form').requestSubmit()");
    browser.until("location.pathname === '/rendezvous/wine/canaries' && document.readyState === 'complete'");
    assert_eq!(browser.evaluate("document.cookie"), "", "no script sees it");
    browser.until("document.querySelector('.who').innerText.includes('operator')");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_a_page_goes_on_without_being_loaded_again() {
    let Some(mut browser) = browser() else { return };
    let process = Process::up(&[], &[]);
    tokio::task::block_in_place(|| {
        browser.open(&format!("{}/rendezvous/wine", process.console));
        browser.evaluate("window.same = true; window.before = document.querySelector('main').innerText");
    });
    process.ask(1).await;
    tokio::task::block_in_place(|| {
        browser.until("document.querySelector('main').innerText !== window.before");
        assert_eq!(browser.evaluate("window.same"), true, "it was not loaded again");
    });
    let at = process.console.clone();
    drop(process);
    tokio::task::block_in_place(|| {
        browser.until("document.getElementById('live').innerText.includes('not live since')");
    });
    let elsewhere = |url: &&String| !url.starts_with(&at) && *url != "about:blank" && !url.starts_with("data:");
    assert_eq!(browser.requests.iter().find(elsewhere), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_a_change_is_made_by_its_form_and_an_input_is_asked_about() {
    let Some(mut browser) = browser() else { return };
    let process = Process::up(&[], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    tokio::task::block_in_place(|| {
        sign_in(&mut browser, &process.console);
        let form = "[...document.querySelectorAll('main form')].find(form => form.act?.value === 'hold')";
        browser.evaluate(&format!("{form}.message.value = 'until the audit is over'"));
        browser.evaluate("window.here = true");
        browser.evaluate(&format!("{form}.requestSubmit()"));
        browser.until("!window.here && location.pathname.endsWith('/canaries') && document.readyState === 'complete'");
        browser.until("document.querySelector('main').innerText.includes('Held')");
        browser.open(&format!("{}/rendezvous/wine/playground", process.console));
        browser.evaluate("document.querySelector('main form').requestSubmit()");
        browser.until("location.pathname.startsWith('/rendezvous/wine/requests/')");
        browser.until("document.querySelector('main svg') !== null");
    });
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    let told = process.visitor(None).json("/api/v1/rendezvous/wine/policy").await;
    assert_eq!(told["versions"][1]["message"], "until the audit is over (from the console)");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_the_keyboard_reaches_every_control() {
    let Some(mut browser) = browser() else { return };
    let process = Process::up(&[], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    process.ask(1).await;
    tokio::task::block_in_place(|| {
        sign_in(&mut browser, &process.console);
        for (name, path) in PAGES {
            browser.open(&format!("{}{path}", process.console));
            browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)");
            browser.evaluate(
                "window.reached = new Set(); document.activeElement?.blur(); document.documentElement.focus()",
            );
            let count = browser.evaluate(&format!("{USABLE}.length")).as_u64().unwrap();
            assert!(count > 3, "{name}: {count}");
            for _ in 0..=count * 2 + 4 {
                browser.press("Tab", TAB);
                browser.evaluate("window.reached.add(document.activeElement)");
            }
            let missed = browser.evaluate(&format!(
                "{USABLE}.filter(one => !window.reached.has(one)).map(one => one.outerHTML.slice(0, 120))"
            ));
            assert_eq!(missed.as_array().map(Vec::len), Some(0), "{name}: {missed:#}");
        }
    });
}
