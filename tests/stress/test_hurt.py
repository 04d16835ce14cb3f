# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to the control socket: a good client gets its answer (before any deadline of
the others has passed), handshakes go on, memory and descriptors return to where they were."""

import errno
import pathlib
import random
import resource
import socket
import sys
import time

import pytest

SERVER = pathlib.Path(__file__).resolve().parents[1] / "server"
sys.path.insert(0, str(SERVER))
import sanitizers  # noqa: E402
from conftest import pki, site  # noqa: E402,F401
from harness import SServer, ask, hello, new_key, wait_for  # noqa: E402

PATIENCE = 5  # seconds; sessions that do nothing last for ten


class Victim:
    def __init__(self, site, rings=None, wrap=()):
        site.write_conf(rings=rings)
        self.site, self.server = site, SServer(site, wrap=wrap)
        self.good()
        self.fds, self.memory = self.count(), self.rss()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(self.site.socket))  # waits while the backlog is full
        s.settimeout(PATIENCE)
        return s

    def good(self):
        assert ask(self.site.socket, "show version", timeout=PATIENCE).endswith("\n\n")
        assert hello(self.server.port)["ok"]

    def count(self):
        """The control thread's descriptors; its table is its own."""
        thread, = [t for t in pathlib.Path(f"/proc/{self.server.pid}/task").iterdir()
                   if (t / "comm").read_text().strip() == "tkprov"]
        return len(list((thread / "fd").iterdir()))

    def rss(self):
        """0 where a sanitizer keeps what was freed."""
        if sanitizers.RUNTIMES:
            return 0
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int([row.split()[1] for row in status.splitlines() if row.startswith("VmRSS:")][0])

    def is_as_before(self):
        self.good()
        wait_for("descriptors to return", lambda: self.count() == self.fds)
        assert self.rss() < self.memory + 4096


@pytest.fixture
def victim(site):  # noqa: F811
    return Victim(site)


def test_forty_kilobytes_without_an_end(victim):
    """After eleven of these HAProxy 2.6.12 never answers again."""
    for _ in range(200):
        with victim.connect() as s:
            try:
                s.sendall(40000 * b"x")
            except OSError:
                pass
    victim.is_as_before()


def test_connect_and_leave(victim):
    for _ in range(500):
        victim.connect().close()
    victim.is_as_before()


def test_partial_lines_and_silence(victim):
    """More of them than there are places: who is silent makes room."""
    silent = [victim.connect() for _ in range(40)]
    for i, s in enumerate(silent):
        if i % 2:
            s.sendall(b"show ver")
    victim.good()
    for s in silent:
        s.close()
    victim.is_as_before()


def test_somebody_at_work_is_not_the_one_who_goes(victim):
    """A client whose answer is on its way keeps its place."""
    with victim.connect() as worker:
        worker.sendall(b"prompt\n")
        assert worker.recv(100) == b"\n> "
        worker.sendall(b"\n".join(b"help" for _ in range(800)) + b"\n")  # it does not read yet
        silent = [victim.connect() for _ in range(30)]
        victim.good()
        got = b""
        while got.count(b"The following commands") < 800 or not got.endswith(b"> "):
            piece = worker.recv(65536)
            assert piece, "its session was taken away"
            got += piece
    for s in silent:
        s.close()
    victim.is_as_before()


def test_answers_that_nobody_reads(victim):
    """The next command runs when the last answer is written: memory does not grow with what
    is asked for."""
    before = victim.rss()
    askers = []
    for _ in range(5):
        s = victim.connect()
        s.setblocking(False)
        try:
            for _ in range(2000):
                s.send(b"help\n" * 100)
        except BlockingIOError:
            pass
        askers.append(s)
    victim.good()
    for _ in range(20):
        assert victim.rss() < before + 4096
        time.sleep(.1)
    for s in askers:
        s.close()
    victim.is_as_before()


def test_one_byte_at_a_time(site):  # noqa: F811
    rings = ", ".join(f'{{ name = "r{i}"; server_names = [ "h{i}.test" ]; }}' for i in range(2000))
    victim = Victim(site, [rings])
    with victim.connect() as slow:
        slow.sendall(b"show tls-keys *\n")
        for _ in range(3):
            assert len(slow.recv(1)) == 1
            victim.good()
            time.sleep(1)
    victim.is_as_before()


def ends(s, feed, tries):
    """Feeds the session until it is closed, by somebody who looks at the clock."""
    for _ in range(tries):
        try:
            s.sendall(feed)
        except OSError:
            return True
        time.sleep(.25)
    return False


def test_bytes_that_trickle_buy_no_time(victim):
    """A session of one second's patience gets a byte four times a second, and no end of the line."""
    with victim.connect() as s:
        s.sendall(b"prompt\nset timeout cli 1\n")
        got = b""
        while got.count(b"> ") < 2:
            got += s.recv(100)
        assert ends(s, b"x", 40)
    victim.is_as_before()


def test_answers_read_byte_by_byte_buy_no_time(site):  # noqa: F811
    rings = ", ".join(f'{{ name = "r{i}"; server_names = [ "h{i}.test" ]; }}' for i in range(2000))
    victim = Victim(site, [rings])
    with victim.connect() as s:
        s.sendall(b"set timeout cli 1;show tls-keys *;show tls-keys *\n")
        count = 0

        def is_over():
            nonlocal count
            piece = s.recv(1)
            count += len(piece)
            return victim.count() == victim.fds

        wait_for("the session's end", is_over)
    victim.is_as_before()


def test_random_bytes(victim):
    r = random.Random(4)
    alphabet = b"show set ssl tls-keys #0*;;\\\n\n\r\t <<prompt quit help\0\xff"
    for i in range(10000):
        data = r.randbytes(r.randrange(1, 60)) if i % 2 else bytes(r.choices(alphabet, k=r.randrange(1, 80)))
        with victim.connect() as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (ConnectionError, BrokenPipeError):
                pass
    victim.is_as_before()


def test_lines_with_nul(victim):
    keys = victim.site.keys()
    for line in (b"\0\n", b"show\0version\n", f"set ssl tls-key #0 {new_key()}\0\n".encode(),
                 f"\0\nset ssl tls-key #0 {new_key()}\n".encode()):
        with victim.connect() as s:
            s.sendall(line)
            assert s.recv(1000) == b"A command must not have a NUL byte in it.\n\n"
            assert s.recv(1000) == b""
    assert victim.site.keys() == keys, "nothing behind it is run"
    victim.is_as_before()


def test_half_close_at_once(victim):
    for _ in range(100):
        with victim.connect() as s:
            s.shutdown(socket.SHUT_WR)
            assert s.recv(100) == b""
    victim.is_as_before()


@pytest.mark.parametrize("table", ["own", "shared"])
def test_no_descriptors_left(site, table):  # noqa: F811
    """Accepting pauses instead of spinning, and goes on when there are some again.  A thread in a
    table of its own has room low down, there it is poll that fails, as in servers that give up all
    new descriptors; where it may not have one (unshare is refused) it is accept."""
    deny = ["/usr/bin/python3", SERVER / "deny.py", 272, errno.EPERM]
    victim = Victim(site, wrap=deny if table == "shared" else ())
    pid, low = victim.server.pid, 0
    while table == "shared" and pathlib.Path(f"/proc/{pid}/fd/{low}").exists():
        low += 1
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (low, hard))
    waiting = victim.connect()
    waiting.sendall(b"show version\n")
    time.sleep(.2)

    def ticks():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(2)
    assert ticks() - before < 50, "it spins"  # of two seconds' 200
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert waiting.recv(100).endswith(b"\n\n")
    waiting.close()
    victim.is_as_before()
