# SPDX-License-Identifier: Apache-2.0
"""The wall: where client certificates are in play a ticket stays in its SSL_CTX; elsewhere
it goes wherever the ring goes, bound to its site.  Each scenario offers a session of one
listener or virtual host to another that would not have given it, and lets honest clients
resume three times running.  With scope = "shared" the same scenario shows the locked data
handed out, so that the test is known to see what it looks for."""

import os
import pwd
import shutil

import pytest
from harness import Child, Haproxy, Nginx, PyServer, answers, free_port, hello, run, tlsc

TLS = pytest.mark.parametrize("tls", ["1.2", "1.3"])


def honest(port, tls, body, cert=None, times=3, **kw):
    got = tlsc(port, tls=tls, cert=cert, count=1 + times, chain=True, **kw)
    assert [g["reused"] for g in got] == [False] + [True] * times, got
    assert all(g["body"].endswith(body) for g in got)


def walled(site, tls, first, second, thief, entry, **kw):
    """thief: what the client of `second` shows there; entry: what it showed on `first`.
    first, second: (port, body).  A session of the first is no key to the second."""
    ticket = site.session()
    opened = hello(first[0], tls=tls, cert=entry, save=ticket, **kw)
    assert opened["body"].endswith(first[1]) and opened["name"] in site.names()
    got = tlsc(second[0], tls=tls, cert=thief, offer=ticket, **kw)[0]
    assert not got["reused"] and not got["body"].endswith(second[1]), got


def handed_out(site, tls, first, second, thief, entry, **kw):
    ticket = site.session()
    hello(first[0], tls=tls, cert=entry, save=ticket, **kw)
    got = tlsc(second[0], tls=tls, cert=thief, offer=ticket, **kw)[0]
    assert got["reused"] and got["body"].endswith(second[1]), got


# name: (options of the first bind, of the second, certificate shown to the first,
#        certificate that an honest client of the second shows)
HAPROXY = {
    "open": ("", "verify required ca-file {a}", None, "a"),
    "optional": ("verify optional ca-file {a}", "verify required ca-file {a}", None, "a"),
    "ignore-err": ("verify optional ca-file {a} crt-ignore-err all ca-ignore-err all",
                   "verify required ca-file {a}", "b", "a"),
    "two CAs": ("verify required ca-file {a}", "verify required ca-file {b}", "a", "b"),
}


def cert_of(site, name):
    return site.pki.client(name) if name else None


def haproxy(site, case):
    one, two, entry, key = HAPROXY[case]
    cas = {"a": site.pki.ca("a"), "b": site.pki.ca("b")}
    h = Haproxy(site, [("first", one.format(**cas)), ("second", two.format(**cas))])
    return (h.ports["first"], "first"), (h.ports["second"], "second"), cert_of(site, entry), \
        cert_of(site, key)


@TLS
@pytest.mark.parametrize("case", HAPROXY)
def test_haproxy(site, tls, case):
    site.write_conf()
    first, second, entry, key = haproxy(site, case)
    walled(site, tls, first, second, entry, entry)
    honest(first[0], tls, "first", entry)
    honest(second[0], tls, "second", key)
    walled(site, tls, first, second, None, entry)


@TLS
@pytest.mark.parametrize("case", HAPROXY)
def test_haproxy_shared_shows_it(site, tls, case):
    site.write_conf(scope="shared")
    first, second, entry, key = haproxy(site, case)
    handed_out(site, tls, first, second, entry, entry)
    hello(second[0], tls=tls, cert=key)
    assert 'has scope "shared" and client certificates are in play' in site.log_text()


def nginx_blocks(site, client="on", ca="a", extra=""):
    lock = f"ssl_verify_client {client}; ssl_client_certificate {site.pki.ca(ca)}; {extra}"
    return [Nginx.block(site, "open.test", "open"), Nginx.block(site, "locked.test", "locked", lock)]


def nginx_wall(site, nginx, tls, **kw):
    """By SNI: the same listener, another virtual host."""
    ticket = site.session()
    assert hello(nginx.port, tls=tls, sni="open.test", save=ticket)["body"].endswith("open")
    for sni, host in (("locked.test", "locked.test"), ("open.test", "locked.test")):
        got = tlsc(nginx.port, tls=tls, sni=sni, host=host, offer=ticket, **kw)[0]
        assert not got["body"].endswith("locked"), got
        assert sni == "open.test" or not got["reused"]
        assert got["early"] != "accepted" or sni == "open.test"


@TLS
@pytest.mark.parametrize("extra", ["", "ssl_session_tickets off;"], ids=["tickets", "tickets-off"])
def test_nginx_virtual_host(site, tls, extra):
    site.write_conf()
    nginx = Nginx(site, nginx_blocks(site, extra=extra), workers=2)
    nginx_wall(site, nginx, tls)
    honest(nginx.port, tls, "open", sni="open.test")
    if not extra:
        honest(nginx.port, tls, "locked", site.pki.client(), sni="locked.test")
    nginx_wall(site, nginx, tls)


def test_nginx_virtual_host_with_early_data(site):
    site.write_conf()
    nginx = Nginx(site, nginx_blocks(site), workers=2, http="ssl_early_data on;")
    ticket = site.session()
    hello(nginx.port, sni="open.test", save=ticket)
    assert hello(nginx.port, sni="open.test", offer=ticket, early=True)["early"] == "accepted"
    nginx_wall(site, nginx, "1.3", early=True)
    honest(nginx.port, "1.3", "locked", site.pki.client(), sni="locked.test")


@TLS
def test_nginx_two_listeners(site, tls):
    """One name, one ring, two servers of the same configuration but for the client check."""
    site.write_conf()
    open_, locked = Nginx.block(site), Nginx.block(
        site, body="locked", extra=f"ssl_verify_client on; ssl_client_certificate {site.pki.ca()};")
    port = free_port()
    nginx = Nginx(site, [open_, locked.replace("{port}", str(port))], workers=2)
    walled(site, tls, (nginx.port, "hello"), (port, "locked"), None, None)
    honest(port, tls, "locked", site.pki.client())


PLUGIN = """
#include <openssl/ssl.h>
static int gen(SSL *s, void *arg) { (void)s, (void)arg; return 1; }
static SSL_TICKET_RETURN dec(SSL *s, SSL_SESSION *sess, const unsigned char *name, size_t len,
                             SSL_TICKET_STATUS status, void *arg)
{
    (void)s, (void)sess, (void)name, (void)len, (void)arg;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE :
           status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_IGNORE_RENEW;
}
void plug(SSL_CTX *ctx) { SSL_CTX_set_session_ticket_cb(ctx, gen, dec, NULL); }
"""
PLUGGED = """
import ctypes, socket, ssl, sys, threading
cert, key, ca, plugin, open_port, locked_port = sys.argv[1:]
def serve(ctx, port, body):
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        raw, _ = listener.accept()
        try:
            with ctx.wrap_socket(raw, server_side=True) as s:
                s.recv(4096)
                s.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n" + body)
                s.unwrap()
        except OSError:
            pass
contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)]
for ctx in contexts:
    ctx.load_cert_chain(cert, key)
contexts[1].load_verify_locations(ca)
contexts[1].verify_mode = ssl.CERT_REQUIRED
plug = ctypes.CDLL(plugin).plug
for ctx in contexts[1:]:
    plug(ctypes.c_void_p.from_address(id(ctx) + object.__basicsize__))
threading.Thread(target=serve, args=(contexts[0], open_port, b"open"), daemon=True).start()
serve(contexts[1], locked_port, b"locked")
"""


@TLS
def test_callbacks_from_a_library_that_was_loaded_later(site, tls):
    """What it sets is not seen when the context is made; open asks again while our gen has not run
    there, and such a context gets OpenSSL's own key back."""
    site.write_conf()
    (site.dir / "plugin.c").write_text(PLUGIN)
    run("gcc", "-shared", "-fPIC", "-o", site.dir / "plugin.so", site.dir / "plugin.c", "-lssl")
    ports = free_port(), free_port()
    site.add(Child(site, ["/usr/bin/python3", "-c", PLUGGED, site.pki.cert, site.pki.key, site.pki.ca(),
                          site.dir / "plugin.so", *map(str, ports)], lambda: all(answers(p) for p in ports)))
    walled(site, tls, (ports[0], "open"), (ports[1], "locked"), None, None)
    for _ in range(2):  # the first ticket shows whose callbacks there are
        got = tlsc(ports[1], tls=tls, cert=site.pki.client(), count=3, chain=True)
        assert all(g["body"].endswith("locked") for g in got), got
    assert [g["reused"] for g in got] == [False, True, True], "tickets under OpenSSL's own key"
    assert got[0]["name"] not in site.names()
    assert "has ticket callbacks of its own" in site.log_text()


@TLS
@pytest.mark.parametrize("extra", ["", "ssl_session_tickets off;"], ids=["tickets", "tickets-off"])
def test_nginx_certificate_chosen_for_each_connection(site, tls, extra):
    """The context of the server that asks for client certificates has none of its own."""
    site.write_conf()
    for kind in ("cert", "key"):
        shutil.copy(getattr(site.pki, kind), site.dir / f"locked.test.{kind}")
        os.chown(site.dir / f"locked.test.{kind}", pwd.getpwnam("www-data").pw_uid, -1)
    port = free_port()
    locked = (f"server {{ listen 127.0.0.1:{port} ssl; server_name locked.test; ssl_protocols TLSv1.2 TLSv1.3;"
              f" ssl_certificate {site.dir}/$ssl_server_name.cert;"
              f" ssl_certificate_key {site.dir}/$ssl_server_name.key; ssl_verify_client optional;"
              f" ssl_client_certificate {site.pki.ca()}; {extra} return 200 \"locked $ssl_session_reused\"; }}")
    other = Nginx.block(site, "other.test", "other").replace("{port}", str(port))
    nginx = Nginx(site, [Nginx.block(site, "locked.test", "open"), other, locked], workers=1)
    ticket = site.session()
    hello(nginx.port, tls=tls, sni="locked.test", save=ticket)
    got = hello(port, tls=tls, sni="locked.test", offer=ticket)
    assert got["body"].endswith("locked .") and not got["reused"], got


def reloaded(site, tls, before, after):
    """A ticket of the locked site, given to client `a`, is good there until nginx is reloaded with other blocks;
    returns nginx and how to offer it."""
    nginx = Nginx(site, before, workers=2)
    ticket = site.session()
    old = dict(tls=tls, sni="locked.test", offer=ticket)
    got = hello(nginx.port, tls=tls, sni="locked.test", cert=site.pki.client("a"), save=ticket)
    assert not got["reused"] and got["body"].endswith("locked") and got["name"] in site.names()
    assert hello(nginx.port, cert=site.pki.client("a"), **old)["reused"]
    nginx.write(after)
    nginx.reload()
    return nginx, old


def other_ca(site):
    """Both CAs bear the same name, so nginx's session context is the same."""
    return nginx_blocks(site, ca="a"), nginx_blocks(site, ca="b")


def revoked(site):
    """The client of `a` is revoked, and another of that CA is not."""
    return tuple(nginx_blocks(site, extra=f"ssl_crl {site.pki.crl('a', revoke)};") for revoke in (False, True))


def shut_out(nginx, old, certs):
    for cert in certs:
        got = tlsc(nginx.port, cert=cert, **old)[0]
        assert not got["reused"] and not got["body"].endswith("locked"), got


def let_in(nginx, tls, old, cert):
    got = hello(nginx.port, cert=cert, **old)
    assert not got["reused"] and got["body"].endswith("locked"), "served, by a full handshake"
    honest(nginx.port, tls, "locked", cert, sni="locked.test")


@TLS
def test_nginx_ca_changed_by_reload(site, tls):
    site.write_conf()
    nginx, old = reloaded(site, tls, *other_ca(site))
    shut_out(nginx, old, [None, site.pki.client("a")])
    let_in(nginx, tls, old, site.pki.client("b"))


@TLS
def test_nginx_crl_changed_by_reload(site, tls):
    site.write_conf()
    nginx, old = reloaded(site, tls, *revoked(site))
    shut_out(nginx, old, [None, site.pki.client("a")])
    let_in(nginx, tls, old, site.pki.client("a2"))


@TLS
@pytest.mark.parametrize("change", [other_ca, revoked], ids=["ca", "crl"])
def test_nginx_changed_by_reload_shared_shows_it(site, tls, change):
    site.write_conf(scope="shared")
    nginx, old = reloaded(site, tls, *change(site))
    got = tlsc(nginx.port, cert=site.pki.client("a"), **old)[0]
    assert got["reused"] and got["body"].endswith("locked"), got


@TLS
def test_nginx_policy_switched_on_by_reload(site, tls):
    """A ticket from before the check was switched on: a full handshake, not a way in, and
    not a locked door for the honest."""
    site.write_conf()
    nginx = Nginx(site, nginx_blocks(site, client="off"), workers=2)
    ticket = site.session()
    old = dict(tls=tls, sni="locked.test", offer=ticket)
    hello(nginx.port, tls=tls, sni="locked.test", save=ticket)
    assert hello(nginx.port, **old)["reused"]
    nginx.write(nginx_blocks(site, client="on"))
    nginx.reload()
    got = tlsc(nginx.port, **old)[0]
    assert not got["reused"] and not got["body"].endswith("locked"), got
    got = hello(nginx.port, cert=site.pki.client(), **old)
    assert not got["reused"] and got["body"].endswith("locked")


PYTHON = {
    "none and required": (("first", "none", None), ("second", "required", "a"), None, "a"),
    "two CAs": (("first", "required", "a"), ("second", "required", "b"), "a", "b"),
}


def python(site, case, style):
    one, two, entry, key = PYTHON[case]
    listeners = [(n, v, site.pki.ca(ca) if ca else None) for n, v, ca in (one, two)]
    p = PyServer(site, listeners, style)
    return (p.ports["first"], "first"), (p.ports["second"], "second"), cert_of(site, entry), \
        cert_of(site, key)


@TLS
@pytest.mark.parametrize("style", ["threads", "asyncio"])
@pytest.mark.parametrize("case", PYTHON)
def test_python(site, tls, case, style):
    site.write_conf()
    first, second, entry, key = python(site, case, style)
    walled(site, tls, first, second, entry, entry)
    honest(first[0], tls, "first", entry)
    honest(second[0], tls, "second", key)
    walled(site, tls, first, second, None, entry)


@TLS
@pytest.mark.parametrize("style", ["threads", "asyncio"])
@pytest.mark.parametrize("case", PYTHON)
def test_python_shared_shows_it(site, tls, case, style):
    site.write_conf(scope="shared")
    first, second, entry, _ = python(site, case, style)
    handed_out(site, tls, first, second, entry, entry)


@TLS
def test_without_client_certificates_tickets_cross_listeners_and_nodes(site, other, tls):
    site.write_conf()
    other.write_conf()
    other.keyfile.write_text(site.keyfile.read_text())
    here = Haproxy(site, [("one", ""), ("two", "")])
    there = Haproxy(other, [("three", "")])
    ticket = site.session()
    hello(here.ports["one"], tls=tls, save=ticket)
    for port in (here.ports["two"], there.ports["three"]):
        assert hello(port, tls=tls, offer=ticket)["reused"]
    for port in (here.ports["one"], here.ports["two"], there.ports["three"]):
        assert not hello(port, tls=tls, sni="elsewhere.test", offer=ticket)["reused"]


@TLS
def test_scope_context_never_leaves_its_context(site, tls):
    site.write_conf(scope="context")
    h = Haproxy(site, [("one", ""), ("two", "")])
    ticket = site.session()
    hello(h.ports["one"], tls=tls, save=ticket)
    assert hello(h.ports["one"], tls=tls, offer=ticket)["reused"]
    assert not hello(h.ports["two"], tls=tls, offer=ticket)["reused"]


@TLS
def test_session_has_an_end_however_often_it_is_resumed(site, tls):
    """max_session_age counts from the full handshake, not from the last renewal."""
    site.write_conf(extra='max_session_age = "1s";')
    nginx = Nginx(site, workers=1)
    from harness import wait_for
    ticket = site.session()
    hello(nginx.port, tls=tls, save=ticket)
    wait_for("a full handshake", lambda: not hello(nginx.port, tls=tls, offer=ticket,
                                                  save=ticket)["reused"])


# HAProxy by itself gives no new ticket to a TLS 1.3 client that resumes.
ONCE = {("1.2", "true"): 3, ("1.2", "false"): 3, ("1.3", "true"): 3, ("1.3", "false"): 1}


def locked_bind(site, options=""):
    return "locked", f"verify required ca-file {site.pki.ca()} {options}"


@TLS
@pytest.mark.parametrize("takeover", ["true", "false"])
@pytest.mark.parametrize("scope", ["auto", "context"])
def test_haproxy_with_the_rings_own_file(site, tls, scope, takeover):
    """The second listener's own callback knows the ring's keys, and opens what ours has sealed: dec
    knows its tag."""
    site.write_conf(scope=scope, extra=f"takeover = {takeover};")
    h = Haproxy(site, [("open", ""), locked_bind(site, f"tls-ticket-keys {site.keyfile}")])
    walled(site, tls, (h.ports["open"], "open"), (h.ports["locked"], "locked"), None, None)
    for _ in range(3):
        hello(h.ports["locked"], tls=tls, cert=site.pki.client())
    honest(h.ports["locked"], tls, "locked", site.pki.client(), times=ONCE[tls, takeover])
    walled(site, tls, (h.ports["open"], "open"), (h.ports["locked"], "locked"), None, None)


def test_haproxy_with_the_rings_own_file_shared_shows_it(site):
    site.write_conf(scope="shared")
    h = Haproxy(site, [("open", ""), locked_bind(site, f"tls-ticket-keys {site.keyfile}")])
    handed_out(site, "1.3", (h.ports["open"], "open"), (h.ports["locked"], "locked"), None, None)


@TLS
def test_haproxy_left_alone_wherever_it_has_keys(site, tls):
    """One thread, several listeners in turn: those with keys of their own are found, and no others."""
    site.write_conf(extra="takeover = false;")
    site.write_keys(path=site.dir / "own.key")
    own = f"tls-ticket-keys {site.dir}/own.key"
    h = Haproxy(site, [("one", own), ("ours", ""), ("two", own)], nbthread=1)
    for _ in range(3):
        for name in ("one", "two", "ours"):
            hello(h.ports[name], tls=tls)
    assert site.info()["Contexts_left_alone"] == "2"
    honest(h.ports["ours"], tls, "ours")
    honest(h.ports["one"], tls, "one", times=ONCE[tls, "false"])


@TLS
def test_no_keys_no_tickets_from_servers_with_keys_of_their_own(site, tls):
    """on_error = "no-tickets" holds for them, too."""
    site.write_conf(extra="nonsense = 1;")
    site.write_keys(path=site.dir / "own.key")
    h = Haproxy(site, [("one", f"tls-ticket-keys {site.dir}/own.key")])
    for _ in range(2):
        assert hello(h.ports["one"], tls=tls)["name"] == ""


@TLS
def test_nginx_sessions_without_end(site, tls):
    """ssl_session_timeout may be so long that time and timeout do not fit in a number."""
    site.write_conf()
    http = "ssl_session_timeout 9223372036854775807s;"
    nginx = Nginx(site, nginx_blocks(site, ca="a"), workers=1, http=http)
    ticket = site.session()
    old = dict(tls=tls, sni="locked.test", offer=ticket)
    hello(nginx.port, tls=tls, sni="locked.test", cert=site.pki.client("a"), save=ticket)
    assert hello(nginx.port, cert=site.pki.client("a"), **old)["reused"]
    nginx.write(nginx_blocks(site, ca="b"))
    nginx.reload()
    got = tlsc(nginx.port, **old)[0]
    assert not got["reused"] and not got["body"].endswith("locked"), got


@TLS
@pytest.mark.parametrize("takeover", ["true", "false"])
def test_haproxy_with_keys_of_its_own(site, tls, takeover):
    """tls-ticket-keys sets a callback after ours: gen takes it over, or leaves it alone."""
    site.write_conf(extra=f"takeover = {takeover};")
    own = site.dir / "own.key"
    site.write_keys(path=own)
    import base64
    own_name = base64.b64decode(own.read_text().split()[1])[:16].hex()
    h = Haproxy(site, [("one", f"tls-ticket-keys {own}")])
    for _ in range(2):
        got = hello(h.ports["one"], tls=tls)
        assert got["name"] == (site.names()[1] if takeover == "true" else own_name)
    ticket = site.session()
    hello(h.ports["one"], tls=tls, save=ticket)
    assert hello(h.ports["one"], tls=tls, offer=ticket)["reused"]
    left = "Contexts_left_alone: 0" not in site.ask("show info")
    assert left == (takeover == "false") == ("keeps them" in site.log_text())
