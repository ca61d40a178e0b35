//! How a rendezvous stands, in one word and one sentence; who needs somebody's eyes comes first.

use maud::{Markup, html};
use measures::{Alert, Overview, Promise};

use crate::{prose::Prose, words};

/// How a rendezvous stands; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// A budget burns so fast that somebody is called.
    Page,
    /// An objective is not kept.
    Spent,
    /// A budget burns so fast that somebody should look within days.
    Ticket,
    /// All that is promised is kept.
    Kept,
    /// Nothing is promised.
    Unpromised,
    /// Nothing was asked.
    Quiet,
}

// === impl Standing ===

impl Standing {
    pub(super) fn of(overview: &Overview) -> Self {
        let all = &overview.objectives;
        if all.iter().any(|promise| promise.alert == Some(Alert::Page)) {
            Self::Page
        } else if all.iter().any(is_spent) {
            Self::Spent
        } else if all.iter().any(|promise| promise.alert.is_some()) {
            Self::Ticket
        } else if overview.results == 0 {
            Self::Quiet
        } else if all.is_empty() {
            Self::Unpromised
        } else {
            Self::Kept
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Page => "Burns too fast: page",
            Self::Spent => "Not kept",
            Self::Ticket => "Burns too fast: ticket",
            Self::Kept => "As promised",
            Self::Unpromised => "No objective",
            Self::Quiet => "No results",
        }
    }

    /// Returns the name of its colours.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Page | Self::Spent => "worse",
            Self::Ticket => "open",
            Self::Kept => "better",
            // What is not wrong is not coloured.
            Self::Unpromised | Self::Quiet => "neutral",
        }
    }

    /// Whether somebody should do something.
    pub(super) fn is_bad(self) -> bool {
        self <= Self::Ticket
    }

    pub(super) fn badge(self) -> Markup {
        html! { span class={ "badge " (self.class()) } { (self.icon()) (self.word()) } }
    }

    /// Draws its sign: a triangle with a mark, a cross, a clock, a tick, a line, three dots.
    fn icon(self) -> Markup {
        let path = match self {
            Self::Page => "M8 1.8L15 14H1ZM8 6.4V9.4M8 11.6V11.61",
            Self::Spent => "M3.5 3.5L12.5 12.5M12.5 3.5L3.5 12.5",
            Self::Ticket => "M8 1.8A6.2 6.2 0 1 1 7.99 1.8M8 4.8V8L10.4 9.6",
            Self::Kept => "M2.5 8.5L6.3 12.3L13.5 4",
            Self::Unpromised => "M3 8H13",
            Self::Quiet => "M2.5 8V8.01M8 8V8.01M13.5 8V8.01",
        };
        html! {
            svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {
                path d=(path) {}
            }
        }
    }
}

/// Returns by what rendezvous are sorted: how they stand, then how little is left, then how much is degraded.
pub(super) fn order(one: &Overview, other: &Overview) -> std::cmp::Ordering {
    let left = |overview: &Overview| worst(overview).map_or(f64::INFINITY, rest);
    let degraded = |overview: &Overview| overview.degraded_share.unwrap_or_default();
    Standing::of(one)
        .cmp(&Standing::of(other))
        .then(left(one).total_cmp(&left(other)))
        .then(degraded(other).total_cmp(&degraded(one)))
        .then_with(|| one.rendezvous.cmp(&other.rendezvous))
}

/// Returns the objective that stands worst: the one for which the rendezvous stands as it does.
pub(super) fn worst(overview: &Overview) -> Option<&Promise> {
    let rank = |promise: &Promise| match promise.alert {
        Some(Alert::Page) => 0,
        _ if is_spent(promise) => 1,
        Some(_) => 2,
        None => 3,
    };
    let all = overview.objectives.iter();
    all.min_by(|one, other| rank(one).cmp(&rank(other)).then(rest(one).total_cmp(&rest(other))))
}

/// Returns how much is left, to sort by.
fn rest(promise: &Promise) -> f64 {
    match promise.budget_left {
        Some(left) => left,
        None if is_spent(promise) => f64::NEG_INFINITY,
        None => f64::INFINITY,
    }
}

/// Returns whether more was bad than may be.
pub(super) fn is_spent(promise: &Promise) -> bool {
    match promise.budget_left {
        Some(left) => left < 0.0,
        // A share of 100 % leaves no budget.
        None => promise.attained.is_some_and(|attained| attained < promise.share),
    }
}

/// Returns what is promised.
pub(super) fn promised(promise: &Promise) -> String {
    let [within, over] = [promise.within_us, promise.window_us].map(words::window);
    format!("{} within {within} over {over}", words::nearly_all(promise.share))
}

/// Returns what is left of the error budget.
pub(super) fn left(promise: &Promise) -> String {
    match promise.budget_left {
        Some(left) if left < 0.0 => format!("overdrawn: spent {} times", words::short(1.0 - left)),
        Some(left) => format!("{} left", words::share(left)),
        None if promise.attained.is_some() => "no budget: nothing may be bad".to_owned(),
        None => words::NOTHING.to_owned(),
    }
}

/// Returns how it stands in a sentence.
pub(super) fn sentence(overview: &Overview) -> Prose {
    let name = Prose::name(&overview.rendezvous);
    let Some(promise) = worst(overview) else {
        return match overview.results {
            0 => name.and(format!(" gave no results in the last {}.", words::window(overview.window_us))),
            results => name.and(format!(
                " gave {} results in the last {}; its policy promises nothing about them.",
                words::count(results),
                words::window(overview.window_us)
            )),
        };
    };
    let attained = promise.attained.map_or_else(|| words::NOTHING.to_owned(), words::nearly_all);
    let [within, over] = [promise.within_us, promise.window_us].map(words::window);
    let share = words::nearly_all(promise.share);
    let told = format!("{attained} were good within {within} over {over}, and {share} are promised");
    match Standing::of(overview) {
        Standing::Page | Standing::Ticket => {
            let fired = promise.burns.iter().filter(|rate| rate.fires);
            let fastest =
                fired.filter_map(|rate| Some((rate.over_long?, rate.long_s))).max_by(|a, b| a.0.total_cmp(&b.0));
            let (rate, over) = fastest.unwrap_or_default();
            let left = match promise.budget_left {
                Some(left) if left >= 0.0 => format!("{} of it is left", words::share(left)),
                _ => "nothing of it is left".to_owned(),
            };
            let (rate, over) = (words::short(rate), words::window(over * 1_000_000));
            name.and(format!(" burns its error budget {rate} times as fast as it may (over the last {over}); {left}."))
        }
        Standing::Spent => name.and(format!(" does not keep its promise: {told}.")),
        Standing::Quiet => name.and(format!(" gave no results in the last {}.", words::window(overview.window_us))),
        Standing::Kept | Standing::Unpromised => name.and(format!(" keeps its promise: {told}.")),
    }
}
