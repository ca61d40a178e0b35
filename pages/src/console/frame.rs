//! What is around each page of the console: where else one can go, who one is, whether what one sees is still so.

use std::{fmt::Write as _, sync::LazyLock};

use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};

use super::paths;
use crate::{colours, prose::plain};

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is called.
    pub title: String,
    /// `<main …>…</main>`: what is sent again when it changed.
    pub main: String,
}

/// What is known of who looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Every rendezvous there is.
    pub rendezvous: &'a [String],
    /// The path of the page, with its query.
    pub here: &'a str,
    /// What he may do.
    pub access: Access,
    /// Whether the page is sent again when it changes.
    pub live: bool,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read, since no token is set: so may everybody who comes this far.
    Open,
    /// Read.
    Reader,
    /// Read, and change.
    Operator,
}

/// The script: it renews live pages and takes keys. Everything is there without it.
pub const SCRIPT: &str = include_str!("console.js");

static STYLE: LazyLock<String> = LazyLock::new(|| {
    colours::properties() + include_str!("../style.css") + include_str!("console.css") + include_str!("pages.css")
});
static STYLE_PATH: LazyLock<String> = LazyLock::new(|| named(style(), "css"));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| named(SCRIPT, "js"));

/// Returns the style of every page.
#[must_use]
pub fn style() -> &'static str {
    &STYLE
}

/// Returns where the style is served; another style has another path, so it may be kept for ever.
#[must_use]
pub fn style_path() -> &'static str {
    &STYLE_PATH
}

/// Returns where the script is served; another script has another path, so it may be kept for ever.
#[must_use]
pub fn script_path() -> &'static str {
    &SCRIPT_PATH
}

fn named(content: &str, ending: &str) -> String {
    let mut name = "/console-".to_owned();
    for byte in Sha256::digest(content).iter().take(8) {
        let _ = write!(name, "{byte:02x}");
    }
    name + "." + ending
}

/// Returns the whole document.
#[must_use]
pub fn file(page: &Page, frame: &Frame) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Under `no-referrer` a browser would say `Origin: null` with the forms below, which is refused.
                meta name="referrer" content="same-origin";
                meta name="generator" content={ "hedgerow " (env!("CARGO_PKG_VERSION")) };
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(style_path());
                // Deferred, and before the body only so that it is fetched early.
                script src=(script_path()) defer {}
                title { (page.title) " · hedgerow" }
            }
            body.console data-live[frame.live] {
                a.skip href="#main" { "Skip to the content" }
                (bar(frame))
                (maud::PreEscaped(&page.main))
                (footer(frame))
                (keys(frame))
            }
        }
    };
    document.into_string() + "\n"
}

// === impl Page ===

impl Page {
    /// Returns a page with this in its `<main>`.
    #[must_use]
    pub(super) fn new(title: &str, inside: &Markup) -> Self {
        let main = html! { main id="main" tabindex="-1" data-title=(title) { (inside) } };
        Self { title: title.to_owned(), main: main.into_string() }
    }
}

// === impl Frame ===

impl<'a> Frame<'a> {
    fn path(&self) -> &'a str {
        self.here.split(['?', '#']).next().unwrap_or_default()
    }

    /// Returns the rendezvous that the page is about.
    fn about(&self) -> Option<&'a str> {
        let path = self.path();
        let is_its = |name: &&String| {
            let root = paths::rendezvous(name);
            path.strip_prefix(&root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.rendezvous.iter().find(is_its).map(String::as_str)
    }
}

// === what is around ===

fn bar(frame: &Frame) -> Markup {
    let about = frame.about();
    html! {
        header.bar {
            div.inside {
                a.brand href=(paths::OVERVIEW) { "hedgerow" }
                nav aria-label="Console" {
                    ul {
                        li { (link(frame, paths::OVERVIEW, "Overview", "o")) }
                        @if !frame.rendezvous.is_empty() { li { (picker(frame, about)) } }
                        li { (link(frame, paths::MODELS, "Models", "m")) }
                        li { (link(frame, paths::HEALTH, "Health", "h")) }
                    }
                }
                (who(frame))
            }
            @if let Some(name) = about { (tabs(frame, name)) }
        }
    }
}

/// Returns a list of all rendezvous that opens without a script.
fn picker(frame: &Frame, about: Option<&str>) -> Markup {
    html! {
        details.picker {
            summary { "Rendezvous" @if let Some(name) = about { ": " b { (plain(name)) } } }
            ul {
                @for name in frame.rendezvous {
                    li { (link(frame, &paths::rendezvous(name), &plain(name), "")) }
                }
            }
        }
    }
}

fn tabs(frame: &Frame, name: &str) -> Markup {
    let tabs = [
        (paths::rendezvous(name), "Now", "r"),
        (paths::policy(name), "Policy", "p"),
        (paths::canaries(name), "Canaries", "c"),
        (paths::requests(name), "Requests", "q"),
        (paths::playground(name), "Playground", "y"),
    ];
    html! {
        nav.tabs aria-label={ "Pages of " (plain(name)) } {
            ul { @for (path, called, key) in &tabs { li { (link(frame, path, called, key)) } } }
        }
    }
}

fn link(frame: &Frame, path: &str, called: &str, key: &str) -> Markup {
    let here = frame.path();
    // A report is one of the canaries' pages, a request one of the requests': their tabs say where one is.
    let below = path.matches('/').count() > 2 && here.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let current = if here == path { Some("page") } else { below.then_some("true") };
    let key = (!key.is_empty()).then_some(key);
    html! { a href=(path) aria-current=[current] data-key=[key] { (called) } }
}

fn who(frame: &Frame) -> Markup {
    html! {
        p.who {
            @if frame.live { span #live role="status" { span.sign aria-hidden="true" { "●" } " live" } }
            @match frame.access {
                Access::Open => span.soft { "read only" },
                Access::Reader => { span.soft { "reader" } " " a href=(paths::SIGN_IN) { "Sign in" } },
                Access::Operator => {
                    span { "operator" }
                    form method="post" action=(paths::SIGN_OUT) { button.plain type="submit" { "Sign out" } }
                },
            }
        }
    }
}

fn footer(frame: &Frame) -> Markup {
    html! {
        footer {
            p {
                "hedgerow " (env!("CARGO_PKG_VERSION"))
                @if let Some(twin) = paths::twin(frame.here) { " · " a href=(twin) { "these numbers as JSON" } }
                " · " a href="/metrics" { "metrics" }
                span.only-script { " · press " kbd { "?" } " for keys" }
            }
        }
    }
}

/// Returns what `?` shows: the script takes keys from the links themselves.
fn keys(frame: &Frame) -> Markup {
    let everywhere =
        [("o", "Overview"), ("m", "Models"), ("h", "Health"), ("/", "To the first field"), ("?", "This list")];
    let here = [("r", "Now"), ("p", "Policy"), ("c", "Canaries"), ("q", "Requests"), ("y", "Playground")];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keys" }
            dl {
                @for (key, told) in everywhere { div { dt { kbd { (key) } } dd { (told) } } }
                @if frame.about().is_some() {
                    @for (key, told) in here { div { dt { kbd { (key) } } dd { (told) } } }
                }
            }
            form method="dialog" {
                // Whoever speaks to his machine, or presses keys by accident, must be able to do without.
                label { input #keys-off type="checkbox"; " Take no keys but this one" }
                button type="submit" { "Close" }
            }
        }
    }
}
