# SPDX-License-Identifier: Apache-2.0
"""Who has socket and key files when those who had them have ended: a server that was started beside
a live one, the other processes of one whose listening process was killed; and what is said and
kept of sockets that are not to be had, or that nobody would answer."""

import errno
import os
import pathlib
import signal
import socket
import time

from harness import AS_WWW, HAPROXY, WWW, Child, Haproxy, SServer, alive, hello, table, wait_for

HERE = pathlib.Path(__file__).resolve().parent


def answers_as(site, *pids):
    """Which of them answers on the instance's socket, if one does."""
    try:
        pid = int(site.info().get("Pid", 0))
    except OSError:
        return None
    return pid if pid in pids else None


def said_by(site, pid, text):
    return [line for line in site.log_text().splitlines() if f"tkprov[{pid}]: " in line and text in line]


def test_second_server_has_socket_and_file_when_the_first_has_ended(site):
    """Till then it rotates no ring that has a file, however due, and writes none."""
    site.write_conf(ring='rotate_every = "4s";')
    first = SServer(site)
    second = SServer(site)
    wait_for("rotations", lambda: int(site.info()["Rotations"]) >= 2)
    assert answers_as(site, first.pid) and not said_by(site, second.pid, "rotated")
    first.stop()
    wait_for("an answer", lambda: answers_as(site, second.pid))
    wait_for("a rotation", lambda: said_by(site, second.pid, "key rotated"))
    wait_for("the save", lambda: site.keyfile.read_text().split() == site.keys())
    assert not said_by(site, second.pid, "not saved")
    assert hello(second.port)["name"] in site.names()


def test_a_server_beside_follows_the_file(site):
    """What is rotated and flushed by the one that has socket and file holds for both."""
    site.write_conf()
    SServer(site)
    second = SServer(site)
    ticket = site.session()
    site.ask("rotate ssl tls-key 0")
    wait_for("the rotation", lambda: hello(second.port)["name"] == site.names()[1])
    hello(second.port, save=ticket)
    site.ask("flush ssl tls-key 0")
    wait_for("the flush", lambda: hello(second.port)["name"] == site.names()[1])
    assert not hello(second.port, offer=ticket)["reused"]
    assert said_by(site, second.pid, "as its file is now")


def test_a_ring_whose_file_nobody_rotates(site):
    """Somebody has the socket and does nothing: after a second period keys rotate all the same, in memory,
    and it is told."""
    site.write_conf(ring='rotate_every = "2s";')
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(site.socket))
        live.listen(100)
        server = SServer(site)
        keys, was = site.keyfile.read_text(), hello(server.port)["name"]
        wait_for("a rotation", lambda: hello(server.port)["name"] != was)
        assert said_by(site, server.pid, "has not rotated the file in time")
        assert site.keyfile.read_text() == keys


def test_a_stale_socket_of_somebody_else(site):
    """One that may not even be asked: no socket, but keys are kept."""
    site.write_conf(ring='rotate_every = "2s";')
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(site.socket))
    site.socket.chmod(0o600)
    server = SServer(site, wrap=AS_WWW, user=WWW)
    assert "cannot connect to see who has this socket: Permission denied" in site.log_text()
    keys = site.keyfile.read_text()
    wait_for("a rotation that is saved", lambda: site.keyfile.read_text() != keys)
    assert hello(server.port)["name"] != ""


def test_a_server_that_stays_beside_costs_the_other_little(site):
    """Its processes together look once in three seconds."""
    site.write_conf()
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(site.socket))
        live.listen(100)
        code = ("import os, signal, ssl, time\n"
                "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
                "kids = [os.fork() for _ in range(3)]\n"
                f"open('{site.dir}/began', 'w').close()\n"
                "signal.pause()\n")
        start = time.monotonic()
        server = site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "began").exists))
        server.family()
        for _ in range(3):  # the first one is that of the start
            live.accept()[0].close()
        assert time.monotonic() - start > 5
        assert not said_by(site, server.pid, "nobody answered")
        server.stop(signal.SIGKILL)


def test_the_next_process_takes_over_from_the_one_that_listens(site):
    """Of a parent and its children none has the socket of the server before; one takes it, and when
    that one is killed another one does, as long as there is one."""
    site.write_conf()
    first = SServer(site)
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "kids = [os.fork() for _ in range(2)]\n"
            f"open('{site.dir}/began' + str(os.getpid()), 'w').close()\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code],
                            lambda: len(list(site.dir.glob("began*"))) == 4))
    left = set(server.family())
    first.stop()
    while left:
        pid = wait_for("an answer", lambda: answers_as(site, *left))
        assert {p["pid"] for p in table(site.ask("show processes"))} == left
        keys = site.keys()
        assert "not saved" not in site.ask("rotate ssl tls-key 0")
        assert site.keys()[:2] == keys[1:] and site.keyfile.read_text().split() == site.keys()
        os.kill(pid, signal.SIGKILL)
        left.discard(pid)
        wait_for("its end", lambda: not alive(pid))
    server.stop(signal.SIGKILL)


def test_whoever_takes_over_touches_no_file_of_the_server(site):
    """Its thread's descriptors are numbers of a table of its own, under which the server has others."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0640"; }}'])
    first = SServer(site)
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "for i in range(40):\n"
            f"    fd = os.open(f'{site.dir}/file{{i}}', os.O_CREAT | os.O_RDWR)\n"
            "    os.fchmod(fd, 0o604)\n"
            "    if i < 3: os.dup2(fd, i)\n"
            f"open('{site.dir}/began', 'w').close()\n"
            "signal.pause()\n")
    second = site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "began").exists))
    first.stop()
    wait_for("an answer", lambda: answers_as(site, second.pid))
    assert site.socket.stat().st_mode & 0o777 == 0o640
    assert {f.stat().st_mode & 0o777 for f in site.dir.glob("file*")} == {0o604}
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert all(f.read_bytes() == b"" for f in site.dir.glob("file*"))


def test_a_listener_that_the_server_has_closed_is_made_again(site):
    """Where the thread shares the server's descriptors that is possible."""
    site.write_conf()
    code = ("import os, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            f"while not os.path.exists('{site.dir}/go'): time.sleep(.01)\n"
            "for fd in os.listdir('/proc/self/fd'):\n"
            "    if int(fd) > 400 and os.readlink('/proc/self/fd/' + fd).startswith('socket:'): os.close(int(fd))\n"
            f"open('{site.dir}/gone', 'w').close()\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", HERE / "deny.py", 272, errno.EPERM, "/usr/bin/python3", "-c",
                                   code], site.socket.exists))
    inode = site.socket.stat().st_ino
    wait_for("an answer", lambda: answers_as(site, server.pid))
    (site.dir / "go").touch()
    wait_for("the close", (site.dir / "gone").exists)
    wait_for("an answer", lambda: answers_as(site, server.pid))
    assert site.socket.stat().st_ino != inode and "not saved" not in site.ask("rotate ssl tls-key 0")


def test_a_worker_alone_takes_the_socket_when_it_may(site):
    """Only when nobody of the creator's uid is left, and without a word each time that it may not.
    It saves through what was opened while there were rights to."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    first = SServer(site)
    code = ("import os, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    os.setgroups([]); os.setgid(33); os.setuid(33)\n"
            "    while True: signal.pause()\n"
            f"open('{site.dir}/began', 'w').write(str(pid))\n"
            f"while not os.path.exists('{site.dir}/go'): time.sleep(.01)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n")
    began = site.dir / "began"
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], lambda: began.exists() and began.read_text()))
    worker = int(began.read_text())
    server.family()
    (site.dir / "go").touch()
    wait_for("the parent's end", lambda: not alive(server.pid))
    first.stop()
    site.socket.with_name("s.sock.lock").unlink()  # root's
    site.dir.chmod(0o777)
    wait_for("an answer", lambda: answers_as(site, worker))
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert site.keyfile.read_text().split() == site.keys()
    assert len(said_by(site, worker, str(site.socket))) == 1 == len(said_by(site, worker, "nobody answered"))
    server.stop(signal.SIGKILL)


def test_a_socket_that_another_server_was_first_to_take(site):
    """Of a server the one process that listens is killed, and before the next one looks another
    server has started: that one has the files, too."""
    site.write_conf(ring='rotate_every = "2s";')
    first = SServer(site)
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "os.fork()\n"
            f"open('{site.dir}/began' + str(os.getpid()), 'w').close()\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code],
                            lambda: len(list(site.dir.glob("began*"))) == 2))
    both = server.family()
    first.stop()
    pid = wait_for("an answer", lambda: answers_as(site, *both))
    left, = both - {pid}
    os.kill(left, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    wait_for("its end", lambda: not alive(pid))
    other = SServer(site)
    assert answers_as(site, other.pid)
    wait_for("the time of its look", lambda: len(said_by(site, other.pid, "key rotated")) >= 3)
    before = len(said_by(site, left, "rotated"))
    os.kill(left, signal.SIGCONT)
    wait_for("its look", lambda: said_by(site, left, "another instance has taken this socket"))
    wait_for("rotations", lambda: len(said_by(site, other.pid, "key rotated")) >= 6)
    assert len(said_by(site, left, "rotated")) == before
    wait_for("the save", lambda: site.keyfile.read_text().split() == site.keys())
    server.stop(signal.SIGKILL)


def test_a_socket_of_ones_own_is_not_taken_for_somebody_elses(site):
    """A child that runs no fork handlers (not os.fork) holds the listener open, nobody answers on it, and the server
    has closed it: that is no other instance, and the files are not left to anybody."""
    site.write_conf(ring='rotate_every = "1s";')
    code = ("import ctypes, os, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "pid = ctypes.CDLL(None)._Fork()\n"
            "if pid == 0: signal.pause()\n"
            "for fd in os.listdir('/proc/self/fd'):\n"
            "    if int(fd) > 400 and os.readlink('/proc/self/fd/' + fd).startswith('socket:'): os.close(int(fd))\n"
            f"open('{site.dir}/child', 'w').write(str(pid))\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", HERE / "deny.py", 272, errno.EPERM, "/usr/bin/python3", "-c",
                                   code], (site.dir / "child").exists))
    server.family()
    wait_for("rotations that take longer than till the next look",
             lambda: len(said_by(site, server.pid, "key rotated")) >= 6)
    assert "another instance" not in site.log_text()
    os.kill(int((site.dir / "child").read_text()), signal.SIGKILL)
    wait_for("an answer", lambda: answers_as(site, server.pid))
    assert "not saved" not in site.log_text()
    server.stop(signal.SIGKILL)


def test_haproxy_that_finishes_the_old_one(site):
    site.write_conf(scope="shared")
    old = Haproxy(site, [("one", "")])
    new = site.add(Child(site, [HAPROXY, "-db", "-f", site.dir / "haproxy.cfg", "-sf", str(old.pid)],
                         lambda: not alive(old.pid)))
    wait_for("an answer", lambda: answers_as(site, new.pid))
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert site.keyfile.read_text().split() == site.keys()
    assert hello(old.ports["one"])["name"] == site.names()[1]


def test_socket_of_its_own_and_one_that_somebody_else_has(site):
    """What is said and what is listed is what there is."""
    second = site.dir / "second.sock"
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; }}', f'{{ path = "{second}"; }}'])
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(second))
        other.listen(1)
        server = SServer(site)
        assert f"{second}: somebody else has this socket; going on without this one" in site.log_text()
        assert "a live instance has this socket" not in site.log_text()
        assert site.ask("show cli sockets") == f"# socket lvl processes\nunix@{site.socket} admin all\n\n"
        assert "not saved" not in site.ask("rotate ssl tls-key 0")
        server.stop()
    SServer(site)
    assert f"unix@{second} admin all" in site.ask("show cli sockets")


def test_no_first_socket_no_others(site):
    second = site.dir / "second.sock"
    site.write_conf(sockets=['{ path = "/proc/tkprov.sock"; }', f'{{ path = "{second}"; }}'])
    SServer(site)
    assert not second.exists()
    assert f"{second}: not made, for there is none without /proc/tkprov.sock" in site.log_text()


def test_without_a_control_thread_nobody_seems_to_answer(site):
    """A thread that the system refuses: no socket that nobody answers on, so that the next server
    has one, and rings in memory are rotated by the way."""
    site.write_conf(rings=['{ name = "m"; rotate_every = "2s"; }'])
    uid = "61234"
    server = SServer(site, wrap=["/usr/bin/prlimit", "--nproc=1", "/usr/bin/setpriv", f"--reuid={uid}",
                                 f"--regid={uid}", "--clear-groups"], user=int(uid))
    assert "no control thread in process" in site.log_text()
    assert "answering at" not in site.log_text() and not site.socket.exists()
    was = hello(server.port)["name"]
    assert was
    wait_for("a rotation", lambda: hello(server.port)["name"] != was)
    other = SServer(site)
    assert answers_as(site, other.pid)


def test_child_without_a_control_thread_holds_no_socket(site):
    """It lives on when its parent has ended, and the next server is not beside anybody."""
    site.write_conf()
    code = ("import os, resource, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "uid = 100000 + os.getpid()  # a limit counts all of a user's processes\n"
            "os.setgroups([]); os.setgid(uid); os.setuid(uid)\n"
            "room = len(os.listdir('/proc/self/task')) + 1  # for the child, and for no thread of it\n"
            "resource.setrlimit(resource.RLIMIT_NPROC, (room, room))\n"
            "if os.fork() == 0:\n"
            "    signal.pause()\n"
            f"while not os.path.exists('{site.dir}/go'): time.sleep(.01)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code],
                            lambda: "no control thread in process" in site.log_text()))
    assert len(server.family()) == 2
    (site.dir / "go").touch()
    wait_for("the parent's end", lambda: not alive(server.pid))
    assert len(server.family()) == 1
    other = SServer(site)
    assert answers_as(site, other.pid)
    server.stop(signal.SIGKILL)
