//! Every version: who made it, when and why, what it is now, and the way back to it.

use maud::{Markup, html};
use policies::{PolicyShown, PolicyView, VersionView};

use super::{
    super::{Access, paths},
    when,
};
use crate::prose::plain;

/// So many versions stand in the table; the others are in the JSON.
const SHOWN: usize = 100;

pub(super) fn section(shown: &PolicyShown, access: Access) -> Markup {
    let policy = &shown.policy;
    let all = policy.versions.len();
    html! {
        section #history {
            h2 { "History" }
            @if policy.versions.is_empty() {
                p { "There are no versions yet." }
            } @else {
                (compare(shown))
                div.scroll role="region" tabindex="0" aria-label="Versions" {
                    table.stack {
                        thead { tr { th { "Version" } th { "Is" } th { "When" } th { "Who" } th { "Why" } @if access == Access::Operator { th { "Go back" } } } }
                        tbody { @for version in policy.versions.iter().rev().take(SHOWN) { (row(policy, version, access)) } }
                    }
                }
                @if all > SHOWN {
                    p.soft { "The newest " (SHOWN) " of " (all) ". All of them: " code { "hedgerow policies " (plain(&policy.rendezvous)) } }
                }
            }
        }
    }
}

fn row(policy: &PolicyView, version: &VersionView, access: Access) -> Markup {
    let number = version.version;
    html! {
        tr {
            th scope="row" { a href=(paths::version(&policy.rendezvous, number, before(policy, number))) { (number) } }
            td data-label="Is" {
                @if version.state == "live" { b { "live" } } @else { (plain(&version.standing())) }
                @if version.needs > 0 { small { (version.approved_by.len()) " of " (version.needs) " approved" } }
            }
            td data-label="When" { (when(&version.at)) }
            td data-label="Who" { (plain(&version.author)) }
            td data-label="Why" { (plain(&version.why())) }
            @if access == Access::Operator {
                @if was_live(policy, version) { td data-label="Go back" { (way_back(policy, version)) } } @else { td {} }
            }
        }
    }
}

/// What is shown beside a version is the one before it.
fn before(policy: &PolicyView, number: u64) -> Option<u64> {
    policy.versions.iter().map(|version| version.version).filter(|other| *other < number).max()
}

/// Only what was live once is gone back to: it was approved, and it is known what it does.
fn was_live(policy: &PolicyView, version: &VersionView) -> bool {
    version.version != policy.live && version.live_since.is_some()
}

fn way_back(policy: &PolicyView, version: &VersionView) -> Markup {
    let number = version.version;
    html! {
        details.act {
            summary { "Roll back to " (number) }
            form method="post" action=(paths::policy(&policy.rendezvous)) {
                input type="hidden" name="version" value=(number);
                input type="hidden" name="expected" value=(policy.newest);
                label for={ "why-" (number) } { "Why" }
                input #{ "why-" (number) } name="message" type="text" maxlength="500" required autocomplete="off";
                label for={ "who-" (number) } { "Who you are" }
                input #{ "who-" (number) } name="author" type="text" maxlength="100" placeholder="console" autocomplete="name";
                button.grave type="submit" { "Make the text of " (number) " live" }
            }
        }
    }
}

fn compare(shown: &PolicyShown) -> Markup {
    let policy = &shown.policy;
    let version = shown.shown.as_ref().map(|shown| shown.version);
    let against = shown.against.as_ref().map(|against| against.version);
    let against = against.or_else(|| before(policy, version?));
    let choice = |id: &str, name: &str, called: &str, chosen: Option<u64>| {
        html! {
            p {
                label for=(id) { (called) }
                select id=(id) name=(name) {
                    @for version in policy.versions.iter().rev().take(SHOWN) {
                        option value=(version.version) selected[Some(version.version) == chosen] {
                            (version.version) @if version.version == policy.live { " (live)" }
                        }
                    }
                }
            }
        }
    };
    html! {
        @if policy.versions.len() > 1 {
            form.compare method="get" action=(paths::policy(&policy.rendezvous)) {
                (choice("compare-against", "against", "What changes from version", against))
                (choice("compare-version", "version", "to version", version))
                p { button type="submit" { "Compare" } }
            }
        }
    }
}
