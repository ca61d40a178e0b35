"""The machine's clock, moved to the log's as far as that is known."""

from __future__ import annotations

import logging
import time
from typing import Any, Optional

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

from .skew import CORRECTED, TOO_FAR, UNSTABLE, Finding, Skew

log = logging.getLogger("hedgerow")

#: For so long a clock may stand still rather than step back.
STANDSTILL_US = 100_000
#: A smaller correction is not worth a word.
WORTH_TELLING_US = 5_000

AGREES = "agrees"
MEND = "keep the clocks of this host and of the brokers by NTP"


class Clock:
    """Wall time when it was made, moved on by the monotonic clock, less what the log's append times say it is ahead."""

    def __init__(self) -> None:
        self._origin_us = (time.time_ns() - time.monotonic_ns()) // 1000
        self._skew = Skew()
        self._correction = 0
        #: No earlier time is shown.
        self._floor: Optional[int] = None
        self._told = AGREES
        self._is_foreign_told = False

    def now_us(self) -> int:
        """Returns the log's time, in microseconds since 1970."""
        now = self.reading_us() - self._correction
        return now if self._floor is None else max(now, self._floor)

    def now(self) -> float:
        """Returns the log's time, in seconds since 1970."""
        return self.now_us() / 1e6

    def reading_us(self) -> int:
        """Returns what this host's clock reads, uncorrected."""
        return self._origin_us + time.monotonic_ns() // 1000

    def on_appended(self, sent_us: int, message: Any) -> None:
        """`message` was sent at this reading, and is acknowledged now."""
        appended = self._appended_us(message)
        if appended is not None:
            self._follow(self._skew.on_appended(sent_us, appended, self.reading_us()))

    def on_read(self, message: Any) -> None:
        """`message` is read now."""
        appended = self._appended_us(message)
        if appended is not None:
            self._follow(self._skew.on_read(appended, self.reading_us()))

    def _appended_us(self, message: Any) -> Optional[int]:
        kind, millis = message.timestamp()
        if kind == TIMESTAMP_CREATE_TIME and not self._is_foreign_told:
            self._is_foreign_told = True
            log.warning(
                "times are the writers', not the broker's: set message.timestamp.type=LogAppendTime",
                extra={"topic": message.topic()},
            )
        return millis * 1000 if kind == TIMESTAMP_LOG_APPEND_TIME else None

    def _follow(self, finding: Finding) -> None:
        correction = 0 if finding.kind == TOO_FAR else finding.by_us
        back = correction - self._correction
        if back > 0:
            # By a little it never steps back. By much it does, once: what is due now was never due by the wrong time.
            self._floor = self.now_us() if back <= STANDSTILL_US else None
        self._correction = correction
        is_small = finding.kind == CORRECTED and abs(correction) < WORTH_TELLING_US
        told = AGREES if is_small else finding.kind
        if told != self._told:
            self._tell(told, finding)
            self._told = told

    def _tell(self, told: str, finding: Finding) -> None:
        off = f"{abs(finding.by_us) / 1e6:.3f} s {'ahead of' if finding.by_us > 0 else 'behind'} the log's"
        if told == UNSTABLE:
            log.warning(f"the log's append times contradict each other, so a clock jumps or brokers disagree: {MEND}")
        elif told == TOO_FAR:
            log.warning(f"this host's clock is {off}, which is too much to be corrected; deadlines are misjudged here: {MEND}")
        elif told == CORRECTED:
            log.warning(f"this host's clock is {off}, and is corrected by that: {MEND}")
        else:
            log.info("this host's clock agrees with the log's")
