"""`python -m hedgerow run module:name --brokers localhost:9092`."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
from typing import List, Optional

from .executor import Executor
from .station import Stopped, run

#: What every log record has; the rest was said by whoever logged it.
USUAL = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Lines(logging.Formatter):
    """Log lines with their fields: as text, or as one JSON object each."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in USUAL}
        text, at = record.getMessage(), self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        if self.as_json:
            said = {"timestamp": at, "level": record.levelname, "message": text, **fields}
            return json.dumps(said, default=str)
        return " ".join([at, record.levelname, text, *(f"{name}={value}" for name, value in fields.items())])


def find(place: str) -> Executor:
    module, _, name = place.partition(":")
    if not name:
        raise Stopped(f"`{place}` names no executor: write `module:name`, `forest:forest` for instance")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as problem:
        if problem.name != module.split(".")[0]:
            raise
        raise Stopped(f"there is no module `{module}` here or among the installed ones") from None
    if not isinstance(found, Executor):
        raise Stopped(f"`{name}` in `{module}` is no executor: put `@executor(…)` over the function")
    return found


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hedgerow", description=__doc__)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("run", help="serves an executor until SIGTERM")
    serve.add_argument("executor", help="module:name of what `@executor` stands over")
    serve.add_argument("--brokers", default=os.environ.get("BROKERS"), help="host:port, several with commas; or BROKERS")
    serve.add_argument("--kafka", action="append", default=[], metavar="KEY=VALUE", help="an option of the Kafka client, for TLS and SASL; repeatable")
    serve.add_argument("--log", choices=["text", "json"], default="text", help="how log lines look")
    chosen = parser.parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(chosen.log == "json"))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), handlers=[handler])
    try:
        if not chosen.brokers:
            raise Stopped("say where Kafka is: `--brokers localhost:9092`, or in the environment: BROKERS")
        run(find(chosen.executor), chosen.brokers, dict(option.split("=", 1) for option in chosen.kafka))
    except (Stopped, ValueError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
