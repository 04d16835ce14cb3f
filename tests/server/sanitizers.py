# SPDX-License-Identifier: Apache-2.0
"""Builds with sanitizers: servers that were built without one get its runtime loaded first, and
what it has to say of our code fails the test."""
import os
import pathlib
import re
import subprocess

BUILD = pathlib.Path(os.environ.get("TKPROV_BUILD", pathlib.Path(__file__).parents[2] / "build")).resolve()


def _runtimes():
    out = subprocess.run(["/usr/bin/ldd", BUILD / ".libs" / "tkprov.so"], capture_output=True, text=True).stdout
    return {name: path for name, path in re.findall(r"lib(asan|ubsan|tsan)\.so\S* => (\S+)", out)}


RUNTIMES = _runtimes()
# ThreadSanitizer ignores everything, signals too, in a process that was forked from one with threads.
DEAF_CHILDREN = "tsan" in RUNTIMES
SUPPRESSIONS = pathlib.Path(__file__).with_name("tsan.supp")
# ThreadSanitizer begins each program with a file there, against which a limit on the size of files holds, too; where
# it can make none it goes on without.
NO_FILE = {"TMPDIR": "/dev/null"} if "tsan" in RUNTIMES else {}

# And what else is asked for (tests/coverage.sh).
PRELOAD = ":".join([RUNTIMES[n] for n in ("asan", "tsan", "ubsan") if n in RUNTIMES]
                   + os.environ.get("TKPROV_PRELOAD", "").split())
# For a shell's line: shells themselves do not stand a preloaded runtime.
ASSIGN = f"LD_PRELOAD={PRELOAD} " if PRELOAD else ""
HOSTS = ("/usr/bin/openssl", "/usr/bin/python3", "/usr/sbin/haproxy", "/usr/sbin/nginx", "/usr/bin/stunnel4",
         "/usr/sbin/lighttpd", "/usr/sbin/apache2")


def options(logs):
    """What the runtimes are told; nothing in a plain build."""
    if not RUNTIMES:
        return {}
    common = f"log_path={logs}/report:exitcode=0"
    return {
        # Servers leak at their end as they like; a thread of ours lives on in a forked child.
        "ASAN_OPTIONS": f"{common}:detect_leaks=0:abort_on_error=0",
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{common}:die_after_fork=0:halt_on_error=0:suppressions={SUPPRESSIONS}",
        **NO_FILE,
    }


def env(logs):
    """What a program needs that loads the module."""
    return {**options(logs), "LD_PRELOAD": PRELOAD} if PRELOAD else {}


def wrapped(args):
    """The command, with the runtime for the last program in it that is a server, and not for
    those that start it."""
    args = [str(a) for a in args]
    at = max((i for i, a in enumerate(args) if a in HOSTS), default=None)
    if not PRELOAD or at is None:
        return args
    return [*args[:at], "/usr/bin/env", f"LD_PRELOAD={PRELOAD}", *args[at:]]


def not_for_this_build(item):
    """@pytest.mark.not_under("asan", ...): of a test, or of one of its parameters."""
    return any(name in RUNTIMES for mark in item.iter_markers("not_under") for name in mark.args)


OF_NUMBERS = ("open", "close", "socket", "accept", "accept4", "epoll_create", "epoll_create1", "dup", "dup2", "dup3",
              "pipe", "pipe2", "eventfd", "signalfd", "inotify_init", "inotify_init1")


def is_of_numbers(report):
    """ThreadSanitizer knows descriptors by number, and our thread has a table of its own: what it says of
    two calls that make or close one, and of nothing else, is no race."""
    calls = [c for c in re.findall(r"(?m)^ +#0 (\S+) ", report) if c != "pthread_create"]
    return "Location is file descriptor" in report or (
        "data race" in report and calls != [] and all(c in OF_NUMBERS for c in calls))


def reports(logs):
    """Those that are about our code; others are their servers' own."""
    found = []
    for log in sorted(pathlib.Path(logs).glob("report*")):
        text = log.read_text(errors="replace")
        for part in re.split(r"(?m)^={10,}$", text):
            if is_of_numbers(part):
                continue
            if "tkprov" in part or "/provider/" in part or "runtime error" in part:
                found.append(f"{log.name}:\n{part.strip()}")
    return found
