//! The file around a page: its style inside, no script, and a policy that forbids it to ask for anything.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::colours;

const STYLE: &str = include_str!("style.css");

/// Returns the whole file.
pub(crate) fn file(title: &str, body: &Markup) -> String {
    let style = colours::properties() + STYLE;
    // Only this very style is allowed: what somebody smuggled in would not even change a colour.
    let hash = STANDARD.encode(Sha256::digest(&style));
    let security =
        format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(security);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "hedgerow " (env!("CARGO_PKG_VERSION")) };
                // A browser asks for an icon unless it is told that there is none.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    page.into_string() + "\n"
}
