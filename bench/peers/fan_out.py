"""The stragglers' work on Ray Serve: an ingress that asks three deployments, and answers within its budget.

Usage: fan_out.py PORT BUDGET_MS. A request is {"id": "…", "takes_ms": [0, 60, 0]}: how long each executor takes is told,
so that every system has the same stragglers. Says "ready" when it serves, and ends when its standard input does.
"""

import asyncio
import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import PlainTextResponse


@serve.deployment(max_ongoing_requests=1000, ray_actor_options={"num_cpus": 0})
class Executor:
    async def __call__(self, takes_ms: float) -> int:
        if takes_ms:
            await asyncio.sleep(takes_ms / 1000)
        return 1


@serve.deployment(max_ongoing_requests=10000, ray_actor_options={"num_cpus": 0})
class FanOut:
    def __init__(self, budget_ms: float, *executors):
        self.budget = budget_ms / 1000
        self.executors = executors

    async def __call__(self, request: Request) -> PlainTextResponse:
        asked = await request.json()
        responses = [executor.remote(takes) for executor, takes in zip(self.executors, asked["takes_ms"])]
        try:
            await asyncio.wait_for(asyncio.gather(*responses), self.budget)
        except asyncio.TimeoutError:
            return PlainTextResponse("d")
        return PlainTextResponse("p")


def main() -> None:
    port, budget_ms = int(sys.argv[1]), float(sys.argv[2])
    ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False, num_cpus=4)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    executors = [Executor.options(name=name).bind() for name in ("a", "b", "c")]
    serve.run(FanOut.bind(budget_ms, *executors), route_prefix="/")
    print("ready", flush=True)
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
