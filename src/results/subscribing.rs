//! Results as they come: `GET /api/v1/rendezvous/NAME/results`, as server-sent events or over a WebSocket.
//!
//! The log is the buffer: nothing is queued for whoever reads slowly, he reads on where he is. What the log has deleted
//! meanwhile he is told of, and goes on at what it holds. Each event's id is his place; who gives it back as
//! `Last-Event-ID` or `after` goes on there, and may be told again what he was told last.

mod socket;

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{
        Path, Query, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use tokio::sync::OwnedSemaphorePermit;
use wire::{ResultKind, Timestamp};

use super::{
    Line, Lost, Place, Results, Wanted,
    door::{Door, Problem},
};
use crate::{console::check_origin, door::find};

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
    /// The id of the last event, of who goes on and cannot say so in a header.
    after: Option<String>,
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

/// What a subscriber is told at once. Over a WebSocket it is a message, as JSON.
#[derive(Debug, Default, Serialize)]
struct Event {
    #[serde(rename = "event", skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

pub(super) async fn subscribe(
    State(door): State<Arc<Door>>,
    Path(rendezvous): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = if wants_socket(&headers) {
        // Any page may make its reader's browser open a socket to here, and would read what comes.
        if headers.contains_key(header::ORIGIN) {
            check_origin(&headers).map_err(|_| Problem::Origin)?;
        }
        Some(upgrade.map_err(Problem::NoSocket)?)
    } else {
        None
    };
    let subscriber = Subscriber::open(&door, &rendezvous, asked, &headers).await?;
    let stop = door.stop.clone();
    if let Some(upgrade) = upgrade {
        return Ok(socket::open(upgrade, subscriber, stop));
    }
    let events = subscriber.stream().take_until(stop.cancelled_owned());
    let events = events.map(|event| Ok::<_, Infallible>(sse::Event::from(event)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

fn wants_socket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

// === impl Subscriber ===

impl Subscriber {
    /// Lets him in, and begins to read.
    async fn open(door: &Door, rendezvous: &str, asked: Asked, headers: &HeaderMap) -> Result<Self, Problem> {
        let (name, _) = find(&door.shelf, rendezvous).map_err(Problem::NoSuchRendezvous)?;
        let is_none = |kind: &&str| ResultKind::ALL.iter().all(|known| known.as_str() != *kind);
        if let Some(kind) = asked.kind.as_deref().filter(is_none) {
            return Err(Problem::Asked(format!("`kind` is prediction, default or error, not `{kind}`")));
        }
        let after = asked.after(headers)?;
        let place = Arc::clone(&door.subscribers).try_acquire_owned().map_err(|_| Problem::FullOfSubscribers)?;
        let now = door.clock.now();
        let since = match (&after, asked.since_s) {
            (Some(place), _) => place.at,
            (None, Some(seconds)) => now.before(Duration::from_secs(seconds)).max(Timestamp::EPOCH),
            (None, None) => now,
        };
        let wanted = Wanted { rendezvous: name, since, follow: true, all: false, after };
        let results = Results::open(&*door.bus, wanted).await.map_err(Problem::Unreadable)?;
        Ok(Self { results, asked, events: VecDeque::new(), told: Timestamp::EPOCH, over: false, _place: place })
    }

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

    /// Reads once. Cancel-safe.
    async fn read(&mut self) {
        match self.results.next().await {
            Ok(lines) => {
                let lost = self.results.take_lost();
                self.events.extend(lost.into_iter().map(Event::lagged));
                let wanted = lines.into_iter().flatten().filter(|line| self.asked.wants(line));
                self.events.extend(wanted.map(|line| Event::of("result", line.json())));
                self.say_place();
            }
            Err(error) => {
                self.events.push_back(Event::of("error", json!({ "error": error.to_string() }).to_string()));
                self.over = true;
            }
        }
    }

    /// Puts the place behind what was read: an event of an id alone is not shown to anybody, and kept by every client.
    fn say_place(&mut self) {
        let place = self.results.place();
        if !self.events.is_empty() || place.at >= self.told.after(STANDS) {
            self.told = place.at;
            self.events.push_back(Event { id: Some(place.to_string()), ..Event::default() });
        }
    }
}

// === impl Event ===

impl Event {
    fn of(name: &'static str, json: String) -> Self {
        // What we wrote as JSON is JSON.
        Self { name: Some(name), data: RawValue::from_string(json).ok(), id: None }
    }

    fn lagged(Lost { partition, from, to }: Lost) -> Self {
        let why = "the log has deleted these records, or what says which of them count; what follows is whole";
        Self::of("lagged", json!({ "partition": partition, "from": from, "to": to, "why": why }).to_string())
    }
}

impl From<Event> for sse::Event {
    fn from(Event { name, data, id }: Event) -> Self {
        let event = name.into_iter().fold(Self::default(), Self::event);
        let event = data.into_iter().fold(event, |event, data| event.data(data.get()));
        id.into_iter().fold(event, Self::id)
    }
}

// === impl Asked ===

impl Asked {
    /// Returns where he goes on. `EventSource` keeps its address when it comes back, so the header is the newer one.
    fn after(&self, headers: &HeaderMap) -> Result<Option<Place>, Problem> {
        let last = headers.get("last-event-id").map(|word| String::from_utf8_lossy(word.as_bytes()));
        let (name, word) = match (last, &self.after) {
            (Some(last), _) => ("Last-Event-ID", last),
            (None, Some(after)) => ("after", after.into()),
            (None, None) => return Ok(None),
        };
        word.parse().map(Some).map_err(|error| Problem::Asked(format!("`{name}`: {error}")))
    }

    fn wants(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.key, line.key()) && is(&self.kind, line.kind())
    }
}
