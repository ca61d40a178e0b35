//! What executors' work was for, and what hedges bought with it: counted when verdicts fall and when answers come late.
//!
//! Pure. Law: all work that is heard of is counted once, as used, wasted or compared. Nothing is kept of a request, unless
//! a hedge has decided it and the answer that it outran is still to come; of these at most `OUTRUN_MAX`.

use std::{collections::HashMap, time::Duration};

use policies::{ReceiptEntry, ReceiptState};
use wire::{ExecutorId, Reply, RequestId, Response, Role, Timestamp};

use crate::rendezvous::Decision;

/// Of more requests at a time than this it is not measured what their hedges bought.
const OUTRUN_MAX: usize = 4_096;

/// What was counted since it was taken.
#[derive(Debug, Default)]
pub struct Spending {
    /// One for each executor that was asked.
    pub books: Vec<Book>,
    /// How much later the answer came that a hedge outran, or how long its request still had if none came.
    pub saved: Vec<Duration>,
}

/// What one executor did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Which; `None` only before it is known.
    pub executor: Option<ExecutorId>,
    /// Whether it starts later and can be spared.
    is_hedge: bool,
    is_canary: bool,
    /// Work on answers that results were made of.
    pub used: Duration,
    /// Work on what no result was made of.
    pub wasted: Duration,
    /// A canary's.
    pub compared: Duration,
    /// Hedges that started and decided.
    pub won: u64,
    /// Hedges that started in vain.
    pub in_vain: u64,
}

/// The books of a partition.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    fresh: Spending,
    /// Requests that a hedge has decided: when, and when they would have been over.
    outrun: HashMap<RequestId, (Timestamp, Timestamp)>,
}

// === impl Accounts ===

impl Accounts {
    pub(super) fn on_verdict(&mut self, decision: &Decision) {
        let Decision { verdict, pin, .. } = decision;
        let mut outran = !verdict.executors.is_empty();
        for entry in &verdict.receipt.entries {
            let spec = pin.definition.executor(entry.executor.as_str());
            let is_hedge = entry.role == Role::Candidate && spec.is_some_and(|spec| spec.start.is_later());
            let is_used = verdict.executors.contains(&entry.executor);
            outran &= is_hedge || !is_used;
            let book = self.fresh.book(&entry.executor);
            (book.is_hedge, book.is_canary) = (is_hedge, entry.role == Role::Canary);
            if has_worked(entry) {
                book.count(entry.scored, is_used);
            }
        }
        if outran && self.outrun.len() < OUTRUN_MAX {
            self.outrun.insert(decision.request, (verdict.at, decision.budget.deadline(decision.born)));
        }
    }

    /// Hears a response that came after the verdict.
    pub(super) fn on_late(&mut self, response: &Response, now: Timestamp) {
        let is_answer = matches!(response.reply, Reply::Answer(_));
        let book = self.fresh.book(&response.executor);
        if is_answer || !response.scored.is_zero() {
            book.count(response.scored, false);
        }
        if is_answer
            && !book.is_hedge
            && !book.is_canary
            && let Some((decided, _)) = self.outrun.remove(&response.request)
        {
            self.fresh.saved.push(now.since(decided));
        }
    }

    /// Returns whether `executor` was only compared when it was asked last.
    pub(super) fn is_canary(&self, executor: &ExecutorId) -> bool {
        self.fresh.books.iter().any(|book| book.is_canary && book.executor.as_ref() == Some(executor))
    }

    /// Returns what was counted since the last call, if anything was.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Spending> {
        for (_, (decided, over)) in self.outrun.extract_if(|_, (_, over)| *over <= now) {
            self.fresh.saved.push(over.since(decided));
        }
        if self.fresh.books.is_empty() && self.fresh.saved.is_empty() {
            return None;
        }
        // What is known of the executors is needed for late answers.
        let rest = self.fresh.books.iter().map(Book::closed).collect();
        let taken = std::mem::replace(&mut self.fresh, Spending { books: rest, saved: Vec::new() });
        let is_news = !taken.saved.is_empty() || taken.books.iter().any(|book| *book != book.closed());
        is_news.then_some(taken)
    }
}

fn has_worked(entry: &ReceiptEntry) -> bool {
    entry.state == ReceiptState::Answered || !entry.scored.is_zero()
}

// === impl Spending, Book ===

impl Spending {
    fn book(&mut self, executor: &ExecutorId) -> &mut Book {
        let index = self.books.iter().position(|book| book.executor.as_ref() == Some(executor));
        let index = index.unwrap_or_else(|| {
            self.books.push(Book { executor: Some(executor.clone()), ..Book::default() });
            self.books.len() - 1
        });
        &mut self.books[index]
    }
}

impl Book {
    fn count(&mut self, scored: Duration, is_used: bool) {
        if self.is_canary {
            self.compared += scored;
            return;
        }
        *(if is_used { &mut self.used } else { &mut self.wasted }) += scored;
        if self.is_hedge {
            *(if is_used { &mut self.won } else { &mut self.in_vain }) += 1;
        }
    }

    /// Returns the book with nothing counted.
    fn closed(&self) -> Self {
        Self { executor: self.executor.clone(), is_hedge: self.is_hedge, is_canary: self.is_canary, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
