//! How a subscription ends, by what the other end does, in a time that is not real.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bus::{Bus, Clock, EmbeddedBus, TopicSpec};
use futures::channel::mpsc;
use tokio::{sync::Semaphore, task::JoinHandle};
use wire::{RendezvousName, Timestamp, Topics};

use super::*;
use crate::results::{Results, Wanted, subscribing::Asked};

/// One end of a connection: what the other one says, and what he is told.
struct End {
    said: mpsc::Receiver<Message>,
    told: mpsc::Sender<Message>,
}

// === impl End ===

impl Stream for End {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.said.poll_next_unpin(context).map(|said| said.map(Ok))
    }
}

impl Sink<Message> for End {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.told.poll_ready_unpin(context).map_err(Error::new)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.told.start_send_unpin(message).map_err(Error::new)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.told.poll_flush_unpin(context).map_err(Error::new)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.told.poll_close_unpin(context).map_err(Error::new)
    }
}

/// A subscription to results of which there are none, and whoever is at the other end.
struct Open {
    says: mpsc::Sender<Message>,
    hears: mpsc::Receiver<Message>,
    places: Arc<Semaphore>,
    served: JoinHandle<()>,
}

// === impl Open ===

impl Open {
    async fn new() -> Self {
        let bus: Arc<dyn Bus> = EmbeddedBus::new(Clock::system());
        let rendezvous = RendezvousName::new("wine").unwrap();
        let name = Topics::of(&rendezvous).results;
        bus.create_topics(&[TopicSpec { name, partitions: 1, retention: None, compacted: false }]).await.unwrap();
        let wanted = Wanted { rendezvous, since: Timestamp::EPOCH, follow: true, all: false, after: None };
        let results = Results::open(&*bus, wanted).await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (asked, events) = (Asked::default(), [].into());
        let subscriber = Subscriber { results, asked, events, told: Timestamp::EPOCH, over: false, _place: place };
        let ((says, said), (told, hears)) = (mpsc::channel(8), mpsc::channel(0));
        let served = tokio::spawn(async move {
            // Without the bus there would be no more results to wait for.
            let _bus = bus;
            serve(&mut End { said, told }, subscriber, &CancellationToken::new()).await;
        });
        Self { says, hears, places, served }
    }

    /// Returns how many pings came before the end, and its code.
    async fn pings_until_the_end(&mut self, answered: u32) -> (u32, u16) {
        let mut pings = 0;
        loop {
            match self.hears.next().await.unwrap() {
                Message::Ping(_) => pings += 1,
                Message::Close(frame) => return (pings, frame.unwrap().code),
                other => panic!("{other:?}"),
            }
            if pings <= answered {
                self.says.send(Message::Pong(Bytes::new())).await.unwrap();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_stays_and_who_answers_no_ping_for_a_minute_gives_his_place_up() {
    let mut open = Open::new().await;
    assert_eq!(open.pings_until_the_end(100).await, (106, close_code::POLICY));
    assert_eq!(open.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_for_a_minute_gives_his_place_up_too() {
    let open = Open::new().await;
    open.served.await.unwrap();
    assert_eq!(open.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_says_something_is_told_that_nobody_listens() {
    let mut open = Open::new().await;
    open.says.send(Message::text("more")).await.unwrap();
    assert_eq!(open.pings_until_the_end(0).await.1, close_code::UNSUPPORTED);
}
