//! A report as one page for people: the verdict first, then what it rests on.

use std::fmt::{self, Display, Formatter};

use crate::{
    finding::Kind,
    report::{Counts, GarbageByTopic, Report},
    rights::Standing,
};

/// So many violations of each kind are shown; `--json` has more.
const SHOWN: usize = 5;
/// So many fencings with void results are shown.
const FENCINGS_SHOWN: usize = 10;

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}", self.rendezvous, self.verdict())?;
        let counts = &self.counts;
        writeln!(out)?;
        for (what, count, note) in rows(counts) {
            if count > 0 || note.is_empty() {
                writeln!(out, "{}", format!("  {what:<14}{:>14}   {note}", grouped(count)).trim_end())?;
            }
        }
        self.violations(out)?;
        self.late_and_degraded(out)?;
        self.rights(out)?;
        self.left(out)?;
        let as_of = self.as_of.map(policies::rfc3339).unwrap_or_default();
        let since = self
            .since
            .map_or_else(|| "all that is held".to_owned(), |since| format!("since {}", policies::rfc3339(since)));
        writeln!(out, "\nread: {since}, results up to {as_of}, in {} partitions", self.partitions.len())
    }
}

// === impl Report ===

impl Report {
    /// Returns the page's first line, without the name.
    fn verdict(&self) -> String {
        let counts = &self.counts;
        if !self.ok {
            let broken = [
                ("missing", counts.missing),
                ("second", counts.second),
                ("invented", counts.invented),
                ("misplaced", counts.misplaced),
            ];
            let broken: Vec<String> = broken
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(what, count)| format!("{} {what}", grouped(*count)))
                .collect();
            let contradictory = match counts.contradictory {
                0 => String::new(),
                count => format!(" ({} contradictory)", grouped(count)),
            };
            let broken = broken.join(", ").replacen("second", &format!("second{contradictory}"), 1);
            return format!("BROKEN: {broken}, of {} accepted requests", grouped(counts.accepted));
        }
        if counts.accepted == 0 {
            return "nothing to prove: no request was accepted in what was read".to_owned();
        }
        let left = [("still open", counts.open), ("unjudged", counts.unjudged)];
        let left = left.iter().filter(|(_, count)| *count > 0);
        let left: Vec<String> = left.map(|(what, count)| format!("; {} {what}", grouped(*count))).collect();
        let left = left.concat();
        if counts.results == counts.accepted {
            format!("exactly one result for each of {} accepted requests{left}", grouped(counts.accepted))
        } else {
            let (results, accepted) = (grouped(counts.results), grouped(counts.accepted));
            format!("exactly one result for each of {results} requests, of {accepted} accepted{left}")
        }
    }

    fn violations(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for kind in [Kind::Missing, Kind::Second, Kind::Contradictory, Kind::Invented, Kind::Misplaced] {
            let of_kind: Vec<_> = self.violations.iter().filter(|violation| violation.kind == kind).collect();
            if !of_kind.is_empty() {
                writeln!(out, "\n{}", kind.as_str())?;
            }
            for violation in of_kind.iter().take(SHOWN) {
                writeln!(out, "  {} in partition {}", violation.request, violation.partition)?;
                for (what, place) in [
                    ("request", violation.request_at),
                    ("its result", violation.first_at),
                    (if kind == Kind::Missing { "" } else { "this result" }, violation.result_at),
                ] {
                    if let Some(place) = place {
                        let at = place.appended.map(|at| format!(", {}", policies::rfc3339(at))).unwrap_or_default();
                        writeln!(out, "    {what:<12}at offset {}{at}", place.offset)?;
                    }
                }
                writeln!(out, "    {}", violation.sentence)?;
            }
            if of_kind.len() > SHOWN {
                writeln!(out, "  and {} more: --json lists them", grouped(count(of_kind.len() - SHOWN)))?;
            }
        }
        Ok(())
    }

    fn late_and_degraded(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let Some(worst) = self.latest.first() {
            writeln!(
                out,
                "\nlatest: {} by {}, in partition {}: request at offset {}, result at {}",
                worst.request,
                ms(worst.by_us),
                worst.partition,
                worst.request_offset,
                worst.result_offset
            )?;
        }
        let degraded: Vec<String> = self
            .degraded_by
            .iter()
            .map(|told| format!("{} {} ({})", grouped(told.count), told.kind, told.reason))
            .collect();
        if !degraded.is_empty() {
            writeln!(out, "\ndegraded: {}", degraded.join(", "))?;
        }
        Ok(())
    }

    fn rights(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let void: Vec<_> = self.fences.iter().filter(|fence| fence.void > 0 || fence.jumped).collect();
        if !void.is_empty() {
            writeln!(out, "\nfences with void results, or that jumped")?;
        }
        for fence in void.iter().take(FENCINGS_SHOWN) {
            let standing = match fence.standing {
                Standing::Accepted if fence.jumped => "accepted, though its epoch is not the next",
                Standing::Accepted => "accepted",
                Standing::Ignored => "came too late",
                Standing::Unfenced => "never wrote a fence",
            };
            write!(
                out,
                "  partition {}, epoch {}: {standing}; {} void",
                fence.partition,
                fence.epoch,
                grouped(fence.void)
            )?;
            if let (Some(first), Some(last)) = (fence.void_first, fence.void_last) {
                write!(out, ", at offsets {first} to {last}")?;
            }
            writeln!(out)?;
        }
        if void.len() > FENCINGS_SHOWN {
            writeln!(out, "  and {} more: --json lists them", void.len() - FENCINGS_SHOWN)?;
        }
        Ok(())
    }

    /// What is not in order, and breaks nothing.
    fn left(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (why, count) in &self.unjudged_by {
            writeln!(out, "\nunjudged: {} {}", grouped(*count), why.why())?;
        }
        let GarbageByTopic { requests, responses, results } = self.garbage;
        let garbage = [("requests", requests.count), ("responses", responses.count), ("results", results.count)];
        let garbage: Vec<String> = garbage
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(topic, count)| format!("{} in {topic}", grouped(*count)))
            .collect();
        if !garbage.is_empty() {
            writeln!(out, "\ngarbage: {}", garbage.join(", "))?;
        }
        if self.dead_letters.count > 0 {
            let by: Vec<String> = self
                .dead_letters
                .by_origin
                .iter()
                .map(|(topic, count)| format!("{} of {topic}", grouped(*count)))
                .collect();
            writeln!(out, "\ndead letters: {}", by.join(", "))?;
        }
        Ok(())
    }
}

/// The counts, and what to say beside them: without a note a row is always shown.
fn rows(counts: &Counts) -> [(&'static str, u64, &'static str); 17] {
    [
        ("accepted", counts.accepted, ""),
        ("results", counts.results, ""),
        ("missing", counts.missing, ""),
        ("second", counts.second, ""),
        ("contradictory", counts.contradictory, ""),
        ("void", counts.void, ""),
        ("late", counts.late, ""),
        ("degraded", counts.degraded, ""),
        ("open", counts.open, "no result yet, and in their time"),
        ("invented", counts.invented, "valid results that no request led to"),
        ("misplaced", counts.misplaced, "in a partition that is not theirs"),
        ("repeats", counts.repeats, "by the same writer, byte for byte: readers drop them"),
        ("copies", counts.copies, "second copies of requests: answered once"),
        ("again", counts.again, "asked again after more than a minute: new requests"),
        ("refused", counts.refused, "requests that were not taken in"),
        ("earlier", counts.earlier, "results of requests from before"),
        ("unjudged", counts.unjudged, "see below"),
    ]
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn ms(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
