"""Executors of a hedgerow rendezvous, in Python.

    from hedgerow import Input, executor, run

    @executor("forest", rendezvous="wine")
    def forest(wine: Input) -> dict:
        return {"class": 1, "probability": 0.9}

    run(forest, brokers="localhost:9092")
"""

from .executor import Abstain, Executor, Input, executor
from .station import Stopped, run

__all__ = ["Abstain", "Executor", "Input", "Stopped", "executor", "run"]
