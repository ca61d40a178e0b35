//! Edits of a policy's text by which a canary is promoted, held, released or rejected.
//!
//! Laws, each tested by name: comments and layout stay; what was edited is read again, and means what it meant but for
//! what was asked. Whatever is written so that no edit of the text is sure to do that is refused, with what to do by hand.

mod patch;
mod source;

use wire::{Deed, ExecutorId};

use crate::{Change, ChangeKind, Definition, Diagnostics, diff};
use patch::Patch;
use source::{Kind, Node};

/// Why a text was not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It means nothing as it is.
    #[error("the policy has mistakes, and is not edited before they are mended:\n{0}")]
    Broken(Diagnostics),
    /// There is no such canary.
    #[error("`{canary}` is no canary of this policy{there}")]
    NoCanary {
        /// Who was named.
        canary: String,
        /// Who there is, in words.
        there: String,
    },
    /// It is so already.
    #[error("canary `{canary}` is {state}")]
    Already {
        /// Which canary.
        canary: String,
        /// `held already` or `not held`.
        state: &'static str,
    },
    /// Nobody is ranked, so nobody is first.
    #[error(
        "no clause ranks executors, so `{0}` cannot be first: promote it as a candidate, or write a `prefer` that names the others"
    )]
    NoRanks(String),
    /// It is written so that an edit may change something else.
    #[error("{why}, so this is not done for you: {by_hand}")]
    ByHand {
        /// How it is written.
        why: String,
        /// What to do instead.
        by_hand: String,
    },
    /// What would come of it has mistakes.
    #[error("the policy would have mistakes then, so this is not done for you: {by_hand}\n{problems}")]
    Refused {
        /// Which.
        problems: Diagnostics,
        /// What to do instead.
        by_hand: String,
    },
}

/// Returns `text` after `deed` was done about `canary`. Cases that name whom they `ask` do not ask who is promoted for that.
pub fn edit(text: &str, canary: &ExecutorId, deed: Deed) -> Result<String, EditError> {
    let (mark, body) = text.strip_prefix('\u{feff}').map_or(("", text), |body| ("\u{feff}", body));
    let old = Definition::parse("the policy", body).map_err(EditError::Broken)?;
    check(&old, canary, deed)?;
    let by_hand = || by_hand(deed, canary);
    let strange = |why: &str| EditError::ByHand { why: why.to_owned(), by_hand: by_hand() };
    let root = source::read(body).ok_or_else(|| strange("the text does not read twice alike"))?;
    let (patch, ranked) = patched(body, &root, canary, deed).map_err(|why| strange(&why))?;
    if deed == Deed::PromoteFirst && ranked == 0 {
        return Err(EditError::NoRanks(canary.to_string()));
    }
    let edited = patch.finish();
    let new = Definition::parse("the policy", &edited)
        .map_err(|problems| EditError::Refused { problems, by_hand: by_hand() })?;
    let changes = diff(&old, &new).changes;
    if let Some(more) = changes.iter().find(|change| !expects(deed, canary, change)) {
        return Err(strange(&format!("more would change than was asked (“{}”)", more.sentence)));
    }
    if changes.iter().filter(|change| is_meant(deed, canary, change)).count() != 1 + ranked {
        return Err(strange("not all of it would change"));
    }
    Ok(format!("{mark}{edited}"))
}

fn check(old: &Definition, canary: &ExecutorId, deed: Deed) -> Result<(), EditError> {
    let canaries = || old.executors.iter().filter(|spec| spec.canary.is_some());
    let Some(spec) = canaries().find(|spec| spec.id == *canary).and_then(|spec| spec.canary.as_ref()) else {
        let names: Vec<String> = canaries().map(|spec| format!("`{}`", spec.id)).collect();
        let there = if names.is_empty() { ", and it has none" } else { ": there is " };
        return Err(EditError::NoCanary { canary: canary.to_string(), there: format!("{there}{}", names.join(", ")) });
    };
    let state = match (deed, spec.hold) {
        (Deed::Hold, true) => "held already",
        (Deed::Release, false) => "not held",
        _ => return Ok(()),
    };
    Err(EditError::Already { canary: canary.to_string(), state })
}

/// Returns the edited text, and in how many lists the canary was put first; or why not.
fn patched<'text>(
    text: &'text str,
    root: &Node,
    canary: &ExecutorId,
    deed: Deed,
) -> Result<(Patch<'text>, usize), String> {
    let mut patch = Patch::of(text);
    let elsewhere = |what: &str| format!("{what} is not written where it stands");
    let executors = root.get("executors").ok_or_else(|| elsewhere("`executors`"))?;
    let place = executors.place(canary.as_str()).ok_or_else(|| elsewhere(&format!("`{canary}`")))?;
    if deed == Deed::Reject {
        patch.remove(executors, place).ok_or_else(|| crowded(canary))?;
        return Ok((patch, 0));
    }
    let executor = &executors.members()[place].1;
    let declared = executor.place("canary").ok_or_else(|| elsewhere(&format!("executor `{canary}`")))?;
    if promotes(deed) {
        patch.remove(executor, declared).ok_or_else(|| crowded(canary))?;
    } else {
        let spec = &executor.members()[declared].1;
        let of = spec.place("of").ok_or_else(|| elsewhere("its `canary`"))?;
        match (deed, spec.place("hold")) {
            (Deed::Hold, Some(hold)) => patch.replace(&spec.members()[hold].1, "true"),
            (Deed::Hold, None) => patch.add(spec, of, "hold", "true").ok_or_else(|| crowded(canary))?,
            (_, Some(hold)) => patch.remove(spec, hold).ok_or_else(|| crowded(canary))?,
            (_, None) => {}
        }
    }
    let mut ranked = 0;
    if deed == Deed::PromoteFirst {
        let cases = root.get("cases").map_or(&[][..], Node::items).iter().filter(|case| case.get("ask").is_none());
        for ladder in std::iter::once(root).chain(cases).filter_map(|part| part.get("decide")) {
            for list in ladder.items().iter().filter_map(|clause| clause.get("prefer")) {
                if matches!(list.kind, Kind::Alias) {
                    return Err(elsewhere("a `prefer`"));
                }
                let first = rank(canary, list, &patch);
                patch.put_first(list, &first).ok_or_else(|| crowded(canary))?;
                ranked += 1;
            }
        }
    }
    Ok((patch, ranked))
}

fn crowded(canary: &ExecutorId) -> String {
    format!("other things stand in the lines of `{canary}`")
}

/// The new first is waited for as long as the old first was: a rank without an end would be waited for by everybody.
fn rank(canary: &ExecutorId, list: &Node, patch: &Patch<'_>) -> String {
    let first = list.items().first().and_then(|first| first.members().first());
    let until = first.and_then(|(_, patience)| patch.written(patience.get("until")?));
    until.map_or_else(|| canary.to_string(), |until| format!("{canary}: {{ until: {until} }}"))
}

fn promotes(deed: Deed) -> bool {
    matches!(deed, Deed::Promote | Deed::PromoteFirst)
}

/// Returns whether `change` is what was asked.
fn is_meant(deed: Deed, canary: &ExecutorId, change: &Change) -> bool {
    let executor = format!("executors.{canary}");
    match deed {
        Deed::Promote | Deed::PromoteFirst if change.path == format!("{executor}.canary") => {
            change.kind == ChangeKind::Removed
        }
        Deed::PromoteFirst => change.kind == ChangeKind::Added && change.path.ends_with(&format!(".prefer.{canary}")),
        Deed::Promote => false,
        Deed::Hold | Deed::Release => change.path == format!("{executor}.canary.hold"),
        Deed::Reject => change.path == executor && change.kind == ChangeKind::Removed,
    }
}

/// Returns whether `change` may come of it: cases that asked every candidate do not ask one more.
fn expects(deed: Deed, canary: &ExecutorId, change: &Change) -> bool {
    let is_of_a_case = || {
        let (first, last) = (change.path.split('.').next(), change.path.rsplit('.').next());
        change.kind == ChangeKind::Changed && first == Some("cases") && last == Some("ask")
    };
    is_meant(deed, canary, change) || (promotes(deed) && is_of_a_case())
}

fn by_hand(deed: Deed, canary: &ExecutorId) -> String {
    match deed {
        Deed::Promote => format!("take `canary` out of executor `{canary}`"),
        Deed::PromoteFirst => {
            format!("take `canary` out of executor `{canary}`, and write `{canary}` first in each `prefer`")
        }
        Deed::Hold => format!("write `hold: true` into `canary` of executor `{canary}`"),
        Deed::Release => format!("take `hold` out of `canary` of executor `{canary}`"),
        Deed::Reject => format!("take executor `{canary}` out, and its name wherever else it stands"),
    }
}

#[cfg(test)]
mod tests;
