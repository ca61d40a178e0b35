//! How far whoever reads the topics is behind, in time first: a thousand records may be a second or an hour.

use alarms::{Lag, Lags};
use maud::{Markup, html};

use crate::{
    console::parts::{scrolling, tally, time},
    words,
};

pub(super) fn inside(lags: &Lags) -> Markup {
    if lags.groups.is_empty() {
        return html! { p { "No group has told how far it is yet. On brokers this is known a few seconds after a station began to read." } };
    }
    let latest =
        lags.groups.iter().filter_map(|group| Some((group.behind_us?, group))).max_by_key(|(behind, _)| *behind);
    html! {
        p.how {
            "How old the oldest record is that a group has not committed yet. "
            @match latest {
                Some((behind, group)) => b { "Furthest behind: " (group.station) ", by " (words::micros(words::exact(behind))) "." },
                None => b { "Nobody is behind." },
            }
        }
        (scrolling("How far each group is behind", &table(&lags.groups)))
    }
}

fn table(groups: &[Lag]) -> Markup {
    html! {
        table.lags {
            thead { tr { th { "Who" } th { "Reads" } th.number { "Behind by" } th.number { "Records" } } }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" {
                            (group.station)
                            @if !group.executors.is_empty() { small { (group.executors.join(", ")) } }
                        }
                        td { code { (group.topic) } small { (group.group) } }
                        td.number {
                            @match group.behind_us {
                                Some(_) => (time(group.behind_us)),
                                None => span.soft { "up to date" },
                            }
                        }
                        td.number {
                            (tally(group.behind_records))
                            @if group.unknown_partitions > 0 { small { "and of " (group.unknown_partitions) " partitions nobody knows" } }
                        }
                    }
                }
            }
        }
    }
}
