# SPDX-License-Identifier: Apache-2.0
"""How an instance comes to be, and what happens when it cannot: the socket is as configured
from the first instant; whatever is wrong with key files or configuration is named in the
log, and the server serves TLS all the same, without tickets."""

import base64
import errno
import grp
import os
import pathlib
import pwd
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
import sanitizers
from harness import (HAPROXY, MODULE, TKCTL, Child, Haproxy, Nginx, SServer, alive, answers, free_port, hello,
                     new_key, table, wait_for)

HERE = pathlib.Path(__file__).resolve().parent


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


def test_the_recipe_of_the_readme(site):
    """Three keys by openssl rand, show and set through a loopback bridge of socat."""
    site.write_conf()
    site.keyfile.unlink()
    for _ in range(3):
        subprocess.run(f"echo \"`openssl rand 80 | openssl base64 -A`\" | tee -a {site.keyfile}"
                       " > /dev/null", shell=True, check=True)
    SServer(site)
    port = free_port()
    site.add(Child(site, ["/usr/bin/socat", f"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork",
                          f"UNIX-CONNECT:{site.socket}"], lambda: answers(port), module=False))

    def say(command):
        return subprocess.run(f"echo \"{command}\" | socat stdio tcp4-connect:127.0.0.1:{port}",
                              shell=True, check=True, capture_output=True, text=True).stdout

    lines = site.keyfile.read_text().splitlines()
    assert say(f"show tls-keys {site.keyfile}") == (
        f"# id secret\n# 0 ({site.keyfile})\n" +
        "".join(f"0.{i} {k}\n" for i, k in enumerate(lines)) + "\n")
    assert say(f"set ssl tls-key {site.keyfile} $(openssl rand 80 | openssl base64 -A)") == \
        "TLS ticket key updated!\n\n"
    assert site.keys()[:2] == lines[1:]


def test_a_file_beside_the_socket_is_not_removed(site):
    site.write_conf()
    precious = site.dir / "s.sock.new"
    precious.write_text("precious")
    server = SServer(site)
    assert precious.read_text() == "precious" and not site.socket.exists()
    assert f"{site.socket}: File exists; going on without a socket" in site.log_text()
    assert hello(server.port)["name"] != ""


# ---- the socket of somebody who ends ----

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
    site.write_conf(ring='rotate_every = "2s";')
    first = SServer(site)
    second = SServer(site)
    wait_for("rotations", lambda: int(site.info()["Rotations"]) >= 3)
    assert answers_as(site, first.pid) and not said_by(site, second.pid, "rotated")
    assert hello(second.port)["name"] not in site.names()
    first.stop()
    wait_for("an answer", lambda: answers_as(site, second.pid))
    wait_for("a rotation", lambda: said_by(site, second.pid, "key rotated"))
    wait_for("the save", lambda: site.keyfile.read_text().split() == site.keys())
    assert not said_by(site, second.pid, "not saved")
    assert hello(second.port)["name"] in site.names()


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
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "began").exists))
    worker = int((site.dir / "began").read_text())
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
    """A child that runs no fork handlers holds the listener open, nobody answers on it, and the server
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


if "tsan" not in sanitizers.RUNTIMES:  # its runtime has a thread of its own
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
                "os.setgroups([]); os.setgid(61235); os.setuid(61235)\n"
                "resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))\n"
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
