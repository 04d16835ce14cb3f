# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to the control socket: a good client gets its answers all the while (before any
deadline of the others has passed), handshakes go on, memory and descriptors return to where they
were.  In a server of one process, and in nginx with a worker."""

import contextlib
import errno
import pathlib
import random
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

SERVER = pathlib.Path(__file__).resolve().parents[1] / "server"
sys.path.insert(0, str(SERVER))
import sanitizers  # noqa: E402
from conftest import pki, site  # noqa: E402,F401
from crowd import Busy, ByteByByte, Crowd, PLACES, Silent, Slow, Unread  # noqa: E402
from harness import Nginx, SServer, ask, hello, new_key, run, wait_for  # noqa: E402

PATIENCE = 2    # seconds for an answer; sessions that do nothing last for ten
PROMISED = 2 if sanitizers.RUNTIMES else 1  # but for one, which the machine itself may have held up
ANSWERS = 12    # a good client's, while it is being tried
MANY_RINGS = [", ".join(f'{{ name = "r{i}"; server_names = [ "h{i}.test" ]; }}' for i in range(2000))]
SERVERS = ["s_server", "nginx"]


class Victim:
    def __init__(self, site, kind="s_server", rings=None, wrap=()):
        self.site, self.socket, self.low, self.shared = site, site.socket, site.dir / "low", bool(wrap)
        site.write_conf(rings=rings, sockets=[f'{{ path = "{self.low}"; mode = "0666"; level = "user"; }}',
                                              f'{{ path = "{self.socket}"; }}'])
        self.server = Nginx(site, workers=1) if kind == "nginx" else SServer(site, wrap=wrap)
        self.pids = [self.server.pid] + (self.server.worker_pids() if kind == "nginx" else [])
        self.good()
        self.fds, self.memory = self.count(), self.rss()

    def connect(self, path=None):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(str(path or self.socket))
        return s

    def good(self):
        assert ask(self.socket, "show version", timeout=PATIENCE).endswith("\n\n")
        assert hello(self.server.port)["ok"]

    def threads(self):
        return [next(t for t in pathlib.Path(f"/proc/{pid}/task").iterdir()
                     if (t / "comm").read_text().strip() == "tkprov") for pid in self.pids]

    def count(self):
        """The control threads' descriptors.  Of a table that is the server's too only those that the
        module has moved up: connections to the server itself come and go."""
        return len([fd for thread in self.threads() for fd in (thread / "fd").iterdir()
                    if int(fd.name) >= (400 if self.shared else 0) and not is_report(fd)])

    def server_is_idle(self):
        """Has it closed all connections to itself?"""
        found = []
        for fd in pathlib.Path(f"/proc/{self.pids[-1]}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(fd.readlink()))
        inodes = {row.split()[9] for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
                  if row.split()[3] != "0A"}
        return not any(f"socket:[{inode}]" in found for inode in inodes)

    def rss(self):
        """0 where a sanitizer keeps what was freed."""
        if sanitizers.RUNTIMES:
            return 0
        status = "".join(pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.pids)
        return sum(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS:"))

    def is_as_before(self):
        self.good()
        wait_for("descriptors to return", lambda: self.count() == self.fds)
        assert self.rss() < self.memory + 4096 * len(self.pids)

    @contextlib.contextmanager
    def asked(self, path=None):
        """A good client asks all the while, and until it had ANSWERS after it began."""
        asker = Asker(self, path or self.socket)
        asker.start()
        try:
            yield asker
            wait_for("the good client's answers", lambda: asker.answers >= ANSWERS or asker.wrong, 60)
        finally:
            asker.over = True
            asker.join()
        assert asker.wrong == [] and asker.late <= 1


def is_report(fd):
    """A sanitizer's runtime opens its report in the thread that it reports of."""
    with contextlib.suppress(OSError):
        return "/san/report" in str(fd.readlink())
    return False


class Asker(threading.Thread):
    """A client that has only one patience, its own; and connections to the server itself."""

    def __init__(self, victim, path):
        super().__init__()
        self.victim, self.path, self.over = victim, path, False
        self.answers, self.late, self.wrong = 0, 0, []

    def run(self):
        while not self.over and not self.wrong:
            began = time.monotonic()
            try:
                said = ask(self.path, "show version", timeout=PATIENCE)
                if not said.endswith("\n\n"):
                    self.wrong.append(("answer", said))
                self.late += time.monotonic() - began > PROMISED
                if self.answers % 4 == 0 and not hello(self.victim.server.port)["ok"]:
                    self.wrong.append("handshake")
                self.answers += 1
            except Exception as e:  # whatever it is, the test has to hear of it
                self.wrong.append((repr(e), self.answers, time.monotonic() - began))


@pytest.fixture(params=SERVERS)
def victim(site, request):  # noqa: F811
    return Victim(site, request.param)


@pytest.mark.parametrize("way", [Silent, Unread, ByteByByte, Busy])
def test_a_crowd_on_a_lower_socket(victim, way):
    """All places are taken by clients of a socket that is open to everybody, and more of them
    wait: whoever comes by another socket gets in."""
    with Crowd(victim, way), victim.asked():
        pass
    victim.is_as_before()


@pytest.mark.parametrize("way", [Unread, Busy])
def test_a_large_crowd_on_the_same_socket(site, way):  # noqa: F811
    """Whoever stands behind them all gets in before they have had half a second each."""
    victim = Victim(site)
    with Crowd(victim, way, n=80):
        said = []
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(4)
                s.connect(str(victim.low))
                s.sendall(b"show cli level\n")
                said.append(s.recv(100))
        assert said == [b"user\n\n"] * 3
    victim.is_as_before()


def test_a_crowd_that_has_just_come(site):  # noqa: F811
    """All places were taken a moment ago, by clients that are at work.  The machine may hold one
    answer up, not each of three."""
    victim, waited = Victim(site), []
    for _ in range(3):
        with Crowd(victim, Busy, n=PLACES):
            began = time.monotonic()
            victim.good()
            waited.append(time.monotonic() - began)
        victim.is_as_before()
    assert min(waited) < .8


def test_a_crowd_is_forgotten(site):  # noqa: F811
    """When there was a free place again whoever has not read has its half second again."""
    victim = Victim(site)
    with Crowd(victim, Silent, n=60):
        pass
    victim.is_as_before()
    began = time.monotonic()
    unread = [victim.connect() for _ in range(PLACES)]
    for s in unread:
        Unread.begin(s, 0)
        assert s.recv(1)
    victim.good()
    assert time.monotonic() - began > .45
    for s in unread:
        s.close()
    victim.is_as_before()


def test_a_crowd_that_reads_slowly(site):  # noqa: F811
    """What is read of an answer buys no time while others wait."""
    victim = Victim(site, rings=MANY_RINGS)
    with Crowd(victim, Slow), victim.asked():
        pass
    victim.is_as_before()


def test_places_that_come_one_at_a_time(site):  # noqa: F811
    """The crowd's socket stands first in the configuration, and somebody waits there always."""
    victim = Victim(site)
    with Crowd(victim, Unread, pace=.04), victim.asked():
        pass
    victim.is_as_before()


def test_changes_that_wait_for_the_disk(site):  # noqa: F811
    """Whoever sends many of them has his turn and no more, and others are answered in between."""
    library = site.dir / "slow_disk.so"
    run("gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, SERVER / "slow_disk.c")
    victim = Victim(site, wrap=["/usr/bin/env", f"LD_PRELOAD={library}"])
    changing = [victim.connect() for _ in range(5)]
    for s in changing:
        s.sendall(b"rotate ssl tls-key #0\n" * 100)
    for _ in range(3):
        victim.good()
    for s in changing:
        s.close()


def test_forty_kilobytes_without_an_end(victim):
    """After eleven of these HAProxy 2.6.12 never answers again."""
    with victim.asked():
        for _ in range(200):
            with victim.connect() as s:
                try:
                    s.sendall(40000 * b"x")
                except OSError:
                    pass
    victim.is_as_before()


def test_connect_and_leave(victim):
    with victim.asked():
        for _ in range(500):
            victim.connect().close()
    victim.is_as_before()


def test_partial_lines_and_silence(victim):
    """More of them than there are places: who is silent makes room."""
    with victim.asked():
        silent = [victim.connect() for _ in range(40)]
        for i, s in enumerate(silent):
            if i % 2:
                s.sendall(b"show ver")
    for s in silent:
        s.close()
    victim.is_as_before()


def test_ten_places_and_the_oldest_gives_way(site):  # noqa: F811
    victim = Victim(site)
    silent = [victim.connect() for _ in range(PLACES)]
    for n in range(4):
        wait_for("ten sessions", lambda: victim.count() == victim.fds + PLACES)
        silent.append(victim.connect())
        assert silent[n].recv(1) == b"", "the oldest is put out"
    assert victim.count() <= victim.fds + PLACES
    for s in silent[4:]:
        s.sendall(b"show version\n")
        assert s.recv(100).endswith(b"\n\n"), "no other is"
        s.close()
    victim.is_as_before()


def test_who_has_been_answered_goes_after_who_has_said_nothing(site):  # noqa: F811
    """Whoever waits at the prompt stays while there are clients that have said nothing; ten of them
    keep nobody out."""
    victim = Victim(site)
    prompts = [victim.connect()]
    prompts[0].sendall(b"prompt\n")
    assert prompts[0].recv(100) == b"\n> "
    silent = [victim.connect() for _ in range(PLACES - 1)]
    time.sleep(.1)  # they have their grace
    for n in range(4):
        wait_for("ten sessions", lambda: victim.count() == victim.fds + PLACES)
        silent.append(victim.connect())
        assert silent[n].recv(1) == b"", "the oldest that has said nothing is put out"
    prompts[0].sendall(b"show cli level\n")
    assert prompts[0].recv(100) == b"admin\n\n> "
    for _ in range(PLACES):
        prompts.append(victim.connect())
        prompts[-1].sendall(b"prompt\n")
        assert prompts[-1].recv(100) == b"\n> "
    victim.good()
    for s in prompts + silent:
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
    victim = Victim(site, rings=MANY_RINGS)
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
    victim = Victim(site, rings=MANY_RINGS)
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


def test_an_answer_has_to_be_read(site):  # noqa: F811
    """Whatever the client's own timeout, and though nobody else wants the place."""
    victim = Victim(site)
    with victim.connect() as s:
        Unread.begin(s, 0)
        wait_for("its session", lambda: victim.count() == victim.fds + 1)
        wait_for("the session's end", lambda: victim.count() == victim.fds)
    victim.is_as_before()


def test_random_bytes(victim):
    r = random.Random(4)
    alphabet = b"show set ssl tls-keys #0*;;\\\n\n\r\t <<prompt quit help\0\xff"
    with victim.asked():
        for i in range(10000):
            data = r.randbytes(r.randrange(1, 60)) if i % 2 else bytes(r.choices(alphabet, k=r.randrange(1, 80)))
            with victim.connect() as s:
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except ConnectionError:
                    pass
    victim.is_as_before()


def test_lines_with_nul(victim):
    keys = victim.site.keys()
    for line in (b"\0\n", b"show\0version\n", f"set ssl tls-key #0 {new_key()}\0\n".encode(),
                 f"\0\nset ssl tls-key #0 {new_key()}\n".encode(),
                 f"replace ssl tls-key #0 <<\n{new_key()}\n\0{new_key()}\n{new_key()}\n\n".encode()):
        with victim.connect() as s:
            s.sendall(line)
            assert s.recv(1000) == b"A command must not have a NUL byte in it.\n\n"
            assert s.recv(1000) == b""
    assert victim.site.keys() == keys, "nothing behind it is run"
    victim.is_as_before()


def test_half_close_at_once(victim):
    with victim.asked():
        for _ in range(100):
            with victim.connect() as s:
                s.shutdown(socket.SHUT_WR)
                assert s.recv(100) == b""
    victim.is_as_before()


def accepted(victim, n):
    """Connections to the server itself: it has them, and waits for their handshakes."""
    fds = pathlib.Path(f"/proc/{victim.pids[-1]}/fd")
    before = len(list(fds.iterdir()))
    some = [socket.create_connection(("127.0.0.1", victim.server.port)) for _ in range(n)]
    wait_for("the server to accept", lambda: len(list(fds.iterdir())) >= before + n)
    return some


def handshake(connection):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    connection.settimeout(10)
    return ctx.wrap_socket(connection, server_hostname="test.local")


def limit_descriptors(pid, soft, hard):
    """Also of a process of somebody else."""
    of = pathlib.Path(f"/proc/{pid}").stat()
    subprocess.run(["/usr/bin/prlimit", f"--pid={pid}", f"--nofile={soft}:{hard}"], check=True,
                   user=of.st_uid, group=of.st_gid, extra_groups=[])


def lowest_free(pid):
    used = {int(fd.name) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    return next(n for n in range(len(used) + 1) if n not in used)


@pytest.mark.parametrize("kind", SERVERS)
def test_the_server_has_used_all_its_descriptors(site, kind):  # noqa: F811
    """The thread has a table of its own: whoever talks to it sees nothing of that."""
    victim = Victim(site, kind)
    wait_for("earlier connections' end", lambda: victim.server_is_idle())
    open_ones = accepted(victim, 1 if kind == "s_server" else 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # theirs, too
    for pid in victim.pids:
        limit_descriptors(pid, lowest_free(pid), hard)
    silent = [victim.connect() for _ in range(2)]
    for _ in range(ANSWERS):
        assert ask(victim.socket, "show version", timeout=PATIENCE).endswith("\n\n")
    open_ones = [handshake(connection) for connection in open_ones]
    for pid in victim.pids:
        limit_descriptors(pid, soft, hard)
    for s in [*silent, *open_ones]:
        s.close()
    victim.is_as_before()


@pytest.mark.parametrize("kind, table", [(kind, "own") for kind in SERVERS] + [("s_server", "shared")])
def test_no_descriptors_left(site, kind, table):  # noqa: F811
    """Accepting pauses instead of spinning, and goes on when there are some again.  A thread in a
    table of its own has room low down, there it is poll that fails, as in servers that give up all
    new descriptors; where it may not have one (unshare is refused) it is accept.  Handshakes go on,
    on connections that the server has: s_server one at a time, and it ends itself if it comes to
    accept the next, so the request waits until there are descriptors again."""
    deny = ["/usr/bin/python3", SERVER / "deny.py", 272, errno.EPERM]
    victim = Victim(site, kind, wrap=deny if table == "shared" else ())
    wait_for("earlier connections' end", lambda: victim.server_is_idle())
    open_ones = accepted(victim, 1 if kind == "s_server" else 3)
    low = lowest_free(victim.pids[0]) if table == "shared" else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # theirs, too
    for pid in victim.pids:
        limit_descriptors(pid, low, hard)
    waiting = victim.connect()
    waiting.sendall(b"show version\n")
    time.sleep(.2)

    def ticks():
        stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in victim.pids]
        return sum(int(fields[11]) + int(fields[12]) for fields in stats)

    before = ticks()
    time.sleep(2)
    assert ticks() - before < 50, "it spins"  # of two seconds' 200
    open_ones = [handshake(connection) for connection in open_ones]
    for pid in victim.pids:
        limit_descriptors(pid, soft, hard)
    for connection in open_ones:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1")
        connection.close()
    waiting.settimeout(10)
    assert waiting.recv(100).endswith(b"\n\n")
    waiting.close()
    victim.is_as_before()
