"""What travels: records of `NAME.requests` and `NAME.responses`, as headers and bytes. Knows no Kafka and no clock.

`wire/vectors/` in hedgerow's repository holds records and their meaning, by which both this and hedgerow are tested.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Tuple, Union

REQUEST = "dev.hedgerow.request.v1"
RESPONSE = "dev.hedgerow.response.v1"
FAILURE = "dev.hedgerow.failure.v1"

FAILED, ABSTAINED, EXPIRED, OVERLOADED = "failed", "abstained", "expired", "overloaded"
FAILURE_KINDS = (FAILED, ABSTAINED, EXPIRED, OVERLOADED)

Headers = Iterable[Tuple[str, Union[bytes, str, None]]]
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}\Z")


class Unreadable(ValueError):
    """A record that is not what its topic holds."""


@dataclass(frozen=True)
class Asked:
    """One executor that was asked."""

    executor: str
    is_canary: bool = False
    start_after_us: int = 0


@dataclass(frozen=True)
class Request:
    """An input, fanned out. Instants and durations are in microseconds, instants since 1970."""

    id: uuid.UUID
    born_us: int
    budget_us: int
    policy: str
    plan: Tuple[Asked, ...]
    body: bytes
    case: Optional[str] = None
    key: Optional[str] = None
    attributes: Dict[str, str] = field(default_factory=dict)
    traceparent: Optional[str] = None

    @property
    def deadline_us(self) -> int:
        return self.born_us + self.budget_us

    def asks(self, executor: str) -> Optional[Asked]:
        """Returns how `executor` was asked; None if it was not."""
        return next((asked for asked in self.plan if asked.executor == executor), None)


@dataclass(frozen=True)
class Response:
    """What one executor said about one request: `answer`, or `failure` (one of `FAILURE_KINDS`) and `message`."""

    request: uuid.UUID
    executor: str
    model: str
    fetched_us: int
    queued_us: int
    scored_us: int
    answer: Optional[bytes] = None
    failure: Optional[str] = None
    message: str = ""


def check_name(name: str) -> str:
    """Returns `name` if a rendezvous or an executor can be called so."""
    if not NAME.match(name):
        raise ValueError(f"`{name}` is not a name: use 1 to 60 letters, digits, `-` or `_`, starting with a letter")
    return name


def decode_request(headers: Optional[Headers], payload: Optional[bytes]) -> Request:
    """Reads a record of `NAME.requests`."""
    found = _read(headers)
    kind = _need(found, "ce_type")
    if kind != REQUEST:
        raise Unreadable(f"record type `{kind}` is no request")
    attributes = found.get("ce_attributes")
    return Request(
        id=_parse(found, "ce_id", uuid.UUID),
        born_us=_parse(found, "ce_born", int),
        budget_us=_parse(found, "ce_budget", int),
        policy=_need(found, "ce_policy"),
        plan=_parse(found, "ce_plan", _plan),
        body=payload or b"",
        case=found.get("ce_case"),
        key=found.get("ce_key"),
        attributes={} if attributes is None else _parse(found, "ce_attributes", json.loads),
        traceparent=found.get("traceparent"),
    )


def encode_response(response: Response) -> Tuple[bytes, List[Tuple[str, bytes]], bytes]:
    """Returns the key, the headers and the payload of a record of `NAME.responses`.

    It goes to the partition that the request lies in; no client's own partitioner would choose that one.
    """
    is_answer = response.failure is None
    headers = [
        ("ce_specversion", "1.0"),
        ("ce_type", RESPONSE if is_answer else FAILURE),
        ("content-type", "application/json"),
        ("ce_id", str(response.request)),
        ("ce_source", f"/executors/{response.executor}"),
        ("ce_executor", response.executor),
        ("ce_model", response.model),
        ("ce_fetched", str(response.fetched_us)),
        ("ce_queued", str(response.queued_us)),
        ("ce_scored", str(response.scored_us)),
    ]
    if response.failure is not None:
        headers.append(("ce_failure", response.failure))
    payload = (response.answer or b"") if is_answer else response.message.encode("utf-8", "replace")
    return response.request.bytes, [(name, value.encode()) for name, value in headers], payload


def encode_answer(said: dict) -> bytes:
    """Returns an answer as JSON. What is not a finite number is null: it can never be taken for a prediction."""
    if not isinstance(said, dict):
        raise TypeError(f"an answer is a dict, or None, and not {type(said).__name__}")
    try:
        return json.dumps(said, allow_nan=False, default=_plain).encode()
    except ValueError:
        text = json.dumps(said, default=_plain)
        return json.dumps(json.loads(text, parse_constant=lambda _: None)).encode()


def _plain(value):
    """Numbers and arrays of NumPy and its like know what they are in plain Python."""
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"an answer is written as JSON, which knows no {type(value).__name__}")


def _read(headers: Optional[Headers]) -> Dict[str, str]:
    found = {}
    for name, value in headers or ():
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                # Of ours none is other than text; anybody else's may be anything.
                value = None
        if value is not None:
            found[name] = value
    return found


def _need(found: Dict[str, str], name: str) -> str:
    if name not in found:
        raise Unreadable(f"header `{name}` is missing, or no text")
    return found[name]


def _parse(found: Dict[str, str], name: str, parse):
    text = _need(found, name)
    try:
        return parse(text)
    except ValueError:
        raise Unreadable(f"header `{name}` cannot be read: `{text[:80]}`") from None


def _plan(text: str) -> Tuple[Asked, ...]:
    def asked(part: str) -> Asked:
        name, _, start = part.partition("+")
        is_canary = name.startswith("~")
        return Asked(check_name(name[is_canary:]), is_canary, int(start or 0))

    return tuple(asked(part) for part in text.split(",") if part)
