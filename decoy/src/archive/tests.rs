//! Files are published once, whatever is killed in between.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::mpsc::{Receiver, Sender, channel},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, SystemTime},
};

use bus::Received;
use tempfile::TempDir;
use wire::{Headers, Record};

use super::*;
use crate::segment::{Begin, Limits, Segment};

const LIMITS: Limits = Limits { rows: 1_000, bytes: 1 << 20, every: Duration::from_mins(1) };

fn partition() -> TopicPartition {
    TopicPartition::new("wine.requests", 0)
}

fn received(offset: i64) -> Received {
    let record = Record { key: None, headers: Headers::default(), payload: Some(offset.to_string().into()) };
    Received { partition: partition(), offset, appended: Timestamp::from_micros(offset), record }
}

fn sealed(position: i64, offsets: impl IntoIterator<Item = i64>) -> Arc<Sealed> {
    let (mut segment, mut columns) = (Segment::open(Begin::At(position)), Columns::new());
    for offset in offsets {
        let _ = segment.admit(offset, 1, Timestamp::EPOCH, &LIMITS);
        columns.push(&received(offset));
    }
    let label = Label::of(&partition(), &segment, Timestamp::from_micros(segment.next() - 1)).unwrap();
    Arc::new(Sealed { label, batch: columns.finish(&partition()).unwrap() })
}

/// An archive that skips the disk's own latency.
fn archive(folder: &TempDir) -> Archive {
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    Archive { store: Arc::new(store), root: folder.path().to_owned() }
}

async fn next_of(archive: &Archive) -> i64 {
    archive.survey(&partition()).await.unwrap().newest.map_or(0, |newest| newest.next())
}

/// Every archived offset, in the order of the files.
async fn offsets(archive: &Archive) -> Vec<i64> {
    let files = archive.files(&partition()).await.unwrap();
    files.iter().flat_map(|file| read(file).unwrap()).map(|record| record.received.offset).collect()
}

fn in_folder(archive: &Archive, name: &str) -> PathBuf {
    archive.folder(&partition()).join(name)
}

#[tokio::test]
async fn the_archive_says_where_to_go_on() {
    let folder = TempDir::new().unwrap();
    let archive = Archive::open(&folder.path().join("deep/er")).await.unwrap();
    assert_eq!(next_of(&archive).await, 0);
    assert!(matches!(archive.publish(&sealed(0, 0..100)).await.unwrap(), Published::Durable { bytes: 1.. }));
    assert!(matches!(archive.publish(&sealed(100, 100..120)).await.unwrap(), Published::Durable { .. }));
    assert_eq!(next_of(&archive).await, 120);
    assert_eq!(offsets(&archive).await, (0..120).collect::<Vec<_>>());
    let names: Vec<_> =
        fs::read_dir(archive.folder(&partition())).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.contains(&"00000000000000000100-00000000000000000119.parquet".into()), "{names:?}");
}

#[tokio::test]
async fn gaps_are_in_the_metadata_and_in_no_name() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(5, [9, 10, 13])).await.unwrap();
    let label = archive.survey(&partition()).await.unwrap().newest.unwrap();
    assert_eq!((label.position, label.covered, label.rows), (5, Covered { first: 9, last: 13 }, 3));
    assert_eq!(label.gaps, [5..9, 11..13]);
}

#[tokio::test]
async fn the_same_file_twice_is_there_once() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    for _ in 0..2 {
        assert!(matches!(archive.publish(&sealed(0, 0..10)).await.unwrap(), Published::Durable { .. }));
    }
    assert_eq!(offsets(&archive).await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_zombie_with_another_buffer_publishes_nothing() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(0, 0..100)).await.unwrap();
    assert_eq!(archive.publish(&sealed(0, 0..121)).await.unwrap(), Published::Beaten);
    archive.publish(&sealed(100, 100..150)).await.unwrap();
    assert_eq!(archive.publish(&sealed(0, 0..121)).await.unwrap(), Published::Beaten);
    assert_eq!(archive.publish(&sealed(100, 100..101)).await.unwrap(), Published::Beaten);
    assert_eq!(offsets(&archive).await, (0..150).collect::<Vec<_>>());
    assert_eq!(archive.claims(&partition()).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn a_claim_of_a_killed_writer_is_settled_by_the_next_owner() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.claim(&partition(), 0, encode(sealed(0, 0..100)).await.unwrap()).await.unwrap();
    assert_eq!(offsets(&archive).await, Vec::<i64>::new());
    assert_eq!(next_of(&archive).await, 100);
    assert_eq!(offsets(&archive).await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_claim_in_the_way_wins_and_the_other_writer_is_told() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.claim(&partition(), 0, encode(sealed(0, 0..100)).await.unwrap()).await.unwrap();
    assert_eq!(archive.publish(&sealed(0, 0..121)).await.unwrap(), Published::Beaten);
    assert_eq!(offsets(&archive).await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_claim_that_comes_too_late_is_removed_whatever_it_holds() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(0, 0..100)).await.unwrap();
    archive.claim(&partition(), 0, Bytes::from_static(b"half a fi")).await.unwrap();
    assert_eq!(next_of(&archive).await, 100);
    assert_eq!(archive.claims(&partition()).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn left_overs_of_killed_writers_are_ignored_and_removed() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(0, 0..100)).await.unwrap();
    let left_over = |position: i64| in_folder(&archive, CLAIMS).join(format!("{position:020}#1"));
    for position in [0, 100] {
        fs::write(left_over(position), "half a fi").unwrap();
    }
    assert_eq!(next_of(&archive).await, 100);
    assert!(!left_over(0).exists());
    assert!(left_over(100).exists(), "another writer may be filling it");
    archive.publish(&sealed(100, 100..120)).await.unwrap();
    assert!(!left_over(100).exists());
    assert_eq!(offsets(&archive).await, (0..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn overlapping_files_are_an_error_that_names_them() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(0, 0..100)).await.unwrap();
    fs::write(in_folder(&archive, &label::file_name(Covered { first: 99, last: 120 })), "").unwrap();
    let error = archive.survey(&partition()).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Overlap { .. }) && error.needs_hands());
    let sentence = error.to_string();
    assert!(sentence.contains("00000000000000000000-00000000000000000099.parquet"), "{sentence}");
    assert!(sentence.contains("00000000000000000099-00000000000000000120.parquet"), "{sentence}");
}

#[tokio::test]
async fn a_newest_file_that_cannot_be_read_or_lies_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    archive.publish(&sealed(0, 0..100)).await.unwrap();
    let liar = in_folder(&archive, &label::file_name(Covered { first: 100, last: 120 }));
    for content in [Vec::new(), b"PAR1".to_vec(), fs::read(&archive.files(&partition()).await.unwrap()[0]).unwrap()] {
        fs::write(&liar, content).unwrap();
        let error = archive.survey(&partition()).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("00000000000000000100-00000000000000000120.parquet"), "{error}");
    }
}

#[tokio::test]
async fn old_files_are_removed_but_never_the_newest() {
    let folder = TempDir::new().unwrap();
    let archive = archive(&folder);
    for position in [0, 10, 20] {
        archive.publish(&sealed(position, position..position + 10)).await.unwrap();
    }
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    for file in archive.files(&partition()).await.unwrap().iter().skip(1) {
        fs::File::options().append(true).open(file).unwrap().set_modified(old).unwrap();
    }
    let before = Timestamp::EPOCH.after(Duration::from_secs(1_001));
    assert_eq!(archive.prune(&partition(), before).await.unwrap(), 1);
    assert_eq!(archive.prune(&partition(), before).await.unwrap(), 0);
    assert_eq!(offsets(&archive).await, (0..10).chain(20..30).collect::<Vec<_>>());
    assert_eq!(next_of(&archive).await, 30);
}

#[tokio::test]
async fn a_folder_that_is_none_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Archive::open(&file.join("archive")).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Unavailable(_)) && !error.needs_hands(), "{error}");
}

// === every order of steps ===

/// Owners and zombies of one partition, each stopped between any two looks at the disk for as long as another likes,
/// some killed there: whatever the order, the files tile the log.
#[tokio::test]
async fn no_order_of_steps_of_any_writers_makes_a_hole_or_an_overlap() {
    for seed in 1..=100 {
        let folder = TempDir::new().unwrap();
        let archive = archive(&folder);
        let mut random = Random(seed);
        let mut actors: Vec<Stepped> =
            (0..4).map(|actor| Stepped::new(own(archive.clone(), Random(seed * 31 + actor)))).collect();
        while !actors.is_empty() {
            let actor = random.below(actors.len());
            // A turn of several steps makes it likely that others stand still for long.
            let ended = (0..=random.below(12)).any(|_| actors[actor].step());
            let killed = random.below(25) == 0;
            if ended || killed {
                drop(actors.swap_remove(actor));
            }
        }
        let next = next_of(&archive).await;
        assert_eq!(offsets(&archive).await, (0..next).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(archive.claims(&partition()).await.unwrap(), Vec::<i64>::new(), "seed {seed}");
    }
}

/// Takes a partition over and archives three files of any length; what it was told is durable must be there.
async fn own(archive: Archive, mut random: Random) {
    let mut position = None;
    for _ in 0..3 {
        let from = match position {
            Some(position) => position,
            None => next_of(&archive).await,
        };
        let until = from + 1 + i64::try_from(random.below(5)).unwrap();
        position = loop {
            match archive.publish(&sealed(from, from..until)).await {
                Ok(Published::Durable { .. }) => break Some(until),
                Ok(Published::Beaten) => break None,
                // Others who had moved past removed what it was filling: it tries again, as the station does.
                Err(ArchiveError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
    }
}

/// A future that is run one look at the disk at a time.
struct Stepped {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
    woken: Receiver<()>,
}

struct Bell(Sender<()>);

/// Good enough to shuffle, and the same on every machine.
struct Random(u64);

// === impl Stepped ===

impl Stepped {
    fn new(future: impl Future<Output = ()> + 'static) -> Self {
        let (sender, woken) = channel();
        Self { future: Box::pin(tokio::task::unconstrained(future)), waker: Arc::new(Bell(sender)).into(), woken }
    }

    /// Lets it take one look, and waits until that is done. Returns whether it has ended.
    fn step(&mut self) -> bool {
        match self.future.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(()) => true,
            Poll::Pending => {
                self.woken.recv_timeout(Duration::from_secs(30)).unwrap();
                false
            }
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Whoever was killed listens no more.
        let _ = self.0.send(());
    }
}

// === impl Random ===

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }
}

#[test]
fn the_shuffle_shuffles() {
    let mut random = Random(1);
    assert_eq!((0..200).map(|_| random.below(7)).collect::<BTreeSet<_>>(), (0..7).collect::<BTreeSet<_>>());
}
