"""What an executor is: a function with a name, and what it is asked about."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional

from .wire import Request, check_name


class Abstain(Exception):
    """Raised, or None returned, by a function that chooses not to answer."""


@dataclass(frozen=True)
class Input:
    """What an executor is asked about."""

    #: The request's name.
    request: uuid.UUID
    #: The features, as the caller sent them.
    features: Dict[str, Any]
    #: When the result is due, in seconds since 1970.
    deadline: float
    #: What the caller said beside the features.
    attributes: Dict[str, str]
    #: The policy's version, such as `wine@3`, and which of its cases this is.
    policy: str
    case: Optional[str] = None
    #: Whom or what it is about, where the policy says so.
    key: Optional[str] = None
    #: The caller's W3C trace context.
    traceparent: Optional[str] = None
    #: Tells the time that `deadline` is meant by, the log's.
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    def remaining(self) -> float:
        """Returns how many seconds are left; negative if it is too late."""
        return self.deadline - self.now()

    @classmethod
    def of(cls, request: Request, now: Callable[[], float] = time.time) -> "Input":
        return cls(
            request=request.id,
            features=json.loads(request.body),
            deadline=request.deadline_us / 1e6,
            attributes=request.attributes,
            policy=request.policy,
            case=request.case,
            key=request.key,
            traceparent=request.traceparent,
            now=now,
        )


@dataclass(frozen=True)
class Executor:
    """A function that answers under a name in a rendezvous. Still callable, as the function it was."""

    function: Callable[..., Any]
    name: str
    rendezvous: str
    model: str
    batch_max: int
    load: Optional[Callable[[], Any]]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    def ask(self, inputs: List[Input]) -> List[Any]:
        """Returns an answer for each of `inputs`, or the exception that stands for one."""
        if self.batch_max == 1:
            return [self._one(one) for one in inputs]
        try:
            answers = list(self.function(inputs))
            if len(answers) != len(inputs):
                raise ValueError(f"{len(answers)} answers to {len(inputs)} inputs")
            return answers
        except Exception as problem:
            if len(inputs) == 1:
                return [problem]
            # One by one, so that none fails for another's sake.
            return [answer for one in inputs for answer in self.ask([one])]

    def _one(self, one: Input) -> Any:
        try:
            return self.function(one)
        except Exception as problem:
            return problem


def executor(
    name: str,
    *,
    rendezvous: str,
    version: str = "unversioned",
    batch_max: int = 1,
    load: Optional[Callable[[], Any]] = None,
) -> Callable[[Callable[..., Any]], Executor]:
    """Makes an executor of a function from an `Input` to a dict, which the policy of `rendezvous` calls `name`.

    With `batch_max` above 1 the function takes a list of inputs that wait at the same time, at most so many, and returns a
    list of as many answers. `version` stands in each answer. `load` is called once, before anything is asked.
    """
    if batch_max < 1:
        raise ValueError("`batch_max` is at least 1")
    names = check_name(name), check_name(rendezvous)

    def make(function: Callable[..., Any]) -> Executor:
        return Executor(function, *names, model=f"{name}@{version}", batch_max=batch_max, load=load)

    return make
