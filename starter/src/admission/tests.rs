//! The limit against queues in virtual time: Poisson arrivals, servers, budgets, and executors that drop what is dead.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::*;

/// A system behind the starter: requests wait in one queue, are dropped if dead, and served by one of the servers.
struct Queue {
    admission: Admission,
    dice: fastrand::Rng,
    now: Timestamp,
    servers: usize,
    busy: usize,
    /// How long a server takes, on average.
    service: Duration,
    /// Whether whoever was not answered by then is answered at the deadline anyway, and nobody any sooner.
    is_dead: bool,
    budget: Budget,
    /// What a request takes beside being served, on average: the log's hops. Nobody waits for anybody there.
    hops: Duration,
    /// So many of a hundred are answered at their deadline, because the policy waits for a straggler.
    straggling: u32,
    /// Every second nobody gets anything done for so long.
    pause: Duration,
    waiting: VecDeque<usize>,
    events: BinaryHeap<Reverse<(Timestamp, u64, Happens)>>,
    number: u64,
    requests: Vec<(Timestamp, bool)>,
    arrived: usize,
    shed: usize,
    /// When each that was answered in time was.
    good: Vec<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Arrival,
    Served(usize),
    Heard(usize),
    Deadline(usize),
}

const BUDGET: Budget = Budget::from_millis(50);
const SERVERS: usize = 8;
const SERVICE: Duration = Duration::from_millis(2);
/// Requests a second that the servers can answer.
const CAPACITY: f64 = 4_000.0;

impl Queue {
    fn new(kind: AdmissionKind) -> Self {
        Self {
            admission: Admission::new(kind, crate::starter::Limits::CALLERS.into()),
            dice: fastrand::Rng::with_seed(6),
            now: Timestamp::from_micros(1_000_000_000),
            servers: SERVERS,
            busy: 0,
            service: SERVICE,
            is_dead: false,
            budget: BUDGET,
            hops: Duration::ZERO,
            straggling: 0,
            pause: Duration::ZERO,
            waiting: VecDeque::new(),
            events: BinaryHeap::new(),
            number: 0,
            requests: Vec::new(),
            arrived: 0,
            shed: 0,
            good: Vec::new(),
        }
    }

    /// Lets so many times what can be answered arrive for so long.
    fn load(&mut self, times: f64, seconds: u64) -> Seen {
        self.offer(CAPACITY * times, seconds)
    }

    /// Lets so many a second arrive for so long.
    fn offer(&mut self, rate: f64, seconds: u64) -> Seen {
        let (from, until) = (self.now, self.now.after(Duration::from_secs(seconds)));
        let (arrived, shed, good) = (self.arrived, self.shed, self.good.len());
        self.plan(self.now, Happens::Arrival);
        while let Some(Reverse((at, _, happens))) = self.events.pop() {
            if at >= until && happens == Happens::Arrival {
                break;
            }
            self.now = at;
            let paused = at.after(self.pause).as_micros() / 1_000_000 != at.as_micros() / 1_000_000;
            match happens {
                Happens::Arrival => {
                    self.arrive();
                    let pause = self.exponential(Duration::from_secs_f64(1.0 / rate));
                    self.plan(at.after(pause), Happens::Arrival);
                }
                // Callers are elsewhere.
                _ if paused => self.plan(Timestamp::from_micros((at.as_micros() / 1_000_000 + 1) * 1_000_000), happens),
                Happens::Served(request) => self.on_served(request),
                Happens::Heard(request) => self.end(request, Ended::Predicted),
                Happens::Deadline(request) => self.end(request, Ended::Degraded),
            }
        }
        self.now = until;
        Seen {
            arrived: self.arrived - arrived,
            shed: self.shed - shed,
            good_per_second: as_f64(self.good.len() - good) / until.since(from).as_secs_f64(),
        }
    }

    fn arrive(&mut self) {
        self.arrived += 1;
        if !self.admission.has_room() {
            self.shed += 1;
            return;
        }
        self.admission.enter();
        let request = self.requests.len();
        self.requests.push((self.now, false));
        self.plan(self.now.after(self.budget.as_duration()), Happens::Deadline(request));
        self.waiting.push_back(request);
        self.serve();
    }

    fn serve(&mut self) {
        while self.busy < self.servers && !self.is_dead {
            let Some(request) = self.waiting.pop_front() else { return };
            if self.requests[request].1 {
                continue;
            }
            self.busy += 1;
            let took = self.exponential(self.service);
            self.plan(self.now.after(took), Happens::Served(request));
        }
    }

    fn on_served(&mut self, request: usize) {
        self.busy -= 1;
        if self.dice.u32(0..100) >= self.straggling {
            let hops = self.hops / 3 + self.exponential(self.hops * 2 / 3);
            self.plan(self.now.after(hops), Happens::Heard(request));
        }
        self.serve();
    }

    fn end(&mut self, request: usize, ended: Ended) {
        let (entered, is_over) = self.requests[request];
        if is_over {
            return;
        }
        self.requests[request].1 = true;
        if ended == Ended::Predicted {
            self.good.push(self.now);
        }
        self.admission.on_ended(entered, self.budget, ended, self.now);
    }

    fn plan(&mut self, at: Timestamp, happens: Happens) {
        self.number += 1;
        self.events.push(Reverse((at, self.number, happens)));
    }

    fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.dice.f64()).ln())
    }

    /// Returns how many were answered in time in each second of so many from `from` on.
    fn good_since(&self, from: Timestamp, seconds: u64) -> f64 {
        let until = from.after(Duration::from_secs(seconds));
        let good = self.good.iter().filter(|at| **at >= from && **at < until).count();
        as_f64(good) / f64::from(u32::try_from(seconds).unwrap())
    }
}

#[derive(Debug)]
struct Seen {
    arrived: usize,
    shed: usize,
    good_per_second: f64,
}

fn goodput(kind: AdmissionKind, times: f64) -> f64 {
    Queue::new(kind).load(times, 20).good_per_second
}

#[test]
fn far_beyond_the_knee_as_many_are_answered_in_time_as_at_it() {
    let loads = [0.5, 0.7, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0];
    let good = loads.map(|times| goodput(AdmissionKind::Adaptive, times));
    let peak = good.iter().copied().fold(0.0, f64::max);
    for (times, good) in loads.into_iter().zip(good) {
        let offered = (CAPACITY * times).min(peak);
        assert!(good >= 0.9 * offered, "{times} times the capacity: {good:.0}/s of {offered:.0}/s");
    }
}

#[test]
fn without_an_adaptive_limit_goodput_collapses_beyond_the_knee() {
    assert!(goodput(AdmissionKind::Fixed, 2.0) < 0.5 * goodput(AdmissionKind::Fixed, 0.9));
}

#[test]
fn nothing_is_shed_below_the_knee() {
    for times in [0.01, 0.3, 0.5, 0.7] {
        let seen = Queue::new(AdmissionKind::Adaptive).load(times, 60);
        assert_eq!(seen.shed, 0, "{times}: {seen:?}");
    }
}

#[test]
fn bursts_that_can_be_answered_in_time_are_not_shed() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    for _ in 0..200 {
        queue.load(0.1, 1);
        (0..100).for_each(|_| queue.arrive());
    }
    assert_eq!(queue.shed, 0);
}

/// As `make bench ONLY=stragglers` has it on a machine that has nothing to spare: three executors of which each straggles
/// in 2 of 100 requests, half of the others take 11 ms of 20, and once a second something pauses all of it for 40 ms.
fn straggling(kind: AdmissionKind) -> Queue {
    let mut queue = Queue::new(kind);
    (queue.servers, queue.budget, queue.hops) = (4 * SERVERS, Budget::from_millis(20), Duration::from_millis(12));
    (queue.straggling, queue.pause) = (6, Duration::from_millis(40));
    queue
}

#[test]
fn stragglers_are_not_strain() {
    let [adaptive, fixed] = [AdmissionKind::Adaptive, AdmissionKind::Fixed].map(|kind| {
        let mut queue = straggling(kind);
        queue.offer(500.0, 10);
        queue.offer(5_000.0, 60)
    });
    // The signal that this one took the place of, a tenth of the requests beyond 0.7 of their budget, shed a tenth.
    assert_eq!(adaptive.shed, 0, "{adaptive:?} {fixed:?}");
    assert!(adaptive.good_per_second > 0.99 * fixed.good_per_second, "{adaptive:?} {fixed:?}");
}

#[test]
fn beyond_the_knee_stragglers_do_not_hide_the_queue() {
    let [one, two, three] = [1.0, 2.0, 3.0].map(|times| {
        let mut queue = straggling(AdmissionKind::Adaptive);
        (queue.hops, queue.pause) = (Duration::from_millis(4), Duration::from_millis(10));
        queue.offer(4.0 * CAPACITY * times, 20)
    });
    let peak = one.good_per_second.max(two.good_per_second).max(three.good_per_second);
    assert!(two.good_per_second > 0.9 * peak && three.good_per_second > 0.9 * peak, "{one:?} {two:?} {three:?}");
}

#[test]
fn a_machine_that_pauses_for_a_second_is_not_shed_for_when_budgets_are_ample() {
    let mut queue = straggling(AdmissionKind::Adaptive);
    (queue.budget, queue.pause) = (Budget::from_millis(10_000), Duration::from_millis(900));
    queue.servers = 256;
    let seen = queue.offer(10_000.0, 30);
    assert_eq!(seen.shed, 0, "{seen:?}");
}

#[test]
fn five_seconds_after_a_spike_all_is_as_before() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    let before = queue.load(0.7, 30);
    let spike = queue.load(3.0, 30);
    assert!(spike.good_per_second > 0.9 * CAPACITY && spike.shed > spike.arrived / 2, "{spike:?}");
    let end = queue.now;
    let after = queue.load(0.7, 5);
    let last = queue.good_since(end.after(Duration::from_secs(1)), 4);
    assert!(last > 0.95 * before.good_per_second, "{before:?} {after:?} {last}");
    let later = queue.load(0.7, 30);
    assert_eq!(later.shed, 0, "{later:?}");
    assert_eq!(queue.admission.limit(), queue.admission.ceiling, "a calm system is open again");
}

#[test]
fn in_overload_the_limit_stays_within_a_narrow_band() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    queue.load(2.0, 10);
    let mut seen = Vec::new();
    for _ in 0..50 {
        queue.load(2.0, 1);
        seen.push(queue.admission.limit());
    }
    let (low, high) = (*seen.iter().min().unwrap(), *seen.iter().max().unwrap());
    assert!(low >= 60 && high <= 300, "{low} to {high}, and {CAPACITY} times the budget is 200");
}

#[test]
fn a_dead_executor_that_no_smaller_load_would_bring_back_is_not_shed_for() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    queue.load(0.7, 10);
    queue.is_dead = true;
    queue.load(0.7, 10);
    let dead = queue.load(0.7, 60);
    assert_eq!(dead.shed, 0, "{dead:?}");
    queue.is_dead = false;
    let again = queue.load(0.7, 10);
    assert!(again.shed == 0 && again.good_per_second > 0.6 * CAPACITY, "{again:?}");
    let spike = queue.load(3.0, 20);
    assert!(spike.good_per_second > 0.9 * CAPACITY, "and overload is still seen: {spike:?}");
}

#[test]
fn a_system_smaller_than_the_floor_is_left_alone() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    (queue.servers, queue.service) = (1, Duration::from_millis(20));
    queue.load(0.05, 60);
    assert!(queue.admission.limit() >= FLOOR);
}

#[test]
fn a_capacity_that_halves_is_found_and_one_that_comes_back_is_used() {
    let mut queue = Queue::new(AdmissionKind::Adaptive);
    queue.load(0.9, 20);
    queue.servers = SERVERS / 2;
    queue.load(0.9, 5);
    let half = queue.load(0.9, 20);
    assert!(half.good_per_second > 0.45 * CAPACITY, "{half:?}");
    queue.servers = SERVERS;
    queue.load(0.9, 5);
    let whole = queue.load(0.9, 20);
    assert!(whole.good_per_second > 0.85 * CAPACITY, "{whole:?}");
}

#[test]
fn a_fixed_limit_is_the_ceiling_whatever_happens() {
    let mut admission = Admission::new(AdmissionKind::Fixed, 3);
    let now = Timestamp::from_micros(1_000_000_000);
    for _ in 0..1_000 {
        admission.enter();
        admission.on_ended(now, BUDGET, Ended::Unanswered, now.after(Duration::from_secs(9)));
    }
    assert_eq!((admission.limit(), admission.in_flight(), admission.has_room()), (3, 0, true));
    (0..3).for_each(|_| admission.enter());
    assert!(!admission.has_room());
}

#[test]
fn those_who_can_wait_have_half_of_the_limit() {
    let mut admission = Admission::new(AdmissionKind::Adaptive, 100);
    (0..50).for_each(|_| admission.enter());
    assert!(admission.has_room() && !admission.has_room_behind());
}

#[test]
fn whatever_happens_the_limit_stays_between_floor_and_ceiling() {
    let mut dice = fastrand::Rng::with_seed(7);
    for ceiling in [1, 5, 16, 17, 1_000] {
        let mut admission = Admission::new(AdmissionKind::Adaptive, ceiling);
        let mut now = Timestamp::from_micros(1_000_000_000);
        for _ in 0..20_000 {
            if admission.has_room() {
                admission.enter();
            }
            let entered = now;
            now = now.after(Duration::from_micros(dice.u64(0..20_000)));
            let ended = [Ended::Predicted, Ended::Degraded, Ended::Unanswered, Ended::Void][dice.usize(0..4)];
            admission.on_ended(entered, Budget::from_millis(dice.u64(1..30)), ended, now);
            assert!((FLOOR.min(ceiling)..=ceiling).contains(&admission.limit()), "{admission:?}");
        }
    }
}
