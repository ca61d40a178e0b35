//! How the evidence grew.

use canary::{CourseTold, Interval, Metric, Report};
use maud::{Markup, html};

use super::how;
use crate::{
    canary::verdict,
    charts::{About, Course, Moment, course},
};

pub(super) fn inside(report: &Report) -> Markup {
    if report.course.is_empty() {
        return html! { p { "There is nothing to draw yet." } };
    }
    html! {
        (how("the line is what had been seen by then, the band where the truth had to lie. It shrinks as requests come. Once the whole band is above the dashed line the canary is worse, once it is all below it is no worse; this may be read off at any moment, again and again."))
        @for metric in [Metric::Agreement, Metric::Failures, Metric::Accuracy] { (one(report, metric)) }
    }
}

fn one(report: &Report, metric: Metric) -> Markup {
    let moments: Vec<Moment> = report.course.iter().filter_map(|told| moment(told, metric)).collect();
    let Some(last) = moments.last().copied() else { return html! {} };
    let margin = report.metrics.iter().find(|told| told.metric == metric).and_then(|told| told.threshold);
    let id = format!("course-{}", metric.word());
    let name = verdict::called(metric);
    let told = format!("In the end {} of {} requests.", verdict::told(metric, last.seen), crate::words::count(last.n));
    html! {
        h3 { (name) }
        (course(&About { id: &id, title: name, told }, &Course { moments, margin }))
    }
}

fn moment(told: &CourseTold, metric: Metric) -> Option<Moment> {
    let (n, seen, Interval { low, high }) = match metric {
        Metric::Agreement => (told.compared, told.disagreement, told.disagreement_interval),
        Metric::Failures => (told.asked, told.failures, told.failures_interval),
        Metric::Accuracy => (told.compared, told.accuracy, told.accuracy_interval),
        Metric::Overlap | Metric::Ranking | Metric::P50 | Metric::P99 | Metric::Impact => return None,
    };
    Some(Moment { at_us: told.until_us, n, seen: seen?, low, high })
}
