# SPDX-License-Identifier: Apache-2.0
"""Many clients of the control socket that behave badly, each crowd in one way."""

import socket
import threading
import time

from harness import wait_for

PLACES = 10  # sessions of one process


class Crowd(threading.Thread):
    """Clients that all behave badly in one way, and come again when they are put out."""

    def __init__(self, victim, way, n=24, pace=0):
        """pace: they come so many seconds apart."""
        super().__init__()
        self.victim, self.way, self.path, self.clients = victim, way, str(victim.low), [None] * n
        self.pace, self.next, self.came, self.over, self.wrong = pace, 0, 0, False, None

    def __enter__(self):
        self.start()
        wait_for("all places to be taken", lambda: self.wrong or self.victim.count() >= self.victim.fds + PLACES)
        wait_for("the others", lambda: self.wrong or self.came >= len(self.clients))
        return self

    def __exit__(self, *args):
        self.over = True
        self.join()
        assert self.wrong is None

    def run(self):
        try:
            while not self.over:
                for i, s in enumerate(self.clients):
                    self.clients[i] = self.turn(s or self.come(i))
                time.sleep(.002)  # others want the processor, too
        except Exception as e:
            self.wrong = e
        for s in filter(None, self.clients):
            s.close()

    def come(self, i):
        if time.monotonic() < self.next:
            return None
        self.next = time.monotonic() + self.pace
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(self.path)
            self.came += 1
            self.way.begin(s, i)
        except OSError:  # the backlog is full
            s.close()
            return None
        return s

    def turn(self, s):
        try:
            if s is not None:
                self.way.turn(s)
        except BlockingIOError:
            pass
        except OSError:
            s.close()
            return None
        return s


class Silent:
    """Some with half a line."""

    def begin(s, i):
        s.send(b"show ver" if i % 2 else b"")

    def turn(s):
        if s.recv(100) == b"":
            raise ConnectionError


class Unread:
    """They ask without end and never read; their own timeout says that they may."""

    def begin(s, i):
        s.send(b"prompt\nset timeout cli 24d\n" + b"help\n" * 800)

    def turn(s):
        s.send(b"help\n" * 800)


class ByteByByte(Unread):
    def turn(s):
        s.send(b"help\n" * 800)
        if s.recv(1) == b"":
            raise ConnectionError


class Slow(Unread):
    """A large answer, a little at a time."""

    def begin(s, i):
        s.send(b"prompt\nset timeout cli 24d\n" + b"show tls-key-slots\n" * 50)

    def turn(s):
        if s.recv(300) == b"":
            raise ConnectionError


class Busy:
    """They ask without end and read all of it."""

    def begin(s, i):
        s.send(b"prompt\nset timeout cli 24d\n")

    def turn(s):
        try:
            for _ in range(4):
                s.send(b"show cli level\n" * 250)
        except BlockingIOError:
            pass
        while s.recv(1 << 18):
            pass
        raise ConnectionError
