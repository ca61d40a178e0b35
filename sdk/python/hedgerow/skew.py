"""How far this host's clock is from the log's: the rule of hedgerow's own stations. Knows no Kafka and no clock.

The offset is this host's clock less the log's, in microseconds. A record that was sent at `sent`, appended by the log at `appended`
and acknowledged at `acknowledged` proves that it is at least `sent - appended` and at most `acknowledged - appended`; one that was
read at `read`, that it is at most `read - appended`. What is proven within a minute is intersected, and the clock is corrected by
the least that is consistent. `wire/vectors/clocks.json` in hedgerow's repository is what both this and hedgerow are tested by.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Tuple

#: Kafka tells the time of an append in whole milliseconds, rounded down.
ROUNDED_US = 1_000
#: How long a reading is heeded, in slots of so long: clocks drift.
KEPT_US = 60_000_000
SLOT_US = 5_000_000
#: Brokers whose clocks differ by less are all right: whatever lies between them will do.
TOLERATED_US = 20_000
#: A larger offset is a mistake that somebody must mend.
TRUSTED_US = 60_000_000
#: So many contradictions within the time that readings are heeded are no accident.
CONTRADICTIONS = 3

CORRECTED, TOO_FAR, UNSTABLE = "corrected", "too_far", "unstable"

#: What a reading proves: the offset is at least the first and at most the second.
Interval = Tuple[float, float]
ANYTHING: Interval = (float("-inf"), float("inf"))


@dataclass(frozen=True)
class Finding:
    """What follows: `CORRECTED`, read the clock as `by_us` less; `TOO_FAR`, nobody believes that; `UNSTABLE`, clocks jump, and the correction stays."""

    kind: str
    by_us: int


class Skew:
    """What readings of both clocks have proven of late."""

    def __init__(self) -> None:
        #: Oldest first, each with the reading that it began at.
        self._slots: Deque[Tuple[int, Interval]] = deque()
        self._contradictions: Deque[int] = deque(maxlen=CONTRADICTIONS)
        self._correction = 0

    def on_appended(self, sent: int, appended: int, acknowledged: int) -> Finding:
        return self._learn((sent - appended - ROUNDED_US, acknowledged - appended), acknowledged)

    def on_read(self, appended: int, read: int) -> Finding:
        return self._learn((ANYTHING[0], read - appended), read)

    def _learn(self, proven: Interval, now: int) -> Finding:
        while self._slots and now - self._slots[0][0] > KEPT_US:
            self._slots.popleft()
        while self._contradictions and now - self._contradictions[0] > KEPT_US:
            self._contradictions.popleft()
        if self._slots and now - self._slots[-1][0] < SLOT_US:
            since, before = self._slots.pop()
            self._slots.append((since, _both(before, proven)))
        else:
            self._slots.append((now, proven))
        low, high = ANYTHING
        for _, slot in self._slots:
            low, high = _both((low, high), slot)
        if low - high > TOLERATED_US:
            # Somebody's clock jumped: what was proven before it is void.
            self._slots = deque([(now, proven)])
            self._contradictions.append(now)
            low, high = proven
        return self._find(min(low, high), max(low, high))

    def _find(self, low: float, high: float) -> Finding:
        if len(self._contradictions) >= CONTRADICTIONS:
            return Finding(UNSTABLE, self._correction)
        least = int(min(max(0, low), high))
        if abs(least) > TRUSTED_US:
            self._correction = 0
            return Finding(TOO_FAR, least)
        self._correction = int(min(max(self._correction, low), high))
        return Finding(CORRECTED, self._correction)


def _both(one: Interval, other: Interval) -> Interval:
    return max(one[0], other[0]), min(one[1], other[1])
