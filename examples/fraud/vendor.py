"""A vendor of reputations, as one meets them: usually quick, sometimes slow, now and then silent.

    python vendor.py                       serves http://127.0.0.1:8700/v2/models/reputation/infer
    python vendor.py --port 0              says which port it took
    python vendor.py --median 4 --spread 0.6 --hang 0.01 --hang-for 2

Speaks the Open Inference Protocol v2 over HTTP/1.1. An answer takes a log-normal time around `--median` milliseconds; a
share of `--hang` takes `--hang-for` seconds, as when a connection of the vendor's own is stuck. What it says is a table of
countries and categories that it has heard bad things of. Needs Python alone.
"""

import argparse
import asyncio
import json
import random

METADATA = {
    "name": "reputation",
    "versions": ["2026-11"],
    "platform": "vendor",
    "inputs": [
        {"name": "numbers", "datatype": "FP64", "shape": [-1, 4]},
        {"name": "category", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "country", "datatype": "BYTES", "shape": [-1, 1]},
    ],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
    ],
}
BAD_COUNTRIES = {"XX": 0.5, "US": 0.1}
BAD_CATEGORIES = {"gift cards": 0.25, "jewellery": 0.15, "electronics": 0.1}


def reputation(category: str, country: str) -> float:
    """Returns how likely a payment there is fraud."""
    return round(0.02 + BAD_COUNTRIES.get(country, 0.0) + BAD_CATEGORIES.get(category, 0.0), 4)


def answer(asked: dict) -> dict:
    said = {tensor["name"]: tensor["data"] for tensor in asked["inputs"]}
    risks = [reputation(category, country) for category, country in zip(said["category"], said["country"])]
    rows = len(risks)
    return {
        "model_name": "reputation",
        "model_version": "2026-11",
        "id": asked.get("id", ""),
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [rows], "data": [int(risk >= 0.5) for risk in risks]},
            {"name": "probabilities", "datatype": "FP64", "shape": [rows, 2], "data": [p for risk in risks for p in (1 - risk, risk)]},
        ],
    }


class Vendor:
    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.dice = random.Random(given.seed)

    async def pause(self) -> None:
        if self.dice.random() < self.given.hang:
            await asyncio.sleep(self.given.hang_for)
        else:
            await asyncio.sleep(self.given.median / 1_000 * self.dice.lognormvariate(0.0, self.given.spread))

    async def reply(self, method: str, path: str, body: bytes) -> tuple[str, dict]:
        if path in ("/v2/health/ready", "/v2/health/live", "/v2/models/reputation/ready"):
            return "200 OK", {"ready": True}
        if (method, path) == ("GET", "/v2/models/reputation"):
            return "200 OK", METADATA
        if (method, path) != ("POST", "/v2/models/reputation/infer"):
            return "404 Not Found", {"error": f"nothing is at {path}"}
        await self.pause()
        try:
            return "200 OK", answer(json.loads(body))
        except (KeyError, TypeError, ValueError) as error:
            return "400 Bad Request", {"error": f"this is no such request: {error!r}"}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests, one after the other, until it is closed."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                method, path, _ = first.split(" ", 2)
                headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, said = await self.reply(method, path, body)
                text = json.dumps(said).encode()
                writer.write(f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()


async def main() -> None:
    arguments = argparse.ArgumentParser(description="A vendor of reputations that straggles.")
    arguments.add_argument("--port", type=int, default=8700)
    arguments.add_argument("--median", type=float, default=4.0, help="milliseconds")
    arguments.add_argument("--spread", type=float, default=0.6, help="of the log-normal distribution")
    arguments.add_argument("--hang", type=float, default=0.01, help="share of answers that take `--hang-for`")
    arguments.add_argument("--hang-for", type=float, default=2.0, help="seconds")
    arguments.add_argument("--seed", type=int, default=20)
    vendor = Vendor(arguments.parse_args())
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", vendor.given.port)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v2/models/reputation/infer", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
