# SPDX-License-Identifier: Apache-2.0
"""200 forks and reloads while a client sends `set` without pause: every key that was
acknowledged is there, nothing hangs, no process is left behind."""

import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from conftest import pki, site  # noqa: E402,F401
from harness import Child, Nginx, alive, hello, new_key, wait_for  # noqa: E402

OK = "TLS ticket key updated!\n\n"


class Setter(threading.Thread):
    """Sends keys until it is told to stop; remembers those that were acknowledged.  A
    process that ends takes its connections with it: nothing was promised to those."""

    def __init__(self, site):
        super().__init__()
        self.site, self.over = site, threading.Event()
        self.acknowledged, self.cut, self.wrong = [], 0, []

    def run(self):
        while not self.over.is_set():
            key = new_key()
            try:
                said = self.site.ask(f"set ssl tls-key #0 {key}")
            except ConnectionResetError:
                self.cut += 1
                continue
            except OSError as e:
                self.wrong.append(repr(e))
                continue
            if said == OK:
                self.acknowledged.append(key)
            elif said == "":
                self.cut += 1
            else:
                self.wrong.append(said)

    def finish(self):
        self.over.set()
        self.join(30)
        assert not self.is_alive(), "a command hangs"
        return self.acknowledged


def in_order(setter, ring):
    """The newest acknowledged keys are the ring's newest, in the order of their setting;
    beside them only such as nothing was promised for."""
    kept = [k for k in ring if k in set(setter.acknowledged)]
    assert len(kept) >= len(ring) - setter.cut
    assert kept == setter.acknowledged[-len(kept):]


def test_two_hundred_forks(site):  # noqa: F811
    """A server that forks a child for each connection, as fast as it can."""
    site.write_conf(slots=32)
    code = ("import os, ssl, sys, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "for i in range(200):\n"
            "    pid = os.fork()\n"
            "    if pid == 0: os._exit(0 if i % 2 else os.fork() and 0)\n"
            "    os.waitpid(pid, 0)\n"
            f"open('{site.dir}/done', 'w').close()\n"
            "sys.stdin.read()\n"
            "time.sleep(600)\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], site.socket.exists))
    setter = Setter(site)
    setter.start()
    wait_for("200 forks", (site.dir / "done").exists, 60)
    acknowledged = setter.finish()
    assert len(acknowledged) > 32 and setter.wrong == [] and setter.cut == 0
    in_order(setter, site.keys())
    server.stop()
    assert not alive(server.pid)


def test_several_processes_change_one_ring(site):  # noqa: F811
    """Children of the creator's uid all answer: 32 keys set by four clients at once, into
    32 slots, through whichever process takes them, are all there."""
    site.write_conf(slots=32)
    code = ("import os, ssl, sys, signal, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "kids = []\n"
            "for i in range(4):\n"
            "    pid = os.fork()\n"
            "    if pid == 0:\n"
            "        signal.pause()\n"
            "    kids.append(pid)\n"
            "def end(*_):\n"
            "    for k in kids: os.kill(k, signal.SIGTERM); os.waitpid(k, 0)\n"
            "    os._exit(0)\n"
            "signal.signal(signal.SIGTERM, end)\n"
            "while True: signal.pause()\n")
    site.add(Child(site, ["/usr/bin/python3", "-c", code], site.socket.exists))
    pids = set()

    def all_answer():
        info = site.ask("show info").splitlines()
        pids.add([row for row in info if row.startswith("Pid: ")][0])
        return len(pids) >= 3

    wait_for("three of the processes to answer", all_answer)
    for _ in range(10):
        keys = [[new_key() for _ in range(8)] for _ in range(4)]
        said = []

        def send(mine):
            said.extend(site.ask(f"set ssl tls-key #0 {k}") for k in mine)

        clients = [threading.Thread(target=send, args=(mine,)) for mine in keys]
        for c in clients:
            c.start()
        for c in clients:
            c.join(60)
        assert said == [OK] * 32
        assert set(site.keys()) == {k for mine in keys for k in mine}


def test_reloads(site):  # noqa: F811
    site.write_conf(slots=32)
    nginx = Nginx(site)
    setter = Setter(site)
    setter.start()
    for _ in range(15):
        nginx.reload()
    acknowledged = setter.finish()
    assert len(acknowledged) > 32 and setter.wrong == []
    assert setter.cut <= 15 * 4  # workers that ended
    in_order(setter, site.keys())
    assert hello(nginx.port)["name"] == site.names()[30]
    wait_for("old workers' end", lambda: sum(alive(p) for p in nginx.family()) == 5)


def test_fork_while_another_thread_attaches(site):  # noqa: F811
    """Attaching takes its time, here with 2,000 rings; the child of a fork in that moment
    must be able to make contexts of its own.  Forks begin when the memory is there: before
    that the other thread may be inside libcrypto, whose locks a child inherits as they are."""
    site.write_conf()
    rings = ", ".join(f'{{ name = "r{i}"; server_names = [ "h{i}.test" ]; }}' for i in range(2000))
    site.conf.write_text(re.sub(r"rings = \(.*\);", lambda m: f"rings = ( {rings} );", site.conf.read_text(),
                                flags=re.S, count=1))
    code = ("import os, signal, ssl, threading, time\n"
            "ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
            "other = threading.Thread(target=ssl.SSLContext, args=(ssl.PROTOCOL_TLS_SERVER,))\n"
            "other.start()\n"
            "kids = []\n"
            "while other.is_alive() and 'memfd:tkprov' not in open('/proc/self/maps').read(): pass\n"
            "while other.is_alive() and len(kids) < 20:\n"
            "    kids.append(os.fork())\n"
            "    if kids[-1] == 0:\n"
            "        signal.alarm(60)\n"
            "        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "        os._exit(7)\n"
            "    time.sleep(0.001)\n"
            "ends = [os.waitstatus_to_exitcode(os.waitpid(k, 0)[1]) for k in kids]\n"
            "other.join()\n"
            f"open('{site.dir}/ends', 'w').write(f'{{len(kids)}} {{set(ends)}}')\n"
            f"open('{site.dir}/done', 'w').close()\n"
            "signal.pause()\n")
    site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "done").exists))
    count, ends = (site.dir / "ends").read_text().split(" ", 1)
    assert int(count) > 1 and ends == "{7}"
    assert "no session tickets" not in site.log_text()
