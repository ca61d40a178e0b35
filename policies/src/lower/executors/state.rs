//! Executors that keep state: what they may be, and which topics belong to it.

use std::sync::Arc;

use crate::{
    StateSpec,
    diagnostic::{Report, Spanned},
    document::{ExecutorEntry, KindEntry, StateEntry},
};

/// Kafka takes no longer name.
const TOPIC_MAX: usize = 249;

/// Returns what `entry` keeps; what is wrong with it is reported.
pub(super) fn state(entry: &ExecutorEntry, has_key: bool, report: &mut Report<'_>) -> Option<StateSpec> {
    let written = entry.state.as_ref()?;
    let name = &entry.name.is;
    if !matches!(entry.kind, Some(KindEntry::Rust(_)) | None) {
        report
            .error(written.at, format!("executor `{name}` runs what keeps no state"))
            .hint("`state` is for executors that are compiled in: `rust: heater`");
    }
    if !has_key {
        report
            .error(written.at, format!("executor `{name}` keeps state, and nothing says about whom"))
            .hint("say where a request says it: `key: attributes.sensor` beside `executors`");
    }
    refuse_what_would_skip(entry, report);
    check_apart(written, report);
    let mut topic = |written: &Option<Spanned<String>>| written.as_ref().and_then(|name| topic(name, report));
    Some(StateSpec { settings: topic(&written.settings), commands: topic(&written.commands) })
}

/// State is of every request that asks it, one after the other, as they lie in the log.
fn refuse_what_would_skip(entry: &ExecutorEntry, report: &mut Report<'_>) {
    let fields = [
        ("start", entry.start.as_ref().map(|start| start.at)),
        ("hears", entry.hears.as_ref().map(|hears| hears.at)),
        ("concurrency", entry.concurrency.as_ref().map(|concurrency| concurrency.at)),
        ("max_batch", entry.max_batch.as_ref().map(|most| most.at)),
    ];
    for (field, at) in fields.into_iter().filter_map(|(field, at)| Some((field, at?))) {
        report
            .error(
                at,
                format!("executor `{}` keeps state, and `{field}` would change the order of things", entry.name.is),
            )
            .hint("take it out: who keeps state is given every request at once, one after the other");
    }
}

fn check_apart(written: &StateEntry, report: &mut Report<'_>) {
    if let (Some(settings), Some(commands)) = (&written.settings, &written.commands)
        && settings.is == commands.is
    {
        report
            .error(commands.at, format!("`{}` is said to hold settings and commands", commands.is))
            .hint("make them two topics");
    }
}

fn topic(name: &Spanned<String>, report: &mut Report<'_>) -> Option<Arc<str>> {
    let is_topic = (1..=TOPIC_MAX).contains(&name.is.len())
        && name.is.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-'))
        && !matches!(name.is.as_str(), "." | "..");
    if !is_topic {
        report
            .error(name.at, format!("`{}` cannot name a topic", name.is))
            .hint("use 1 to 249 letters, digits, `.`, `_` or `-`");
        return None;
    }
    Some(name.is.as_str().into())
}
