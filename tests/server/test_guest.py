# SPDX-License-Identifier: Apache-2.0
"""A good guest: programs that make no server context pay nothing; the control thread has
all signals blocked and descriptors of its own; programs with ticket callbacks of their own
are left alone; OpenSSL lists the module; valgrind and AddressSanitizer find nothing."""

import errno
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import threading

import pytest
import sanitizers
from harness import (MODULE, TOP, Child, Nginx, SServer, alive, answers, free_port, hello, run, stat_of, table, tlsc,
                     wait_for)


HERE = pathlib.Path(__file__).resolve().parent
PLAIN = [["openssl", "version"], ["openssl", "dgst", "-sha256", "/etc/hostname"],
         # Debian's curl hangs where one of these is preloaded, module or not
         pytest.param(["curl", "-sS", "-k", "https://127.0.0.1:{port}/"], marks=pytest.mark.not_under("asan", "tsan"))]


@pytest.mark.parametrize("command", PLAIN, ids=lambda c: c[1].strip("-"))
def test_no_thread_no_socket_no_file_without_a_server_context(site, command):
    """Only curl's own connection, and the module itself, may be seen."""
    site.write_conf()
    port = SServer(site, module=False).port
    trace = site.dir / "trace"
    command = [c.format(port=port) for c in command]
    plain = site.dir / "plain"
    for out, env in ((trace, site.env()), (plain, site.env(module=False))):
        subprocess.run(["strace", "-f", "-o", str(out), "-e",
                        "trace=clone,clone3,fork,socket,open,openat,memfd_create,connect,bind",
                        *command], env=env, check=True, capture_output=True)
    text = trace.read_text()
    assert command[1] == "version" or str(MODULE) in text, "the module was loaded"
    for path in (site.conf, site.socket, site.keyfile, site.log):
        assert str(path) not in text
    assert "memfd_create" not in text and "bind(" not in text and "/dev/log" not in text
    count = lambda t, word: len(re.findall(rf"\b{word}\(", t))  # noqa: E731
    for word in ("clone", "clone3", "fork", "socket", "connect"):
        assert count(text, word) == count(plain.read_text(), word), word


def test_openssl_lists_the_provider(site):
    site.write_conf()
    out = run("openssl", "list", "-providers", env=site.env()).decode()
    assert re.search(r"tkprov\n\s+name: .*\n\s+version: \d.*\n\s+status: active", out)
    assert not site.socket.exists()


def control_threads(pid):
    tasks = [t for t in pathlib.Path(f"/proc/{pid}/task").iterdir()
             if (t / "comm").read_text().strip() == "tkprov"]
    return tasks


def test_control_thread_blocks_signals_and_has_its_own_descriptors(site):
    site.write_conf()
    nginx = Nginx(site, workers=2)
    for pid in (nginx.pid, *nginx.worker_pids()):
        task, = control_threads(pid)
        blocked = int(re.search(r"SigBlk:\s+(\w+)", (task / "status").read_text())[1], 16)
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1, signal.SIGALRM):
            assert blocked >> (sig - 1) & 1, sig
        links = [os.readlink(f) for f in (task / "fd").iterdir()]
        assert sum("socket:" in link for link in links) == 1, links
        assert sum("tkprov-board" in link for link in links) == 1, links
        assert len(links) == 4, f"socket, board, log, key file: {links}"
        own = pathlib.Path(f"/proc/{pid}/fd")
        for fd in own.iterdir():
            if "tkprov-board" in os.readlink(fd):
                assert int(fd.name) >= 400
                flags = pathlib.Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text()
                assert int(re.search(r"flags:\s+(\d+)", flags)[1], 8) & os.O_CLOEXEC


def test_server_that_closes_descriptors_it_does_not_know(site):
    """closefrom() in the server pulls nothing from under the control thread."""
    site.write_conf()
    code = ("import os, ssl, socket, sys\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            f"ctx.load_cert_chain('{site.pki.cert}', '{site.pki.key}')\n"
            "os.closerange(3, 4096)\n"
            "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
            "while True:\n"
            "    c, _ = s.accept()\n"
            "    try:\n"
            "        with ctx.wrap_socket(c, server_side=True) as t:\n"
            "            t.recv(4096); t.sendall(b'x'); t.unwrap()\n"
            "    except OSError: pass\n")
    port = free_port()
    site.add(Child(site, ["/usr/bin/python3", "-c", code, str(port)], lambda: answers(port)))
    assert site.ask("rotate ssl tls-key *").startswith("TLS ticket key rotated")
    assert hello(port)["name"] == site.names()[1]


SHRINKS = """
import os, signal, socket, ssl, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
open(sys.argv[2], "w").close()
signal.sigwait({signal.SIGUSR1})
listener.close()
open(sys.argv[3], "w").close()
signal.pause()
"""


def test_kernel_without_close_range(site):
    """What the server closes is closed, though the thread was given a copy of its table."""
    site.write_conf()
    port, began, closed = free_port(), site.dir / "began", site.dir / "closed"
    code = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n" + SHRINKS
    server = Child(site, ["/usr/bin/python3", HERE / "deny.py", 436, errno.ENOSYS, "/usr/bin/python3", "-c", code,
                          str(port), began, closed], began.exists)
    site.add(server)
    assert "rotated" in site.ask("rotate ssl tls-key 0")
    os.kill(server.pid, signal.SIGUSR1)
    wait_for("the end of the listener", closed.exists)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_proc_that_hides_processes(site):
    """A worker that may not look at its master does not take it for dead."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "r, w = os.pipe()\n"
            "if os.fork() == 0:\n"
            "    os.close(w); os.setgroups([]); os.setgid(33); os.setuid(33)\n"
            "    os._exit(len(os.read(r, 1)))\n"
            "signal.pause()\n")
    site.add(Child(site, ["unshare", "-m", "--propagation", "private", "sh", "-c",
                          'mount -t proc -o hidepid=2 proc /proc; exec "$@"', "sh", "/usr/bin/python3", "-c", code],
                   site.socket.exists))
    wait_for("two processes", lambda: len(site.ask("show processes").strip().splitlines()) == 3)
    for _ in range(20):
        info = site.info()
        assert (info["Uid"], info["Process_num"]) == ("0", "2")


def processes(site):
    return table(site.ask("show processes"))


def test_who_has_become_another_program_is_not_of_the_instance(site):
    """An exec keeps pid and start time: a child that became `sleep` is no process with the module's
    keys, and a master that became another program is nobody to wait for."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "if os.fork() == 0: os.execv('/usr/bin/sleep', ['sleep', '600'])\n"
            "if os.fork() == 0:\n"
            "    os.setgroups([]); os.setgid(33); os.setuid(33)\n"
            "    while True: signal.pause()\n"
            f"os.execv('/usr/bin/python3', ['python3', '-c', 'open(\"{site.dir}/other\", \"w\"); import signal;"
            " signal.pause()'])\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "other").exists))
    family = wait_for("three processes", lambda: len(server.family()) == 3 and server.family())
    wait_for("sleep", lambda: any(pathlib.Path(f"/proc/{p}/comm").read_text() == "sleep\n" for p in family))
    row, = wait_for("the worker alone", lambda: len(processes(site)) == 1 and processes(site))
    assert row["pid"] in family - {server.pid} and row["role"] == "forked"
    server.stop(signal.SIGKILL)  # all of them


def test_a_place_is_guarded_from_a_chroot_too(site):
    """Where there is no /proc the lock tells who lives."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    root = site.dir / "root"
    root.mkdir()
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "if os.fork() == 0:\n"
            f"    os.chroot('{root}'); os.setgroups([]); os.setgid(33); os.setuid(33)\n"
            "    while True: signal.pause()\n"
            f"os.execv('/usr/bin/sleep', ['sleep', '600'])\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], site.socket.exists))
    wait_for("sleep", lambda: pathlib.Path(f"/proc/{server.pid}/comm").read_text() == "sleep\n")
    server.family()
    row, = processes(site)
    assert row["pid"] != server.pid and row["uid"] == 33
    server.stop(signal.SIGKILL)


def test_show_processes_knows_ids_that_have_changed(site):
    """Nothing wakes a worker that gives up its rights (here it is stopped); what is shown is what
    the kernel says."""
    site.write_conf()
    code = ("import os, signal, ssl\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "if os.fork() == 0:\n"
            "    os.setgroups([]); os.setgid(33); os.setresuid(33, 33, 33)\n"
            "    os.kill(os.getpid(), signal.SIGSTOP)\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], site.socket.exists))
    wait_for("the worker to stop", lambda: "T" in [stat_of(p)[0] for p in server.family()])
    assert sorted((p["uid"], p["euid"], p["role"]) for p in processes(site)) == \
        [(0, 0, "creator"), (33, 33, "forked")]
    server.stop(signal.SIGKILL)


def test_server_that_closes_everything_and_then_forks(site):
    """Its child has keys and tickets, and nothing to change keys with: that is said, once, in a log
    that was closed as well."""
    site.write_conf(rings=['{ name = "m"; rotate_every = "1s"; }'])
    code = ("import os, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "os.closerange(3, 4096)\n"
            "if os.fork() == 0:\n"
            f"    open('{site.dir}/child', 'w').write(str(os.getpid()))\n"
            "    if os.fork() == 0:\n"
            f"        open('{site.dir}/grandchild', 'w').close()\n"
            "    signal.pause()\n"
            f"while not os.path.exists('{site.dir}/go'): time.sleep(.01)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n")
    server = site.add(Child(site, ["/usr/bin/python3", "-c", code], (site.dir / "grandchild").exists))
    assert len(server.family()) == 3 and site.ask("show version")
    (site.dir / "go").touch()
    wait_for("the parent's end", lambda: not alive(server.pid))
    warning, = [line for line in site.log_text().splitlines() if "keys cannot be changed any more" in line]
    assert f"tkprov[{(site.dir / 'child').read_text()}]: " in warning
    other = SServer(site)
    assert site.info()["Pid"] == str(other.pid), "and no socket is kept from others"
    wait_for("the time at which the child would rotate", lambda: int(site.info()["Rotations"]) >= 3)
    assert "not rotated" not in site.log_text()
    server.stop(signal.SIGKILL)


@pytest.mark.parametrize("how", ["fork", "_Fork"])
def test_a_session_ends_for_its_client_though_a_child_was_forked_meanwhile(site, how):
    """In a table that the thread shares with the server the child inherits the client's descriptor;
    glibc's _Fork runs no handlers, there the child keeps it."""
    site.write_conf()
    fork = "os.fork()" if how == "fork" else "ctypes.CDLL(None)._Fork()"
    code = ("import ctypes, os, signal, ssl, time\n"
            "ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            f"while not os.path.exists('{site.dir}/go'): time.sleep(.01)\n"
            f"pid = {fork}\n"
            "if pid != 0:\n"
            f"    open('{site.dir}/child', 'w').write(str(pid))\n"
            "signal.pause()\n")
    server = site.add(Child(site, ["/usr/bin/python3", HERE / "deny.py", 272, errno.EPERM, "/usr/bin/python3", "-c",
                                   code], site.socket.exists))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(site.socket))
        client.sendall(b"prompt\n")
        assert client.recv(100) == b"\n> "
        (site.dir / "go").touch()
        child = wait_for("the child", lambda: (site.dir / "child").exists() and (site.dir / "child").read_text())
        if how == "fork":  # the instance's listener, and nobody's session
            wait_for("one socket", lambda: len([f for f in pathlib.Path(f"/proc/{child}/fd").iterdir()
                                                if os.readlink(f).startswith("socket:")]) == 1)
        client.sendall(b"quit\n")
        assert client.recv(100) == b"", "the end"
    server.family()
    server.stop(signal.SIGKILL)


def test_single_threaded_by_configuration(site):
    site.write_conf(extra="control_thread = false;")
    server = SServer(site)
    ticket = site.session()
    assert hello(server.port, save=ticket)["name"]
    assert hello(server.port, offer=ticket)["reused"]
    assert control_threads(server.pid) == []


def test_stunnel_keeps_its_own_callbacks(site):
    """It imports SSL_CTX_set_session_ticket_cb: OpenSSL's own key goes on working."""
    site.write_conf()
    backend, port = SServer(site, module=False), free_port()
    conf = site.dir / "stunnel.conf"
    conf.write_text(f"foreground = yes\npid =\n[s]\naccept = 127.0.0.1:{port}\n"
                    f"connect = 127.0.0.1:{backend.port}\ncert = {site.pki.both}\n"
                    "client = no\nsessionResume = yes\n")
    # stunnel in front of a TLS server: only stunnel's own handshake is looked at
    site.add(Child(site, ["/usr/bin/stunnel4", conf], lambda: answers(port)))
    for tls in ("1.2", "1.3"):
        got = tlsc(port, tls=tls, count=3, chain=True)
        names = {g["name"] for g in got if g["name"]}
        assert names and not names & set(site.names()), "not our keys"
    assert "callbacks of its own" in site.log_text()
    info = site.ask("show info")
    assert "Contexts_left_alone: 0" not in info


@pytest.mark.not_under("asan", "tsan", "ubsan")  # which have their own way of finding
def test_valgrind_finds_nothing_in_a_server_under_load(site):
    """Four clients at once, 400 connections of both versions, while somebody rotates and reads
    without pause: nothing invalid, and nothing of ours is lost."""
    site.write_conf(extra='vault = "memfd";')  # valgrind does not know memfd_secret
    log, gdb, got = site.dir / "valgrind.log", f"--vgdb-prefix={site.dir}/vg", []
    server = SServer(site, wrap=["/usr/bin/valgrind", "-q", "--child-silent-after-fork=yes", gdb,
                                 f"--log-file={log}", "--leak-check=no"])

    def load(tls):
        got.extend(tlsc(server.port, tls=tls, count=100, chain=True))

    clients = [threading.Thread(target=load, args=(tls,)) for tls in ("1.2", "1.3") * 2]
    for client in clients:
        client.start()
    rounds = 0
    while any(client.is_alive() for client in clients):
        rounds += 1
        assert rounds % 50 or site.ask("rotate ssl tls-key *").startswith("TLS ticket key rotated")
        assert len(site.keys()) == 3 and site.info()["Pid"] and site.slots()
    assert len(got) == 400 and all(g["ok"] for g in got)
    assert sum(g["reused"] for g in got) > 200 and int(site.info()["Rotations"]) == rounds // 50 > 0
    # asked for while it runs: its own end has been seen to hang
    lost = run("/usr/bin/vgdb", gdb, f"--pid={server.pid}", "leak_check", "full", "definite", "any",
               stdin=subprocess.DEVNULL, timeout=60).decode()
    ours = [p for p in re.split(r"(?m)^==\d+== $", lost) if re.search(r"\btk_|control_main", p)]
    server.stop(signal.SIGKILL)
    assert log.read_text() == "" and ours == []


@pytest.mark.not_under("tsan")  # it is under AddressSanitizer, whatever the build
def test_internal_cache_and_twelve_threads_are_clean_under_asan(site):
    """Sessions in OpenSSL's internal cache are shared by threads: whoever writes to a
    resumed one frees what another reads."""
    site.write_conf()
    program = site.dir / "cache_server"
    run("gcc", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-o",
        program, TOP / "tests/server/cache_server.c", "-lssl", "-lcrypto", "-lpthread")
    for variant in ("tickets", "early", "remove", "one"):
        done = subprocess.run([program, site.pki.cert, site.pki.key, variant],
                              env={**site.env(), "ASAN_OPTIONS": "detect_leaks=0"},
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-4000:]
        assert "ERROR" not in done.stderr
        resumed = int(re.search(r"resumed (\d+)", done.stdout)[1])
        assert resumed > 1000, done.stdout


LINKED = ["-fPIE -pie", "-no-pie", "-no-pie -DADDRESS", "-fPIE -pie -fno-plt", "-no-pie -Wl,--hash-style=sysv",
          "-fPIE -pie -Wl,-z,lazy", "-no-pie -Wl,-z,now"]


@pytest.mark.parametrize("flags", LINKED)
def test_who_could_set_callbacks_is_known_however_it_is_linked(site, flags):
    site.write_conf()
    program = site.dir / "imports"
    run("gcc", "-O1", *flags.split(), "-o", program, TOP / "tests/server/imports.c", "-lssl", "-lcrypto")
    preload = ["/usr/bin/env", f"LD_PRELOAD={sanitizers.PRELOAD}"] if sanitizers.PRELOAD else []
    site.add(Child(site, [*preload, program], site.socket.exists))
    wait_for("the log", lambda: "managing" in site.log_text())
    assert "can set ticket callbacks of its own" in site.log_text()


def test_haproxy_master_worker_in_a_chroot(site):
    """The master re-executes itself and has no contexts; the worker is chrooted, has a uid
    of its own, and answers."""
    site.write_conf()
    jail = site.dir / "jail"
    jail.mkdir()
    port, conf = free_port(), site.dir / "haproxy.cfg"
    conf.write_text(f"global\n  chroot {jail}\n  user nobody\n  group nogroup\n"
                    "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n"
                    f"  timeout connect 5s\nfrontend f\n  bind 127.0.0.1:{port} ssl crt {site.pki.both}\n"
                    "  http-request return status 200 content-type text/plain string x\n")
    server = site.add(Child(site, ["/usr/sbin/haproxy", "-W", "-f", conf], lambda: answers(port)))
    server.family()
    ticket = site.session()
    assert hello(port, save=ticket)["name"] == site.names()[1]
    assert site.ask("rotate ssl tls-key *").startswith("TLS ticket key rotated")
    assert hello(port, offer=ticket)["reused"]
    nobody = pwd.getpwnam("nobody").pw_uid
    assert f"Uid: {nobody}\n" in site.ask("show info")


def test_second_library_context_and_a_thread_with_its_own(site):
    """The configuration is loaded twice, and the first server context is made by a thread
    whose default library context is its own: hooked once, and nobody's ex_data is touched."""
    site.write_conf()
    program = site.dir / "second_libctx"
    run("gcc", "-o", program, TOP / "tests/server/second_libctx.c", "-lssl", "-lcrypto", "-lpthread")
    done = subprocess.run([program, site.pki.cert, site.pki.key, site.openssl_cnf], env=site.env(),
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "resumed\n"
