//! A rendezvous' policy: what is live, who made it, when and why, its text, and what changed from version to version.

mod compared;
mod versions;

use maud::{Markup, html};
use policies::{PolicyShown, TextView, TrialView, VersionView};
use serde::{Deserialize, Serialize};

use super::{Access, Page, paths, telling::sentence};
use crate::prose::plain;

/// What the form that goes back to a version sends, by POST to the policy's own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBackFields {
    /// The version whose text is to be live again.
    pub version: u64,
    /// The newest version when the page was made: whoever was faster is not overwritten.
    pub expected: u64,
    /// Why.
    #[serde(default)]
    pub message: String,
    /// Who it is; empty for nobody in particular.
    #[serde(default)]
    pub author: String,
}

/// So many lines of a text are shown; the whole is in the JSON.
const LINES: usize = 3_000;

/// Returns the page of a policy; who may change it finds what goes back to a version on it.
#[must_use]
pub fn policy(shown: &PolicyShown, access: Access) -> Page {
    let policy = &shown.policy;
    let name = plain(&policy.rendezvous);
    let live = policy.versions.iter().find(|version| version.version == policy.live);
    let main = html! {
        p.over { "Policy · rendezvous " (name) }
        header.hero.no-worse[live.is_some()].open[live.is_none()] {
            h1 { @match live { Some(live) => { "Version " (live.version) " is live" }, None => "No version is live" } }
            @match live {
                Some(live) => (came(live)),
                None => p { "Publish one: " code { "hedgerow apply " (name) ".yaml" } },
            }
        }
        @if let Some(trial) = &policy.trial { (tried(trial)) }
        @if let Some(against) = &shown.against { (compared::section(shown, against)) }
        @if let Some(text) = &shown.shown { (yaml(&policy.rendezvous, text, policy.live)) }
        (versions::section(shown, access))
        @if !policy.refused.is_empty() { (refused(policy)) }
    };
    Page::new(&format!("Policy of {name}"), &main)
}

/// Says who made a version, when and why.
fn came(version: &VersionView) -> Markup {
    let why = version.why();
    html! {
        p { "By " b { (plain(&version.author)) } ", " (when(&version.at)) "." }
        @if !why.trim().is_empty() { p { "“" (plain(&why)) "”" } }
    }
}

/// Returns an instant of the JSON as people read it.
fn when(at: &str) -> String {
    plain(&at.replace('T', " ").replace('Z', " UTC"))
}

fn tried(trial: &TrialView) -> Markup {
    let class = match trial.judgement.as_str() {
        "worse" => "worse",
        "keep" => "no-worse",
        _ => "open",
    };
    html! {
        section #trial {
            h2 { "On trial" }
            p { b { (plain(&sentence(&trial.way()))) } }
            ul { @for told in trial.counted() { li { (plain(&sentence(&told))) } } }
            p { b class=(class) { (plain(&sentence(&trial.judged()))) } }
        }
    }
}

fn yaml(rendezvous: &str, text: &TextView, live: u64) -> Markup {
    let lines: Vec<&str> = text.text.lines().collect();
    html! {
        section #text {
            h2 { "Version " (text.version) @if text.version == live { ", live" } }
            @if text.version != live {
                p { a href=(paths::policy(rendezvous)) { "Show what is live" } " · " a href=(paths::version(rendezvous, text.version, Some(live))) { "what differs from it" } }
            }
            div.scroll role="region" tabindex="0" aria-label={ "The text of version " (text.version) } {
                pre.lines { @for line in lines.iter().take(LINES) { span { (plain(line)) } "\n" } }
            }
            @if lines.len() > LINES {
                p.soft { "The first " (LINES) " of " (lines.len()) " lines. All of them: " code { "hedgerow policies " (plain(rendezvous)) " --show " (text.version) } }
            }
        }
    }
}

fn refused(policy: &policies::PolicyView) -> Markup {
    html! {
        section #refused {
            h2 { "Refused changes" }
            p.soft { "They changed nothing; the newest first." }
            div.scroll role="region" tabindex="0" aria-label="Refused changes" {
                table.stack {
                    thead { tr { th { "When" } th { "Who" } th { "Why it was wanted" } th { "Why it was refused" } } }
                    tbody {
                        @for refused in policy.refused.iter().rev() {
                            tr {
                                th scope="row" { (when(&refused.at)) }
                                td data-label="Who" { (plain(&refused.author)) }
                                td data-label="Why it was wanted" { (plain(&refused.message)) }
                                td.said data-label="Why it was refused" { @for line in refused.why.lines().take(12) { (plain(line)) br; } }
                            }
                        }
                    }
                }
            }
        }
    }
}
