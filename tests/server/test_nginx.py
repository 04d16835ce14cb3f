# SPDX-License-Identifier: Apache-2.0
"""The main job, in an unmodified nginx: 4 workers as www-data, daemonized.  The first 16
bytes of a ticket are the name of the slot that encrypts; tickets live exactly as long as
their key is in the ring; keys survive reloads, and the death of workers and master."""

import base64
import os
import re
import signal
import subprocess
import threading

import pytest
import sanitizers
from harness import Nginx, Server, TKCTL, alive, hello, new_key, tlsc, wait_for

TLS = pytest.mark.parametrize("tls", ["1.2", "1.3"])


def tkctl(site, *words, stdin=None):
    return subprocess.run([str(TKCTL), "-s", str(site.socket), *words], input=stdin,
                          capture_output=True, text=True, timeout=20)


@TLS
def test_ticket_carries_the_encrypting_name_through_ten_rotations(site, tls):
    site.write_conf()
    nginx = Nginx(site)
    assert hello(nginx.port, tls=tls)["name"] == site.names()[1]
    for _ in range(10):
        before = site.names()
        done = tkctl(site, "rotate", "ssl", "tls-key", "*")
        after = site.names()
        assert done.returncode == 0
        assert after[:2] == before[1:], "everything moves down one"
        assert done.stdout == (f"TLS ticket key rotated: 0.2 is {after[2]}, 0.1 {after[1]} encrypts\n")
        assert hello(nginx.port, tls=tls)["name"] == after[1]


def test_the_creator_answers_while_it_lives(site):
    """Workers have another uid: they take only what nobody has taken for 300 ms, however many ask."""
    site.write_conf()
    nginx = Nginx(site)
    said = []

    def ask():
        said.extend(site.info()["Pid"] for _ in range(300))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for c in clients:
        c.start()
    for c in clients:
        c.join(60)
    assert len(said) == 900
    assert said.count(str(nginx.pid)) >= 890, "a master that a busy machine keeps waiting may be late"


def test_workers_of_a_file_that_was_made_anew(site):
    """They can save though the descriptor that their master has inherited is of the file before."""
    site.write_conf()
    nginx = Nginx(site)
    old = nginx.worker_pids()
    site.keyfile.write_text(site.keyfile.read_text() + new_key() + "\n")
    assert "not saved" not in site.ask("reload ssl tls-key 0")
    nginx.reload()
    wait_for("the end of the old workers, which cannot", lambda: not any(alive(p) for p in old))
    workers = nginx.worker_pids()
    os.kill(nginx.pid, signal.SIGKILL)
    wait_for("the master's end", lambda: not alive(nginx.pid))
    for _ in range(3):
        answer = site.ask("rotate ssl tls-key 0")
        assert answer.startswith("TLS ticket key rotated") and "not saved" not in answer
    assert site.keyfile.read_text().split() == site.keys()
    assert set(workers) <= set(nginx.family())


@TLS
def test_all_workers_agree_at_once(site, tls):
    """Each worker has a queue of its own, so that all of them answer; they say who they are."""
    site.write_conf()
    nginx = Nginx(site, [Nginx.block(site, body="worker $pid.", listen="reuseport")])
    for _ in range(2):
        tkctl(site, "rotate", "ssl", "tls-key", "#0")
        got = tlsc(nginx.port, tls=tls, count=100)
        assert all(g["ok"] for g in got)
        assert {g["name"] for g in got} == {site.names()[1]}
        assert {re.search(r"worker (\d+)\.", g["body"])[1] for g in got} == {str(p) for p in nginx.worker_pids()}


@TLS
def test_ticket_lives_as_long_as_its_slot(site, tls):
    """Made under slot 1 it survives one `set` (slot 0) and is gone with the second."""
    site.write_conf()
    nginx = Nginx(site)
    ticket = site.session()
    hello(nginx.port, tls=tls, save=ticket)
    for reused in (True, True, False):
        assert hello(nginx.port, tls=tls, offer=ticket)["reused"] is reused
        assert site.ask(f"set ssl tls-key #0 {new_key()}") == "TLS ticket key updated!\n\n"


@TLS
@pytest.mark.parametrize("slots", [1, 2, 5, 32])
def test_other_numbers_of_slots(site, tls, slots):
    site.write_conf(slots=slots)
    nginx = Nginx(site, workers=2)
    encrypts = max(slots - 2, 0)
    ticket = site.session()
    assert hello(nginx.port, tls=tls, save=ticket)["name"] == site.names()[encrypts]
    for _ in range(encrypts):
        tkctl(site, "rotate", "ssl", "tls-key", "#0")
    assert hello(nginx.port, tls=tls, offer=ticket)["reused"]
    tkctl(site, "rotate", "ssl", "tls-key", "#0")
    assert not hello(nginx.port, tls=tls, offer=ticket)["reused"]


def test_tls13_client_resumes_twenty_times_each_with_the_newest_ticket(site):
    site.write_conf()
    nginx = Nginx(site)
    got = tlsc(nginx.port, tls="1.3", count=21, chain=True)
    assert [g["reused"] for g in got] == [False] + [True] * 20
    assert all(g["ok"] and g["name"] == site.names()[1] for g in got)


def test_tls12_ticket_is_renewed_only_when_older(site):
    """Under the encrypting slot it is accepted as it is; under an older one re-made."""
    site.write_conf()
    nginx = Nginx(site)
    ticket = site.session()
    hello(nginx.port, tls="1.2", save=ticket)
    same = hello(nginx.port, tls="1.2", offer=ticket)
    assert same["reused"] and same["name"] == ""
    tkctl(site, "rotate", "ssl", "tls-key", "#0")
    renewed = hello(nginx.port, tls="1.2", offer=ticket)
    assert renewed["reused"] and renewed["name"] == site.names()[1]


def test_tls12_ticket_under_the_next_key_is_not_remade(site, other):
    """A node that is ahead: its encrypting key is our next one."""
    site.write_conf()
    other.write_conf()
    other.keyfile.write_text(site.keyfile.read_text().split("\n", 1)[1] + new_key() + "\n")
    behind, ahead = Nginx(site, workers=1), Nginx(other, workers=1)
    ticket = site.session()
    assert hello(ahead.port, tls="1.2", save=ticket)["name"] == site.names()[2]
    got = hello(behind.port, tls="1.2", offer=ticket)
    assert got["reused"] and got["name"] == ""


@TLS
@pytest.mark.parametrize("size", [48, 80])
def test_two_servers_with_one_key_file_resume_each_others_tickets(site, other, tls, size):
    site.write_conf()
    other.write_conf()
    site.write_keys(size=size)
    other.keyfile.write_text(site.keyfile.read_text())
    one, two = Nginx(site, workers=2), Nginx(other, workers=2)
    for here, there in ((one, two), (two, one)):
        ticket = site.session()
        hello(here.port, tls=tls, save=ticket)
        assert hello(there.port, tls=tls, offer=ticket)["reused"]


def test_keys_survive_reloads_checks_and_kills(site):
    site.write_conf(ring="persist = false;")
    nginx = Nginx(site)
    tkctl(site, "rotate", "ssl", "tls-key", "#0")  # no longer what the file says
    keys = site.keys()
    tickets = {tls: site.session() for tls in ("1.2", "1.3")}
    for tls, ticket in tickets.items():
        hello(nginx.port, tls=tls, save=ticket)

    def unchanged(what):
        assert site.keys() == keys, what
        for tls, ticket in tickets.items():
            assert hello(nginx.port, tls=tls, offer=ticket)["reused"], (what, tls)

    for i in range(3):
        nginx.reload()
        unchanged(f"reload {i}")
    nginx.test()
    unchanged("nginx -t")
    for pid in nginx.worker_pids():
        os.kill(pid, signal.SIGKILL)
        wait_for("the worker's successor", lambda: pid not in nginx.worker_pids()
                 and len(nginx.worker_pids()) == 4)
        unchanged("a worker killed")
    nginx.family()
    os.kill(nginx.pid, signal.SIGKILL)
    wait_for("the master's end", lambda: not alive(nginx.pid))
    unchanged("the master killed")
    assert tkctl(site, "show", "tls-keys").stdout == f"# id (file)\n0 ({site.keyfile})\n"


def test_restart_reads_the_file_and_replaces_the_stale_socket(site):
    site.write_conf()
    ticket = site.session()
    nginx = Nginx(site)
    hello(nginx.port, save=ticket)
    nginx.stop(signal.SIGKILL)
    assert site.socket.exists()
    again = Nginx(site)
    assert hello(again.port, offer=ticket)["reused"]
    assert tkctl(site, "show", "tls-keys").returncode == 0


def test_second_instance_beside_a_live_one_leaves_it_alone(site):
    site.write_conf(ring="persist = false;")
    first = Nginx(site, workers=1)
    tkctl(site, "rotate", "ssl", "tls-key", "#0")
    keys, inode = site.keys(), site.socket.stat().st_ino
    second = Nginx(site, workers=1)
    assert site.keys() == keys and site.socket.stat().st_ino == inode
    assert "a live instance has this socket" in site.log_text()
    from_file = base64.b64decode(site.keyfile.read_text().split()[1])[:16].hex()
    assert hello(second.port)["name"] == from_file != site.names()[1]
    second.stop()
    assert site.keys() == keys and hello(first.port)["name"] == site.names()[1]


# nginx hands a new program only what its configuration names of its environment
ENVIRONMENT = "".join(f"env {name}; " for name in ("OPENSSL_CONF", "LD_PRELOAD", *sanitizers.options("")))


@pytest.mark.parametrize("changed", ["as it was", "rotated meanwhile"])
def test_binary_upgrade_has_the_socket_when_the_old_one_has_ended(site, changed):
    """USR2: a new nginx beside the old one, with keys from the file.  QUIT: the old one ends, and
    the new one answers, with the keys that the file holds by then, and saves."""
    site.write_conf()
    old = Nginx(site, workers=2, main=ENVIRONMENT)
    ticket = site.session()
    os.kill(old.pid, signal.SIGUSR2)
    wait_for("the new master", lambda: "a live instance has this socket" in site.log_text())
    new = wait_for("its pid", lambda: old.pidfile.exists() and old.pidfile.read_text().strip())
    assert site.info()["Pid"] != new
    if changed == "rotated meanwhile":
        assert "not saved" not in site.ask("rotate ssl tls-key 0")
    hello(old.port, save=ticket)
    keys = site.keyfile.read_text().split()
    assert site.keys() == keys
    old.family()
    os.kill(old.pid, signal.SIGQUIT)
    new = site.add(Server(site, int(new)))
    old.family()
    wait_for("the end of the old one", lambda: not alive(old.pid))
    wait_for("an answer", lambda: answers_as(site, new.pid))
    assert "nobody answered there any more; answering now, and saving keys" in site.log_text()
    assert site.keys() == keys
    assert hello(old.port, offer=ticket)["reused"]
    assert tkctl(site, "rotate", "ssl", "tls-key", "#0").stderr == ""
    assert site.keyfile.read_text().split() == site.keys() != keys
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert [e["command"] for e in site.events()][0] == "start"


def answers_as(site, pid):
    try:
        return site.info().get("Pid") == str(pid)
    except OSError:
        return False


def test_rings_by_server_name(site):
    site.write_keys(path=site.dir / "a.key")
    site.write_keys(path=site.dir / "b.key")
    site.write_keys(path=site.dir / "rest.key")
    site.write_conf(rings=[
        f'{{ file = "{site.dir}/a.key"; server_names = [ "a.test", "x.sub.test" ]; }}',
        f'{{ file = "{site.dir}/b.key"; server_names = [ "*.sub.test" ]; }}',
        f'{{ file = "{site.dir}/rest.key"; }}'])
    nginx = Nginx(site, workers=1)
    for tls in ("1.2", "1.3"):
        for name, ring in (("a.test", 0), ("A.TEST", 0), ("x.sub.test", 0), ("y.sub.test", 1),
                           ("z.y.sub.test", 1), ("sub.test", 2), ("other", 2), (None, 2)):
            ticket = site.session()
            assert hello(nginx.port, tls=tls, sni=name, save=ticket)["name"] == site.names(ring)[1]
            assert hello(nginx.port, tls=tls, sni=name, offer=ticket)["reused"], name


def test_no_ring_for_a_name_means_no_ticket(site):
    site.write_keys()
    site.write_conf(rings=[f'{{ file = "{site.keyfile}"; server_names = [ "a.test" ]; }}'])
    nginx = Nginx(site, workers=1)
    for tls in ("1.2", "1.3"):
        assert hello(nginx.port, tls=tls, sni="a.test")["name"] == site.names()[1]
        assert hello(nginx.port, tls=tls, sni="b.test")["name"] == ""
