//! Warnings: what was written and changes nothing.

use std::collections::HashSet;

use crate::{
    diagnostic::{Report, Spanned},
    document::{ClauseBody, ClauseEntry, Document, TieEntry},
};

pub(super) fn check(document: &Document, report: &mut Report<'_>) {
    let ladders = || std::iter::once(&document.decide).chain(document.cases.iter().map(|case| &case.decide));
    check_attributes(document, report);
    check_families(document, ladders().flatten(), report);
    check_executors(document, ladders().flatten(), report);
    for ladder in ladders() {
        check_reached(ladder, document, report);
    }
    for clause in ladders().flatten() {
        let expression = match &clause.body {
            Some(ClauseBody::First(accepts)) => accepts.as_ref(),
            Some(ClauseBody::Best(best)) => best.score.as_ref(),
            _ => None,
        };
        if let Some(expression) = expression {
            check_spelling(expression, document, report);
        }
    }
}

/// What answers hold is not known here, but some names are nearly certainly others.
fn check_spelling(expression: &Spanned<String>, document: &Document, report: &mut Report<'_>) {
    let declared = [("value", &document.answer.value), ("confidence", &document.answer.confidence)];
    let is_declared = |name: &str| {
        declared.iter().any(|(alias, path)| {
            *alias == name || path.as_ref().is_some_and(|path| path.is.split('.').any(|part| part == name))
        })
    };
    for (start, _) in expression.is.match_indices("answer.") {
        let Some(name) = words(&expression.is[start + "answer.".len()..]).next().filter(|name| !is_declared(name))
        else {
            continue;
        };
        // `values` is a name of its own.
        let near = |alias: &&str| {
            (alias.len() > 8 || alias.len() == name.len())
                && strsim::damerau_levenshtein(alias, &name) <= alias.len() / 4
        };
        let aliases = declared.iter().filter(|(_, path)| path.is_some()).map(|(alias, _)| *alias);
        if let Some(alias) = aliases.into_iter().find(near) {
            let problem = report.warn(expression.at, format!("`answer.{name}` is hardly ever what an answer has"));
            problem.hint(format!("did you mean `answer.{alias}`?"));
        }
    }
}

/// An attribute is for cases and for the key.
fn check_attributes(document: &Document, report: &mut Report<'_>) {
    let named: HashSet<String> = document
        .cases
        .iter()
        .filter_map(|case| case.when.as_ref())
        .flat_map(|when| words(&when.is))
        .chain(document.key.iter().flat_map(|key| words(&key.is)))
        .collect();
    for attribute in document.input.attributes.iter().filter(|attribute| !named.contains(&attribute.is)) {
        let problem = report.warn(attribute.at, format!("no case and no key looks at attribute `{}`", attribute.is));
        problem.hint(format!("take it out, or use it: `when: attributes.{} == \"…\"`", attribute.is));
    }
}

/// A family is for quotas and for scores.
fn check_families<'all>(
    document: &Document,
    mut clauses: impl Iterator<Item = &'all ClauseEntry>,
    report: &mut Report<'_>,
) {
    let Some(family) = document.executors.iter().find_map(|entry| entry.family.as_ref()) else { return };
    let says = |score: &Spanned<String>| score.is.contains("family");
    let breaks = |tie: &Spanned<TieEntry>| matches!(&tie.is, TieEntry::Best(score) if says(score));
    let looks = |clause: &ClauseEntry| match &clause.body {
        Some(ClauseBody::Agree(agree)) => agree.from_families.is_some() || agree.on_tie.iter().any(breaks),
        Some(ClauseBody::First(Some(accepts))) => says(accepts),
        Some(ClauseBody::Best(best)) => best.score.as_ref().is_some_and(says) || best.on_tie.iter().any(breaks),
        _ => false,
    };
    if !clauses.any(looks) {
        let problem = report.warn(family.at, "no clause looks at families");
        problem.hint("ask for agreement across them: `agree: { votes: 2, from_families: 2 }`");
    }
}

/// A candidate that no clause can choose costs calls for nothing.
fn check_executors<'all>(
    document: &Document,
    clauses: impl Iterator<Item = &'all ClauseEntry>,
    report: &mut Report<'_>,
) {
    let mut named = HashSet::new();
    for clause in clauses {
        match &clause.body {
            Some(ClauseBody::Prefer(ranks)) => named.extend(ranks.iter().map(|rank| rank.executor.is.as_str())),
            Some(ClauseBody::Default(_)) => {}
            // Every other clause hears everybody; one with a mistake may have meant to.
            _ => return,
        }
    }
    for entry in document.executors.iter().filter(|entry| !entry.is_canary && !named.contains(entry.name.is.as_str())) {
        let problem = report.warn(entry.name.at, format!("`{}` is asked, and no clause can choose it", entry.name.is));
        problem.hint("rank it in a `prefer`, make it a canary, or take it out");
    }
}

/// Behind a clause that takes any answer until the budget ends, nothing is left to choose.
fn check_reached(ladder: &[ClauseEntry], document: &Document, report: &mut Report<'_>) {
    let candidates = || document.executors.iter().filter(|entry| !entry.is_canary);
    let takes_any = |clause: &ClauseEntry| {
        let any = match &clause.body {
            Some(ClauseBody::First(None)) => true,
            Some(ClauseBody::Prefer(ranks)) => {
                candidates().all(|entry| ranks.iter().any(|rank| rank.executor.is == entry.name.is))
            }
            _ => false,
        };
        any && !clause.has_until
    };
    let Some(taker) = ladder.iter().position(takes_any) else { return };
    for clause in &ladder[taker + 1..] {
        if matches!(clause.body, Some(ClauseBody::Default(_)) | None) {
            break;
        }
        let label = format!("the clause in line {} takes any answer until the budget ends", ladder[taker].at.line);
        report
            .warn(clause.at, "this clause can never decide")
            .label(label)
            .hint("give the one above an `until`, or swap them");
    }
}

/// Returns the names in an expression.
fn words(expression: &str) -> impl Iterator<Item = String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    expression.split(move |letter| !is_name(letter)).filter(|word| !word.is_empty()).map(str::to_owned)
}
