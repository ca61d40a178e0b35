//! By how much numbers differ: the answers, and the stated confidences.

use canary::{NumbersTold, QuantileTold, Report};
use maud::{Markup, html};

use super::how;
use crate::{
    canary::verdict,
    charts::{About, histogram},
    words,
};

pub(super) fn inside(report: &Report) -> Markup {
    html! {
        (how("a bar counts requests by how much higher the canary's number was than the reference's about the same request. A model that says the same stands in one bar at 0; all to the right of it is higher, all to the left lower."))
        @if let Some(numbers) = &report.numbers { (one("The answers", "values", numbers)) }
        @if let Some(numbers) = &report.confidences { (one("The stated confidences", "confidences", numbers)) }
    }
}

fn one(heading: &str, id: &str, numbers: &NumbersTold) -> Markup {
    let about = About { id, title: heading, told: spread(&numbers.difference.quantiles, words::short) };
    let drift = &numbers.drift;
    html! {
        h3 { (heading) }
        p {
            @if let Some(mean) = numbers.mean_difference {
                @let much = words::short(mean.abs());
                "On average the canary's number is "
                b { @if much == "0" { "no other" } @else { (much) (if mean < 0.0 { " lower" } else { " higher" }) } }
                " (surely " (verdict::between(numbers.mean_interval, words::short)) ") in " (words::count(numbers.n)) " requests. "
            }
            (spread(&numbers.difference.quantiles, words::short))
        }
        @if numbers.difference.bars.iter().all(|(low, high, _)| low.abs() + high.abs() < 1e-12) { p { "Every single difference is 0." } } @else {
        (histogram(&about, &numbers.difference.bars, "canary less reference", words::short)) }
        @if let Some(distance) = drift.kolmogorov_smirnov {
            p.soft.small {
                "Both distributions as a whole lie " (words::short(distance)) " apart (Kolmogorov and Smirnov: 0 is the same, 1 has nothing in common)"
                @if let Some(index) = drift.population_stability { "; population stability index " (words::short(index)) }
                ". This is described and not judged."
            }
        }
    }
}

/// Returns between what nine of ten differences lie.
pub(super) fn spread(quantiles: &[QuantileTold], told: fn(f64) -> String) -> String {
    let of = |share: f64| quantiles.iter().find(|one| (one.share - share).abs() < 1e-9)?.value;
    match (of(0.05), of(0.5), of(0.95)) {
        (Some(low), Some(middle), Some(high)) => {
            let [low, middle, high] = [low, middle, high].map(told);
            format!("Nine of ten differences lie between {low} and {high}, the middle one is {middle}.")
        }
        _ => String::new(),
    }
}
