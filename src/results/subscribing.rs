//! Results as they come, as events: `GET /api/v1/rendezvous/NAME/results`, in the form that browsers and `curl` read.
//!
//! The log is the buffer: nothing is queued for whoever reads slowly, he reads on where he is. What the log has deleted
//! meanwhile he is told of, and goes on at what it holds. Each event's id is his place; who gives it back as
//! `Last-Event-ID` goes on there, and may be told again what he was told last.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use wire::{ResultKind, Timestamp};

use super::{
    Line, Lost, Place, Results, Wanted,
    door::{Door, Problem},
};
use crate::door::find;

/// A proxy between gives up what says nothing for long.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Whoever is told nothing is told where he stands at least this often, in the log's time.
const STANDS: Duration = Duration::from_secs(5);

/// What may be said beside the name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    /// How far to look back at first, in seconds; from now on when not said.
    since_s: Option<u64>,
    /// Only results about this, where the policy says what they are about.
    key: Option<String>,
    /// Only `prediction`, `default` or `error`.
    kind: Option<String>,
}

/// One subscriber.
struct Subscriber {
    results: Results,
    asked: Asked,
    /// Made, and not taken yet: of one read of the log at most.
    events: VecDeque<Event>,
    /// Up to when he was told where he stands.
    told: Timestamp,
    over: bool,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn subscribe(
    State(door): State<Arc<Door>>,
    Path(rendezvous): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (name, _) = find(&door.shelf, &rendezvous).map_err(Problem::NoSuchRendezvous)?;
    if let Some(kind) = asked.kind.as_deref().filter(|kind| ResultKind::ALL.iter().all(|known| known.as_str() != *kind))
    {
        return Err(Problem::Asked(format!("`kind` is prediction, default or error, not `{kind}`")));
    }
    let last = headers.get("last-event-id").map(|word| String::from_utf8_lossy(word.as_bytes()).parse::<Place>());
    let after = last.transpose().map_err(|error| Problem::Asked(format!("`Last-Event-ID`: {error}")))?;
    let place = Arc::clone(&door.subscribers).try_acquire_owned().map_err(|_| Problem::FullOfSubscribers)?;
    let now = door.clock.now();
    let since = match (&after, asked.since_s) {
        (Some(place), _) => place.at,
        (None, Some(seconds)) => now.before(Duration::from_secs(seconds)).max(Timestamp::EPOCH),
        (None, None) => now,
    };
    let wanted = Wanted { rendezvous: name, since, follow: true, all: false, after };
    let results = Results::open(&*door.bus, wanted).await.map_err(Problem::Unreadable)?;
    let events = VecDeque::new();
    let subscriber = Subscriber { results, asked, events, told: Timestamp::EPOCH, over: false, _place: place };
    let events = subscriber.stream().take_until(door.stop.clone().cancelled_owned());
    Ok(Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

// === impl Subscriber ===

impl Subscriber {
    fn stream(self) -> impl Stream<Item = Event> {
        stream::unfold(self, |mut own| async move {
            while own.events.is_empty() {
                if own.over {
                    return None;
                }
                own.read().await;
            }
            own.events.pop_front().map(|event| (event, own))
        })
    }

    async fn read(&mut self) {
        match self.results.next().await {
            Ok(lines) => {
                let lost = self.results.take_lost();
                self.events.extend(lost.into_iter().map(lagged));
                let wanted = lines.into_iter().flatten().filter(|line| self.asked.wants(line));
                let events = wanted.map(|line| Event::default().event("result").data(line.json()));
                self.events.extend(events);
                self.say_place();
            }
            Err(error) => {
                self.events
                    .push_back(Event::default().event("error").data(json!({ "error": error.to_string() }).to_string()));
                self.over = true;
            }
        }
    }

    /// Puts the place behind what was read: an event of an id alone is not shown to anybody, and kept by every client.
    fn say_place(&mut self) {
        let place = self.results.place();
        if !self.events.is_empty() || place.at >= self.told.after(STANDS) {
            self.told = place.at;
            self.events.push_back(Event::default().id(place.to_string()));
        }
    }
}

fn lagged(Lost { partition, from, to }: Lost) -> Event {
    let data = json!({
        "partition": partition, "from": from, "to": to,
        "why": "the log has deleted these records before they were read; what it holds follows",
    });
    Event::default().event("lagged").data(data.to_string())
}

// === impl Asked ===

impl Asked {
    fn wants(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.key, line.key()) && is(&self.kind, line.kind())
    }
}
