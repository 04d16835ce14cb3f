# SPDX-License-Identifier: Apache-2.0
"""tkctl against a server that says what the test wants: exit statuses, the bytes that are
sent, keys from standard input and from the command line, several sockets, answers that
stop in the middle.

TKPROV_BUILD is the build folder (default: build beside the sources).
"""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TKCTL = os.path.join(os.environ.get("TKPROV_BUILD", os.path.join(TOP, "build")), "tkctl")
PREFIX = b"set severity-output number;"
KEY = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"
GUARD = 60  # seconds: only so that a test that hangs ends at all


class Server:
    """Answers each connection with `reply`, notes what was asked, and then closes.
    reply=None: never answers, until it is stopped.  reset: does not read, so that closing
    is a reset."""

    def __init__(self, path, reply, reset=False):
        self.path, self.reply, self.reset = path, reply, reset
        self.asked = []
        self.got_request = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.stopped = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                self.serve(conn)

    def serve(self, conn):
        if self.reset:
            conn.recv(1)  # the rest stays unread
            conn.sendall(self.reply)
            return
        data = b""
        while not data.endswith(b"\n"):
            more = conn.recv(65536)
            if not more:
                break
            data += more
        self.asked.append(data)
        self.got_request.set()
        self.may_answer.wait(GUARD)
        if self.reply is None:
            self.stopped.wait(GUARD)
        else:
            conn.sendall(self.reply)

    def stop(self):
        self.stopped.set()
        self.may_answer.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(GUARD)


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="tkctl-", dir="/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def serve(folder):
    servers = []

    def start(reply=b"\n[6]: done\n\n", name="s", **more):
        servers.append(Server(os.path.join(folder, name), reply, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def tkctl(*args, stdin=b"", **more):
    return subprocess.run([TKCTL, *args], input=stdin, capture_output=True, timeout=GUARD, **more)


def ask(server, *args, **more):
    return tkctl("-s", server.path, *args, **more)


def sent(server):
    assert len(server.asked) == 1
    assert server.asked[0].startswith(PREFIX) and server.asked[0].endswith(b"\n")
    return server.asked[0][len(PREFIX):-1].decode()


# ---- exit statuses and what is printed ----

@pytest.mark.parametrize("reply, status, out, err", [
    (b"\n# id (file)\n0 (/k)\n\n", 0, "# id (file)\n0 (/k)\n", ""),
    (b"\n[6]: TLS ticket key updated!\n\n", 0, "TLS ticket key updated!\n", ""),
    (b"\n\n", 0, "", ""),
    (b"\n[3]: 'show tls-keys' unable to locate referenced filename\n\n", 1, "",
     "tkctl: 'show tls-keys' unable to locate referenced filename\n"),
    (b"\n[0]: no\n\n", 1, "", "tkctl: no\n"),
    (b"\n[3]: Permission denied\n\n", 4, "", "tkctl: Permission denied\n"),
    (b"\nUnknown command: 'x', but maybe\n  show info\n\n", 1, "",
     "tkctl: Unknown command: 'x', but maybe\n  show info\n"),
    (b"\n[6]: Unknown command: 'x'. Please\n\n", 1, "", "tkctl: Unknown command: 'x'. Please\n"),
    (b"\na\n\n[3]: b\n\nc\n\n", 1, "a\n\nc\n", "tkctl: b\n"),
])
def test_answers(serve, reply, status, out, err):
    p = ask(serve(reply), "x")
    assert (p.returncode, p.stdout.decode(), p.stderr.decode()) == (status, out, err)


def test_no_server(folder):
    missing, stale = os.path.join(folder, "none"), os.path.join(folder, "stale")
    s = socket.socket(socket.AF_UNIX)
    s.bind(stale)
    s.close()
    for path in (missing, stale, missing + "/below"):
        p = tkctl("-s", path, "show", "info")
        assert p.returncode == 3
        assert p.stdout == b""
        assert p.stderr.startswith(b"tkctl: %s: no server " % path.encode())


def test_denied_by_mode(serve):
    server = serve()
    os.chmod(server.path, 0o600)
    if os.geteuid() == 0:  # root may always: be somebody else
        more = {"user": 65534, "group": 65534, "extra_groups": []}
    else:
        os.chmod(server.path, 0)
        more = {}
    p = subprocess.run([TKCTL, "-s", server.path, "show", "info"], capture_output=True,
                       timeout=GUARD, **more)
    assert (p.returncode, p.stderr.decode()) == (4, f"tkctl: {server.path}: Permission denied: the socket's "
                                               "owner, group and mode say who may\n")
    assert server.asked == []


@pytest.mark.parametrize("args", [
    ["--nonsense"], ["-s"], ["-i", "a/b", "show"], ["-i", "", "show"], ["show", ""],
    ["show info\nquit"], ["show", "a\nb"], ["show", "a\rb"], ["x"] * 65, ["x" * 16384],
    ["show " + "x" * 16384], ["-s", "", "show"], ["-s", "/" + "x" * 107, "show"], ["-i", "x" * 100, "show"],
    ["-i", "x" * 5000, "show"],
])
def test_usage(args):
    p = tkctl(*args)
    assert p.returncode == 2
    assert p.stdout == b""
    assert p.stderr


@pytest.mark.parametrize("args, said", [
    (["-s", "", "show"], "an empty name is not the path of a socket"),
    (["-s", "/" + "x" * 107, "show"], f"'/{'x' * 107}' is too long for the path of a socket: at most 107 bytes"),
    (["-i", "a/b", "show"], "'a/b' is not the name of an instance: NAME, without a slash, is the socket "),
    (["show version;prompt"], "'prompt' is for sessions by hand, with socat"),
    (["prompt"], "'prompt' is for sessions by hand, with socat"),
])
def test_usage_says_what_would_be_right(args, said):
    assert tkctl(*args).stderr.decode().startswith(f"tkctl: {said}")


def test_longest_path(folder):
    assert tkctl("-s", "/" + "x" * 106, "show").returncode == 3


@pytest.mark.parametrize("line", ["prompt", "prompt n", "show version;prompt", "show info; prompt p;show version",
                                  "prompt;quit", ";prompt ", "\\prompt;x", "prompt;replace ssl tls-key #0 <<"])
def test_prompt_in_a_line(serve, line):
    """The server would wait for more, and tkctl for the answer's end."""
    server = serve()
    p = ask(server, *([line] if " " in line else [line + " "]))
    assert p.returncode == 2 and p.stderr == b"tkctl: 'prompt' is for sessions by hand, with socat\n"
    assert server.asked == []


@pytest.mark.parametrize("line", ["help prompt", "show info;help prompt", "show tls-keys a\\;prompt"])
def test_prompt_as_an_argument(serve, line):
    server = serve()
    assert ask(server, line).returncode == 0 and sent(server) == line


def test_too_long_by_one(serve):
    server = serve()
    longest = 16384 - len(PREFIX) - 1
    assert ask(server, "x" * (longest + 1)).returncode == 2
    assert server.asked == []
    assert ask(server, "x" * longest).returncode == 0
    assert len(server.asked[0]) == 16384
    assert ask(server, "x " + "y" * (longest - 2)).returncode == 0
    assert len(server.asked[1]) == 16384
    assert ask(server, "x " + "y" * (longest - 1)).returncode == 2


def test_help_and_version():
    p = tkctl("--help")
    assert (p.returncode, p.stderr) == (0, b"")
    for word in (b"--socket", b"--instance", b"--raw", b"set ssl tls-key [id|file] <key>",
                 b"rotate ssl tls-key", b"4 denied"):
        assert word in p.stdout
    p = tkctl("-V")
    assert p.returncode == 0
    assert re.fullmatch(rb"tkctl [0-9]+\.[0-9.]+\n", p.stdout)


# ---- what is sent ----

@pytest.mark.parametrize("args, line", [
    (["show", "tls-keys"], "show tls-keys"),
    (["show", "tls-keys", "/a b;c\\d"], "show tls-keys /a\\ b\\;c\\\\d"),
    (["show", "tls-keys", "#0", "*"], "show tls-keys #0 *"),
    (["help", "\"'"], "help \"'"),
    (["x", "<<"], "x <\\<"),
    (["show tls-keys  #0"], "show tls-keys #0"),
    (["show tls-keys /a\\ b"], "show tls-keys /a\\ b"),
    (["show info;show version "], "show info;show version "),
    ([" "], " "),
    (["--", "show", "-s", "--help", "-h"], "show -s --help -h"),
    (["--", "-x"], "-x"),
    (["--raw", "show", "-"], "show -"),
    ([], "show info;show tls-keys"),
])
def test_request(serve, args, line):
    server = serve()
    assert ask(server, *args).returncode == 0
    assert sent(server) == line


@pytest.mark.parametrize("late", [["-s", "/nowhere"], ["--no-save"], ["-x"]])
def test_an_option_behind_the_command_is_no_word(serve, late):
    """The command would go to another server than was meant."""
    server = serve()
    p = ask(server, "rotate", "ssl", "tls-key", "*", *late)
    assert p.returncode == 2
    assert p.stderr == f"tkctl: '{late[0]}': options stand before the command\n".encode()
    assert ask(server, "show", "info").returncode == 0  # for which it waits


def test_status_without_a_command(serve):
    p = ask(serve(b"\nName: tkprov\n\n# id (file)\n0 (default)\n\n"))
    assert (p.returncode, p.stdout) == (0, b"Name: tkprov\n\n# id (file)\n0 (default)\n")


# ---- secrets ----

@pytest.mark.parametrize("args", [["set", "ssl", "tls-key", "/a b", "-"],
                                  ["set ssl tls-key /a\\ b -"]])
@pytest.mark.parametrize("stdin", [KEY, KEY + "\n", KEY + "\r\n", KEY + "\nmore\n"])
def test_key_from_stdin(serve, args, stdin):
    server = serve(b"\n[6]: TLS ticket key updated!\n\n")
    p = ask(server, *args, stdin=stdin.encode())
    assert (p.returncode, p.stdout) == (0, b"TLS ticket key updated!\n")
    assert sent(server) == "set ssl tls-key /a\\ b " + KEY


def test_stdin_is_read_no_further(serve, folder):
    server, path = serve(), os.path.join(folder, "in")
    with open(path, "w") as f:
        f.write(KEY + "\nsecond\n")
    with open(path, "rb", buffering=0) as f:
        p = subprocess.run([TKCTL, "-s", server.path, "set", "ssl", "tls-key", "#0", "-"], stdin=f,
                           timeout=GUARD)
        assert p.returncode == 0
        assert f.read() == b"second\n"


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\r\n", b"a\0b\n", b"x" * 20000, b"x" * 16384 + b"\n"])
def test_no_key_on_stdin(serve, stdin):
    server = serve()
    p = ask(server, "set", "ssl", "tls-key", "#0", "-", stdin=stdin)
    assert p.returncode == 2
    assert p.stderr.startswith(b"tkctl: standard input: ")
    assert server.asked == []


def test_stdin_closed(serve):
    server = serve()
    p = subprocess.run(["sh", "-c", 'exec "$@" <&-', "-", TKCTL, "-s", server.path, "set", "ssl",
                        "tls-key", "#0", "-"], capture_output=True, timeout=GUARD)
    assert p.returncode == 1
    assert b"standard input: Bad file descriptor" in p.stderr
    assert server.asked == []


@pytest.mark.parametrize("args", [["set", "ssl", "tls-key", "#0", KEY],
                                  ["set ssl tls-key #0 " + KEY],
                                  ["show info;set ssl tls-key #0 " + KEY]])
def test_key_not_in_process_list(serve, args):
    """While tkctl waits for the answer, its command line no longer has the key."""
    server = serve(b"\n[6]: ok\n\n")
    server.may_answer.clear()
    p = subprocess.Popen([TKCTL, "-s", server.path, *args], stdout=subprocess.PIPE)
    try:
        assert server.got_request.wait(GUARD)
        with open(f"/proc/{p.pid}/cmdline", "rb") as f:
            line = f.read()
    finally:
        server.may_answer.set()
        p.communicate(timeout=GUARD)
    assert p.returncode == 0
    assert sent(server).endswith(" " + KEY)
    assert server.path.encode() in line  # the line was read at all
    assert KEY.encode() not in line


def test_key_not_in_messages(folder):
    p = tkctl("-s", os.path.join(folder, "none"), "set", "ssl", "tls-key", "#0", KEY)
    assert p.returncode == 3
    assert KEY.encode() not in p.stdout + p.stderr


# ---- several servers ----

def test_several(serve, folder):
    a, b = serve(b"\n[6]: one\n\n", name="a"), serve(b"\n[6]: two\n\n", name="b")
    p = tkctl("-s", a.path, "-s", b.path, "set", "ssl", "tls-key", "#0", "-", stdin=KEY.encode())
    assert p.returncode == 0
    assert p.stdout.decode() == f"# {a.path}\none\n# {b.path}\ntwo\n"
    assert sent(a) == sent(b) == "set ssl tls-key #0 " + KEY


def test_several_highest_status(serve, folder):
    good, bad = serve(b"\n[6]: one\n\n", name="a"), serve(b"\n[3]: no\n\n", name="b")
    denied = serve(b"\n[3]: Permission denied\n\n", name="c")
    none = os.path.join(folder, "none")
    p = tkctl("-s", bad.path, "-s", good.path, "x")
    assert p.returncode == 1
    assert p.stdout.decode() == f"# {bad.path}\n# {good.path}\none\n"
    assert p.stderr.decode() == f"tkctl: {bad.path}: no\n"
    assert tkctl("-s", none, "-s", bad.path, "-s", good.path, "x").returncode == 3
    assert tkctl("-s", denied.path, "-s", none, "-s", good.path, "x").returncode == 4


def test_instance(folder):
    """-i names a socket in the run folder, which only an installed system has."""
    for name in ("nginx", "a.b"):
        p = tkctl("-i", "no-such-" + name, "show", "info")
        assert p.returncode == 3
        assert re.match(rb"tkctl: /.*/tkprov/no-such-%s\.sock: no server there" % name.encode(),
                        p.stderr)


# ---- answers that are none ----

@pytest.mark.parametrize("reply", [b"", b"\n", b"\n# id (file)\n0 (/k", b"\n# id (file)\n",
                                   b"\na\n\n[6]: b\n"])
def test_cut_off(serve, reply):
    server = serve(reply)
    p = ask(server, "show", "tls-keys")
    assert p.returncode == 1
    assert p.stdout == b""
    assert p.stderr.decode() == f"tkctl: {server.path}: the answer was cut off\n"


def test_reset(serve):
    server = serve(b"\n[6]: a\n\n"[:4], reset=True)
    p = ask(server, "show", "tls-keys")
    assert p.returncode == 1
    assert p.stdout == b""
    assert b"closed the connection before it had answered" in p.stderr


def test_quit_gets_no_answer(serve):
    p = ask(serve(b"\n"), "quit")
    assert (p.returncode, p.stdout, p.stderr) == (0, b"", b"")


def test_silence(serve):
    p = ask(serve(None), "show", "info")
    assert p.returncode == 1
    assert p.stdout == b""
    assert p.stderr.endswith(b": no answer for 10 seconds\n")


def test_large_answer(serve):
    """More than one read, and more than a pipe holds."""
    text = b"".join(b"%d some line of a table\n" % i for i in range(40000))
    p = ask(serve(b"\n" + text + b"\n"), "show", "events")
    assert p.returncode == 0
    assert p.stdout == text


# ---- where it prints to ----

@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_terminal_is_told_nothing_by_a_server(serve, stream):
    """A server that was taken over may answer with what a terminal acts on; a file gets it as it is."""
    text = "a\tb \x1b]0;x\x07 \x9b2J \x7f\r\u20ac\u00c0 end\n".encode()
    server = serve(b"\n" + (b"[3]: " if stream == "stderr" else b"") + text + b"\n")
    front = b"tkctl: " if stream == "stderr" else b""
    assert getattr(ask(server, "show", "info"), stream) == front + text
    ours, theirs = os.openpty()
    try:
        subprocess.run([TKCTL, "-s", server.path, "show", "info"], timeout=GUARD, **{stream: theirs})
        got = os.read(ours, 4096)
    finally:
        os.close(theirs)
        os.close(ours)
    assert got == front + "a\tb ?]0;x? \x9b2J ??\u20ac\u00c0 end\r\n".encode().replace(b"\x9b", b"?")


def test_no_file_of_such_a_name(serve, folder):
    server = serve(f"\n[6]: x\nnot saved: {folder}/\x1b[2J: why\n\n".encode())
    said = ask(server, "show", "info").stderr
    assert said.startswith(f"tkctl: warning: {folder}/?[2J: not saved by tkctl either: ".encode())


def run_sh(script, *args):
    return subprocess.run(["sh", "-c", script, "-", TKCTL, *args], stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, timeout=GUARD)


def test_stdout_closed(serve):
    """With fd 1 closed the socket must not become standard output."""
    server = serve(b"\ntable\n\n")
    p = run_sh('exec "$@" >&-', "-s", server.path, "show", "info")
    assert p.returncode == 1
    assert b"standard output" in p.stderr
    assert sent(server) == "show info"


def test_stdout_full(serve):
    p = run_sh('exec "$@" >/dev/full', "-s", serve(b"\ntable\n\n").path, "show", "info")
    assert p.returncode == 1
    assert b"standard output: No space left on device" in p.stderr


def test_stdout_pipe_gone(serve):
    """A reader that has left is an error to report, not a signal to die of."""
    r, w = os.pipe()
    os.close(r)
    p = subprocess.run([TKCTL, "-s", serve(b"\ntable\n\n").path, "show", "info"], stdout=w,
                       stderr=subprocess.PIPE, timeout=GUARD)
    os.close(w)
    assert p.returncode == 1
    assert b"Broken pipe" in p.stderr
