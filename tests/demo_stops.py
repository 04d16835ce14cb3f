#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""examples/demo.sh is stopped by ^C, once or twice in a row, at moments spread over its life, while
it cleans up too: it ends with 130, its folder (TLS key, ticket keys) is gone and no server is left.
usage: TKPROV_BUILD=BUILD demo_stops.py [TIMES]"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 12


def start():
    """In a group of its own, as a terminal would have it; ^C comes through to it."""
    return subprocess.Popen([TOP / "examples/demo.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            start_new_session=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def left_by(demo):
    """Its folders, and processes that have one in their arguments."""
    name = f"/tmp/tkdemo.{demo.pid}."
    found = [str(p) for p in pathlib.Path("/tmp").glob(f"tkdemo.{demo.pid}.*")]
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if name.encode() in (proc / "cmdline").read_bytes():
                found.append(proc.name)
        except OSError:
            pass
    return found


def interrupt(demo):
    """^C; False if the demo had ended by itself."""
    try:
        os.killpg(demo.pid, signal.SIGINT)
        return True
    except ProcessLookupError:
        return False


def ends(after, twice):
    """What is wrong, or None."""
    demo = start()
    try:
        out, _ = demo.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        interrupt(demo)
        if twice:
            time.sleep(random.uniform(0, 0.1))  # wherever it is by then: that is the test
            interrupt(demo)
        out, _ = demo.communicate(timeout=60)
    left = left_by(demo)
    if left:
        return f"left {left}"
    # One that was at its end already has come to it; one that had hardly begun was just killed.  bash
    # 5.2 takes a trap that comes while it reads a `$(` for a part of that, complains and ends with
    # its own status (and cleans up).
    right = (0, 130) if b"Done:" in out else (130, -signal.SIGINT)
    if b"unexpected EOF while looking for matching" in out:
        right += (1, 2)
    return None if demo.returncode in right else f"ended with {demo.returncode}:\n{out.decode()}"


def main():
    begin = time.monotonic()
    whole = start()
    out, _ = whole.communicate(timeout=600)
    if whole.returncode != 0:
        sys.exit(f"the demo fails when nobody stops it:\n{out.decode()}")
    if left_by(whole):
        sys.exit(f"the demo leaves {left_by(whole)} when nobody stops it")
    life = time.monotonic() - begin
    faults = 0
    for i in range(TIMES):
        # the last of them around its end, where it cleans up
        after = life * (random.uniform(0.85, 1.05) if i % 4 == 3 else i / TIMES)
        fault = ends(after, i % 2 == 1)
        if fault:
            faults += 1
            print(f"^C after {after:.2f} s of {life:.2f}{', twice' if i % 2 else ''}: {fault}")
    print(f"{TIMES} times, {faults} faults")
    sys.exit(faults > 0)


main()
