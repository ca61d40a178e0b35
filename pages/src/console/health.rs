//! What is down, since when and why; what fires; in one line if all is well.

use alarms::{Condition, Dependency, Health, Severity, State};
use maud::{Markup, html};

use super::{Page, paths};
use crate::{prose::plain, words};

/// Returns the page; `firing` is what somebody is, or would be, told of.
#[must_use]
pub fn health(health: &Health, firing: &[Condition]) -> Page {
    let main = html! {
        p.over { "Health · " (words::instant(health.at_us)) }
        (hero(health, firing))
        @if !firing.is_empty() { (fires(health, firing)) }
        (needed(health))
    };
    Page::new("Health", &main)
}

fn hero(health: &Health, firing: &[Condition]) -> Markup {
    let of = |state: State| health.dependencies.iter().filter(|one| one.state == state).collect::<Vec<_>>();
    let (down, unknown) = (of(State::Down), of(State::Unknown));
    let vital: Vec<&Dependency> = down.iter().copied().filter(|one| one.kind.is_vital()).collect();
    let class = match (down.is_empty(), firing.iter().all(|one| one.severity == Severity::Info)) {
        (false, _) => "worse",
        (true, false) => "open",
        (true, true) => "better",
    };
    html! {
        header class={ "hero " (class) } {
            h1 { (headline(&down, firing)) }
            @if !unknown.is_empty() { p { "Nothing was heard yet of " (names(&unknown)) "." } }
            @if !vital.is_empty() { p { "Without " (names(&vital)) " nothing works, so " code { "/health" } " answers 503." } }
        }
    }
}

fn headline(down: &[&Dependency], firing: &[Condition]) -> String {
    let alarms = firing.iter().filter(|one| one.severity != Severity::Info).count();
    match (down, alarms) {
        ([], 0) => "All is well.".to_owned(),
        ([], 1) => "Everything is up, and one alarm fires.".to_owned(),
        ([], some) => format!("Everything is up, and {some} alarms fire."),
        ([one], _) => format!("{} is down.", plain(&one.name)),
        (several, _) => format!("{} things are down: {}.", several.len(), names(several)),
    }
}

/// Returns a few names, and how many more there are.
fn names(all: &[&Dependency]) -> String {
    let names: Vec<String> = all.iter().take(5).map(|one| plain(&one.name)).collect();
    let more = all.len() - names.len();
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

fn fires(health: &Health, firing: &[Condition]) -> Markup {
    let mut sorted: Vec<&Condition> = firing.iter().collect();
    sorted.sort_by_key(|one| (std::cmp::Reverse(one.severity), one.since_us));
    html! {
        section #firing {
            h2 { "What fires" }
            div.scroll role="region" tabindex="0" aria-label="Conditions that fire" {
                table.stack {
                    thead { tr { th { "What" } th { "How soon" } th { "Since" } th { "Where" } } }
                    tbody {
                        @for one in sorted {
                            tr {
                                th scope="row" { (plain(&one.summary)) }
                                td data-label="How soon" { (soon(one.severity)) }
                                td data-label="Since" { (since(health.at_us, Some(one.since_us))) }
                                td data-label="Where" { (place(one)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Only pages of ours are linked: a path that is none is text.
fn place(one: &Condition) -> Markup {
    let called = one.rendezvous.as_deref().unwrap_or("the page about it");
    let is_ours = one.path.starts_with('/') && !one.path.starts_with("//") && !one.path.contains('\\');
    html! { @if is_ours { a href=(one.path) { (plain(called)) } } @else { (plain(called)) } }
}

fn soon(severity: Severity) -> Markup {
    let (class, sign, told) = match severity {
        Severity::Page => ("worse", "✗", "now"),
        Severity::Ticket => ("open", "!", "in the next days"),
        Severity::Info => ("no-worse", "i", "good to know"),
    };
    html! { span class={ "mark " (class) } { span aria-hidden="true" { (sign) } " " (told) } }
}

fn needed(health: &Health) -> Markup {
    let mut sorted: Vec<&Dependency> = health.dependencies.iter().collect();
    // What is down stands first, then what nobody knows; among equals their own order stays.
    sorted.sort_by_key(|one| match one.state {
        State::Down => 0,
        State::Unknown => 1,
        State::Up => 2,
    });
    html! {
        section #needed {
            h2 { "What this process needs" }
            @if sorted.is_empty() {
                p { "Nothing that it knows of." }
            } @else {
                div.scroll role="region" tabindex="0" aria-label="What this process needs" {
                    table.stack {
                        thead { tr { th { "What" } th { "Is" } th { "Since" } th { "Why" } } }
                        tbody { @for one in sorted { (row(health, one)) } }
                    }
                }
            }
        }
    }
}

fn row(health: &Health, one: &Dependency) -> Markup {
    html! {
        tr {
            th scope="row" {
                (plain(&one.name))
                small {
                    (one.kind.as_str())
                    @if let Some(name) = &one.rendezvous { " of " a href=(paths::rendezvous(name)) { (plain(name)) } }
                }
            }
            td data-label="Is" { (state(one.state)) }
            td data-label="Since" { (since(health.at_us, one.since_us)) }
            td.said data-label="Why" { @if one.why.is_empty() { (words::NOTHING) } @else { (plain(&one.why)) } }
        }
    }
}

fn state(state: State) -> Markup {
    let (class, sign) = match state {
        State::Up => ("better", "✓"),
        State::Down => ("worse", "✗"),
        State::Unknown => ("open", "?"),
    };
    html! { span class={ "mark " (class) } { span aria-hidden="true" { (sign) } " " (state.as_str()) } }
}

fn since(now_us: i64, since_us: Option<i64>) -> Markup {
    html! {
        @match since_us {
            Some(at) => {
                (words::instant(at))
                small { "for " (words::span(u64::try_from(now_us.saturating_sub(at)).unwrap_or_default())) }
            },
            None => (words::NOTHING),
        }
    }
}
