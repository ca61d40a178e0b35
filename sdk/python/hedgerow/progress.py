"""How far a partition is done: an offset is committed when everything before it is. Knows no Kafka and no clock."""

from __future__ import annotations

from collections import OrderedDict
from typing import Optional


class Progress:
    """The records of one partition that are in hand."""

    def __init__(self) -> None:
        #: Offsets in hand, each with the instant from which on nobody needs its answer.
        self._open: "OrderedDict[int, int]" = OrderedDict()
        self._next: Optional[int] = None
        self._committed: Optional[int] = None

    def begin(self, offset: int, until_us: int) -> None:
        """Takes `offset` in hand, until it is finished or `until_us` is past."""
        self._open[offset] = until_us
        self._next = offset + 1

    def skip(self, offset: int) -> None:
        """Passes over `offset`."""
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Lets `offset` go: the log has its answer."""
        self._open.pop(offset, None)

    def to_commit(self, now_us: int) -> Optional[int]:
        """Returns the first offset that is not done, if that changed; what is past its time is let go."""
        while self._open:
            offset, until_us = next(iter(self._open.items()))
            if until_us > now_us:
                break
            self._open.popitem(last=False)
        place = next(iter(self._open), self._next)
        if place is None or place == self._committed:
            return None
        self._committed = place
        return place
