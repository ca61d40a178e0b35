//! Pages that are sent again when they change: one computation for each, shared by all who look at it.
//!
//! It begins when the first looks and ends when the last has left. Whoever reads slowly misses what was in between, never
//! the newest; nothing is queued for him.

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures::{StreamExt as _, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

/// What is looked at now, by what names a page.
pub(crate) struct Live<K> {
    looked_at: Mutex<HashMap<K, watch::Sender<Main>>>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

/// The `<main>` as it was last; nothing before it was drawn once.
type Main = Option<Arc<str>>;

/// Too many look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// So many pages are drawn again and again at most, and so many people look at them.
const PAGES_MAX: usize = 64;
const LOOKING_MAX: usize = 1_000;
/// A page is drawn no more often.
const EVERY: Duration = Duration::from_secs(2);
/// A proxy between gives up what says nothing for long.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A browser asks again after that, and whether it may is looked at again.
const LONGEST: Duration = Duration::from_hours(1);

// === impl Live ===

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Live<K> {
    /// Nothing is looked at yet; whoever will look is let go at `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { looked_at: Mutex::default(), places: Arc::new(Semaphore::new(LOOKING_MAX)), stop })
    }

    /// Sends the page `key` again whenever it changed; `draw` draws it.
    pub(crate) fn stream<F>(self: &Arc<Self>, key: K, draw: impl Fn() -> F + Send + 'static) -> Result<Response, Full>
    where
        F: Future<Output = String> + Send,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        let mains = mains(self.look(key, draw)?, place);
        let stop = self.stop.clone();
        let over = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(LONGEST) => {}
            }
        };
        let events = mains.take_until(over).map(|main| Ok::<_, Infallible>(Event::default().data(&*main)));
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
    }

    fn look<F>(self: &Arc<Self>, key: K, draw: impl Fn() -> F + Send + 'static) -> Result<watch::Receiver<Main>, Full>
    where
        F: Future<Output = String> + Send,
    {
        let mut looked_at = self.looked_at();
        let pages = looked_at.len();
        match looked_at.entry(key.clone()) {
            Entry::Occupied(page) => Ok(page.get().subscribe()),
            Entry::Vacant(_) if pages >= PAGES_MAX => Err(Full),
            Entry::Vacant(vacant) => {
                let (sender, receiver) = watch::channel(None);
                vacant.insert(sender.clone());
                drop(looked_at);
                let live = Arc::clone(self);
                tokio::spawn(async move { live.keep_drawing(&key, &sender, draw).await });
                Ok(receiver)
            }
        }
    }

    async fn keep_drawing<F>(&self, key: &K, sender: &watch::Sender<Main>, draw: impl Fn() -> F)
    where
        F: Future<Output = String>,
    {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = sender.closed() => {
                    if self.forget(key, sender) {
                        return;
                    }
                }
                _ = ticks.tick() => {
                    let drawn = clean(&draw().await);
                    sender.send_if_modified(|main| {
                        let is_new = main.as_deref() != Some(drawn.as_str());
                        if is_new {
                            *main = Some(drawn.into());
                        }
                        is_new
                    });
                }
            }
        }
        self.looked_at().remove(key);
    }

    /// Forgets a page unless somebody looks again.
    fn forget(&self, key: &K, sender: &watch::Sender<Main>) -> bool {
        let mut looked_at = self.looked_at();
        let is_left = sender.receiver_count() == 0;
        if is_left {
            looked_at.remove(key);
        }
        is_left
    }

    fn looked_at(&self) -> MutexGuard<'_, HashMap<K, watch::Sender<Main>>> {
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In an event's lines a carriage return would end one.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Each `<main>` that is new, the last one first; the place is given back when nobody listens.
fn mains(receiver: watch::Receiver<Main>, place: OwnedSemaphorePermit) -> impl stream::Stream<Item = Arc<str>> {
    stream::unfold((receiver, place, true), |(mut receiver, place, first)| async move {
        if first {
            // Whoever joins is shown what the others see at once.
            receiver.mark_changed();
        }
        loop {
            receiver.changed().await.ok()?;
            let main = receiver.borrow_and_update().clone();
            if let Some(main) = main {
                return Some((main, (receiver, place, false)));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::BodyDataStream;

    use super::*;

    /// A page that counts how often it was drawn, and shows half of it.
    fn counting(drawn: &Arc<AtomicUsize>) -> impl Fn() -> std::future::Ready<String> + Send + 'static {
        let drawn = Arc::clone(drawn);
        move || std::future::ready(format!("<main>{}</main>", drawn.fetch_add(1, Ordering::SeqCst) / 2))
    }

    async fn next(stream: &mut BodyDataStream) -> Option<String> {
        let chunk = stream.next().await?.unwrap();
        Some(String::from_utf8(chunk.to_vec()).unwrap())
    }

    fn stream(live: &Arc<Live<u32>>, key: u32, drawn: &Arc<AtomicUsize>) -> BodyDataStream {
        live.stream(key, counting(drawn)).unwrap().into_body().into_data_stream()
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_look_at_a_page_share_one_computation_that_ends_with_the_last() {
        let (live, drawn) = (Live::new(CancellationToken::new()), Arc::default());
        let (mut one, mut two) = (stream(&live, 1, &drawn), stream(&live, 1, &drawn));
        for reader in [&mut one, &mut two] {
            assert_eq!(next(reader).await.as_deref(), Some("data: <main>0</main>\n\n"));
        }
        assert_eq!(live.looked_at().len(), 1);
        // The second drawing is the same as the first, and is not sent.
        for reader in [&mut one, &mut two] {
            assert_eq!(next(reader).await.as_deref(), Some("data: <main>1</main>\n\n"));
        }
        assert_eq!(drawn.load(Ordering::SeqCst), 3);
        drop((one, two));
        sleep(EVERY * 10).await;
        assert!(live.looked_at().is_empty());
        assert_eq!(drawn.load(Ordering::SeqCst), 3, "nobody looks, nothing is drawn");
        let mut again = stream(&live, 1, &drawn);
        assert_eq!(next(&mut again).await.as_deref(), Some("data: <main>1</main>\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_does_not_change_is_not_sent_again_and_the_connection_is_kept() {
        let live = Live::new(CancellationToken::new());
        let same = || std::future::ready("<main>same</main>".to_owned());
        let mut reader = live.stream(1, same).unwrap().into_body().into_data_stream();
        assert_eq!(next(&mut reader).await.as_deref(), Some("data: <main>same</main>\n\n"));
        assert_eq!(next(&mut reader).await.as_deref(), Some(":\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn streams_end_when_the_process_stops() {
        let (stop, drawn) = (CancellationToken::new(), Arc::default());
        let live = Live::new(stop.clone());
        let mut reader = stream(&live, 1, &drawn);
        assert!(next(&mut reader).await.is_some());
        stop.cancel();
        assert_eq!(next(&mut reader).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_look_a_bounded_number_of_pages_is_drawn_for_a_bounded_number_of_people() {
        let (live, drawn): (_, Arc<AtomicUsize>) = (Live::new(CancellationToken::new()), Arc::default());
        let pages = u32::try_from(PAGES_MAX).unwrap();
        let mut readers: Vec<_> = (0..pages).map(|key| stream(&live, key, &drawn)).collect();
        assert!(live.stream(pages, counting(&drawn)).is_err());
        readers.extend((PAGES_MAX..LOOKING_MAX).map(|_| stream(&live, 0, &drawn)));
        assert!(live.stream(0, counting(&drawn)).is_err());
        readers.pop();
        assert!(live.stream(0, counting(&drawn)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn text_with_whatever_line_ends_is_one_event() {
        let live = Live::new(CancellationToken::new());
        let lines = || std::future::ready("<main>a\r\nb\rc\nd</main>".to_owned());
        let mut reader = live.stream(1, lines).unwrap().into_body().into_data_stream();
        assert_eq!(next(&mut reader).await.as_deref(), Some("data: <main>a\ndata: b\ndata: c\ndata: d</main>\n\n"));
    }
}
