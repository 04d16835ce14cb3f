# SPDX-License-Identifier: Apache-2.0
"""tkctl gen: what is in the file, who may read it, and that nothing is left or lost when it
cannot be made.  That servers take the file is shown in tests/server/test_keyfile.py.

TKPROV_BUILD is the build folder (default: build beside the sources).
"""
import base64
import os
import pathlib
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
import sanitizers  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
TKCTL = str(pathlib.Path(os.environ.get("TKPROV_BUILD", TOP / "build")) / "tkctl")
GUARD = 60  # seconds: only so that a test that hangs ends at all
USAGE = "tkctl gen <file> [--keys N] [--bits 128|256]"


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tkgen-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def gen(*args, **more):
    return subprocess.run([TKCTL, "gen", *(str(a) for a in args)], capture_output=True, text=True,
                          timeout=GUARD, stdin=subprocess.DEVNULL, env={**os.environ, **sanitizers.NO_FILE}, **more)


def keys_of(path):
    text = path.read_text()
    assert text.endswith("\n")
    return [base64.b64decode(line, validate=True) for line in text[:-1].split("\n")]


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


# ---- what is in it ----

@pytest.mark.parametrize("args, count, size", [
    ([], 3, 80),
    (["--keys", "1"], 1, 80),
    (["--keys", "32"], 32, 80),
    (["--keys=5", "--bits=128"], 5, 48),
    (["--bits", "128"], 3, 48),
    (["--bits", "256", "--keys", "32", "--keys", "2"], 2, 80),
])
def test_file(folder, args, count, size):
    for words in ([folder / "a", *args], [*args, folder / "b"], [*args, "--", folder / "c"]):
        p = gen(*words)
        assert (p.returncode, p.stderr) == (0, "")
    files = sorted(folder.iterdir())
    assert [f.name for f in files] == ["a", "b", "c"], "and nothing else"
    keys = [k for f in files for k in keys_of(f)]
    assert len(keys) == 3 * count and {len(k) for k in keys} == {size}
    for at in (slice(0, 16), slice(16, 32), slice(size - 16, size)):
        assert len({k[at] for k in keys}) == len(keys), "each part of each key is another one"
    assert {mode(f) for f in files} == {0o600}
    assert p.stdout == "".join(f"{i} {k[:16].hex()}\n" for i, k in enumerate(keys[-count:]))


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277, 0o777])
def test_mode_whatever_the_umask(folder, umask):
    assert gen(folder / "k", umask=umask).returncode == 0
    assert mode(folder / "k") == 0o600
    assert len(keys_of(folder / "k")) == 3


def test_relative_and_odd_names(folder):
    for name in ("k", "a b\n;c", "-k", "gen"):
        assert gen("--", name, cwd=folder).returncode == 0
        assert len(keys_of(folder / name)) == 3


# ---- what is there is not touched ----

def make_link(path):
    path.symlink_to(path.with_name("target"))


@pytest.mark.parametrize("make", [
    lambda path: path.write_text("mine\n"), lambda path: path.touch(), lambda path: path.mkdir(),
    make_link, lambda path: os.mkfifo(path),
], ids=["file", "empty", "folder", "dangling link", "fifo"])
def test_refuses_to_overwrite(folder, make):
    path = folder / "k"
    make(path)
    before = path.lstat()
    p = gen(path)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == f"tkctl gen: {path}: there is a file already; gen does not overwrite\n"
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns, after.st_size) == \
        (before.st_ino, before.st_mode, before.st_mtime_ns, before.st_size)
    assert list(folder.iterdir()) == [path]


def test_link_to_a_file(folder):
    (folder / "target").write_text("mine\n")
    make_link(folder / "k")
    assert gen(folder / "k").returncode == 1
    assert (folder / "target").read_text() == "mine\n"


def test_of_several_at_once_one_wins(folder):
    path = folder / "k"
    started = [subprocess.Popen([TKCTL, "gen", str(path)], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True) for _ in range(8)]
    said = [(p.communicate(timeout=GUARD)[0], p.returncode) for p in started]
    assert sorted(status for _, status in said) == [0] + [1] * 7
    names = "".join(f"{i} {k[:16].hex()}\n" for i, k in enumerate(keys_of(path)))
    assert [text for text, status in said if status == 0] == [names]


# ---- when it cannot be made ----

def test_folder_that_is_not_there(folder):
    for path, why in ((folder / "no" / "k", "No such file or directory"),
                      (f"{TKCTL}/k", "Not a directory"), (f"{folder}/", None),
                      (folder / ("k" * 300), "File name too long"),
                      ("/proc/k", "No such file or directory"), ("", "No such file or directory")):
        p = gen(path)
        assert (p.returncode, p.stdout) == (1, "")
        assert p.stderr.startswith(f"tkctl gen: {path}: ")
        assert why is None or p.stderr == f"tkctl gen: {path}: {why}\n"
    assert list(folder.iterdir()) == []


def test_folder_without_the_right_to_write(folder):
    if os.geteuid() == 0:  # root may always: be somebody else
        folder.chmod(0o755)
        more = {"user": 65534, "group": 65534, "extra_groups": []}
    else:
        folder.chmod(0o555)
        more = {}
    p = gen(folder / "k", **more)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == f"tkctl gen: {folder}/k: Permission denied\n"
    assert list(folder.iterdir()) == []


# ---- killed, and old kernels ----

def start_traced(path, *inject):
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # which cannot be looked for under strace
    return subprocess.Popen(["/usr/bin/strace", "-f", "-o", "/dev/null", *(f"-einject={i}" for i in inject),
                             TKCTL, "gen", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, stdin=subprocess.DEVNULL, env=os.environ | {"ASAN_OPTIONS": options})


def traced(path, *inject):
    p = start_traced(path, *inject)
    out, err = p.communicate(timeout=GUARD)
    return subprocess.CompletedProcess(p.args, p.returncode, out, err)


def test_killed_it_leaves_no_second_name(folder):
    """The new name came by link(2): who was killed before he removed the first one left a second
    hard link to the key file, which outlives what is done to that."""
    unlink = "?unlink,?unlinkat:signal=KILL"
    if "tsan" in sanitizers.RUNTIMES:  # which removes a file of its own before main()
        unlink += ":when=2"
    p = traced(folder / "k", unlink)
    assert [f.name for f in folder.iterdir()] == ["k"] and (folder / "k").stat().st_nlink == 1
    assert p.returncode == 0 and len(keys_of(folder / "k")) == 3


@pytest.mark.parametrize("why", ["EINVAL", "ENOSYS"])
def test_where_no_name_can_be_kept_from_being_replaced(folder, why):
    """NFS and old kernels know no RENAME_NOREPLACE."""
    p = traced(folder / "k", f"renameat2:error={why}")
    assert p.returncode == 0, p.stderr
    assert [f.name for f in folder.iterdir()] == ["k"] and (folder / "k").stat().st_nlink == 1
    before = (folder / "k").read_text()
    p = traced(folder / "k", f"renameat2:error={why}")
    assert p.returncode == 1 and "gen does not overwrite" in p.stderr
    assert [f.name for f in folder.iterdir()] == ["k"] and (folder / "k").read_text() == before


@pytest.mark.parametrize("inject", [[], ["renameat2:error=ENOSYS"]])
def test_a_file_that_comes_at_the_last_moment_stays(folder, inject):
    call = "link,linkat" if inject else "renameat2"
    p = start_traced(folder / "k", *inject, f"?{call.replace(',', ',?')}:delay_enter=1000000")
    end = time.monotonic() + GUARD
    while not [f for f in folder.glob("k.tkprov-new*") if f.stat().st_size == 327]:
        assert time.monotonic() < end and p.poll() is None
        time.sleep(0.01)
    (folder / "k").write_text("of somebody else\n")
    _, err = p.communicate(timeout=GUARD)
    assert p.returncode == 1 and "gen does not overwrite" in err
    assert [f.name for f in folder.iterdir()] == ["k"] and (folder / "k").read_text() == "of somebody else\n"


@pytest.mark.parametrize("room", [0, 1, 100, 326])
def test_no_room_leaves_nothing(folder, room):
    """As on a full disk: the file can be begun, and then grows no further."""
    p = gen(folder / "k", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr == f"tkctl gen: {folder}/k: File too large\n"
    assert list(folder.iterdir()) == []
    assert gen(folder / "k").returncode == 0, "and the next try is not in its own way"


def test_room_for_just_that(folder):
    p = gen(folder / "k",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (327, 327)))
    assert p.returncode == 0 and len(keys_of(folder / "k")) == 3


@pytest.mark.parametrize("args, said", [
    ([], f"expects one file: {USAGE}"),
    (["a", "b"], f"expects one file: {USAGE}"),
    (["k", "--keys"], "try 'tkctl gen --help'"),
    (["k", "--bits"], "try 'tkctl gen --help'"),
    (["k", "--slots", "3"], "try 'tkctl gen --help'"),
    (["k", "--help=x"], "try 'tkctl gen --help'"),
    *((["k", "--keys", n], f"--keys: '{n}' is not a number from 1 to 32")
      for n in ("0", "33", "100", "-1", "+3", " 3", "3 ", "3x", "x", "", "0x3", "4294967299", "9" * 40, "1.5")),
    *((["k", "--bits", n], f"--bits: '{n}' is neither 128 nor 256")
      for n in ("0", "192", "512", "256 ", "0256", "", "aes")),
])
def test_usage(folder, args, said):
    p = gen(*args, cwd=folder)
    assert (p.returncode, p.stdout) == (2, "")
    assert p.stderr.endswith(f"tkctl gen: {said}\n")
    assert list(folder.iterdir()) == []


def test_help(folder):
    for words in (["--help"], ["-h"], ["k", "--keys", "3", "--help"]):
        p = gen(*words, cwd=folder)
        assert (p.returncode, p.stderr) == (0, "")
        assert p.stdout.startswith(f"usage: {USAGE}\n")
        assert "--keys N        how many, 1 to 32 (default: 3)" in p.stdout
    assert list(folder.iterdir()) == []
    p = subprocess.run([TKCTL, "--help"], capture_output=True, text=True, timeout=GUARD)
    assert "\n  gen <file> [--keys N] [--bits 128|256]\n" in p.stdout


# ---- standard streams ----

def run_sh(script, *args):
    return subprocess.run(["sh", "-c", script, "-", TKCTL, *(str(a) for a in args)],
                          capture_output=True, text=True, timeout=GUARD)


@pytest.mark.parametrize("to, why", [(">&-", "Bad file descriptor"),
                                     (">/dev/full", "No space left on device")])
def test_names_that_cannot_be_printed(folder, to, why):
    """The file is whole, and with fd 1 closed the names do not end up in it."""
    p = run_sh(f'exec "$@" {to}', "gen", folder / "k")
    assert (p.returncode, p.stderr) == (1, f"tkctl: standard output: {why}\n")
    assert [len(k) for k in keys_of(folder / "k")] == [80] * 3


def test_all_streams_closed(folder):
    assert run_sh('exec "$@" <&- >&- 2>&-', "gen", folder / "k").returncode == 1
    assert [len(k) for k in keys_of(folder / "k")] == [80] * 3
    before = (folder / "k").read_text()
    assert run_sh('exec "$@" <&- >&- 2>&-', "gen", folder / "k").returncode == 1
    assert (folder / "k").read_text() == before


# ---- which words are tkctl's own ----

def test_one_argument_with_spaces_is_the_servers(folder):
    for words in ([f"gen {folder}/k"], ["gen\t"], ["show", "gen"], ["Gen", "k"], ["ge", "k"]):
        p = subprocess.run([TKCTL, "-s", str(folder / "none"), *words], capture_output=True,
                           text=True, timeout=GUARD, cwd=folder)
        assert p.returncode == 3, words
        assert re.search(r"no server there", p.stderr)
    assert list(folder.iterdir()) == []


def test_no_server_is_asked(folder):
    p = subprocess.run([TKCTL, "-s", str(folder / "none"), "gen", "k"], capture_output=True,
                       timeout=GUARD, cwd=folder)
    assert p.returncode == 0
    assert [f.name for f in folder.iterdir()] == ["k"]
