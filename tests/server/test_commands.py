# SPDX-License-Identifier: Apache-2.0
"""The control socket of the real module: bytes in, bytes out, in a server with two rings; what a
session may cost and how it ends."""
import base64
import pathlib
import re
import socket
import subprocess
import time

import pytest

import sanitizers
from harness import TKCTL, SServer, ask, hello, new_key, wait_for

NOBODY = "unable to locate referenced filename\n\n"
LIST = "# id (file)\n0 ({file})\n1 (mem)\n\n"
HEX = "[0-9a-f]{32}"


@pytest.fixture
def server(site):
    site.write_keys()
    site.write_conf(rings=[f'{{ file = "{site.keyfile}"; server_names = [ "a.test" ]; }}',
                           '{ name = "mem"; slots = 2; rotate_every = "1h"; }'],
                    sockets=[f'{{ path = "{site.socket}"; }}', f'{{ path = "{site.dir}/low"; level = "user"; }}',
                             f'{{ path = "{site.dir}/mid"; level = "operator"; }}'])
    return SServer(site)


def secrets(site, *rings):
    """What `show tls-keys` is to say: known from the key file and from itself."""
    out = "# id secret\n"
    for ring in rings:
        out += f"# {ring} ({site.keyfile if ring == 0 else 'mem'})\n"
        out += "".join(f"{ring}.{i} {k}\n" for i, k in enumerate(site.keys(ring)))
    return out + "\n"


def test_show_tls_keys_in_its_forms(site, server):
    assert site.keys() == site.keyfile.read_text().split() and len(site.keys(1)) == 2
    for line, rings in [("#0", (0,)), (site.keyfile, (0,)), ("0", (0,)), ("#00", (0,)), ("#-0", (0,)),
                        ("#+0", (0,)), ("#", (0,)), ("#1", (1,)), ("mem", (1,)), ("1", (1,)),
                        ("*", (0, 1)), ("*x", (0, 1)), ("#0 more words", (0,))]:
        assert site.ask(f"show tls-keys {line}") == secrets(site, *rings), line
    assert site.ask("show tls-keys") == LIST.format(file=site.keyfile)
    for line in ("#2", "#0x0", "nobody", "2", "#-1", "#99999999999999999999", "#0a", "MEM"):
        assert site.ask(f"show tls-keys {line}") == f"'show tls-keys' {NOBODY}", line


def test_set_is_checked_in_haproxys_order(site, server):
    key, short = new_key(), new_key(48)
    ring = site.keys()
    for line, answer in [
            ("set ssl tls-key", "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding."),
            ("set ssl tls-key #0", "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding."),
            (f"set ssl tls-key #7 {key}", "'set ssl tls-key' unable to locate referenced filename"),
            ("set ssl tls-key #7 !", "'set ssl tls-key' unable to locate referenced filename"),
            ("set ssl tls-key #0 !", "'set ssl tls-key' received invalid base64 encoded TLS key."),
            (f"set ssl tls-key #0 {key[:-1]}", "'set ssl tls-key' received invalid base64 encoded TLS key."),
            (f"set ssl tls-key #0 {short}", "'set ssl tls-key' received a key of wrong size."),
            ("set ssl tls-key #0 AAAA", "'set ssl tls-key' received a key of wrong size."),
            (f"set ssl tls-key #0 {base64.b64encode(bytes(80)).decode()}",
             "'set ssl tls-key' received a weak key: its name is all zeros.")]:
        assert site.ask(line) == answer + "\n\n", line
    assert site.keys() == ring, "a refused key changes nothing"
    for ring_word in ("#0", "0", str(site.keyfile)):
        key = new_key()
        assert site.ask(f"set ssl tls-key {ring_word} {key} more") == "TLS ticket key updated!\n\n"
        ring = ring[1:] + [key]
        assert site.keys() == ring
    rotations = site.info()["Rotations"]
    assert site.ask(f"set ssl tls-key 0 {ring[2]}") == "TLS ticket key updated!\n\n"
    assert site.keys() == ring and site.info()["Rotations"] == rotations, "a retry is no change"
    name = base64.b64decode(ring[1])[:16]
    clash = base64.b64encode(name + base64.b64decode(new_key())[16:]).decode()
    assert site.ask(f"set ssl tls-key 0 {clash}") == \
        "'set ssl tls-key' received a weak key: its name is that of another key of the ring.\n\n"


def test_changing_all_rings(site, server):
    before = site.keys(0), site.keys(1)
    answer = site.ask("rotate ssl tls-key *")
    names = site.names(0), site.names(1)
    assert answer == (f"TLS ticket key rotated: 0.2 is {names[0][2]}, 0.1 {names[0][1]} encrypts\n"
                      f"TLS ticket key rotated: 1.1 is {names[1][1]}, 1.0 {names[1][0]} encrypts\n\n")
    assert site.keys(0)[:2] == before[0][1:] and site.keys(1)[:1] == before[1][1:]
    answer = site.ask("flush ssl tls-key *")
    assert answer == (f"TLS ticket keys replaced: 0.1 {site.names(0)[1]} encrypts\n"
                      f"TLS ticket keys replaced: 1.0 {site.names(1)[0]} encrypts\n\n")
    assert not set(site.names(0) + site.names(1)) & set(names[0] + names[1])
    answer = site.ask("reload ssl tls-key *")
    assert answer == f"TLS ticket keys replaced: 0.1 {site.names(0)[1]} encrypts\n\n"
    assert site.ask("reload ssl tls-key mem") == \
        "'reload ssl tls-key' failed at ring 1 (mem): ring 1 (mem) has no file.\n\n"
    for word in ("rotate", "flush", "reload"):
        assert site.ask(f"{word} ssl tls-key") == \
            f"'{word} ssl tls-key' expects a ring: #id, a name or file, or *.\n\n"
        assert site.ask(f"{word} ssl tls-key #9") == f"'{word} ssl tls-key' {NOBODY}"


def test_replace(site, server):
    keys = [new_key() for _ in range(4)]
    weak = base64.b64encode(base64.b64decode(keys[0])[:16] + bytes(64)).decode()
    ring = site.keys()

    def replace(*lines, end="\n", ring="0"):
        return site.ask(f"replace ssl tls-key {ring} <<\n" + "\n".join(lines) + end)

    fails = "'replace ssl tls-key' failed at ring 0 " + f"({site.keyfile}): "
    assert replace(*keys) == fails + "it takes just 3 keys, one a line, not 4.\n\n"
    assert replace(*keys[:2]) == fails + "it takes just 3 keys, one a line, not 2.\n\n"
    assert replace(keys[0], "x!", keys[1]) == fails + "'payload' : unable to decode base64 key on line 2.\n\n"
    assert replace(keys[0], keys[1], new_key(48)) == fails + "'payload' : wrong sized key on line 3.\n\n"
    assert replace(*[new_key(48) for _ in range(3)]) == fails + "the keys have not the ring's size.\n\n"
    assert replace(keys[1], keys[2], weak) == \
        fails + "'payload' : weak key on line 3: its AES key is all zeros.\n\n"
    assert replace(*keys[:3], ring="*") == f"'replace ssl tls-key' {NOBODY}"
    assert "expects a ring, <<, and the keys" in site.ask("replace ssl tls-key 0")
    assert site.keys() == ring
    answer = replace(*keys[:3])
    assert answer == f"TLS ticket keys replaced: 0.1 {site.names()[1]} encrypts\n\n"
    assert site.keys() == keys[:3] == site.keyfile.read_text().split()
    assert replace(*[k + "\r" for k in keys[1:]], end="\n\r\n").startswith("TLS ticket keys replaced")
    assert site.keys() == keys[1:]


def test_payload_that_comes_in_pieces(site, server):
    keys = [new_key() for _ in range(3)]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(site.socket))
        s.settimeout(10)
        s.sendall(b"show version\nreplace ssl tls-key 0 <<\n")
        got = b""
        for piece in (keys[0][:7], keys[0][7:] + "\n", keys[1] + "\n" + keys[2] + "\n", "\n"):
            time.sleep(0.05)  # so that the server sees pieces; nothing depends on it
            s.sendall(piece.encode())
        while piece := s.recv(4096):
            got += piece
    assert got.decode().endswith("encrypts\n\n") and site.keys() == keys


def test_the_rest_of_the_words(site, server):
    info = site.info()
    assert list(info) == ["Name", "Version", "Pid", "Uid", "Uptime_sec", "Process_num", "OpenSSL_built",
                          "OpenSSL_running", "Vault", "Client_certs", "Contexts_hooked",
                          "Contexts_left_alone", "Rings", "Rotations", "Last_rotation", "Next_rotation",
                          "Not_saved"]
    assert info["Pid"] == str(server.pid) and info["Rings"] == "2" and info["Client_certs"] == "no"
    assert site.ask("show version") == info["Version"] + "\n\n"
    rows = site.ask("show processes").split("\n")
    assert rows[0] == "# pid\tuid\teuid\tprogram\tstarted\trole"
    assert re.fullmatch(rf"{server.pid}\t0\t0\topenssl\t\d+\tcreator", rows[1]) and rows[2:] == ["", ""]
    assert site.ask("help").startswith("The following commands are valid at this level:\n  clear counters  ")
    assert site.ask("quit;show version") == ""
    assert site.ask("show version;quit;show version") == info["Version"] + "\n\n"
    assert site.ask("SHOW TLS-KEYS").startswith("Unknown command: 'SHOW'")
    assert site.ask("set severity-output") == \
        "one of 'none', 'number', 'string' is a required argument\n\n"


def test_severities(site, server):
    key = new_key()
    for mode, err, info in (("none", "", ""), ("number", "[3]: ", "[6]: "), ("string", "[err]: ", "[info]: ")):
        assert site.ask(f"set severity-output {mode};set ssl tls-key #0 x") == \
            f"\n{err}'set ssl tls-key' received invalid base64 encoded TLS key.\n\n"
        assert site.ask(f"set severity-output {mode};set ssl tls-key #0 {key}") == \
            f"\n{info}TLS ticket key updated!\n\n"
        assert site.ask(f"set severity-output {mode};show tls-keys") == \
            "\n" + LIST.format(file=site.keyfile), "tables have none"
        for line, text in (("x" * 16384, "The command line is too big"), ("show\0", "A command must not have a NUL")):
            assert site.ask(f"set severity-output {mode};{line}").startswith(f"\n{err}{text}"), "that ends the session"


@pytest.mark.parametrize("forms", ["prompt:on prompt:end", "i:off n:end", "p:on i:off p:on n:end", "i:off prompt:end",
                                   "p:on p:on prompt:end", "i:off i:off p:on prompt:end", "n:end"])
def test_prompt_in_its_forms(site, server, forms):
    """on: the session stays and says that it waits; off: it stays; end: it ends."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(site.socket))
        for form in forms.split():
            word, state = form.split(":")
            s.sendall(f"prompt {word}\n".replace(" prompt", "").encode())
            want = b"\n> " if state == "on" else b"\n"
            assert s.recv(100) == want, form
            if state == "end":
                assert s.recv(100) == b"", form
                break
            s.sendall(b"show cli level\n")
            assert s.recv(100) == b"admin\n" + want, form


def test_levels(site, server):
    low, mid, denied = site.dir / "low", site.dir / "mid", "Permission denied\n\n"
    listing = LIST.format(file=site.keyfile)
    for path in (low, mid):
        assert ask(path, "show tls-keys") == listing
        assert ask(path, "show info").startswith("Name: tkprov\n")
        assert ask(path, "show tls-key-slots").startswith("# ring\t")
        for line in ("show tls-keys *", "show tls-keys #0", f"set ssl tls-key #0 {new_key()}", "set ssl tls-key",
                     "rotate ssl tls-key *", "flush ssl tls-key *", "reload ssl tls-key *", "save ssl tls-key *",
                     "replace ssl tls-key 0 <<\nx\n"):
            assert ask(path, line) == denied, line
    for line in ("clear counters", "show tls-key-events"):
        assert ask(low, line) == denied
    assert ask(mid, "clear counters") == "\n"
    assert ask(mid, "show tls-key-events").startswith("# time\t")
    assert ask(low, "show cli sockets") == (f"# socket lvl processes\nunix@{site.socket} admin all\n"
                                            f"unix@{low} user all\nunix@{mid} operator all\n\n")


def test_what_is_denied_is_an_event(site, server):
    for line in ("operator", "show tls-keys #0", "rotate ssl tls-key *"):
        assert ask(site.dir / "low", line) == "Permission denied\n\n"
    rows = site.events()[-3:]
    assert [(row["command"], row["result"]) for row in rows] == [
        ("operator", "denied"), ("show tls-keys", "denied"), ("rotate ssl tls-key", "denied")]


def test_events_last_through_denials(site, server):
    """Whoever may do nothing to the keys cannot make the list forget who did something."""
    site.ask("rotate ssl tls-key #0")
    ask(site.dir / "low", ";".join(["operator", "show tls-keys #0"] * 300))
    ask(site.dir / "mid", ";".join(["clear counters"] * 600))
    rows = site.events(512)
    assert ("rotate ssl tls-key", "ok") in [(row["command"], row["result"]) for row in rows]
    assert [row["command"] for row in rows[-64:]] == ["clear counters"] * 64


def test_lines_and_their_ends(site, server):
    version = site.ask("show version")
    for line, answer in [("show version\r", version), ("show version;show version", version * 2),
                         ("show version\nshow version", version * 2), ("", "\n"), (";", "\n\n"),
                         (" \t show\t version  ", version), ("show\\ version", None),
                         (" ".join(["show", "version"] + ["x"] * 62), version),
                         (" ".join(["show", "version"] + ["x"] * 63),
                          "Too many arguments. Commands must have at most 64 arguments.\n\n")]:
        got = site.ask(line)
        assert got == answer if answer is not None else got.startswith("Unknown command: 'show version'"), line
    with socket.socket(socket.AF_UNIX) as s:  # without LF nothing runs
        s.connect(str(site.socket))
        s.sendall(b"show version")
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b""
    with socket.socket(socket.AF_UNIX) as s:  # a NUL is the end
        s.connect(str(site.socket))
        s.sendall(b"show ver\0sion\nshow version\n")
        assert s.makefile().read() == "A command must not have a NUL byte in it.\n\n"


def test_limits_of_a_line(site, server):
    too_big = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the " \
              "configuration to use a bigger command.\n"
    assert site.ask("show version " + "x" * (16383 - 13)) == site.ask("show version")
    assert site.ask("x" * 16384) == too_big
    many = site.ask("\n".join(["show version " + "x" * 300] * 200))  # 62 kB of lines, each within the limit
    assert many == site.ask("show version") * 200


def test_one_file_in_two_rings(site):
    """HAProxy freed it twice when two listeners shared it.  Here it is refused, and nothing is freed
    twice on the way, by tkctl or in the server."""
    site.write_keys()
    site.write_conf(rings=[f'{{ file = "{site.keyfile}"; {names} }}' for names in ("", 'server_names = [ "a.test" ];')])
    report = site.dir / "san" / "report.valgrind"
    checked = [] if sanitizers.RUNTIMES else ["/usr/bin/valgrind", "-q", f"--log-file={report}"]
    p = subprocess.run([*checked, TKCTL, "check", site.conf], capture_output=True, text=True, env=site.env(module=False))
    assert p.returncode == 1 and f"{site.keyfile}" in p.stderr, p.stderr
    server = SServer(site, wrap=checked)
    for _ in range(2):
        assert hello(server.port)["name"] == "", "no tickets: the server goes on without"
    server.stop()
    assert not report.exists() or report.read_text() == ""


def test_eleven_clients_that_send_much_and_leave(site, server):
    """After this HAProxy 2.6.12 never answers again."""
    for _ in range(11):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(site.socket))
            try:
                s.sendall(b"x" * 40000)
            except OSError:
                pass
    assert site.ask("show version")


def test_silence_is_ended(site, server):
    """Ten clients say nothing, or half a line: they are closed, and the eleventh is served."""
    idle = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for i, s in enumerate(idle):
        s.connect(str(site.socket))
        s.sendall(b"" if i % 2 else b"show ver")
    assert ask(site.socket, "show version", timeout=30)
    for s in idle:
        s.settimeout(20)
        assert s.recv(10) == b""
        s.close()


def test_a_line_has_its_own_time(site, server):
    """Whoever has been silent for a while and then begins a line can finish it."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(site.socket))
        s.sendall(b"prompt\nset timeout cli 2\n")
        got = b""
        while got != b"\n> \n> ":
            got += s.recv(100)
        for piece in (b"show cli", b" level\n"):
            time.sleep(1.2)
            s.sendall(piece)
        assert s.recv(100) == b"admin\n\n> "


def test_descriptors_return_to_where_they_were(site, server):
    def fds():
        task, = [t for t in pathlib.Path(f"/proc/{server.pid}/task").iterdir()
                 if (t / "comm").read_text() == "tkprov\n"]
        return len(list((task / "fd").iterdir()))

    before = fds()
    for line in ("show tls-keys *", "show info", "set ssl tls-key #0 x", "x" * 20000, "show\0"):
        for _ in range(20):
            try:
                site.ask(line)
            except OSError:
                pass
    wait_for("the sessions' end", lambda: fds() == before)
