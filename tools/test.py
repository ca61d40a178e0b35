#!/usr/bin/env python3
"""Builds the tests and runs them, several programs at a time: most of them wait for a broker rather than for a processor,
and cargo runs one after the other.

Usage: tools/test.py [CARGO-OPTIONS] [-- TEST-OPTIONS]
       tools/test.py --workspace --tests --locked -- transactions
What a program printed is in target/tests/, and here as well if it failed. JOBS says how many run at a time.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Begun first, because the whole takes at least as long as the slowest does from where it begins.
SLOW = ["pipeline", "faults", "seeds", "serving", "kafka_faults"]
JOBS = int(os.environ.get("JOBS") or max(2, os.cpu_count() or 2))


def main(arguments):
    at = arguments.index("--") if "--" in arguments else len(arguments)
    programs = sorted(build(arguments[:at]), key=rank)
    logs = ROOT / "target/tests"
    logs.mkdir(parents=True, exist_ok=True)
    began, failed = time.monotonic(), []
    with ThreadPoolExecutor(JOBS) as pool:
        runs = {pool.submit(run, program, arguments[at + 1 :], logs): program for program in programs}
        for count, done in enumerate(as_completed(runs), 1):
            name, (passed, summary, log) = runs[done]["name"], done.result()
            print(f"[{count}/{len(runs)}] {name}: {summary}", flush=True)
            if not passed:
                failed.append(f"{name} ({log.relative_to(ROOT)})")
                print(log.read_text(errors="replace"), flush=True)
    print(f"{len(runs)} test programs in {time.monotonic() - began:.0f} s, {len(failed)} failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def build(options):
    """Returns every test program, as cargo tells of it: where it is, and the package that it is of."""
    command = ["cargo", "test", *options, "--no-run", "--message-format=json-render-diagnostics"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as cargo:
        told = [json.loads(line) for line in cargo.stdout]
    if cargo.returncode:
        sys.exit(cargo.returncode)
    return [
        {"name": name_of(message), "path": message["executable"], "package": pathlib.Path(message["manifest_path"]).parent}
        for message in told
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message.get("executable")
    ]


def name_of(message):
    package = str(pathlib.Path(message["manifest_path"]).parent.relative_to(ROOT)).replace(".", "hedgerow")
    kinds, name = message["target"]["kind"], message["target"]["name"]
    if "test" in kinds:
        return f"{package}/{name}"
    return f"{package} ({'bin' if 'bin' in kinds else 'lib'})"


def rank(program):
    name = program["name"].split("/")[-1]
    return SLOW.index(name) if name in SLOW else len(SLOW)


def run(program, options, logs):
    """Runs one as cargo would; returns whether all passed, how it ended in one line, and where its output is."""
    log = logs / (program["name"].replace("/", "-").replace(" ", "-").replace("(", "").replace(")", "") + ".log")
    began = time.monotonic()
    with log.open("w") as out:
        environment = os.environ | {"CARGO_MANIFEST_DIR": str(program["package"])}
        ended = subprocess.run(
            [program["path"], *options], cwd=program["package"], env=environment, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    results = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("test result: ")]
    summary = results[-1].removeprefix("test result: ").split("; finished")[0] if results else f"ended with {ended.returncode}"
    return ended.returncode == 0, f"{summary} in {time.monotonic() - began:.0f} s", log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
