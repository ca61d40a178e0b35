//! A subscriber over a WebSocket: each event is a message, pings go out, and nothing is read but their answers.
//!
//! A message is sent when the one before it is gone: whoever reads slowly holds up nobody but himself. Whoever takes
//! nothing for a minute, or answers no ping for as long, gives his place to others, and goes on later by the last id.

use std::time::Duration;

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, WebSocketUpgrade, close_code},
    response::Response,
};
use bytes::Bytes;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{HEARTBEAT, Subscriber};

/// Nobody has anything to say here but that he is still there.
const LARGEST_MESSAGE: usize = 1_024;
/// So many pings in a row may go without an answer.
const UNANSWERED: u32 = 6;
/// So long a message may wait for whoever reads.
const TAKEN_WITHIN: Duration = Duration::from_mins(1);
/// So long whoever is told that it is over may take to go.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why it is over: a code, and a reason for people, of 123 bytes at most. `None` if there is nobody to tell.
type Over = Option<(u16, &'static str)>;

/// Opens the socket.
pub(super) fn open(upgrade: WebSocketUpgrade, subscriber: Subscriber, stop: CancellationToken) -> Response {
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE);
    upgrade.on_upgrade(|mut socket| async move { serve(&mut socket, subscriber, &stop).await })
}

async fn serve<S>(socket: &mut S, mut subscriber: Subscriber, stop: &CancellationToken)
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let over = tokio::select! {
        over = tell(socket, &mut subscriber) => over,
        () = stop.cancelled() => Some((close_code::AWAY, "the process stops: go on by the last id")),
    };
    // His place is free from here on.
    drop(subscriber);
    let farewell = async {
        let Some((code, reason)) = over else { return };
        // Whoever is gone needs no farewell. Until he says his own, closing the connection might take ours back.
        if socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
}

/// Tells events until it is over.
async fn tell<S>(socket: &mut S, subscriber: &mut Subscriber) -> Over
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let (mut pings, mut unanswered) = (interval(HEARTBEAT), 0);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while let Some(event) = subscriber.events.pop_front() {
            // Text, numbers and checked JSON always serialise.
            let message = serde_json::to_string(&event).unwrap_or_default();
            timeout(TAKEN_WITHIN, socket.send(Message::text(message))).await.ok()?.ok()?;
        }
        if subscriber.over {
            return Some((close_code::ERROR, "the log cannot be read: go on by the last id"));
        }
        tokio::select! {
            // What was heard first, so that an answer that is there counts before the next ping.
            biased;
            heard = socket.next() => match heard?.ok()? {
                Message::Ping(_) | Message::Pong(_) => unanswered = 0,
                // The answer to it is made by reading, and goes out by flushing.
                Message::Close(_) => return timeout(FAREWELL, socket.flush()).await.ok().and(None),
                Message::Text(_) | Message::Binary(_) => {
                    return Some((close_code::UNSUPPORTED, "nothing is read here: what is wanted stands in the address"));
                }
            },
            _ = pings.tick() => {
                if unanswered == UNANSWERED {
                    return Some((close_code::POLICY, "no ping was answered for a minute: go on by the last id"));
                }
                unanswered += 1;
                timeout(TAKEN_WITHIN, socket.send(Message::Ping(Bytes::new()))).await.ok()?.ok()?;
            }
            () = subscriber.read() => {}
        }
    }
}

#[cfg(test)]
mod tests;
