# SPDX-License-Identifier: Apache-2.0
"""How an instance comes to be, and what happens when it cannot: the socket is as configured
from the first instant; whatever is wrong with key files or configuration is named in the
log, and the server serves TLS all the same, without tickets."""

import base64
import grp
import os
import pathlib
import pwd
import re
import shlex
import socket
import stat
import subprocess
import threading

import pytest
import sanitizers
from harness import (AS_WWW, MODULE, TKCTL, TOP, WWW, Child, Nginx, SServer, answers, free_port, hello, new_key,
                     wait_for)


@pytest.mark.parametrize("umask", [0, 0o077])
def test_socket_is_as_configured_from_the_first_instant(site, umask):
    """A watcher looks at the path without pause while the server starts."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0660"; user = "www-data";'
                             ' group = "adm"; }'])
    want = (0o660, pwd.getpwnam("www-data").pw_uid, grp.getgrnam("adm").gr_gid)
    seen, over = set(), threading.Event()

    def watch():
        while not over.is_set():
            try:
                st = os.lstat(site.socket)
            except FileNotFoundError:
                continue
            seen.add((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = os.umask(umask)
    try:
        SServer(site)
    finally:
        os.umask(before)
    wait_for("a look at the socket", lambda: seen)
    over.set()
    watcher.join()
    assert seen == {want}


def test_another_uid_is_refused_by_the_file_mode(site):
    site.write_conf()
    SServer(site)
    done = subprocess.run([str(TKCTL), "-s", str(site.socket), "show", "tls-keys"], user="nobody",
                          group="nogroup", extra_groups=[], capture_output=True, text=True)
    assert done.returncode == 4 and done.stdout == ""
    site.socket.chmod(0o666)
    done = subprocess.run([str(TKCTL), "-s", str(site.socket), "show", "tls-keys"], user="nobody",
                          group="nogroup", extra_groups=[], capture_output=True, text=True)
    assert done.returncode == 0, "only the mode was in the way"


@pytest.mark.parametrize("level", ["user", "operator"])
def test_level_below_admin(site, level):
    second = site.dir / "low.sock"
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; }}',
                             f'{{ path = "{second}"; level = "{level}"; }}'])
    SServer(site)
    keys = site.keys()
    for line in ("show tls-keys #0", "show tls-keys *", f"set ssl tls-key #0 {new_key()}",
                 "rotate ssl tls-key *"):
        assert site.ask(line, second) == "Permission denied\n\n"
        done = subprocess.run([str(TKCTL), "-s", str(second), line], capture_output=True, text=True)
        assert done.returncode == 4 and done.stdout == ""
    assert site.keys() == keys
    assert site.ask("show tls-keys", second) == f"# id (file)\n0 ({site.keyfile})\n\n"
    assert "set ssl tls-key" not in site.ask("help", second)


def serves_without_tickets(site, port, said):
    for tls in ("1.2", "1.3"):
        got = hello(port, tls=tls)
        assert got["name"] == "" and not got["reused"]
    assert said in (site.dir / "said").read_text() + site.log_text(), "the reason is named"


def start_on_terminal(site):
    """`script` gives the server a terminal; what it says there is in site.dir/said."""
    port = free_port()
    command = (f"{sanitizers.ASSIGN}exec /usr/bin/openssl s_server -accept 127.0.0.1:{port} -cert {site.pki.cert}"
               f" -key {site.pki.key} -www")
    server = Child(site, ["/usr/bin/script", "-qfc", command, site.dir / "said"],
                   lambda: answers(port))
    site.add(server)
    return port


K80, K48 = new_key(80), new_key(48)
KEYFILES = {
    "empty": ("", "please supply at least 3 keys in the tls-tickets-file"),
    "short": (f"{K80}\n{new_key()}\n", "please supply at least 3 keys"),
    "mixed": (f"{K80}\n{K48}\n{K80}\n", "wrong sized key on line 2"),
    "commented": (f"# keys\n{K80}\n{K80}\n{K80}\n", "unable to decode base64 key on line 1"),
    "space": (f"{K80}\n {K80}\n{K80}\n", "unable to decode base64 key on line 2"),
    "blank line": (f"{K80}\n\n{K80}\n{K80}\n", "wrong sized key on line 2"),
    "over-long": (f"{new_key(96)}\n{K80}\n{K80}\n", "unable to decode base64 key on line 1"),
    "one line of a megabyte": ("A" * 1000000, "on line 1"),
    "wrong size": (f"{new_key(64)}\n" * 3, "wrong sized key on line 1"),
    "NUL": (f"{K80}\n\0\n{K80}\n", "line 2"),
}


@pytest.mark.parametrize("case", KEYFILES)
def test_bad_key_file(site, case):
    text, said = KEYFILES[case]
    site.write_conf()
    site.keyfile.write_text(text)
    serves_without_tickets(site, start_on_terminal(site), f"'{site.keyfile}' : ")
    assert said in (site.dir / "said").read_text() + site.log_text()
    assert K80 not in (site.dir / "said").read_text() + site.log_text()
    assert not site.socket.exists()


@pytest.mark.parametrize("case", ["missing", "directory", "fifo", "unreadable"])
def test_key_file_that_cannot_be_read(site, case):
    site.write_conf()
    site.keyfile.unlink()
    if case == "directory":
        site.keyfile.mkdir()
    elif case == "fifo":
        os.mkfifo(site.keyfile)
    elif case == "unreadable":  # also for root
        site.keyfile.symlink_to("/proc/self/mem/x")
    serves_without_tickets(site, start_on_terminal(site), "unable to load ssl tickets keys file")


def test_crlf_and_missing_last_newline_are_fine(site):
    site.write_conf()
    site.keyfile.write_text(site.keyfile.read_text().replace("\n", "\r\n").rstrip())
    server = SServer(site)
    assert hello(server.port)["name"] == site.names()[1]


CONFS = {
    "unknown option": ("rotate = 3;", "unknown option 'rotate'"),
    "wrong type": ('takeover = "yes";', "'takeover'"),
    "syntax": ("rings = (;", "syntax error"),
}


@pytest.mark.parametrize("case", CONFS)
def test_bad_configuration(site, case):
    text, said = CONFS[case]
    site.write_conf()
    site.conf.write_text(f'\n\n{text}\n')
    serves_without_tickets(site, start_on_terminal(site), f"{site.conf}:3: ")
    assert said in (site.dir / "said").read_text()


def test_configuration_named_but_missing(site):
    site.write_conf()
    site.conf.unlink()
    serves_without_tickets(site, start_on_terminal(site), str(site.conf))


def test_failure_is_survived_by_nginx_too(site):
    site.write_conf()
    site.keyfile.write_text("nonsense\n")
    nginx = Nginx(site)
    for tls in ("1.2", "1.3"):
        assert hello(nginx.port, tls=tls)["name"] == ""
    nginx.reload()
    assert hello(nginx.port)["name"] == ""


def test_no_configuration_at_all(site):
    """One ring of random keys, the default socket; /run is one of the test's own."""
    site.openssl_cnf.write_text(
        "openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\ntkprov = t\n[d]\nactivate = 1\n"
        f"[t]\nmodule = {MODULE}\nactivate = 1\n")
    run_dir = site.dir / "run"
    run_dir.mkdir()
    server = SServer(site, wrap=["/usr/bin/unshare", "-m", "sh", "-c",
                                 f'mount --bind {run_dir} /run && exec "$@"', "sh"])
    path = run_dir / "tkprov" / "tkprov.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert site.ask("show tls-keys", path) == "# id (file)\n0 (default)\n\n"
    rows = site.ask("show tls-keys default", path).splitlines()
    name = base64.b64decode(rows[3].split()[1])[:16].hex()
    assert hello(server.port)["name"] == name
    ticket = site.session()
    hello(server.port, save=ticket)
    assert hello(server.port, offer=ticket)["reused"]


def test_server_without_default_provider_fails_by_itself(site):
    """Activating any provider switches the automatic default off; the README says so."""
    site.write_conf()
    site.write_openssl_cnf(default=False)
    done = subprocess.run(["/usr/bin/openssl", "s_server", "-accept", f"127.0.0.1:{free_port()}",
                           "-cert", site.pki.cert, "-key", site.pki.key], env=site.env(),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    assert done.returncode not in (0, -11, -6)
    readme = pathlib.Path(__file__).resolve().parents[2] / "README.md"
    assert "[default_sect]" in readme.read_text()


def test_path_that_is_a_file_is_not_replaced(site):
    site.write_conf()
    site.socket.write_text("precious")
    server = SServer(site)
    assert site.socket.read_text() == "precious"
    assert "not a socket" in site.log_text()
    assert hello(server.port)["name"] != "", "keys all the same"


def test_directory_that_cannot_be_written(site):
    site.write_conf(sockets=['{ path = "/proc/tkprov.sock"; }'])
    server = SServer(site)
    assert "going on without a socket" in site.log_text()
    ticket = site.session()
    hello(server.port, save=ticket)
    assert hello(server.port, offer=ticket)["reused"]


def stale_in_a_sticky_folder(site):
    """As /tmp is one; root's."""
    (site.dir / "tmp").mkdir()
    (site.dir / "tmp").chmod(0o1777)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{site.dir}/tmp/s.sock")
    (site.dir / "tmp/s.sock").chmod(0o666)


# path, what else the socket has, what is there before, what is said
NO_PLACE = {
    "no folder": ("a/b/s.sock", "", None, "its folder is missing, and only the last one of a path is made"),
    "lock is a link": ("s.sock", "", lambda site: (site.dir / "s.sock.lock").symlink_to("x"), "its .lock: is a link"),
    "root's in a sticky folder": ("tmp/s.sock", "", stale_in_a_sticky_folder,
                                  "what is there cannot be replaced: Operation not permitted"),
    "user": ("s.sock", 'user = "root";', None, "its user or group cannot be set: Operation not permitted"),
    "group": ("s.sock", 'group = "root";', None, "its user or group cannot be set: Operation not permitted"),
}


@pytest.mark.parametrize("case", NO_PLACE)
def test_what_keeps_a_socket_from_its_place(site, case):
    """Told by what could not be done; tickets are issued all the same."""
    path, more, before, said = NO_PLACE[case]
    site.write_conf(sockets=[f'{{ path = "{site.dir}/{path}"; {more} }}'])
    if before:
        before(site)
    server = SServer(site, wrap=AS_WWW, user=WWW)
    assert f"{site.dir}/{path}: {said}; going on without a socket" in site.log_text()
    assert hello(server.port)["name"] != ""


def test_a_lock_that_somebody_else_has_left(site):
    """A first start as root leaves one that a server of its own user cannot open."""
    site.write_conf()
    os.chmod(site.dir, 0o777)
    os.chown(site.keyfile, WWW, WWW)
    (site.dir / "s.sock.lock").touch(0o600)
    server = SServer(site, wrap=AS_WWW, user=WWW)
    assert f"{site.socket}: its .lock: Permission denied; going on without a socket" in site.log_text()
    assert hello(server.port)["name"] != ""


def test_deaf_peer_is_not_stolen_from(site):
    """Somebody listens and never accepts: alive, and left alone."""
    site.write_conf()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(site.socket))
        deaf.listen(1)
        inode = site.socket.stat().st_ino
        server = SServer(site)
        assert site.socket.stat().st_ino == inode
        assert "a live instance has this socket" in site.log_text()
        assert hello(server.port)["name"] != ""


def recipe(site, port):
    """The commands of the README's section, as they stand there but for sudo, the paths and the port."""
    text = (TOP / "README.md").read_text().split("## The recipe of HAProxy's documentation\n")[1].split("\n## ")[0]
    for old, new in (("sudo ", ""), ("/etc/ssl/tls-ticket-keys/test.local.key", str(site.keyfile)),
                     ("/etc/ssl/tls-ticket-keys", str(site.keyfile.parent)),
                     ("/run/tkprov/nginx.sock", str(site.socket)), ("9999", str(port))):
        assert old in text, old
        text = text.replace(old, new)
    commands = re.findall("(?m)^    (.*)$", text)
    assert not [c for c in commands if re.search("/etc/|/run/", c)]
    at, = [i for i, c in enumerate(commands) if c.endswith(" &")]
    return commands[:at], commands[at], commands[at + 1:]


def test_the_recipe_of_the_readme(site):
    """Three keys by openssl rand, show and set through a loopback bridge of socat, show at the socket."""
    site.keyfile = site.dir / "keys" / "test.local.key"
    port = free_port()
    before, bridge, after = recipe(site, port)

    def say(command):
        return subprocess.run(command, shell=True, check=True, capture_output=True, text=True, timeout=60).stdout

    assert [say(c) for c in before] == [""] * 5
    lines = site.keyfile.read_text().splitlines()
    assert len(lines) == 3 and stat.S_IMODE(site.keyfile.stat().st_mode) == 0o600
    assert stat.S_IMODE(site.keyfile.parent.stat().st_mode) == 0o700
    site.write_conf(keys=False)
    SServer(site)
    site.add(Child(site, shlex.split(bridge[:-2]), lambda: answers(port), module=False))
    show, set_, listed = [say(c) for c in after]
    assert show == (f"# id secret\n# 0 ({site.keyfile})\n" +
                    "".join(f"0.{i} {k}\n" for i, k in enumerate(lines)) + "\n")
    assert set_ == "TLS ticket key updated!\n\n" and site.keys()[:2] == lines[1:]
    assert listed == f"# id (file)\n0 ({site.keyfile})\n\n"


def test_a_file_beside_the_socket_is_not_removed(site):
    site.write_conf()
    precious = site.dir / "s.sock.new"
    precious.write_text("precious")
    server = SServer(site)
    assert precious.read_text() == "precious" and not site.socket.exists()
    assert f"{site.socket}: its .new is not a socket of ours; going on without a socket" in site.log_text()
    assert hello(server.port)["name"] != ""
