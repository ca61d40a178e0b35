"""A log, its clients and a clock that do what a test tells them."""

import uuid

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError

from hedgerow.clock import Clock

BORN = 1_000_000_000
BUDGET = 50_000


class Message:
    def __init__(self, offset, partition=0, plan="forest", body=b'{"x":1}', budget=BUDGET, error=None, kind=None, born=BORN):
        headers = {
            "ce_type": kind or "dev.hedgerow.request.v1",
            "ce_id": str(uuid.UUID(int=offset + 1)),
            "ce_born": str(born),
            "ce_budget": str(budget),
            "ce_policy": "wine@1",
            "ce_plan": plan,
        }
        self._headers = [(name, value.encode()) for name, value in headers.items()]
        self._offset, self._partition, self._body, self._error, self._born = offset, partition, body, error, born

    def error(self):
        return self._error

    def headers(self):
        return self._headers

    def value(self):
        return self._body

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def timestamp(self):
        return TIMESTAMP_LOG_APPEND_TIME, self._born // 1000


class Consumer:
    def __init__(self, messages):
        self.messages, self.commits, self.closed = list(messages), [], False

    def poll(self, _seconds):
        return self.messages.pop(0) if self.messages else None

    def consume(self, _most, timeout):
        taken, self.messages = self.messages, []
        return taken

    def commit(self, offsets, asynchronous):
        self.commits += [(one.partition, one.offset) for one in offsets]

    def incremental_unassign(self, _partitions):
        pass

    def close(self):
        self.closed = True


class Appended:
    """What the log acknowledges, with the time of nobody."""

    def timestamp(self):
        return 0, -1


class Producer:
    def __init__(self, appended=Appended):
        self.said, self.hold, self.refuse, self.appended = [], False, None, appended

    def produce(self, topic, value, partition, on_delivery, key=None, headers=()):
        fields = dict(headers)
        self.said.append((topic, partition, fields, value))
        if self.refuse is not None and fields.get("ce_type") != b"dev.hedgerow.failure.v1":
            on_delivery(KafkaError(self.refuse), None)
        elif not self.hold:
            on_delivery(None, self.appended())

    def poll(self, _seconds):
        pass

    def flush(self, _seconds):
        pass


class Standing(Clock):
    """A clock that stands still."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def reading_us(self):
        return self.at
