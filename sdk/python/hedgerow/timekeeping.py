"""Asks the log for its time: what is written shows that a clock is ahead, what is read only that it is behind."""

from __future__ import annotations

import logging
from typing import Any, Optional

from confluent_kafka import KafkaError, KafkaException

from .clock import Clock

log = logging.getLogger("hedgerow")

#: Where processes write for the time that the log gives a record.
CLOCK_TOPIC = "hedgerow.clock"
#: Three in each minute, which is how long what they show is heeded.
EVERY_US = 20_000_000
#: So many before anything is read: the quickest says most.
AT_FIRST = 3
#: How long each of those is waited for.
WITHIN_SECONDS = 5.0


class Timekeeping:
    """Writes an empty record now and then, for the time that the log gives it."""

    def __init__(self, clock: Clock, producer: Any) -> None:
        self.clock, self.producer = clock, producer
        #: When it last asked, as the clock reads.
        self.asked_us = clock.reading_us()
        self.is_silence_told = False

    def begin(self) -> None:
        """Asks and waits: whose clock is ahead would find every request too old, answer none, and never learn."""
        for _ in range(AT_FIRST):
            self.ask()
            self.producer.flush(WITHIN_SECONDS)

    def go_on(self) -> None:
        """Asks, if it is time to."""
        if self.clock.reading_us() - self.asked_us >= EVERY_US:
            self.ask()

    def ask(self) -> None:
        sent = self.asked_us = self.clock.reading_us()

        def acknowledged(error: Optional[KafkaError], message: Any) -> None:
            if error is None:
                self.is_silence_told = False
                self.clock.on_appended(sent, message)
            else:
                self.on_silence(error)

        try:
            self.producer.produce(CLOCK_TOPIC, value=b"", partition=0, on_delivery=acknowledged)
        except KafkaException as refused:
            self.on_silence(refused.args[0])
        except BufferError:
            # What fills the queue are answers, and those show the time too.
            pass

    def on_silence(self, error: KafkaError) -> None:
        if not self.is_silence_told:
            self.is_silence_told = True
            problem = f"`{CLOCK_TOPIC}` cannot be written: while nothing is answered, a clock that is ahead goes unnoticed"
            log.warning(problem, extra={"problem": error.str()})
