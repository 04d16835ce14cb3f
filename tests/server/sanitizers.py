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
SUPPRESSIONS = pathlib.Path(__file__).with_name("tsan.supp")


def env(logs):
    """What a program needs that loads the module; nothing in a plain build."""
    if not RUNTIMES:
        return {}
    order = [RUNTIMES[n] for n in ("asan", "tsan", "ubsan") if n in RUNTIMES]
    common = f"log_path={logs}/report:exitcode=0"
    return {
        "LD_PRELOAD": ":".join(order),
        # Servers leak at their end as they like; a thread of ours lives on in a forked child.
        "ASAN_OPTIONS": f"{common}:detect_leaks=0:abort_on_error=0",
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{common}:die_after_fork=0:halt_on_error=0:suppressions={SUPPRESSIONS}",
    }


def reports(logs):
    """Those that are about our code; others are their servers' own."""
    found = []
    for log in sorted(pathlib.Path(logs).glob("report*")):
        text = log.read_text(errors="replace")
        for part in re.split(r"(?m)^={10,}$", text):
            if "tkprov" in part or "/provider/" in part or "runtime error" in part:
                found.append(f"{log.name}:\n{part.strip()}")
    return found
