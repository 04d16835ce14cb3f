# SPDX-License-Identifier: Apache-2.0
"""Servers that set a ticket key callback of their own, after ours: lighttpd always, httpd and
HAProxy with key files.  gen takes them over: the tickets are the ring's, they are resumed, follow
its rotation, and stay where client certificates are in play.

lighttpd died at start with any tkprov.conf: it has a config_init and a config_read of its own, and
libconfig's calls went there."""

import os
import re

import pytest
import sanitizers
from harness import BUILD, TOP, Child, Haproxy, SServer, answers, free_port, hello, run, tlsc
from test_options import Syslog

LIGHTTPD = "/usr/sbin/lighttpd"
APACHE = "/usr/sbin/apache2"
# With a malloc of the runtime's it goes without us (test_lighttpd_with_another_malloc).
OWN_MALLOC = pytest.mark.not_under("asan", "tsan")
TLS = pytest.mark.parametrize("tls", ["1.2", "1.3"])


class TwoListeners(Child):
    """One that is open, and one that asks for a client certificate; each answers with its name."""

    def __init__(self, site, args):
        super().__init__(site, args, lambda: all(answers(p) for p in self.ports.values()))
        site.add(self)

    def prepare(self, site):
        self.ports = {name: free_port() for name in ("open", "locked")}
        for name in self.ports:
            (site.dir / name).mkdir()
            (site.dir / name / "index.html").write_text(name)
            (site.dir / name).chmod(0o755)


class Lighttpd(TwoListeners):
    def __init__(self, site, wrap=()):
        self.prepare(site)
        conf = site.dir / "lighttpd.conf"
        tls = f'ssl.engine = "enable" ssl.pemfile = "{site.pki.cert}" ssl.privkey = "{site.pki.key}"'
        verify = (f'ssl.verifyclient.activate = "enable" ssl.verifyclient.enforce = "enable"'
                  f' ssl.verifyclient.ca-file = "{site.pki.ca()}"')
        blocks = "".join(
            f'$SERVER["socket"] == "127.0.0.1:{port}" {{ {tls} {verify if name == "locked" else ""}'
            f' server.document-root = "{site.dir}/{name}" }}\n' for name, port in self.ports.items())
        conf.write_text(f'server.modules = ( "mod_openssl" )\nserver.bind = "127.0.0.1"\n'
                        f'server.port = {free_port()}\nserver.document-root = "{site.dir}"\n'
                        f'server.errorlog = "{site.dir}/lighttpd.err"\nindex-file.names = ( "index.html" )\n'
                        f'mimetype.assign = ( ".html" => "text/html" )\n{blocks}')
        super().__init__(site, [*wrap, LIGHTTPD, "-D", "-f", conf])


class Apache(TwoListeners):
    """httpd with threads, and a key file of its own.  One child: each has to be taken over.  Where
    forked children are deaf its first process is the only one."""

    def __init__(self, site):
        self.prepare(site)
        conf, modules = site.dir / "apache.conf", "/usr/lib/apache2/modules"
        (site.dir / "apache.key").write_bytes(os.urandom(48))
        load = "".join(f"LoadModule {m}_module {modules}/mod_{m}.so\n"
                       for m in ("mpm_event", "authz_core", "dir", "mime", "ssl"))
        verify = f"SSLVerifyClient require\nSSLCACertificateFile {site.pki.ca()}\n"
        hosts = "".join(
            f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nDocumentRoot {site.dir}/{name}\n"
            f"SSLEngine on\nSSLCertificateFile {site.pki.cert}\nSSLCertificateKeyFile {site.pki.key}\n"
            f"SSLSessionTicketKeyFile {site.dir}/apache.key\n{verify if name == 'locked' else ''}</VirtualHost>\n"
            for name, port in self.ports.items())
        conf.write_text(f"ServerRoot {site.dir}\nServerName test.local\nPidFile {site.dir}/apache.pid\n"
                        f"{load}ErrorLog {site.dir}/apache.err\nTypesConfig /dev/null\nUser www-data\n"
                        f"Group www-data\nDefaultRuntimeDir {site.dir}\nMutex posixsem\nSSLSessionCache none\n"
                        f"StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\nDirectoryIndex index.html\n"
                        f"<Directory {site.dir}>\nRequire all granted\n</Directory>\n{hosts}")
        super().__init__(site, [APACHE, "-d", site.dir, "-f", conf, "-X" if sanitizers.DEAF_CHILDREN else "-DFOREGROUND"])


def haproxy(site):
    theirs = site.dir / "haproxy.key"
    site.write_keys(path=theirs)
    keys = f"tls-ticket-keys {theirs}"
    return Haproxy(site, [("open", keys), ("locked", f"{keys} verify required ca-file {site.pki.ca()}")])


def last_of_two(port, **kw):
    """A server is taken over by the first ticket that it makes at the latest."""
    tlsc(port, **kw)
    return hello(port, **kw)


def resumes(port, tls, name, **kw):
    got = tlsc(port, tls=tls, count=4, chain=True, **kw)
    assert [g["reused"] for g in got] == [False, True, True, True], got
    made = [g["name"] for g in got]
    assert made == [name] * 4 if tls == "1.3" else made == [name, "", "", ""]


def taken_over(site, server, tls):
    port, cert = server.ports["open"], site.pki.client()
    assert last_of_two(port, tls=tls)["name"] == site.names()[1]
    resumes(port, tls, site.names()[1])
    last_of_two(server.ports["locked"], tls=tls, cert=cert)
    resumes(server.ports["locked"], tls, site.names()[1], cert=cert)

    ticket, was = site.session(), site.names()
    hello(port, tls=tls, save=ticket)
    site.ask("rotate ssl tls-key *")
    assert site.names()[:2] == was[1:]
    got = hello(port, tls=tls, offer=ticket)
    assert got["reused"] and got["name"] == site.names()[1] == was[2]
    resumes(port, tls, was[2])
    for _ in range(2):
        site.ask("rotate ssl tls-key *")
    assert not hello(port, tls=tls, offer=ticket)["reused"], "its key is gone"


def opened(site, server, tls):
    """A session without a certificate."""
    ticket = site.session()
    last_of_two(server.ports["open"], tls=tls)
    got = hello(server.ports["open"], tls=tls, save=ticket)
    assert got["body"].endswith("open") and got["name"] == site.names()[1]
    return ticket


def wall_stands(site, server, tls):
    cert = site.pki.client()
    got = last_of_two(server.ports["locked"], tls=tls, cert=cert)
    assert got["body"].endswith("locked"), got
    ticket = opened(site, server, tls)
    got = tlsc(server.ports["locked"], tls=tls, offer=ticket)[0]
    assert not got["reused"] and not got["body"].endswith("locked"), got
    got = hello(server.ports["locked"], tls=tls, cert=cert, offer=ticket)
    assert not got["reused"] and got["body"].endswith("locked"), got
    assert hello(server.ports["open"], tls=tls, offer=ticket)["reused"], "where it comes from it is good"


@TLS
@OWN_MALLOC
def test_lighttpd(site, tls):
    site.write_conf()
    taken_over(site, Lighttpd(site), tls)


@TLS
def test_httpd_with_its_own_key(site, tls):
    site.write_conf()
    taken_over(site, Apache(site), tls)


@TLS
def test_haproxy_with_its_own_keys(site, tls):
    site.write_conf()
    taken_over(site, haproxy(site), tls)


@TLS
@OWN_MALLOC
def test_wall_of_lighttpd(site, tls):
    """It asks for certificates on the single connection: the first one shows that it does."""
    site.write_conf()
    wall_stands(site, Lighttpd(site), tls)


@TLS
@OWN_MALLOC
def test_wall_of_lighttpd_with_scope_context(site, tls):
    """Without having seen one."""
    site.write_conf(scope="context")
    server = Lighttpd(site)
    got = tlsc(server.ports["locked"], tls=tls, offer=opened(site, server, tls))[0]
    assert not got["reused"] and not got["body"].endswith("locked"), got


@TLS
def test_wall_of_httpd(site, tls):
    site.write_conf()
    wall_stands(site, Apache(site), tls)


@TLS
def test_wall_of_haproxy_with_its_own_keys(site, tls):
    site.write_conf()
    wall_stands(site, haproxy(site), tls)


def with_another_malloc(site):
    """A sanitizer's runtime has one, and is preloaded already."""
    if sanitizers.PRELOAD:
        return []
    library = site.dir / "own_malloc.so"
    run("gcc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", library, TOP / "tests/server/own_malloc.c")
    return ["/usr/bin/env", f"LD_PRELOAD={library}"]


def no_syslog(site):
    """Where the configuration cannot be read it comes to stderr then."""
    log = Syslog(site)
    log.none()
    return log.wrap


def test_a_server_with_another_malloc(site):
    """Bound apart from the server, libconfig would take from that malloc (by strdup) and give back
    to libc's."""
    site.write_conf()
    server = SServer(site, wrap=with_another_malloc(site))
    resumes(server.port, "1.3", site.names()[1])


def test_lighttpd_with_another_malloc(site):
    """Not bound apart, libconfig would call lighttpd: it is not used, and that is said."""
    site.write_conf()
    server = Lighttpd(site, no_syslog(site) + with_another_malloc(site))
    assert hello(server.ports["open"])["body"].endswith("open")
    assert not site.socket.exists()
    assert "the program has a config_init and a malloc of its own" in (site.dir / "stderr").read_text()


@pytest.mark.parametrize("library", ["empty", "strange"])
def test_a_libconfig_that_is_none(site, library):
    """What the loader finds first is what is named."""
    site.write_conf()
    name = re.search(r"^LIBCONFIG_SO = (.*)$", (BUILD / "Makefile").read_text(), re.M).group(1)
    if library == "empty":
        (site.dir / name).write_text("")
    else:
        run("gcc", "-shared", "-o", site.dir / name, "-x", "c", "/dev/null")
    server = SServer(site, wrap=[*no_syslog(site), "/usr/bin/env", f"LD_LIBRARY_PATH={site.dir}"])
    said = {"empty": f"{name} cannot be opened: {site.dir}/{name}: file too short",
            "strange": f"{name} has no config_init: {site.dir}/{name}: undefined symbol: config_init"}[library]
    assert f"{site.conf}: {said}; no session tickets are issued" in (site.dir / "stderr").read_text()
    assert hello(server.port)["name"] == ""
