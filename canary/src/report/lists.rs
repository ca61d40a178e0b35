//! What is told of lists, and how it comes from counts.

use policies::RankedList;
use serde::{Deserialize, Serialize};

use super::{Interval, build::millionths};
use crate::{Tally, statistics::share, tally::Shares};

/// How alike lists are, request by request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListsTold {
    /// The field that holds the list.
    pub field: String,
    /// What an item is known by; `null` for all of it.
    pub item: Option<String>,
    /// So many of the first items count for the overlap.
    pub top: u64,
    /// How probably whoever has read an item goes on to the next.
    pub persistence: f64,
    /// Pairs of lists.
    pub n: u64,
    /// The same items in the same order.
    pub same: u64,
    /// Where that share may truly lie.
    pub same_interval: Interval,
    /// The same first item.
    pub same_first: u64,
    /// Where that share may truly lie.
    pub same_first_interval: Interval,
    /// Which share of the first items is among the first of the other list too.
    pub overlap: LikenessTold,
    /// Rank-biased overlap, extrapolated.
    pub ranking: LikenessTold,
    /// Lists of the canary with an item more than once; it counts where it came first.
    pub canary_repeated: u64,
    /// The same of the reference.
    pub reference_repeated: u64,
    /// Those that rank least alike.
    pub examples: Vec<String>,
}

/// How alike, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikenessTold {
    /// On average.
    pub mean: Option<f64>,
    /// Where the average may truly lie.
    pub interval: Interval,
    /// How alike the reference is to itself on average; `null` where nobody asked it twice.
    pub of_itself: Option<f64>,
    /// Low edge, high edge, how many requests: ascending.
    pub bars: Vec<(f64, f64, u64)>,
}

/// So many bars show from 0 to 1, and one more: each stands around its share.
const BARS: f64 = 50.0;

/// Says how alike the lists in `pairs` are that are compared by `list`.
pub(super) fn of(list: &RankedList, pairs: &Tally, noise: &Tally, alpha: f64) -> ListsTold {
    let (counted, of_itself) = (&pairs.lists, &noise.lists);
    let n = counted.overlap.total();
    ListsTold {
        field: list.field(),
        item: list.item(),
        top: list.top.get() as u64,
        persistence: list.persistence,
        n,
        same: counted.same,
        same_interval: share(counted.same, n, alpha).into(),
        same_first: counted.same_first,
        same_first_interval: share(counted.same_first, n, alpha).into(),
        overlap: likeness(&counted.overlap, &of_itself.overlap, alpha),
        ranking: likeness(&counted.ranking, &of_itself.ranking, alpha),
        canary_repeated: counted.repeated.canary + counted.repeated.both,
        reference_repeated: counted.repeated.reference + counted.repeated.both,
        examples: pairs.examples.apart.names(),
    }
}

fn likeness(shares: &Shares, of_itself: &Shares, alpha: f64) -> LikenessTold {
    LikenessTold {
        mean: shares.mean().map(millionths),
        interval: shares.known().bounds(alpha).into(),
        of_itself: of_itself.mean().map(millionths),
        bars: bars(shares),
    }
}

fn bars(shares: &Shares) -> Vec<(f64, f64, u64)> {
    let mut bars: Vec<(f64, f64, u64)> = Vec::new();
    for (low, high, count) in shares.cells() {
        let bar = (f64::midpoint(low, high) * BARS).round();
        let edge = |side: f64| millionths(((bar + side) / BARS).clamp(0.0, 1.0));
        let (low, high) = (edge(-0.5), edge(0.5));
        match bars.last_mut().filter(|(last, ..)| last.total_cmp(&low).is_eq()) {
            Some((.., sum)) => *sum += count,
            None => bars.push((low, high, count)),
        }
    }
    bars
}
