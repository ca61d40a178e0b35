"""Reads requests, asks the executor's function, writes what it says, and commits what the log has taken."""

from __future__ import annotations

import heapq
import logging
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from . import wire
from .clock import Clock
from .executor import Abstain, Executor, Input
from .progress import Progress
from .timekeeping import Timekeeping

log = logging.getLogger("hedgerow")

#: Nobody hears any more what is so long past its deadline.
STALE_US = 5_000_000
#: A group that never committed begins with what may still be alive.
HORIZON_MS = 60_000
#: So many requests are read ahead of the one that is asked about.
AHEAD = 1_024
COMMIT_EVERY_US = 1_000_000
IDLE_SECONDS = 0.1
#: How long the log may take to acknowledge, when a partition or the process goes.
DRAIN_SECONDS = 10.0


class Stopped(RuntimeError):
    """The station cannot go on: what is wrong, and what to do."""


@dataclass
class Work:
    """A request in hand."""

    request: wire.Request
    partition: int
    offset: int
    fetched_after_us: int
    start_us: int
    fetched_us: int

    def __lt__(self, other: "Work") -> bool:
        return (self.start_us, self.offset) < (other.start_us, other.offset)


class Station:
    """One executor at work on a consumer and a producer. `step` does a little of everything; somebody calls it in a loop."""

    def __init__(self, executor: Executor, consumer: Any, producer: Any, clock: Clock) -> None:
        self.executor, self.consumer, self.producer, self.clock = executor, consumer, producer, clock
        self.now_us, self.timekeeping = clock.now_us, Timekeeping(clock, producer)
        self.requests = f"{executor.rendezvous}.requests"
        self.responses = f"{executor.rendezvous}.responses"
        self.waiting: List[Work] = []
        self.progress: Dict[int, Progress] = {}
        #: When something was last committed, by a clock that no correction moves.
        self.committed_us = 0

    # --- the group ---

    def on_assign(self, consumer: Any, partitions: List[TopicPartition]) -> None:
        known = consumer.committed(partitions, timeout=10.0)
        fresh = [TopicPartition(one.topic, one.partition, self.now_us() // 1000 - HORIZON_MS) for one in known if one.offset < 0]
        begun = [one for one in known if one.offset >= 0]
        if fresh:
            begun += consumer.offsets_for_times(fresh, timeout=10.0)
        self.progress.update({one.partition: Progress() for one in begun})
        consumer.incremental_assign(begun)
        log.info("partitions came", extra={"partitions": sorted(one.partition for one in begun)})

    def on_revoke(self, consumer: Any, partitions: List[TopicPartition]) -> None:
        """Commits what is done, and leaves the rest to whoever has the partitions next."""
        gone = {one.partition for one in partitions}
        self.waiting = [work for work in self.waiting if work.partition not in gone]
        heapq.heapify(self.waiting)
        self.producer.flush(DRAIN_SECONDS)
        self.commit(only=gone)
        self.on_lost(consumer, partitions)
        consumer.incremental_unassign(partitions)

    def on_lost(self, _consumer: Any, partitions: List[TopicPartition]) -> None:
        gone = {one.partition for one in partitions}
        self.waiting = [work for work in self.waiting if work.partition not in gone]
        heapq.heapify(self.waiting)
        for one in gone:
            self.progress.pop(one, None)
        log.info("partitions went", extra={"partitions": sorted(gone)})

    # --- the work ---

    def step(self) -> None:
        self.read()
        self.answer()
        self.producer.poll(0)
        self.timekeeping.go_on()
        if self.clock.reading_us() - self.committed_us >= COMMIT_EVERY_US:
            self.commit()

    def read(self) -> None:
        """Takes in what is there. Waits for something only if nothing else is to be done."""
        if len(self.waiting) >= AHEAD:
            return
        message = self.consumer.poll(self.pause())
        messages = [] if message is None else [message, *self.consumer.consume(AHEAD, timeout=0)]
        for message in messages:
            if message.error() is not None:
                self.on_error(message.error())
            else:
                self.take(message)

    def pause(self) -> float:
        if not self.waiting:
            return IDLE_SECONDS
        return min(IDLE_SECONDS, max(0.0, (self.waiting[0].start_us - self.now_us()) / 1e6))

    def on_error(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
            raise Stopped(f"Kafka refuses: {error.str()}")
        log.warning("Kafka is in trouble", extra={"problem": error.str()})

    def take(self, message: Any) -> None:
        progress = self.progress.setdefault(message.partition(), Progress())
        self.clock.on_read(message)
        now = self.now_us()
        try:
            request = wire.decode_request(message.headers(), message.value())
        except wire.Unreadable as problem:
            # The collector reads the same topic and keeps it among the dead letters.
            log.warning("a record is no request", extra={"offset": message.offset(), "problem": str(problem)})
            return progress.skip(message.offset())
        asked = request.asks(self.executor.name)
        if asked is None or request.deadline_us + STALE_US <= now:
            return progress.skip(message.offset())
        progress.begin(message.offset(), request.deadline_us)
        _, appended_ms = message.timestamp()
        start_us = request.born_us + asked.start_after_us
        fetched_after_us = max(0, now - appended_ms * 1000)
        work = Work(request, message.partition(), message.offset(), fetched_after_us, start_us, now)
        heapq.heappush(self.waiting, work)

    def answer(self) -> None:
        """Asks about what may start, at most a batch of it."""
        batch: List[Tuple[Work, Input]] = []
        while self.waiting and len(batch) < self.executor.batch_max:
            now = self.now_us()
            if self.waiting[0].start_us > now:
                break
            work = heapq.heappop(self.waiting)
            if work.request.deadline_us <= now:
                self.refuse(work, wire.EXPIRED, "the deadline was past before work began")
                continue
            try:
                batch.append((work, Input.of(work.request, self.clock.now)))
            except ValueError as problem:
                self.refuse(work, wire.FAILED, f"the input cannot be read: {problem}")
        if not batch:
            return
        began = self.now_us()
        answers = self.executor.ask([one for _, one in batch])
        took = self.now_us() - began
        share = took // len(batch)
        for (work, _), said in zip(batch, answers):
            queued = max(0, began - max(work.fetched_us, work.start_us)) + took - share
            self.say(work, queued, share, said)

    def say(self, work: Work, queued_us: int, scored_us: int, said: Any) -> None:
        try:
            if isinstance(said, BaseException):
                raise said
            if said is None:
                raise Abstain("it chose not to answer")
            answer, failure, message = wire.encode_answer(said), None, ""
        except Abstain as why:
            answer, failure, message = None, wire.ABSTAINED, str(why)
        except Exception as problem:
            answer, failure, message = None, wire.FAILED, words(problem)
            log.warning("the executor failed", extra={"request": str(work.request.id), "problem": message})
        self.send(work, queued_us, scored_us, answer, failure, message)

    def refuse(self, work: Work, failure: str, message: str) -> None:
        self.send(work, max(0, self.now_us() - work.fetched_us), 0, None, failure, message)

    def send(
        self, work: Work, queued_us: int, scored_us: int, answer: Optional[bytes], failure: Optional[str], message: str
    ) -> None:
        name, model = self.executor.name, self.executor.model
        response = wire.Response(
            work.request.id, name, model, work.fetched_after_us, queued_us, scored_us, answer, failure, message
        )
        progress, sent = self.progress.get(work.partition), self.clock.reading_us()

        def acknowledged(error: Optional[KafkaError], message: Any) -> None:
            if error is None:
                self.clock.on_appended(sent, message)
                if progress is not None:
                    progress.finish(work.offset)
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE and answer is not None:
                self.too_large(work, queued_us, scored_us)
            else:
                # Its offset is held until its time is past: restarted before then, we try again.
                log.error("the log did not take a response", extra={"request": str(work.request.id), "problem": error.str()})

        key, headers, payload = wire.encode_response(response)
        while True:
            try:
                # The request's own partition, and no partitioner's: whoever decides reads both.
                return self.producer.produce(
                    self.responses, value=payload, key=key, headers=headers, partition=work.partition, on_delivery=acknowledged
                )
            except BufferError:
                self.producer.poll(0.01)
            except KafkaException as refused:
                if refused.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE or answer is None:
                    raise Stopped(f"Kafka refuses a response: {refused.args[0].str()}") from None
                return self.too_large(work, queued_us, scored_us)

    def too_large(self, work: Work, queued_us: int, scored_us: int) -> None:
        self.send(work, queued_us, scored_us, None, wire.FAILED, "the answer is larger than the topic allows")

    # --- what is done ---

    def commit(self, only: Optional[set] = None) -> None:
        now, self.committed_us = self.now_us(), self.clock.reading_us()
        of = {one: progress for one, progress in self.progress.items() if only is None or one in only}
        places = {one: progress.to_commit(now) for one, progress in of.items()}
        offsets = [TopicPartition(self.requests, one, place) for one, place in places.items() if place is not None]
        if not offsets:
            return
        try:
            self.consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as problem:
            # A lost commit only means more to read again.
            log.warning("a commit was lost", extra={"problem": problem.args[0].str()})

    def finish(self) -> None:
        """Answers what is in hand, hears that the log has it, commits, and leaves the group."""
        patience = self.clock.reading_us() + int(DRAIN_SECONDS * 1e6)
        while self.waiting and self.clock.reading_us() < patience:
            self.answer()
            self.producer.poll(0)
            if self.waiting and self.waiting[0].start_us > self.now_us():
                time.sleep(self.pause())
        self.producer.flush(DRAIN_SECONDS)
        self.commit()
        self.consumer.close()


def run(
    executor: Executor, brokers: str, config: Optional[Dict[str, Any]] = None, stop: Optional[threading.Event] = None
) -> None:
    """Serves `executor` until `stop`, SIGTERM or SIGINT; then finishes what is in hand, commits and leaves.

    `config` goes to the Kafka client as it is (TLS, SASL).
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    if executor.load is not None:
        executor.load()
    shared = {"bootstrap.servers": brokers, **(config or {})}
    consumer = confluent_kafka.Consumer(
        {
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "partition.assignment.strategy": "cooperative-sticky",
            "fetch.wait.max.ms": 100,
            **shared,
            "group.id": f"hedgerow.{executor.rendezvous}.executors.{executor.name}",
        },
        logger=log,
    )
    producer = confluent_kafka.Producer({"linger.ms": 0, **shared, "enable.idempotence": True}, logger=log)
    station = Station(executor, consumer, producer, Clock())
    check_topics(consumer, station)
    station.timekeeping.begin()
    consumer.subscribe(
        [station.requests], on_assign=station.on_assign, on_revoke=station.on_revoke, on_lost=station.on_lost
    )
    log.info("serving", extra={"executor": executor.name, "rendezvous": executor.rendezvous, "model": executor.model})
    while not stop.is_set():
        station.step()
    station.finish()
    log.info("stopped")


def check_topics(consumer: Any, station: Station) -> None:
    try:
        topics = consumer.list_topics(timeout=10.0).topics
    except KafkaException as problem:
        raise Stopped(f"Kafka cannot be reached: {problem.args[0].str()}; check `brokers` and that it runs") from None
    for topic in (station.requests, station.responses):
        if topic not in topics:
            name = station.executor.rendezvous
            raise Stopped(f"there is no topic `{topic}`: is `{name}` the rendezvous' name? `hedgerow run` makes its topics")


def words(problem: BaseException) -> str:
    """Returns an exception's type and message, and the line that raised it."""
    text = traceback.format_exception_only(type(problem), problem)[-1].strip()
    frames = traceback.extract_tb(problem.__traceback__)
    return f"{text} ({frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno})" if frames else text
