//! The worst segments, with bounds that are corrected for having been searched for.

use super::{DIMENSIONS_MAX, Dimension, Part, Segments, TEXTS_MAX};
use crate::{
    Margins, Metric,
    cells::CELLS,
    judge::{excess, rate},
    statistics::{Bounds, Paired},
};

/// One segment, as bad as it is shown to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// By what was cut: `input.alcohol`, `attributes.tenant`, `case`, `reference says`.
    pub dimension: String,
    /// The text, or `9.4 to 10.2`.
    pub part: String,
    /// In what it is worse.
    pub metric: Metric,
    /// By how much, as seen: above 0 is worse.
    pub harm: f64,
    /// Where that may truly lie, corrected for the search.
    pub bounds: Bounds,
    /// The same of all requests, as seen.
    pub overall: f64,
    /// What is allowed.
    pub margin: f64,
    /// Requests that this rests on.
    pub n: u64,
    /// Some of those that went badly.
    pub examples: Vec<String>,
}

/// What a search needs to know of the whole.
pub(crate) struct Search<'margins> {
    pub(crate) margins: &'margins Margins,
    /// The probability that any segment is wrongly shown as worse.
    pub(crate) alpha: f64,
    /// Of how many requests that the reference answered twice its answers differed.
    pub(crate) noise: (u64, u64),
    /// Of all requests: how often they disagree, and how much more often the canary fails and is wrong.
    pub(crate) overall: [f64; 3],
}

/// What is measured of each segment.
const METRICS: [Metric; 3] = [Metric::Agreement, Metric::Failures, Metric::Accuracy];
/// Numbers are cut into so many parts.
const CUTS: u64 = 4;

/// Returns the worst segments, at most `most`: those that are surely worse first.
pub(crate) fn worst(segments: &Segments, search: &Search<'_>, most: usize) -> Vec<Segment> {
    let dimensions = segments.dimensions.iter();
    let mut found: Vec<Segment> = dimensions.flat_map(|(name, dimension)| search.within(name, dimension)).collect();
    let key = |segment: &Segment| (segment.bounds.low - segment.margin, segment.harm);
    found.sort_by(|one, other| {
        let ((low, harm), (other_low, other_harm)) = (key(one), key(other));
        other_low.total_cmp(&low).then(other_harm.total_cmp(&harm)).then_with(|| one.part.cmp(&other.part))
    });
    found.truncate(most);
    found
}

// === impl Search ===

impl Search<'_> {
    fn within(&self, name: &str, dimension: &Dimension) -> Vec<Segment> {
        // Text and numbers may come under one name, and each metric is looked at in each part.
        let each = self.alpha / (2.0 * 3.0 * float(DIMENSIONS_MAX));
        let of_texts = each / float(TEXTS_MAX + 1);
        let of_ranges = each / (CELLS * (CELLS + 1.0) / 2.0);
        let others = ("(others)".to_owned(), dimension.others.clone());
        let texts = dimension.texts.iter().map(|(text, part)| (text.clone(), part.clone())).chain([others]);
        let texts = texts.flat_map(|(text, part)| self.told(name, &text, &part, of_texts));
        let ranges = cut(dimension).into_iter().flat_map(|(range, part)| self.told(name, &range, &part, of_ranges));
        texts.chain(ranges).collect()
    }

    fn told(&self, dimension: &str, text: &str, part: &Part, alpha: f64) -> Vec<Segment> {
        let of = |(metric, overall): (Metric, f64)| {
            let (n, harm, bounds, margin) = self.harm(metric, part, alpha)?;
            (n > 0 && harm > 0.0).then(|| Segment {
                dimension: dimension.to_owned(),
                part: text.to_owned(),
                metric,
                harm,
                bounds,
                overall,
                margin,
                n,
                examples: part.examples.names(),
            })
        };
        METRICS.into_iter().zip(self.overall).filter_map(of).collect()
    }

    fn harm(&self, metric: Metric, part: &Part, alpha: f64) -> Option<(u64, f64, Bounds, f64)> {
        let margins = self.margins;
        let paired = |paired: Paired, margin: Option<f64>| {
            let mean = paired.difference();
            Some((paired.of, mean.seen()?, mean.bounds(alpha), margin.unwrap_or(0.0)))
        };
        match metric {
            Metric::Agreement => {
                // Another answer is no worse one, unless the policy says so.
                let margin = margins.agreement?;
                let bounds = excess((part.disagreed, part.compared), self.noise, alpha);
                let harm = rate(part.disagreed, part.compared)? - rate(self.noise.0, self.noise.1).unwrap_or(0.0);
                Some((part.compared, harm, bounds, margin))
            }
            Metric::Failures => paired(part.failed.paired(), margins.failures),
            Metric::Accuracy => {
                let right = part.right.paired();
                let wrong = Paired { canary: right.reference, reference: right.canary, of: right.of };
                paired(wrong, margins.accuracy)
            }
            _ => None,
        }
    }
}

/// Cuts numbers into quarters, as far as cells allow.
fn cut(dimension: &Dimension) -> Vec<(String, Part)> {
    let all: u64 = dimension.numbers.iter().map(|(.., part)| part.asked).sum();
    let mut parts: Vec<(f64, f64, Part)> = Vec::new();
    let (mut before, mut open) = (0, None);
    for (low, high, part) in dimension.numbers.iter() {
        let quarter = Some(before * CUTS / all.max(1));
        before += part.asked;
        match parts.last_mut().filter(|_| open == quarter) {
            Some((_, end, open)) => {
                *end = high;
                *open += part;
            }
            None => parts.push((low, high, part.clone())),
        }
        open = quarter;
    }
    parts.into_iter().map(|(low, high, part)| (format!("{} to {}", short(low), short(high)), part)).collect()
}

/// Four digits, or six behind the point, are enough to find a request again.
fn short(number: f64) -> String {
    let size = number.abs();
    let digits = [1_000.0, 100.0, 10.0, 1.0, 0.1, 0.01].iter().take_while(|step| size < **step).count();
    let text = format!("{number:.digits$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    trimmed.to_owned()
}

fn float(count: usize) -> f64 {
    crate::statistics::exact(u64::try_from(count).unwrap_or(u64::MAX))
}
