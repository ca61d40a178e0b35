//! How alike two ranked lists are: how much of their beginnings is the same, and whether they rank alike all the way down.
//!
//! *Overlap at k*: of the first k items of either list, the share that is among the first k of the other. Where both are
//! shorter than k it is a share of the longer one, so that equal lists always overlap wholly.
//!
//! *Rank-biased overlap*, extrapolated, of W. Webber, A. Moffat, J. Zobel, "A similarity measure for indefinite rankings",
//! ACM Transactions on Information Systems 28 (2010), equation 32. A reader goes from each item to the next with
//! probability p; it is what share of the items he has read he may expect to find in both lists. With s items in the
//! shorter list, l in the longer, and X(d) items that are among the first d of both:
//!
//! ```text
//! (1-p)/p · ( Σ d=1..l  X(d)/d · p^d  +  Σ d=s+1..l  X(s)·(d-s)/(s·d) · p^d )  +  ( (X(l)-X(s))/l + X(s)/s ) · p^l
//! ```
//!
//! What lies beyond the end of a list is taken to agree as what is seen of it, so a list that the other begins with is as
//! good as equal.
//!
//! Laws: both lie within 0 and 1; they are 1 for equal lists and 0 for lists that share nothing; which is which changes
//! nothing; the longer the beginning that both share, the more alike they are. An item that comes again counts where it
//! came first.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
};

use policies::{RankedList, canonical_text};
use serde_json::Value;

use crate::statistics::exact;

/// A list as it is compared: each item once, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// What items are known by, as canonical JSON.
    items: Vec<String>,
    /// Whether some item came again.
    pub has_repeats: bool,
}

/// How alike two rankings are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// The overlap at k.
    pub overlap: f64,
    /// The rank-biased overlap.
    pub ranking: f64,
    /// Whether they have the same items in the same order.
    pub is_same: bool,
    /// Whether they have the same first item, or none both.
    pub has_same_first: bool,
}

// === impl Ranking ===

impl Ranking {
    /// Returns the list that an answer has where `list` says; `None` if there is none.
    #[must_use]
    pub fn read(list: &RankedList, answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        list.read(&answer).ok().map(|items| Self::of(&items))
    }

    /// Returns the list of these items, without repeats and without those that nobody reads.
    #[must_use]
    pub fn of(items: &[Value]) -> Self {
        let mut known = HashSet::new();
        let (mut kept, mut has_repeats) = (Vec::new(), false);
        for item in items.iter().map(canonical_text) {
            if kept.len() == RankedList::ITEMS_MAX {
                break;
            }
            if known.insert(item.clone()) {
                kept.push(item);
            } else {
                has_repeats = true;
            }
        }
        Self { items: kept, has_repeats }
    }

    /// Returns how alike it is to `other`, the overlap being that of the first `top` items.
    #[must_use]
    pub fn likeness(&self, other: &Self, top: NonZeroUsize, persistence: f64) -> Likeness {
        let (shorter, longer) = if self.items.len() <= other.items.len() { (self, other) } else { (other, self) };
        let shared = shorter.shared_by_depth(longer);
        Likeness {
            overlap: overlap(&shared, top),
            ranking: rank_biased_overlap(&shared, shorter.items.len(), persistence),
            is_same: self.items == other.items,
            has_same_first: self.items.first() == other.items.first(),
        }
    }

    /// Returns how many items are among the first so many of both: of the first, of the first two, up to the longer's end.
    fn shared_by_depth(&self, longer: &Self) -> Vec<u64> {
        let place_of: HashMap<&String, usize> = longer.items.iter().zip(0..).collect();
        let mut shared = vec![0; longer.items.len()];
        for (place, item) in self.items.iter().enumerate() {
            if let Some(other) = place_of.get(item) {
                // Only who has read both places knows that it is in both.
                shared[place.max(*other)] += 1;
            }
        }
        let mut sofar = 0;
        for at in &mut shared {
            sofar += *at;
            *at = sofar;
        }
        shared
    }
}

fn overlap(shared: &[u64], top: NonZeroUsize) -> f64 {
    let depth = top.get().min(shared.len());
    // Two lists of nothing are the same.
    depth.checked_sub(1).map_or(1.0, |last| exact(shared[last]) / exact(depth as u64))
}

/// Equation 32, of how many are shared at each depth down to the end of the longer list.
fn rank_biased_overlap(shared: &[u64], shorter: usize, persistence: f64) -> f64 {
    let (Some(last), Some(end)) = (shared.last(), shorter.checked_sub(1)) else {
        return if shared.is_empty() { 1.0 } else { 0.0 };
    };
    let (s, l) = (exact(shorter as u64), exact(shared.len() as u64));
    let (at_s, at_l) = (exact(shared[end]), exact(*last));
    let (mut sum, mut weight, mut depth) = (0.0, 1.0, 0.0);
    for count in shared {
        depth += 1.0;
        weight *= persistence;
        let unseen = if depth > s { at_s * (depth - s) / s } else { 0.0 };
        sum += (exact(*count) + unseen) / depth * weight;
    }
    let seen = sum * (1.0 - persistence) / persistence;
    let beyond = ((at_l - at_s) / l + at_s / s) * weight;
    // Sums of rounded numbers may be a last digit off.
    (seen + beyond).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
