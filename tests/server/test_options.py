# SPDX-License-Identifier: Apache-2.0
"""on_error, programs, vault, log: what each value does in a server."""
import base64
import errno
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest
import sanitizers
from harness import Child, Nginx, SServer, answers, free_port, hello, new_key, run, wait_for

HERE = pathlib.Path(__file__).resolve().parent



def more_conf(text):
    return lambda site: site.conf.write_text(site.conf.read_text() + text)


def in_ring(what, wrong):
    """Before on_error, programs and log; what more_conf adds stands behind them."""
    return lambda site: site.conf.write_text(site.conf.read_text().replace(what, wrong, 1))


def keys(text):
    return lambda site: site.keyfile.write_text(text)


def far_socket(site):
    site.conf.write_text(site.conf.read_text().replace(str(site.socket), "/tmp/" + 96 * "x"))


# how: what is wrong, and what is said of it
BAD = {
    "unknown option": (more_conf("\nwhat = 1;\n"), "unknown option 'what'"),
    "wrong type": (more_conf("\nvault = 1;\n"), "'vault' must be"),
    "out of range": (more_conf('\nmax_session_age = "0s";\n'), "'max_session_age' must be"),
    "twice": (more_conf('\nvault = "auto";\nvault = "auto";\n'), "duplicate setting name 'vault'"),
    "contradiction": (more_conf('\nmax_key_age = "1h";\n'), "'max_key_age' is shorter than 'rotate_every'"),
    "syntax": (more_conf('\nvault = auto;\n'), "syntax error"),
    "no end of a string": (more_conf('\nvault = "auto;\n'), "the string that begins here has no end"),
    "no end of a comment": (more_conf('\nvault = "auto"; /*\n'), "the comment that begins here has no end"),
    "include": (more_conf('\n@include "x"\n'), "@include is not supported"),
    "large number": (more_conf('\nrings = ( { slots = 4294967299; } );\n'), "the number is too large"),
    "NUL": (more_conf('\n\0\n'), "a NUL byte"),
    "no quotes in a ring": (in_ring('scope = "auto"', "scope = auto"), "syntax error"),
    "twice in a ring": (in_ring("slots = 3;", "slots = 3; slots = 3;"), "duplicate setting name 'slots'"),
    "no comma in a list": (in_ring("( {", "( { } {"), "syntax error"),
    "large number in a ring": (in_ring("slots = 3", "slots = 4294967299"), "the number is too large"),
    "long path": (far_socket, "'path' must be"),
    "no base64": (keys("no base64\n"), "unable to decode base64 key on line 1"),
    "few keys": (keys(new_key() + "\n"), "please supply at least 3 keys"),
    "weak key": (keys("\n".join([new_key(), base64.b64encode(bytes(80)).decode(), new_key()])),
                 "weak key on line 2"),
    "no file": (lambda site: site.keyfile.unlink(), "unable to load ssl tickets keys file"),
}


def break_it(site, how, on_error, extra=""):
    site.write_conf(extra=f'on_error = "{on_error}"; {extra}', ring='rotate_every = "12h";' if how == "contradiction" else "")
    BAD[how][0](site)


@pytest.mark.parametrize("how", BAD)
def test_on_error_no_tickets(site, how):
    break_it(site, how, "no-tickets")
    nginx = Nginx(site, workers=1)
    for tls in ("1.2", "1.3"):
        got = hello(nginx.port, tls=tls)
        assert got["name"] == "", got
    assert BAD[how][1] in site.log_text(), "said where `log` says"


@pytest.mark.parametrize("how", BAD)
def test_on_error_builtin(site, how):
    break_it(site, how, "builtin")
    server = SServer(site)
    for tls in ("1.2", "1.3"):
        ticket = site.session()
        assert hello(server.port, tls=tls, save=ticket)["name"] != ""
        assert hello(server.port, tls=tls, offer=ticket)["reused"]
    assert not site.socket.exists()


@pytest.mark.parametrize("how", BAD)
def test_on_error_abort(site, how):
    """nginx -t finds it, and the server does not start; a program without a server context
    is none of our business."""
    break_it(site, how, "abort")
    done = subprocess.run(["/usr/bin/openssl", "s_server", "-accept", f"127.0.0.1:{free_port()}", "-cert",
                           site.pki.cert, "-key", site.pki.key], env=site.env(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    said, = [line for line in done.stderr.splitlines() if line.startswith("tkprov: ")]
    assert said.endswith('; the process ends (on_error = "abort")')
    assert BAD[how][1] in said
    run("/usr/bin/openssl", "version", env=site.env())


def test_on_error_is_for_keys_not_for_the_socket(site):
    site.write_conf(sockets=['{ path = "/proc/no.sock"; }'], extra='on_error = "abort";')
    server = SServer(site)
    assert hello(server.port)["name"] != ""


@pytest.mark.parametrize("size", [0, 100, 100000, 10000000])
def test_limit_on_the_size_of_files(site, size):
    """RLIMIT_FSIZE (LimitFSIZE=) holds for shared memory and logs, too, and going beyond it raises
    a signal that must not end the server."""
    site.write_conf()
    server = SServer(site, wrap=["sh", "-c", 'exec "$@" 2> /dev/null', "sh", "prlimit", f"--fsize={size}"])
    assert (hello(server.port)["name"] != "") == (size == 10000000)


def test_programs(site):
    site.write_conf(extra='programs = [ "nginx", "haproxy" ];')
    server = SServer(site)
    ticket = site.session()
    hello(server.port, save=ticket)
    assert hello(server.port, offer=ticket)["reused"], "OpenSSL's own keys"
    assert not site.socket.exists()
    tasks = pathlib.Path(f"/proc/{server.pid}/task")
    own = 2 if "TKPROV_PRELOAD" in os.environ else 1  # coverage.sh's leave.so has a thread
    assert [(t / "comm").read_text() for t in tasks.iterdir()] == ["openssl\n"] * own
    server.stop()
    nginx = Nginx(site, workers=1)
    assert hello(nginx.port)["name"] == site.names()[1]


@pytest.mark.parametrize("how", BAD)
def test_a_program_that_is_not_listed_has_nothing_to_do_with_what_is_wrong(site, how):
    """A slip in a file for nginx took the tickets of every other program, or ended it."""
    break_it(site, how, "abort", extra='programs = [ "nginx" ];')
    server = SServer(site)
    ticket = site.session()
    hello(server.port, save=ticket)
    assert hello(server.port, offer=ticket)["reused"], "OpenSSL's own keys"
    assert site.log_text() == "" and "tkprov" not in (site.dir / "stderr").read_text()


def test_programs_is_the_file_that_runs(site):
    """Not its argv[0], and still when the file was replaced while it runs."""
    own = site.dir / "my server"
    own.write_bytes(pathlib.Path("/usr/bin/openssl").read_bytes())
    own.chmod(0o755)
    site.write_conf(extra='programs = [ "my server" ];')
    port = free_port()
    site.add(Child(site, ["/bin/bash", "-c", f'{sanitizers.ASSIGN}exec -a other "{own}" s_server -accept 127.0.0.1:{port} '
                          f'-cert {site.pki.cert} -key {site.pki.key} -www'], lambda: answers(port)))
    assert hello(port)["name"] == site.names()[1]
    assert "\tmy?server\t" in site.ask("show processes")


def test_programs_without_proc(site):
    """In a mount namespace that has no /proc the server was left alone without a word."""
    site.write_conf(extra='programs = [ "openssl" ];')
    hide = "" if sanitizers.RUNTIMES else "umount -l /proc && "  # which their runtimes read
    server = SServer(site, wrap=["/usr/bin/unshare", "-m", "--propagation", "private", "sh", "-c",
                                 hide + 'exec "$@"', "sh"])
    assert hello(server.port)["name"] == site.names()[1]
    assert "\topenssl\t" in site.ask("show processes")


def maps(pid):
    return pathlib.Path(f"/proc/{pid}/maps").read_text()


def has_memfd_secret():
    program = "import ctypes; raise SystemExit(ctypes.CDLL(None).syscall(447, 0) < 0)"
    return subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_vault_memfd(site):
    site.write_conf(extra='vault = "memfd";')
    server = SServer(site)
    assert site.info()["Vault"] == "memfd"
    line, = [x for x in maps(server.pid).splitlines() if "tkprov-vault" in x]
    assert "s " in line.split()[1] + " "
    smaps = pathlib.Path(f"/proc/{server.pid}/smaps").read_text()
    flags = re.search(r"tkprov-vault.*?VmFlags: ([a-z ]+)", smaps, re.S)[1].split()
    # sanitizers make mlock do nothing
    assert {"dd", "sh"} | (set() if sanitizers.RUNTIMES else {"lo"}) <= set(flags), \
        "not dumped, locked, shared"


def test_vault_secret(site):
    """Where the kernel has it.  Where not, `secret` has to fail, and `auto` to fall back."""
    site.write_conf(extra='vault = "secret";')
    server = SServer(site)
    if not has_memfd_secret():
        assert "memfd_secret: " in site.log_text() and hello(server.port)["name"] == ""
        return
    assert site.info()["Vault"] == "memfd_secret"
    assert hello(server.port)["name"] == site.names()[1]
    line, = [x for x in maps(server.pid).splitlines() if "secretmem" in x]
    start, end = (int(x, 16) for x in line.split()[0].split("-"))
    with open(f"/proc/{server.pid}/mem", "rb", buffering=0) as mem:
        mem.seek(start)
        with pytest.raises(OSError):
            mem.read(64)


def test_vault_auto_under_a_filter(site):
    """Where a seccomp filter is in force memfd_secret is not tried: it may kill."""
    site.write_conf()
    server = SServer(site, wrap=["/usr/bin/python3", HERE / "deny.py", 447, errno.ENOSYS])
    assert site.info()["Vault"] == "memfd"
    assert hello(server.port)["name"] == site.names()[1]


@pytest.mark.parametrize("vault", ["auto", "secret"])
def test_vault_without_memory_to_lock(site, vault):
    site.write_conf(extra=f'vault = "{vault}";')
    server = SServer(site, wrap=["/usr/bin/prlimit", "--memlock=0:0", "/usr/bin/setpriv", "--reuid=33",
                                 "--regid=33", "--clear-groups"], user=33)
    if vault == "auto":
        assert site.info()["Vault"] == "memfd" and hello(server.port)["name"] == site.names()[1]
    else:
        assert "memfd_secret" in site.log_text() and hello(server.port)["name"] == ""


def test_vault_without_the_system_call(site):
    """The kernel has none: `secret` fails and says so."""
    site.write_conf(extra='vault = "secret";')
    server = SServer(site, wrap=["/usr/bin/python3", HERE / "deny.py", 447, errno.ENOSYS])
    assert "memfd_secret: Function not implemented" in site.log_text()
    assert hello(server.port)["name"] == ""


class Syslog:
    """/dev/log in a mount namespace of the server's own."""

    def __init__(self, site):
        self.dev = site.dir / "dev"
        self.dev.mkdir()
        for name in ("null", "zero", "random", "urandom", "tty"):
            run("/usr/bin/cp", "-a", f"/dev/{name}", self.dev)
        self.sock = None
        self.open()
        self.wrap = ["/usr/bin/unshare", "-m", "sh", "-c", f'mount --bind {self.dev} /dev && exec "$@"', "sh"]

    def open(self):
        if self.sock:
            self.sock.close()
            (self.dev / "log").unlink()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.dev / "log"))
        os.chmod(self.dev / "log", 0o666)
        self.sock.settimeout(10)

    def none(self):
        self.sock.close()
        (self.dev / "log").unlink()

    def line(self):
        return self.sock.recv(4096).decode()


def use_syslog(site, level="info"):
    site.conf.write_text(re.sub(r"log = \{.*", f'log = {{ target = "syslog"; level = "{level}"; }};',
                                site.conf.read_text()))


@pytest.mark.parametrize("what", ["key file", "socket", "conf"])
def test_a_log_is_not_written_into_what_is_none(site, what):
    """That it was to be is said elsewhere."""
    target = {"key file": site.keyfile, "socket": f"{site.socket}.lock", "conf": site.conf}[what]
    said = {"key file": "a ring's key file", "socket": f"a name of socket '{site.socket}'", "conf": "this file itself"}
    site.write_conf()
    site.conf.write_text(re.sub(r"log = \{.*", f'log = {{ target = "{target}"; }};', site.conf.read_text()))
    before = site.keyfile.read_text(), site.conf.read_text()
    log = Syslog(site)
    server = SServer(site, wrap=log.wrap)
    assert f"{site.conf}:3: the log's target '{target}' is {said[what]}; no session tickets" in log.line()
    assert hello(server.port)["name"] == ""
    assert (site.keyfile.read_text(), site.conf.read_text()) == before
    assert not os.path.exists(f"{site.socket}.lock")


def test_syslog(site):
    site.write_conf()
    use_syslog(site)
    log = Syslog(site)
    server = SServer(site, wrap=log.wrap)
    assert re.fullmatch(rf"<30>tkprov\[{server.pid}\]: openssl: managing the ticket keys of 1 ring\(s\), "
                        rf"answering at {site.socket}", log.line())
    site.ask("rotate ssl tls-key 0")
    assert log.line().startswith(f"<29>tkprov[{server.pid}]: ring 0 ({site.keyfile}): rotate ssl tls-key")
    log.open()  # syslogd was started again
    site.ask("rotate ssl tls-key 0")
    assert "rotate ssl tls-key" in log.line()
    log.sock.close()
    assert "rotated" in site.ask("rotate ssl tls-key 0"), "nobody listens: nobody waits"


CHROOTED = """
import os, socket, ssl, sys
cert, key, port, root = sys.argv[1:5]
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(cert, key)
listener = socket.create_server(("127.0.0.1", int(port)))
os.chroot(root)
os.chdir("/")
os.setgroups([]); os.setgid(33); os.setuid(33)
while True:
    raw, _ = listener.accept()
    try:
        with ctx.wrap_socket(raw, server_side=True) as s:
            s.recv(4096)
            s.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
            s.unwrap()
    except OSError:
        pass
"""


def test_chroot(site):
    """A server that goes into an empty root and gives up its rights, as HAProxy does: it logs,
    answers, counts, saves and reads its file again through what was opened before."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    use_syslog(site, "notice")
    log = Syslog(site)
    root, port = site.dir / "root", free_port()
    root.mkdir()
    program = site.dir / "chrooted.py"
    program.write_text(CHROOTED)
    server = Child(site, [*log.wrap, "/usr/bin/python3", program, site.pki.cert, site.pki.key, port, root],
                   lambda: answers(port))
    site.add(server)
    os.chmod(site.keyfile, 0o600)
    ticket = site.session()
    assert hello(port, save=ticket)["name"] == site.names()[1]
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert site.keyfile.read_text().split() == site.keys()
    assert "rotate ssl tls-key" in log.line()
    assert hello(port, offer=ticket)["reused"]
    lines = [new_key() for _ in range(3)]
    with open(site.keyfile, "r+") as f:
        f.write("\n".join(lines) + "\n")
    assert "changed by somebody else" in site.ask("rotate ssl tls-key 0")
    assert "TLS ticket keys replaced" in site.ask("reload ssl tls-key 0") and site.keys() == lines
    assert site.slots()[1]["issued"] == 0 and site.info()["Uid"] == "33"
    site.keyfile.write_text("")
    assert "no key file any more" in site.ask("rotate ssl tls-key 0")
    assert "keys saved: 0 " in site.ask("save ssl tls-key 0")
    assert site.keyfile.read_text().split() == site.keys()
    site.keyfile.unlink()  # which nobody in there can see by its name
    assert "removed by somebody else" in site.ask("rotate ssl tls-key 0")
    server.stop(signal.SIGKILL)


def test_chroot_without_descriptors_for_all_files(site):
    """The limit of open files leaves no room for some: what cannot be saved is not called removed."""
    files = [site.dir / f"{i}.key" for i in range(60)]
    for f in files:
        site.write_keys(path=f)
    site.write_conf(rings=[f'{{ file = "{f}"; server_names = [ "{i}" ]; }}' for i, f in enumerate(files)],
                    sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    root, port, program = site.dir / "root", free_port(), site.dir / "chrooted.py"
    root.mkdir()
    program.write_text(CHROOTED)
    server = Child(site, ["/usr/bin/prlimit", "--nofile=80", "/usr/bin/python3", program, site.pki.cert,
                          site.pki.key, port, root], lambda: answers(port))
    site.add(server)
    assert "20 key file(s) are not kept open" in site.log_text()
    assert "not saved" not in site.ask("rotate ssl tls-key 39")
    assert f"not saved: {files[40]}: not open, and the server has another root by now" in site.ask(
        "rotate ssl tls-key 40")
    server.stop(signal.SIGKILL)


@pytest.mark.parametrize("wrong", ["unknown option", "missing", "no log file"])
def test_what_is_wrong_with_the_configuration_reaches_syslog(site, wrong):
    """Without a terminal it is the only place."""
    site.write_conf()
    use_syslog(site)
    log = Syslog(site)
    if wrong == "unknown option":
        site.conf.write_text("\nrotate = 3;\n")
        want = f"<27>tkprov[PID]: {site.conf}:2: unknown option 'rotate'; no session tickets are issued"
    elif wrong == "missing":
        site.conf.unlink()
        want = f"<27>tkprov[PID]: {site.conf}: No such file or directory; no session tickets are issued"
    else:
        site.conf.write_text(site.conf.read_text().replace('"syslog"', f'"{site.dir}/none/x.log"'))
        want = f"<27>tkprov[PID]: {site.dir}/none/x.log: No such file or directory; logging to syslog instead"
    server = SServer(site, wrap=log.wrap)
    assert log.line() == want.replace("PID", str(server.pid))


@pytest.mark.parametrize("target", ['target = "stderr";', ""], ids=["stderr", "no syslog"])
def test_what_is_wrong_with_the_configuration_reaches_stderr(site, target):
    """A container: no syslogd, and no terminal."""
    site.write_conf()
    site.conf.write_text(f"log = {{ {target} }};\nrotate = 3;\n")
    log = Syslog(site)
    log.none()
    server = SServer(site, wrap=log.wrap)
    said, = [line for line in (site.dir / "stderr").read_text().splitlines() if "tkprov" in line]
    head = rf"[0-9.]+ tkprov\[{server.pid}\]" if target else "tkprov"
    assert re.fullmatch(rf"{head}: {site.conf}:2: unknown option 'rotate'; no session tickets are issued", said)


def test_without_syslog_nothing_else_is_said_on_stderr(site):
    site.write_conf()
    use_syslog(site)
    log = Syslog(site)
    log.none()
    server = SServer(site, wrap=log.wrap)
    site.keyfile.unlink()
    assert "rotated" in site.ask("rotate ssl tls-key 0") and hello(server.port)["name"]
    assert "tkprov" not in (site.dir / "stderr").read_text()


def test_stderr_without_a_reader(site):
    """The pipe is broken when the first line comes: the line is lost, the server is not."""
    site.write_conf()
    site.conf.write_text(re.sub(r"log = \{.*", 'log = { target = "stderr"; level = "debug"; };',
                                site.conf.read_text()))
    port = free_port()
    site.add(Child(site, ["/bin/bash", "-c", 'exec 2> >(exec 0<&-); sleep 0.3; trap - PIPE; exec "$@"', "bash",
                          "/usr/bin/openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", site.pki.cert,
                          "-key", site.pki.key, "-www"], lambda: answers(port)))
    site.ask("rotate ssl tls-key 0")
    assert hello(port)["name"] == site.names()[1]


def test_stderr_is_let_go_by_a_daemon(site):
    """Whoever reads the start's messages to their end must see it."""
    site.write_conf()
    site.conf.write_text(re.sub(r"log = \{.*", 'log = { target = "stderr"; };', site.conf.read_text()))
    reader, writer = os.pipe()
    nginx = Nginx(site, workers=1, stderr=writer)
    os.close(writer)
    os.set_blocking(reader, False)
    said = b""

    def ended():
        nonlocal said
        try:
            piece = os.read(reader, 4096)
        except BlockingIOError:
            return False
        said += piece
        return piece == b""
    wait_for("the pipe's end", ended)
    os.close(reader)
    assert hello(nginx.port)["name"] == site.names()[1]


def test_without_unshare_nothing_is_answered_on_the_servers_own_sockets(site):
    site.write_conf()
    ready, port = site.dir / "ready", free_port()
    site.add(Child(site, ["/usr/bin/python3", HERE / "deny.py", 272, errno.EPERM, "/usr/bin/python3",
                          HERE / "shared_table.py", site.pki.cert, site.pki.key, port, ready],
                   lambda: pathlib.Path(f"{ready}.began").exists()))
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(site.socket))
        pathlib.Path(f"{ready}.go").touch()
        wait_for("the exchange", ready.exists)
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.settimeout(1.5)
            stranger.sendall(b"show tls-keys *\nset ssl tls-key\n")
            control.sendall(b"show version\n")  # wakes the thread, which now sees somebody waiting
            try:
                assert stranger.recv(4096) == b""
            except TimeoutError:
                pass


def test_without_unshare_it_answers(site):
    site.write_conf()
    server = SServer(site, wrap=["/usr/bin/python3", HERE / "deny.py", 272, errno.EPERM])
    for _ in range(20):
        assert "rotated" in site.ask("rotate ssl tls-key 0")
    assert hello(server.port)["name"] == site.names()[1]
