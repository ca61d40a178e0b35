//! Which answers were the same, and how far the reference differs from itself.

use canary::{MatrixTold, Report};
use maud::{Markup, html};

use super::{Shown, behind, how};
use crate::{
    canary::verdict,
    charts::{About, matrix},
    words,
};

pub(super) fn inside(shown: &Shown) -> Markup {
    let agreement = &shown.report.agreement;
    let Some(share) = agreement.share else {
        return html! { p { "No two answers to the same request could be compared." } };
    };
    html! {
        p {
            "Both gave the same answer in " b { (words::share(share)) } " of " (words::count(agreement.compared)) " requests"
            " (surely between " (verdict::between(agreement.interval, words::share).replace(" to ", " and ")) ")."
        }
        @if let Some(told) = &agreement.matrix { (table(shown.report, told)) }
        (behind::requests(shown, &agreement.examples, "with different answers"))
    }
}

fn table(report: &Report, told: &MatrixTold) -> Markup {
    let about = About { id: "matrix", title: "Who said what", told: in_words(told) };
    html! {
        (how("a row is what the reference said, a column what the canary said about the same request. The diagonal (blue) is agreement; all that is orange is where the canary says something else. The deeper the colour, the larger the share of its row."))
        (matrix(&about, &told.labels, &told.counts, (&crate::prose::cut_to(&report.reference, 12), &crate::prose::cut(&report.canary))))
    }
}

fn in_words(told: &MatrixTold) -> String {
    let row = |(label, counts): (&String, &Vec<u64>)| {
        let sum: u64 = counts.iter().sum();
        let most = counts.iter().zip(&told.labels).max_by_key(|(count, _)| **count);
        most.filter(|_| sum > 0).map(|(count, said)| {
            format!(
                "where the reference said {label} ({}), the canary mostly said {said} ({})",
                words::count(sum),
                words::count(*count)
            )
        })
    };
    told.labels.iter().zip(&told.counts).filter_map(row).collect::<Vec<_>>().join("; ")
}

pub(super) fn noise(report: &Report) -> Markup {
    let Some(noise) = &report.noise else {
        return html! {
            p {
                "Nobody asks " code { (report.reference) } " twice, so it is taken for a model that always answers alike. If it does not, declare a twin: "
                "a second canary that runs the same model, asked about a small sample of the requests. What both differ by is then taken off."
            }
        };
    };
    if noise.compared == 0 {
        return html! { p { code { (noise.twin) } " runs the same model as " code { (report.reference) } ", and no request has been answered by both yet." } };
    }
    let share = words::exact(noise.disagreed) / words::exact(noise.compared);
    html! {
        p {
            code { (noise.twin) } " runs the same model as " code { (report.reference) } " and was asked again about a sample. It gave another answer in "
            b { (words::share(share)) } " of " (words::count(noise.compared)) " requests (surely "
            (verdict::between(noise.interval, words::share)) "). That much is noise, and is taken off wherever answers are compared."
        }
        @if let Some(median) = noise.latency_difference.quantiles.iter().find(|one| (one.share - 0.5).abs() < 1e-9).and_then(|one| one.value) {
            p.soft { "About the same request its second answer took " (words::micros(median)) " longer in the middle: so far do latencies differ without any cause." }
        }
    }
}
