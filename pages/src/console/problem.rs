//! What is shown where there is nothing to show, and why.

use maud::html;

use super::{Page, paths};

/// Returns the page of what went wrong: what it comes to, why in a sentence or some lines, and where to go on.
#[must_use]
pub fn problem(title: &str, sentence: &str, on: Option<(&str, &str)>) -> Page {
    Page::new(
        title,
        &html! {
            h1 { (title) }
            // Examples that fail are told line by line.
            @if sentence.contains('\n') { pre.problem { (sentence) } } @else { p.problem { (sentence) } }
            @match on {
                Some((path, called)) => p { a href=(path) { (called) } },
                None => p { a href=(paths::OVERVIEW) { "To the overview" } },
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_went_wrong_stays_text() {
        let page = problem("Not found", "there is no `<b>` here", None);
        assert!(page.main.contains("<p class=\"problem\">there is no `&lt;b&gt;` here</p>"), "{}", page.main);
        let lines = problem("Refused", "one\ntwo", Some(("/rendezvous/wine", "Back to wine")));
        assert!(
            lines.main.contains("one\ntwo</pre><p><a href=\"/rendezvous/wine\">Back to wine</a></p>"),
            "{}",
            lines.main
        );
    }
}
