# SPDX-License-Identifier: Apache-2.0
"""What the audit table says of each key, in nginx with several workers: a counter belongs to
the key, not to its slot, and tells a resumed ticket from a forged one."""
import base64
import os
import re
import socket
import ssl
import time

import pytest

from harness import Child, Nginx, SServer, answers, free_port, hello, tlsc, wait_for

TLS = pytest.mark.parametrize("tls", ["1.2", "1.3"])
ZERO = dict(issued=0, presented=0, resumed=0, renewed=0, forged=0, expired=0, astray=0)


def counts(row):
    return {k: row[k] for k in ZERO}


def by_name(site, name):
    row, = [r for r in site.slots() if r["name"] == name and r["role"] != "unknown"]
    return row


def unknown(site, ring=0):
    row, = [r for r in site.slots() if r["ring"] == ring and r["role"] == "unknown"]
    return row


def tamper(session, name, at):
    """Flips one bit of the ticket in a session file, `at` bytes behind its key name."""
    head, *lines, tail = session.read_text().split("\n")[:-1]
    der = bytearray(base64.b64decode("".join(lines)))
    der[der.index(bytes.fromhex(name)) + at] ^= 1
    text = base64.b64encode(der).decode()
    session.write_text("\n".join([head, *[text[i:i + 64] for i in range(0, len(text), 64)], tail, ""]))


def test_a_fresh_ring(site):
    site.write_conf(slots=4)
    os.utime(site.keyfile, (1234567890, 1234567890))
    Nginx(site, workers=1)
    rows = site.slots()
    assert [(r["slot"], r["role"]) for r in rows] == [
        (0, "decrypt"), (1, "decrypt"), (2, "encrypt"), (3, "next"), ("-", "unknown")]
    assert [r["name"] for r in rows[:4]] == site.names()
    for r in rows[:4]:
        assert counts(r) == ZERO and r["last_used"] == 0 and r["bits"] == 256
        assert r["by"] == "file" and r["added"] == 1234567890
    assert rows[4] == {**{k: "-" for k in rows[4]}, "ring": 0, "role": "unknown", "presented": 0}


def test_where_keys_come_from(site):
    site.write_keys(size=48)
    site.write_conf(rings=[f'{{ file = "{site.keyfile}"; server_names = [ "a.test" ]; }}',
                           '{ name = "mem"; slots = 2; }'])
    began = int(time.time())
    server = SServer(site)
    assert [(r["by"], r["bits"]) for r in site.slots("mem")[:2]] == [("start", 256)] * 2
    assert [r["bits"] for r in site.slots("#0")[:3]] == [128] * 3
    site.ask("rotate ssl tls-key mem")
    newest = site.slots("mem")[1]
    assert newest["by"] == f"uid:{os.getuid()}" and newest["added"] >= began
    assert "unable to locate" in site.ask("show tls-key-slots nobody")
    assert hello(server.port, sni="x.test")["name"] == site.names(1)[0]


@TLS
def test_counts_follow_the_key_through_its_slots(site, tls):
    site.write_conf()
    nginx = Nginx(site, workers=2)
    per_full, per_resumed = (2, 1) if tls == "1.3" else (1, 0)
    name, ticket = site.names()[1], site.session()
    hello(nginx.port, tls=tls, save=ticket)
    want = dict(ZERO, issued=per_full)
    assert counts(by_name(site, name)) == want
    assert by_name(site, name)["last_used"] >= time.time() - 60

    for _ in range(3):
        assert hello(nginx.port, tls=tls, offer=ticket)["reused"]
    want.update(presented=3, resumed=3, renewed=3 * per_resumed, issued=per_full + 3 * per_resumed)
    assert counts(by_name(site, name)) == want

    site.ask("rotate ssl tls-key 0")
    row = by_name(site, name)
    assert row["role"] == "decrypt" and counts(row) == want
    assert hello(nginx.port, tls=tls, offer=ticket)["reused"]
    want.update(presented=4, resumed=4, renewed=want["renewed"] + 1)  # an old key: renewed in both
    assert counts(by_name(site, name)) == want
    assert by_name(site, site.names()[1])["issued"] == 1  # the new ticket is the new key's
    assert unknown(site)["presented"] == 0

    site.ask("rotate ssl tls-key 0")
    assert not hello(nginx.port, tls=tls, offer=ticket)["reused"]
    assert unknown(site)["presented"] == 1 and unknown(site)["name"] == name
    assert sum(r["presented"] for r in site.slots() if r["role"] != "unknown") == 0


@TLS
def test_forged_and_unknown(site, tls):
    site.write_conf()
    nginx = Nginx(site, workers=2)
    name = site.names()[1]
    forged, strange = site.session(), site.session()
    hello(nginx.port, tls=tls, save=forged)
    hello(nginx.port, tls=tls, save=strange)
    tamper(forged, name, 40)
    tamper(strange, name, 15)
    assert not hello(nginx.port, tls=tls, offer=forged)["reused"]
    row = by_name(site, name)
    assert (row["presented"], row["forged"], row["resumed"]) == (1, 1, 0)
    assert not hello(nginx.port, tls=tls, offer=strange)["reused"]
    assert by_name(site, name)["presented"] == 1
    last = unknown(site)
    assert last["presented"] == 1
    assert last["name"] == name[:30] + f"{int(name[30:], 16) ^ 1:02x}"


def test_expired(site):
    site.write_conf()
    nginx = Nginx(site, workers=1, http="ssl_session_timeout 1s;")
    ticket, name = site.session(), site.names()[1]
    hello(nginx.port, tls="1.2", save=ticket)
    wait_for("the session's end", lambda: not hello(nginx.port, tls="1.2", offer=ticket)["reused"])
    row = by_name(site, name)
    assert row["expired"] == 1 and row["presented"] == row["resumed"] + 1 and row["astray"] == 0


@TLS
def test_astray(site, tls):
    site.write_conf()
    nginx = Nginx(site, workers=1, servers=[Nginx.block(site, "a.test"), Nginx.block(site, "b.test")])
    ticket, name = site.session(), site.names()[1]
    hello(nginx.port, tls=tls, sni="a.test", save=ticket)
    assert not hello(nginx.port, tls=tls, sni="b.test", offer=ticket)["reused"]
    row = by_name(site, name)
    assert (row["presented"], row["astray"], row["resumed"], row["forged"]) == (1, 1, 0, 0)


def test_retry_request_counts_once(site):
    site.write_conf()
    server = SServer(site, "-groups", "P-384")
    ticket, name = site.session(), site.names()[1]
    hello(server.port, save=ticket)
    assert hello(server.port, offer=ticket)["reused"]
    row = by_name(site, name)
    assert (row["presented"], row["resumed"], row["renewed"]) == (1, 1, 1)


ASKS_LATER = """
import socket, ssl, sys
cert, key, ca, port = sys.argv[1:]
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(cert, key)
ctx.load_verify_locations(ca)
ctx.verify_mode = ssl.CERT_REQUIRED
ctx.post_handshake_auth = True
listener = socket.create_server(("127.0.0.1", int(port)))
while True:
    raw, _ = listener.accept()
    try:
        with ctx.wrap_socket(raw, server_side=True) as s:
            if s.recv(4096) == b"ask":
                s.verify_client_post_handshake()
            s.sendall(b"go on")
            s.recv(4096)
            s.sendall(b"done")
            s.unwrap()
    except OSError:
        pass
"""


def test_tickets_after_the_handshake_count_once(site):
    """Post-handshake authentication brings new tickets, and gen once more, on a connection
    that was resumed and counted long ago."""
    site.write_conf()
    port = free_port()
    site.add(Child(site, ["/usr/bin/python3", "-c", ASKS_LATER, site.pki.cert, site.pki.key,
                          site.pki.ca(), str(port)], lambda: answers(port)))
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.post_handshake_auth = True
    ctx.load_cert_chain(*site.pki.client("a"))

    def visit(word, session):
        with socket.create_connection(("127.0.0.1", port)) as raw, \
                ctx.wrap_socket(raw, session=session) as s:
            s.sendall(word)
            assert s.recv(4096) == b"go on"
            s.sendall(b"and on")
            assert s.recv(4096) == b"done"
            return s.session, s.session_reused

    session, reused = visit(b"no", None)
    name = site.names()[1]
    issued = by_name(site, name)["issued"]
    assert not reused and issued == 2
    _, reused = visit(b"ask", session)
    row = by_name(site, name)
    assert reused and row["issued"] > issued + 1, "the tickets after the handshake"
    assert (row["presented"], row["resumed"], row["renewed"]) == (1, 1, 1)


def test_a_cell_comes_round_empty(site):
    """A ring has twice as many places for counters as slots: each key that takes one over
    finds it empty."""
    site.write_conf(slots=2)
    nginx = Nginx(site, workers=1)
    for _ in range(9):
        assert hello(nginx.port, tls="1.2")["name"] == site.names()[0]
        site.ask("rotate ssl tls-key 0")
        newest = site.slots()[1]
        assert counts(newest) == ZERO and newest["last_used"] == 0


def test_all_workers_count_in_one_table(site):
    site.write_conf()
    nginx = Nginx(site, workers=4)
    got = tlsc(nginx.port, tls="1.3", count=200)
    assert all(g["ok"] for g in got)
    assert by_name(site, site.names()[1])["issued"] == 400


def test_clear_counters(site):
    site.write_conf()
    nginx = Nginx(site, workers=2)
    ticket, name = site.session(), site.names()[1]
    hello(nginx.port, save=ticket)
    hello(nginx.port, offer=ticket)
    site.ask("rotate ssl tls-key 0")
    site.ask("rotate ssl tls-key 0")
    hello(nginx.port, offer=ticket)
    added = [r["added"] for r in site.slots()]
    assert unknown(site)["presented"] == 1
    assert site.ask("clear counters") == "\n"
    for r in site.slots():
        if r["role"] == "unknown":
            assert r["presented"] == 0 and r["name"] == "-"
        else:
            assert counts(r) == ZERO and r["last_used"] == 0
    assert [r["added"] for r in site.slots()] == added
    assert name not in site.ask("show tls-key-slots")


def test_reload_keeps_the_counters_of_keys_that_stay(site):
    site.write_conf(ring="persist = false;")
    nginx = Nginx(site, workers=1)
    names = site.names()
    hello(nginx.port)
    lines = site.keyfile.read_text().split()
    site.write_keys()
    fresh = site.keyfile.read_text().split()
    site.keyfile.write_text("\n".join([fresh[0], lines[1], fresh[2], ""]))
    assert site.ask("reload ssl tls-key 0") == f"TLS ticket keys replaced: 0.1 {names[1]} encrypts\n\n"
    rows = site.slots()
    assert [r["issued"] for r in rows[:3]] == [0, 2, 0]
    assert rows[0]["by"] == rows[2]["by"] == "file"


def test_events(site):
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; }}',
                             f'{{ path = "{site.dir}/low"; level = "operator"; }}'])
    SServer(site)
    began = int(time.time())
    site.ask("rotate ssl tls-key 0")
    site.ask("show tls-keys")            # no secrets: no event
    site.ask("show tls-key-slots")
    site.ask("show tls-keys #0")
    site.ask("set ssl tls-key #0 nonsense")
    site.ask("flush ssl tls-key #9")
    site.ask("rotate ssl tls-key 0", path=site.dir / "low")
    site.ask("clear counters", path=site.dir / "low")
    start, *rows = site.events()
    assert (start["command"], start["ring"], start["program"], start["socket"]) == ("start", 0, "openssl", "-")
    assert [(r["command"], r["ring"], r["result"]) for r in rows] == [
        ("rotate ssl tls-key", 0, "ok"), ("show tls-keys", 0, "ok"),
        ("set ssl tls-key", 0, "failed"), ("flush ssl tls-key", "-", "failed"),
        ("rotate ssl tls-key", "-", "denied"), ("clear counters", "-", "ok")]
    assert [r["name"] for r in rows] == [site.names()[2], "-", "-", "-", "-", "-"]
    for r in rows:
        assert r["uid"] == os.getuid() and r["gid"] == os.getgid() and r["pid"] == os.getpid()
        assert r["program"] in ("python3", "pytest") and began <= r["time"] <= time.time()
    assert [r["socket"] for r in rows] == [str(site.socket)] * 4 + [f"{site.dir}/low"] * 2
    assert [r["command"] for r in site.events(2)] == ["clear counters", "show tls-keys"]
    for n in ("x", "-1", "5x", "''"):
        assert site.ask(f"show tls-key-events {n}") == (
            "'show tls-key-events' expects how many to show, a number from 0 on.\n\n")
    for secret in site.keys():
        assert secret not in site.ask("show tls-key-events 100")


def test_events_tell_whose_secrets_were_read(site):
    """One ring by its number; of all at once, one event."""
    site.write_conf(rings=[f'{{ name = "{n}"; server_names = [ "{n}" ]; }}' for n in ("a", "b", "c")])
    SServer(site)
    for word in ("#1", "c", "*", "d"):
        site.ask(f"show tls-keys {word}")
    assert [(r["command"], r["ring"], r["result"], r["name"]) for r in site.events()] == [
        ("show tls-keys", ring, result, "-") for ring, result in
        [(1, "ok"), (2, "ok"), ("-", "ok"), ("-", "failed")]]


def test_events_keep_the_last_ones(site):
    """Of 512 places 64 are for what takes no rights, or not admin's: neither kind pushes out the other."""
    site.write_conf(ring="persist = false;")
    SServer(site)
    made = []

    def rotate(times):
        got = site.ask("\n".join(["rotate ssl tls-key 0"] * times))
        made.extend(re.findall("rotated: 0.2 is ([0-9a-f]{32})", got))

    def clear(times):
        assert site.ask("\n".join(["clear counters"] * times)) == "\n" * times

    def shown(n=5000):
        return [(r["command"], r["name"]) for r in site.events(n)]

    rotate(60)
    assert len(site.events()) == 50 and len(site.events(1000)) == 61  # and the start
    rotations, cleared = [("rotate ssl tls-key", name) for name in made], ("clear counters", "-")
    start = shown()[0]
    for _ in range(10):
        clear(60)
    assert start[0] == "start" and shown() == [start, *rotations, *[cleared] * 64]
    assert shown(70) == [*rotations[-6:], *[cleared] * 64]
    for _ in range(8):
        rotate(60)
    rotations = [("rotate ssl tls-key", name) for name in made]
    assert len(made) == 540 and shown() == [*[cleared] * 64, *rotations[-448:]]
    clear(1)
    rotate(1)
    assert shown() == [*[cleared] * 63, *rotations[-447:], cleared, ("rotate ssl tls-key", made[-1])]
