//! From the document as written to the definition as meant, or every problem at once.

mod agree;
mod cases;
mod examples;
mod executors;
mod expressions;
mod ladder;
mod lists;
mod usage;

use std::{collections::HashSet, sync::Arc, time::Duration};

use wire::{Budget, Plan, PolicyRef, RendezvousName};

use crate::{
    DecoySpec, Definition, Diagnostics, ExecutorSpec, InputSchema, KeyPath, Objective, Policy, Severity,
    definition::Checked,
    diagnostic::{Report, Span, Spanned},
    document::{self, AnswerEntry, DecoyEntry, Document, InputEntry, ObjectiveEntry},
    evidence::{Fields, Path},
};
use ladder::Ladder;

/// Longest budget. Longer waits are no latency promise, and every open request holds memory.
const BUDGET_MAX: Duration = Duration::from_mins(5);
/// How long an input waits for its file, unless the policy says.
const ARCHIVE_EVERY: Duration = Duration::from_mins(1);
/// Most attributes: a record carries no more.
const ATTRIBUTES_MAX: usize = 16;

/// Reads a policy file, with everything there is to say about it. What a file with mistakes may not want is not told:
/// that would follow from the mistakes.
pub(crate) fn check(source: &str, text: &str) -> Checked {
    let mut report = Report::new(source, text);
    // What some editors write before the first letter.
    let document = document::parse(text.strip_prefix('\u{feff}').unwrap_or(text), &mut report);
    let definition = document.and_then(|document| lower(text, &document, &mut report));
    let definition = definition.filter(|_| report.is_clean());
    let mut problems = report.finish();
    if definition.is_none() {
        problems.0.retain(|problem| problem.severity == Severity::Error);
    }
    Checked { definition, problems }
}

/// Reads a file, which may hold anything.
pub(crate) fn check_file(source: &str, bytes: &[u8]) -> Checked {
    if bytes.len() > document::FILE_MAX {
        let mut report = Report::new(source, "");
        document::too_large(&mut report);
        return Checked { definition: None, problems: report.finish() };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => check(source, text),
        Err(error) => Checked { definition: None, problems: no_text(source, bytes, error.valid_up_to()) },
    }
}

/// Says where a file stops being text.
fn no_text(source: &str, bytes: &[u8], read: usize) -> Diagnostics {
    let (before, rest) = bytes.split_at(read);
    let before = String::from_utf8_lossy(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let text = String::from_utf8_lossy(bytes);
    let mut report = Report::new(source, &text);
    let problem = report.error(Span { line, column, width: 1 }, "the file is not UTF-8 text");
    problem.label(format!("this byte is {:#04x}", rest.first().copied().unwrap_or_default())).hint("save it as UTF-8");
    report.finish()
}

/// Returns what could be made of it, which counts only if the report is clean.
fn lower(text: &str, document: &Document, report: &mut Report<'_>) -> Option<Definition> {
    let rendezvous = document.rendezvous.as_ref().and_then(|name| rendezvous(name, report));
    let budget = document.budget.as_ref().and_then(|budget| check_budget(budget, report));
    let input = input(&document.input, report);
    let attributes = attributes(&document.input.attributes, report);
    let key = document.key.as_ref().and_then(|path| key(path, &input, &attributes, report));
    let executors = executors::lower(&document.executors, budget, document.key.is_some(), report);
    check_answer(&document.answer, report);
    let list = lists::lower(document, report);
    let mut ladder = Ladder::new(document, budget, &executors, None);
    let rungs = ladder.lower(&document.decide, report);
    let everybody = Plan::new(executors.iter().map(ExecutorSpec::asked).collect());
    let fields = ladder.into_fields();
    let cases = cases::lower(document, budget, &executors, (&input, &attributes), report);
    let examples = examples::lower(document, &cases, report);
    let objectives = document.objectives.iter().filter_map(objective).collect();
    let decoy = document.decoy.as_ref().and_then(|entry| decoy(entry, report));
    usage::check(document, report);
    let budget = budget?;
    Some(Definition {
        policy_ref: PolicyRef { rendezvous: rendezvous?, version: 1 },
        text: text.into(),
        budget,
        input,
        attributes,
        list,
        policy: Arc::new(Policy::new(budget, &executors, &everybody, fields, rungs)),
        everybody,
        executors,
        decoy,
        cases,
        key,
        approvals: document.approvals.as_ref().map_or(0, |approvals| approvals.is),
        objectives,
        examples,
    })
}

fn rendezvous(name: &Spanned<String>, report: &mut Report<'_>) -> Option<RendezvousName> {
    let checked = RendezvousName::new(&name.is);
    if checked.is_err() {
        report.error(name.at, format!("`{}` cannot name a rendezvous", name.is)).hint(NAME_HINT);
    }
    checked.ok()
}

const NAME_HINT: &str = "use 1 to 60 letters, digits, `-` or `_`, starting with a letter";

fn check_budget(budget: &Spanned<Duration>, report: &mut Report<'_>) -> Option<Budget> {
    if budget.is.is_zero() {
        report
            .error(budget.at, "a budget of nothing leaves no time to answer")
            .hint("write how long a caller waits: `50ms`");
        return None;
    }
    if budget.is > BUDGET_MAX {
        report.error(budget.at, "a budget is at most 5 minutes");
        return None;
    }
    u64::try_from(budget.is.as_micros()).ok().map(Budget::from_micros)
}

fn input(InputEntry { features, texts, .. }: &InputEntry, report: &mut Report<'_>) -> InputSchema {
    let mut seen = HashSet::new();
    for feature in features.iter().chain(texts).filter(|feature| !seen.insert(&feature.is)) {
        let is_number = features.iter().any(|number| number.is == feature.is);
        if is_number && texts.iter().any(|text| text.is == feature.is) {
            let problem = report.error(feature.at, format!("`{}` cannot be a number and a text", feature.is));
            problem.hint("name it in `features` or in `texts`");
        } else {
            report.error(feature.at, format!("feature `{}` is named twice", feature.is));
        }
    }
    let names = |all: &[Spanned<String>]| all.iter().map(|name| Arc::from(name.is.as_str())).collect();
    InputSchema { features: names(features), texts: names(texts) }
}

/// Callers say attributes in headers, which know no capitals; expressions call them by name.
fn attributes(entries: &[Spanned<String>], report: &mut Report<'_>) -> Vec<Arc<str>> {
    let is_name = |name: &str| {
        name.len() <= 60
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    };
    if let Some(first_too_many) = entries.get(ATTRIBUTES_MAX) {
        report.error(first_too_many.at, format!("a request says at most {ATTRIBUTES_MAX} attributes"));
    }
    for (index, entry) in entries.iter().take(ATTRIBUTES_MAX).enumerate() {
        if !is_name(&entry.is) {
            let problem = report.error(entry.at, format!("`{}` cannot name an attribute", entry.is));
            problem.hint("use 1 to 60 small letters, digits or `_`, starting with a letter");
        } else if entries[..index].iter().any(|earlier| earlier.is == entry.is) {
            report.error(entry.at, format!("attribute `{}` is named twice", entry.is));
        }
    }
    entries.iter().map(|entry| Arc::from(entry.is.as_str())).collect()
}

/// `attributes.customer` or `input.amount`.
fn key(
    path: &Spanned<String>,
    input: &InputSchema,
    attributes: &[Arc<str>],
    report: &mut Report<'_>,
) -> Option<KeyPath> {
    let find = |all: &[Arc<str>], name: &str| all.iter().find(|known| &***known == name).cloned();
    match path.is.split_once('.') {
        Some(("attributes", name)) => {
            let found = find(attributes, name).map(KeyPath::Attribute);
            if found.is_none() {
                let problem = report.error(path.at, format!("the key is in attribute `{name}`, which nobody says"));
                problem.hint("add it to `input: { attributes: […] }`");
                problem.did_you_mean(name, attributes.iter().map(|known| &**known));
            }
            found
        }
        Some(("input", name)) => {
            let found = input.members().find(|known| &***known == name).cloned().map(KeyPath::Feature);
            if found.is_none() {
                let problem = report.error(path.at, format!("the key is in feature `{name}`, which there is not"));
                problem.did_you_mean(name, input.members().map(|known| &**known));
            }
            found
        }
        _ => {
            let problem = report.error(path.at, format!("`{}` is no place where a request says its key", path.is));
            problem.hint("write `attributes.customer` or `input.account`, with a name that is there");
            None
        }
    }
}

fn check_answer(answer: &AnswerEntry, report: &mut Report<'_>) {
    for text in answer.value.iter().chain(&answer.confidence) {
        path(text, report);
    }
}

/// Returns the fields that every ladder of the file looks at.
fn fields(answer: &AnswerEntry) -> Fields {
    let mut fields = Fields::default();
    if let Some(path) = answer.value.as_ref().and_then(|value| Path::parse(&value.is)) {
        fields.set_value(&path);
    }
    if let Some(path) = answer.confidence.as_ref().and_then(|confidence| Path::parse(&confidence.is)) {
        fields.set_confidence(&path);
    }
    fields
}

/// Reads a field's path.
fn path(text: &Spanned<String>, report: &mut Report<'_>) -> Option<Path> {
    let path = Path::parse(&text.is);
    if path.is_none() {
        report
            .error(text.at, format!("`{}` is not a field of an answer", text.is))
            .hint("write a name, or names with dots between: `scores.fraud`");
    }
    path
}

fn decoy(entry: &DecoyEntry, report: &mut Report<'_>) -> Option<DecoySpec> {
    if let Some(every) = entry.every.as_ref().filter(|every| every.is.is_zero()) {
        report.error(every.at, "an archive that never waits writes a file for each input").hint("write `every: 60s`");
    }
    Some(DecoySpec {
        archive: entry.archive.as_ref()?.is.clone().into(),
        every: entry.every.as_ref().map_or(ARCHIVE_EVERY, |every| every.is),
        keep: entry.keep.as_ref().map(|keep| keep.is),
    })
}

fn objective(entry: &ObjectiveEntry) -> Option<Objective> {
    let (within, share, window) = (entry.within.as_ref()?, entry.share.as_ref()?, entry.window.as_ref()?);
    let degraded_is_good = entry.degraded_is_good;
    Some(Objective { within: within.is, share: share.is, window: window.is, degraded_is_good })
}

#[cfg(test)]
mod tests;
