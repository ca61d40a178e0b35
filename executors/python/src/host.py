"""What a worker runs: loads the executor's file, then answers what comes in on its standard input.

The first frame is what to load, as JSON; each later one is a call. Everything is said in frames of a length (four
bytes, big-endian) and as many bytes; `frames.rs` has the other end. Standard output is ours alone: what the file
prints, or a library of it, goes to standard error, which is the log.
"""

import faulthandler
import gc
import inspect
import json
import os
import select
import signal
import struct
import sys
import threading
import traceback
import types

ANSWER, FAILURE, ABSTAINED = b"\0", b"\1", b"\2"
LENGTH = struct.Struct(">I")


def main():
    faulthandler.enable()
    source, sink = take_pipes()
    follow_parent(source.fileno())
    begin = json.loads(read_frame(source))
    try:
        one, several = load(begin)
        warm_up(begin, one, several)
    except BaseException as problem:
        traceback.print_exc()
        send(sink, json.dumps({"problem": words(problem, begin["path"])}).encode())
        return
    gc.collect()
    # What is loaded stays, and need not be looked through again and again.
    gc.freeze()
    send(sink, json.dumps({"batches": several is not None}).encode())
    while True:
        frame = read_frame(source)
        if frame is None:
            return
        send(sink, answer(frame, one, several, begin["path"]))


# --- what is called ---------------------------------------------------------------------------------------------------


def load(begin):
    path, name = begin["path"], begin["function"]
    folder, file = os.path.split(path)
    sys.argv = [path]
    # In the place of the empty entry that stands for the working folder: what lies beside the file can be imported.
    sys.path[0] = folder
    module = types.ModuleType(os.path.splitext(file)[0])
    module.__file__ = path
    sys.modules.setdefault(module.__name__, module)
    # Of the text whose hash is the model's version: a worker that is started later runs the same one.
    exec(compile(begin["source"], path, "exec"), module.__dict__)
    if callable(getattr(module, "load", None)) and name != "load":
        module.load()
    one, several = function(module, name), function(module, name + "_batch")
    if one is None and several is None:
        raise NotThere(f"there is no function `{name}` in it")
    begin["warm"] = getattr(module, "WARM_UP", begin["warm"])
    return one or (lambda features: several([features])[0]), several


def function(module, name):
    found = getattr(module, name, None)
    if found is None:
        return None
    if not callable(found):
        raise NotThere(f"`{name}` is no function")
    if inspect.iscoroutinefunction(found):
        raise NotThere(f"`{name}` is `async`: a worker answers one call at a time, so write a plain function")
    return found


def warm_up(begin, one, several):
    warm = begin["warm"]
    if warm is None:
        return
    try:
        encode(one(dict(warm)))
        if several is not None:
            together(several, [dict(warm), dict(warm)])
    except Exception as problem:
        raise NotWarm(f"asked about {json.dumps(warm)} to warm up: {words(problem, begin['path'])}") from problem


def answer(frame, one, several, path):
    rows, at = [], 0
    while at < len(frame):
        (length,) = LENGTH.unpack_from(frame, at)
        rows.append(bytes(frame[at + 4 : at + 4 + length]))
        at += 4 + length
    if several is not None and len(rows) > 1:
        try:
            return pack(together(several, [json.loads(row) for row in rows]))
        except Exception:
            # One by one, so that no row fails for another's sake. If it is the function itself, each of them says so.
            pass
    return pack([alone(one, row, path) for row in rows])


def alone(one, row, path):
    try:
        return encode(one(json.loads(row)))
    except Exception as problem:
        return FAILURE, words(problem, path).encode("utf-8", "replace")


def together(several, rows):
    answers = list(several(rows))
    if len(answers) != len(rows):
        raise ValueError(f"{len(answers)} answers to {len(rows)} rows")
    return [encode(one) for one in answers]


def encode(said):
    if said is None:
        return ABSTAINED, b"it chose not to answer"
    if not isinstance(said, dict):
        raise TypeError(f"an answer is a dict, or None, and not {type(said).__name__}")
    try:
        text = json.dumps(said, allow_nan=False, default=plain)
    except ValueError:
        # What is not a finite number is null: it can never be taken for a prediction.
        text = json.dumps(said, default=plain)
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return ANSWER, text.encode()


def plain(value):
    """Numbers and arrays of NumPy and its like know what they are in plain Python."""
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"an answer is written as JSON, which knows no {type(value).__name__}")


class NotThere(Exception):
    pass


class NotWarm(Exception):
    pass


def words(problem, path):
    """Returns what went wrong, and in which line of the file."""
    if isinstance(problem, (NotThere, NotWarm)):
        return str(problem)
    text = traceback.format_exception_only(type(problem), problem)[-1].strip()
    if isinstance(problem, SyntaxError) and problem.filename == path:
        return f"{text} (line {problem.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == path]
    return f"{text} (line {lines[-1]})" if lines else text


# --- frames -----------------------------------------------------------------------------------------------------------


def take_pipes():
    """Takes standard input and output for frames; what the file reads is empty, and what it prints goes to the log."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin, sys.stdout = open(0, closefd=False), sys.stderr
    sys.stderr.reconfigure(line_buffering=True, errors="backslashreplace")
    return source, sink


def read_frame(source):
    head = source.read(4)
    if len(head) < 4:
        return None
    (length,) = LENGTH.unpack(head)
    frame = source.read(length)
    return frame if len(frame) == length else None


def pack(rows):
    return b"".join(kind + LENGTH.pack(len(text)) + text for kind, text in rows)


def send(sink, frame):
    sink.write(LENGTH.pack(len(frame)))
    sink.write(frame)
    sink.flush()


# --- the end ----------------------------------------------------------------------------------------------------------


def follow_parent(source):
    """Ends this process, and what it started, as soon as nobody can ask it any more, whatever it is doing."""

    def watch():
        # Nothing is asked for but the end of the pipe, which is always told.
        hangup = select.poll()
        hangup.register(source, 0)
        hangup.poll()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    try:
        import ctypes

        # The thread gets no turn while native code keeps Python's lock; the kernel needs none. 1 is PR_SET_PDEATHSIG.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (ImportError, AttributeError, OSError):
        pass


main()
