# SPDX-License-Identifier: Apache-2.0
"""Builds with sanitizers: servers that were built without one get its runtime loaded first, and
what it has to say of our code fails the test."""
import inspect
import os
import pathlib
import re
import subprocess

BUILD = pathlib.Path(os.environ.get("TKPROV_BUILD", pathlib.Path(__file__).parents[2] / "build")).resolve()


def _runtimes():
    out = subprocess.run(["/usr/bin/ldd", BUILD / ".libs" / "tkprov.so"], capture_output=True, text=True).stdout
    return {name: path for name, path in re.findall(r"lib(asan|ubsan|tsan)\.so\S* => (\S+)", out)}


RUNTIMES = _runtimes()
TESTS = pathlib.Path(__file__).resolve().parents[1]
SUPPRESSIONS = pathlib.Path(__file__).with_name("tsan.supp")


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


def _texts(value, seen):
    """The source of a test's function and of all of these tests' functions and texts that it goes through."""
    if isinstance(value, str):
        return [value]
    if not inspect.isfunction(value) or value in seen or TESTS not in pathlib.Path(value.__code__.co_filename).parents:
        return []
    seen.add(value)
    used = re.findall(r"\w+", inspect.getsource(value))
    named = [value.__globals__[w] for w in used if w in value.__globals__]
    return [inspect.getsource(value), *(t for v in named for t in _texts(v, seen))]


def cannot_run(item):
    """ThreadSanitizer ignores everything, signals too, in a process that was forked from one with
    threads: tests whose server forks once it has the module's thread are not for that build.
    Nor is lighttpd for any build whose runtime has a malloc (common/conf_lib.c); that this is
    said has a test of its own."""
    values = getattr(item, "callspec", None)
    fixtures = [d.func for defs in item._fixtureinfo.name2fixturedefs.values() for d in defs]
    seen = set()
    source = "\n".join(t for v in (item.function, *(values.params.values() if values else ()), *fixtures)
                       for t in _texts(v, seen))
    if "tsan" in RUNTIMES and re.search(r"\bNginx\(|\bNGINX\b|\bApache\(|os\.fork", source):
        return True
    return ("tsan" in RUNTIMES or "asan" in RUNTIMES) and "Lighttpd(site)" in source


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
