//! The ranked list in answers: where it is, and that nothing which the file itself answers contradicts it.

use serde_json::Value;

use super::path;
use crate::{
    NoList, RankedList,
    diagnostic::{Report, Span, Spanned},
    document::{Document, ExecutorEntry, KindEntry, ListEntry, Says},
};

/// Returns by which list canaries are compared, if the policy names one.
pub(super) fn lower(document: &Document, report: &mut Report<'_>) -> Option<RankedList> {
    let Some(written) = &document.answer.list else {
        check_margins(&document.executors, report);
        return None;
    };
    check_numbers(written, report);
    let list = RankedList {
        field: path(written.field.as_ref()?, report)?,
        item: match &written.item {
            Some(item) => Some(path(item, report)?),
            None => None,
        },
        top: written.top.as_ref().map_or(RankedList::TOP, |top| top.is),
        persistence: written.persistence.as_ref().map_or(RankedList::PERSISTENCE, |persistence| persistence.is),
    };
    check_answers(&list, document, report);
    Some(list)
}

fn check_numbers(written: &ListEntry, report: &mut Report<'_>) {
    if let Some(top) = written.top.as_ref().filter(|top| top.is.get() > RankedList::ITEMS_MAX) {
        report
            .error(top.at, format!("nobody reads {} items", top.is))
            .label(format!("at most {} are compared", RankedList::ITEMS_MAX))
            .hint("write how many of the first items matter: `top: 10`");
    }
    let Some(Spanned { is: persistence, at }) = written.persistence else { return };
    let wrong = if persistence <= 0.0 {
        "a reader who never goes on reads no list"
    } else if persistence >= 1.0 {
        "no reader goes on for ever"
    } else {
        return;
    };
    let problem = report.error(at, wrong);
    problem.hint("write how probably whoever has read an item goes on, above 0% and below 100%: `persistence: 90%`");
}

/// A margin for lists needs a list.
fn check_margins(executors: &[ExecutorEntry], report: &mut Report<'_>) {
    for entry in executors {
        let margins = entry.canary.as_ref().and_then(|canary| canary.no_worse_by.as_ref());
        let of_lists = margins.into_iter().flat_map(|margins| margins.overlap.iter().chain(&margins.ranking));
        if let Some(first) = of_lists.filter(|margin| margin.is.is_some()).map(|margin| margin.at).next() {
            report
                .error(
                    first,
                    format!("canary `{}` is judged by a list, and no answer is said to have one", entry.name.is),
                )
                .hint("say where it is: `answer: { list: items }`, or take the margin out");
        }
    }
}

/// What executors answer is not known here, except for what the file says of it.
fn check_answers(list: &RankedList, document: &Document, report: &mut Report<'_>) {
    for entry in &document.executors {
        if let Some(KindEntry::Constant { answer, .. }) = &entry.kind {
            check_answer(list, &entry.name, answer, report);
        }
    }
    for heard in document.examples.iter().flat_map(|example| &example.heard) {
        if let Says::Answer(answer) = &heard.says {
            check_answer(list, &heard.executor, answer, report);
        }
    }
}

fn check_answer(list: &RankedList, who: &Spanned<String>, answer: &str, report: &mut Report<'_>) {
    let (at, who): (Span, &str) = (who.at, &who.is);
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    match list.read(&answer) {
        // An answer without it is for whoever compares to count.
        Ok(_) | Err(NoList::Absent) => {}
        Err(NoList::NotAList) => {
            report
                .error(at, format!("`{who}` answers with `{}`, which is no list", list.field))
                .hint("`list` names the field that holds the items, the best first");
        }
        Err(NoList::NamelessItem) => {
            let item = list.item().unwrap_or_default();
            report
                .error(at, format!("`{who}` answers with an item that has no `{item}`"))
                .hint("`item` names what each item is known by; take it out if that is all of it");
        }
    }
}
