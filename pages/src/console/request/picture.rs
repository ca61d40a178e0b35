//! The receipt as a picture: a lane for each executor, from the request's birth to its budget.
//!
//! A response does not say when its request was read, so the way there and the way back are drawn as one, before its wait.

use maud::{Markup, html};
use policies::{ExecutorTold, Explanation, StateTold};

use crate::{
    charts::{About, Lane, Lanes, Mark, Rule, Span, SpanKind, lanes, sign},
    prose::plain,
    words,
};

/// The picture goes on behind the budget for half as long again, at most: what came later stands at its edge.
const BEYOND: f64 = 1.5;
/// Where all was over in less than this part of the budget, the picture shows that part alone.
const EARLY: f64 = 8.0;

pub(super) fn inside(explanation: &Explanation) -> Markup {
    let (budget, end) = (words::exact(explanation.budget_us), end(explanation));
    let verdict = explanation.verdict.as_ref().map(|verdict| words::exact(verdict.elapsed_us));
    let answer = verdict.map(|verdict| answer(explanation, verdict, end));
    let executors = explanation.executors.iter().map(|executor| lane(explanation, executor, end));
    let all: Vec<Lane> = executors.chain(answer).collect();
    let told: Vec<String> = all.iter().map(|lane| lane.told.clone()).collect();
    let about = About { id: "race", title: "From birth to budget", told: told.join("; ") };
    let picture = Lanes { end, all, rules: rules(explanation, end), verdict, deadline: budget };
    html! {
        p.how { b { "How to read it: " } "time runs from the request's birth to the right. Dashed lines are where clauses end, by their numbers, and the deadline; the full line through all lanes is the verdict. What lies behind it changed nothing." }
        (legend())
        (lanes(&about, &picture))
        @if budget > end {
            p.soft.small { "Everything was over early: the deadline, " (words::micros(budget)) ", lies outside of the picture on the right." }
        }
        @if explanation.executors.iter().any(|executor| at(executor).is_some_and(|at| at > end)) {
            p.soft.small { "What came later than the picture goes stands at its right edge." }
        }
    }
}

/// Returns where the picture ends.
fn end(explanation: &Explanation) -> f64 {
    let budget = words::exact(explanation.budget_us).max(1.0);
    let answered = explanation.answered_us.map(words::exact);
    let verdict = explanation.verdict.as_ref().map(|verdict| words::exact(verdict.elapsed_us));
    let last = explanation.executors.iter().filter_map(at).chain(answered).chain(verdict).fold(0.0, f64::max);
    let is_pending = explanation.executors.iter().any(|executor| executor.state == StateTold::Pending);
    let is_over_early = last > 0.0 && last * EARLY < budget && verdict.is_some() && !is_pending;
    if is_over_early { last * 1.5 } else { last.clamp(budget, budget * BEYOND) * 1.04 }
}

/// When its response was there.
fn at(executor: &ExecutorTold) -> Option<f64> {
    executor.appended_us.or(executor.after_us).map(words::exact)
}

fn rules(explanation: &Explanation, end: f64) -> Vec<Rule> {
    let budget = words::exact(explanation.budget_us);
    let clause = |(place, clause): (usize, &policies::ClauseTold)| {
        let until = words::exact(clause.extra_until_us.unwrap_or(clause.until_us));
        Rule { at: until, label: (place + 1).to_string() }
    };
    let clauses = explanation.clauses.iter().enumerate().map(clause);
    let deadline = Rule { at: budget, label: "deadline".to_owned() };
    clauses.chain([deadline]).filter(|rule| rule.at <= end).collect()
}

/// The lane of the answer itself: the verdict, and its result in the log.
fn answer(explanation: &Explanation, verdict: f64, end: f64) -> Lane {
    let mut marks = vec![(verdict, Mark::Verdict)];
    let mut spans = Vec::new();
    let told = |at: f64| words::micros(at);
    let mut note = format!("verdict {}", told(verdict));
    if let Some(answered) = explanation.answered_us.map(words::exact) {
        spans.push(Span { from: verdict.min(end), to: answered.min(end), kind: SpanKind::Way });
        marks.push((answered, Mark::Result));
        note = format!("{note} · result {}", told(answered));
    }
    Lane { name: "The answer".to_owned(), told: format!("the answer: {note}"), note, spans, marks }
}

fn lane(explanation: &Explanation, executor: &ExecutorTold, end: f64) -> Lane {
    let verdict = explanation.verdict.as_ref().map(|verdict| verdict.elapsed_us);
    let standing = executor.standing(verdict);
    let name = plain(&executor.executor);
    let note = at(executor).map_or_else(|| standing.clone(), |at| format!("{standing} · {}", words::micros(at)));
    let told = match (executor.queued_us, executor.scored_us) {
        (Some(queued), Some(scored)) => {
            let [queued, scored] = [queued, scored].map(|us| words::micros(words::exact(us)));
            format!("{name}: {note}, waited {queued}, worked {scored}")
        }
        _ => format!("{name}: {note}"),
    };
    let spans = spans(explanation, executor, end);
    let marks = at(executor).zip(mark(executor)).into_iter().collect();
    Lane { name, note, spans, marks, told }
}

fn mark(executor: &ExecutorTold) -> Option<Mark> {
    match executor.state {
        _ if executor.chosen => Some(Mark::Chosen),
        StateTold::Answered => Some(Mark::Answered),
        StateTold::Abstained => Some(Mark::Abstained),
        StateTold::Failed => Some(Mark::Failed),
        // It was not waited for, and still may have answered.
        StateTold::Late | StateTold::BreakerOpen => Some(Mark::Late),
        StateTold::Pending => None,
    }
}

/// On its way there, waiting, worked on and on its way back, one behind the other up to the response in the log.
fn spans(explanation: &Explanation, executor: &ExecutorTold, end: f64) -> Vec<Span> {
    let asked = words::exact(explanation.asked_us.unwrap_or(0));
    let start = words::exact(executor.start_after_us).max(asked);
    let Some(appended) = at(executor) else {
        let is_awaited = executor.state != StateTold::BreakerOpen;
        let until = explanation.verdict.as_ref().map_or(end, |verdict| words::exact(verdict.elapsed_us));
        return if is_awaited && until > start {
            vec![Span { from: start, to: until.min(end), kind: SpanKind::Silent }]
        } else {
            Vec::new()
        };
    };
    let (Some(fetched), Some(queued), Some(scored)) = (executor.fetched_us, executor.queued_us, executor.scored_us)
    else {
        return vec![Span { from: start.min(appended), to: appended.min(end), kind: SpanKind::Way }];
    };
    // Clocks differ a little: nothing ends after the response was in the log.
    let [fetched, queued, scored] = [fetched, queued, scored].map(words::exact);
    let read = (asked + fetched).min(appended);
    let free = start.max(read).min(appended);
    let began = (free + queued).min(appended);
    let done = (began + scored).min(appended);
    let work = if executor.role == "canary" { SpanKind::CanaryWork } else { SpanKind::Work };
    [
        (asked.min(read), read, SpanKind::Way),
        (free, began, SpanKind::Queue),
        (began, done, work),
        (done, appended, SpanKind::Way),
    ]
    .into_iter()
    .filter(|(from, to, _)| to > from && *from < end)
    .map(|(from, to, kind)| Span { from, to: to.min(end), kind })
    .collect()
}

fn legend() -> Markup {
    let mark = |mark: Mark| html! { svg viewBox="0 0 28 18" aria-hidden="true" { (sign(mark, 14.0, 9.0)) } };
    html! {
        ul.legend.race-legend {
            li { svg viewBox="0 0 28 18" aria-hidden="true" { line class="way" x1="1" x2="27" y1="9" y2="9" {} } "in the log, there and back" }
            li { svg viewBox="0 0 28 18" aria-hidden="true" { line class="way dashed" x1="1" x2="27" y1="9" y2="9" {} } "nothing heard" }
            li { svg viewBox="0 0 28 18" aria-hidden="true" { rect class="queue" x="2" y="4" width="24" height="11" {} } "waiting in the executor" }
            li { svg viewBox="0 0 28 18" aria-hidden="true" { rect class="of-reference work" x="2" y="4" width="24" height="11" {} } "computing" }
            li { svg viewBox="0 0 28 18" aria-hidden="true" { rect class="of-canary work" x="2" y="4" width="24" height="11" {} } "a canary computing" }
            li { (mark(Mark::Answered)) "answered" }
            li { (mark(Mark::Chosen)) "chosen" }
            li { (mark(Mark::Abstained)) "no vote" }
            li { (mark(Mark::Failed)) "failed" }
            li { (mark(Mark::Late)) "too late" }
            li { (mark(Mark::Verdict)) "verdict" }
            li { (mark(Mark::Result)) "result in the log" }
        }
    }
}
