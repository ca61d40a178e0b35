//! Where a request is looked for, and what to do when it is not found.

use maud::{Markup, html};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::super::{
    Page, paths,
    telling::{coded, sentence},
};
use crate::prose::{cut_to, plain};

/// What the form sends, as the query of a rendezvous' requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFields {
    /// A request's id, or the key that its caller gave.
    #[serde(default)]
    pub id: String,
    /// Whether it is a key even if it looks like an id: `on` if so, as a box sends it.
    #[serde(default)]
    pub key: Option<String>,
    /// How many hours to look back; as long as is usual if the field was emptied.
    #[serde(default, deserialize_with = "hours")]
    pub hours: Option<u32>,
}

/// A search that found nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// What was asked for.
    pub fields: SearchFields,
    /// Where it was looked for, in a sentence.
    pub why: String,
}

/// So far back is looked unless somebody says otherwise.
const HOURS: u32 = 24;

/// Reads a number as a form sends it: what was left empty is nothing.
fn hours<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u32>, D::Error> {
    let text = <Option<String>>::deserialize(field)?;
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| text.trim().parse()).transpose().map_err(D::Error::custom)
}

/// Returns the form; with what it was sent and why nothing was found, if that is why it is shown.
#[must_use]
pub fn request_search(rendezvous: &str, not_found: Option<&Searched>) -> Page {
    let main = html! {
        p.over { "Requests · rendezvous " (plain(rendezvous)) }
        h1 { "Find a request" }
        @if let Some(Searched { fields, why }) = not_found {
            section.told-off role="alert" {
                h2 { "There is no such request" }
                p { (coded(&sentence(why))) }
                ul {
                    li { "A caller's key is looked for if it is no UUID; if yours is one, tick the box." }
                    li { "Look further back, as far as the topics keep their records." }
                    li { "Each answer over HTTP carries the id of its request, in the header " code { "hedgerow-request-id" } "; on the results topic it is the header " code { "ce_id" } "." }
                }
            }
            (form(rendezvous, fields))
        } @else {
            (form(rendezvous, &SearchFields::default()))
        }
        section {
            h2 { "What it shows" }
            p { "Who was asked, who said what and when, which clause decided and why, and what more time would have changed." }
            p.soft { "The same on a terminal: " code { "hedgerow explain ID --rendezvous " (plain(rendezvous)) } }
        }
    };
    Page::new(&format!("Requests of {}", plain(rendezvous)), &main)
}

/// Returns a line to look for another one.
pub(super) fn again(rendezvous: &str) -> Markup {
    html! {
        form.search action=(paths::requests(rendezvous)) method="get" role="search" {
            label for="id" { "Another request, by its id or its caller's key" }
            div.row {
                input #id name="id" type="text" required autocomplete="off" spellcheck="false" maxlength="512";
                button type="submit" { "Find" }
            }
        }
    }
}

fn form(rendezvous: &str, fields: &SearchFields) -> Markup {
    html! {
        section {
            form.fields action=(paths::requests(rendezvous)) method="get" role="search" {
                p {
                    label for="id" { "Its id, or the key that its caller gave" }
                    input #id name="id" type="text" required autocomplete="off" spellcheck="false" maxlength="512" value=(cut_to(&plain(&fields.id), 512));
                }
                p.box { label { input type="checkbox" name="key" value="on" checked[fields.key.is_some()]; " It is a caller's key, though it looks like an id" } }
                p {
                    label for="hours" { "How many hours to look back" }
                    input #hours name="hours" type="number" min="1" max="8760" value=(fields.hours.unwrap_or(HOURS));
                }
                p { button type="submit" { "Find" } }
            }
        }
    }
}
