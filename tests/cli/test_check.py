# SPDX-License-Identifier: Apache-2.0
"""`tkctl check`: each finding once, as a table, with its whole line and the exit status; and
that it tells the truth about openssl.cnf, which OpenSSL itself is asked for.

TKPROV_BUILD is the build folder (default: build beside the sources).
"""
import base64
import contextlib
import ctypes
import errno
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
import sanitizers  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TKPROV_BUILD", TOP / "build")).resolve()
TKCTL, MODULE = BUILD / "tkctl", BUILD / ".libs" / "tkprov.so"
EXAMPLES = TOP / "examples"
GUARD = 60  # seconds: only so that a test that hangs ends at all
VALUE_COUNTS = ssl.OPENSSL_VERSION_INFO[:2] >= (3, 3)  # that of `activate`
ROOT = os.geteuid() == 0


def tree(folder):
    return sorted(str(p) for p in folder.rglob("*"))


class Place:
    """A folder with a good openssl.cnf, tkprov.conf and key file."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tkcheck", dir="/tmp"))
        self.dir.chmod(0o755)
        self.san = pathlib.Path(tempfile.mkdtemp(prefix="tkcheck-san", dir="/tmp"))
        self.cnf, self.conf = self.dir / "openssl.cnf", self.dir / "tkprov.conf"
        self.keys = self.dir / "keys"
        self.keys.mkdir()
        self.key, self.run, self.log = self.keys / "t.key", self.dir / "run", self.dir / "tk.log"
        self.socket, self.said, self.rings = self.run / "s.sock", None, "1 ring"
        self.write_keys()
        self.write_conf()
        self.write_cnf()

    def write_keys(self, n=3, size=80, mode=0o600):
        self.key.write_bytes(b"".join(base64.b64encode(os.urandom(size)) + b"\n" for _ in range(n)))
        self.key.chmod(mode)

    def write_conf(self, text=None, ring="", socket=None, log=None):
        self.conf.write_text(text if text is not None else
                             f'sockets = ( {{ path = "{socket or self.socket}"; }} );\n'
                             f'rings = ( {{ file = "{self.key}"; {ring} }} );\n'
                             f'log = {{ target = "{log or self.log}"; }};\n')

    def add_conf(self, text):
        self.conf.write_text(self.conf.read_text() + text + "\n")

    def write_cnf(self, tkprov="module = {module}\nconfig = {conf}\nactivate = 1",
                  top="openssl_conf = init", init="providers = provs",
                  provs="default = def\ntkprov = tk", default="activate = 1", more=""):
        self.cnf.write_text(self.fill(f"{top}\n[init]\n{init}\n[provs]\n{provs}\n[def]\n{default}\n"
                                      f"[tk]\n{tkprov}\n{more}\n"))

    def fill(self, text):
        return (text.replace("{dir}", str(self.dir)).replace("{cnf}", str(self.cnf))
                .replace("{conf}", str(self.conf)).replace("{key}", str(self.key))
                .replace("{socket}", str(self.socket)).replace("{module}", str(MODULE)))

    def give_to_nobody(self, *paths):
        for p in paths if ROOT else ():
            shutil.chown(p, "nobody")

    def check(self, *args, nobody=False, env=None, wrap=()):
        """Whatever is found, nothing is made and no key is shown."""
        secrets = [line for p in self.keys.iterdir() if p.is_file() for line in p.read_bytes().split()]
        before = tree(self.dir)
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if nobody and ROOT else {}
        p = subprocess.run([*wrap, TKCTL, "check", *args], capture_output=True, timeout=GUARD,
                           stdin=subprocess.DEVNULL, env=self.env(**(env or {})), cwd=self.dir, **who)
        assert tree(self.dir) == before
        assert not any(s in p.stdout + p.stderr for s in secrets if len(s) > 40)
        return p.returncode, p.stdout.decode(), p.stderr.decode().splitlines()

    def env(self, **more):
        own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        if "tsan" in sanitizers.RUNTIMES:  # or a child's status is the runtime's
            own["TSAN_OPTIONS"] = sanitizers.options(self.san)["TSAN_OPTIONS"]
        return {**own, **more}

    def good(self):
        return f"{self.conf}: {self.rings}, {self.said or f'socket {self.socket}'}: good\n"

    def expect(self, wants, got):
        """got is exactly what the table wants: `...` stands for anything."""
        status, out, lines = got
        patterns = [".*".join(re.escape(part) for part in self.fill("tkctl: " + w).split("..."))
                    for w in wants]
        assert len(lines) == len(wants), lines
        for pattern, line in zip(patterns, lines):
            assert re.fullmatch(pattern, line), lines
        errors = any(w.startswith("error: ") for w in wants)
        assert status == (1 if errors else 0)
        assert out == ("" if errors else self.good())

    def openssl(self, *args, **env):
        return subprocess.run(["openssl", *args], capture_output=True, text=True, timeout=GUARD,
                              stdin=subprocess.DEVNULL,
                              env=self.env(OPENSSL_CONF=str(self.cnf), **sanitizers.env(self.san), **env),
                              cwd=self.dir)

    def is_loaded(self, **env):
        """Does OpenSSL have the module, with the settings that were checked?"""
        return re.search(r"tkprov: TLS session-ticket keys",
                         self.openssl("list", "-providers", **env).stdout) is not None

    def server(self):
        """`openssl s_server` on this openssl.cnf; its port, or None if it does not start."""
        cert, key = self.dir / "cert.pem", self.dir / "cert.key"
        if not cert.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3", "-subj", "/CN=t",
                            "-keyout", key, "-out", cert], check=True, capture_output=True,
                           env=self.env(OPENSSL_CONF="/dev/null"))
        return subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert,
                                 "-key", key], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, cwd=self.dir,
                                env=self.env(OPENSSL_CONF=str(self.cnf), **sanitizers.env(self.san)))

    def server_starts(self):
        p = self.server()
        try:
            started = any(line.startswith("ACCEPT") for line in iter(p.stdout.readline, ""))
            managed = started and subprocess.run([TKCTL, "-s", self.socket, "show", "tls-keys"],
                                                 capture_output=True).returncode == 0
        finally:
            p.kill()
            p.communicate()
        return started, managed


@pytest.fixture
def place():
    p = Place()
    yield p
    shutil.rmtree(p.dir)
    said = sanitizers.reports(p.san)
    shutil.rmtree(p.san)
    assert not said, said


# ---- good ----

def examples(place):
    """What a user copies, with the paths of this folder."""
    text = (EXAMPLES / "tkprov.conf").read_text()
    text = text.replace("/run/tkprov/nginx.sock", str(place.socket)).replace('"nginx"', '"openssl"')
    place.conf.write_text(text.replace("/etc/ssl/tls-ticket-keys/test.local.key", str(place.key)))
    text = (EXAMPLES / "openssl.cnf").read_text()
    text = text.replace("config = /etc/tkprov/tkprov.conf", f"config = {place.conf}")
    place.cnf.write_text(text.replace("[tkprov_sect]\nconfig", f"[tkprov_sect]\nmodule = {MODULE}\nconfig"))


def included(place):
    place.cnf.write_text(place.fill(
        "top = init\nopenssl_conf = $top\n[init]\nproviders = provs\n.include {dir}/more.cnf\n"))
    (place.dir / "more.cnf").write_text(place.fill(
        "[provs]\ndefault = def\n1.tkprov = tk\n[def]\nactivate = yes\n"
        "[tk]\nidentity = keys\nwhere = {module}\nmodule = $where\nconfig = $ENV::TK_CONF\n"
        "soft_load = 1\nactivate = on\n"))


GOOD = {
    "as written here": lambda p: None,
    "the examples": examples,
    "dotted names": lambda p: p.write_cnf(init="providers.2 = provs", provs="0.tkprov = tk\n1.default = def"),
    "found by its file": lambda p: p.write_cnf(provs="default = def\nkeys = tk"),
    "found by its identity": lambda p: p.write_cnf(
        provs="default = def\nkeys = tk",
        tkprov="identity = tkprov\nmodule = {module}\nconfig = {conf}\nactivate = 1"),
    "sections inside a section": lambda p: p.write_cnf(
        default="activate = 1\nmore = more", more="[more]\nx = y\ny = deep\n[deep]\nx = more2"),
    "relative to a folder of folders": lambda p: p.write_cnf(
        tkprov=f"module = {os.path.relpath(MODULE, modules_dir())}\nconfig = {{conf}}\nactivate = 1"),
    "nginx reads the same section": lambda p: p.write_cnf(top="openssl_conf = init\nnginx = init"),
}


def modules_dir():
    text = subprocess.run(["openssl", "version", "-m"], capture_output=True, text=True).stdout
    return re.search('"(.*)"', text)[1]


@pytest.mark.parametrize("case", GOOD)
def test_good_and_a_server_starts(place, case):
    GOOD[case](place)
    place.expect([], place.check("--openssl-conf", place.cnf))
    assert place.is_loaded()
    assert place.server_starts() == (True, True)


def test_include_variables_and_environment(place):
    included(place)
    want = ["warning: {cnf}: [tk]: unknown name 'where' ..."]
    place.expect(want, place.check("--openssl-conf", place.cnf, env={"TK_CONF": str(place.conf)}))
    assert place.is_loaded(TK_CONF=str(place.conf))


def test_conf_alone(place):
    assert place.check(place.conf) == (0, place.good(), [])


def test_several(place):
    place.write_conf(f'sockets = ( {{ path = "{place.dir}/a"; }}, {{ path = "{place.dir}/b"; }} );\n'
                     f'rings = ( {{ file = "{place.key}"; }}, {{ name = "m"; server_names = ["x"]; }} );')
    assert place.check(place.conf) == (
        0, f"{place.conf}: 2 rings, sockets {place.dir}/a, {place.dir}/b: good\n", [])


def test_a_live_socket_is_good(place):
    """A server runs on it already: so it is at every reload."""
    place.socket.parent.mkdir()
    p = place.server()
    try:
        assert any(line.startswith("ACCEPT") for line in iter(p.stdout.readline, ""))
        place.expect([], place.check("--openssl-conf", place.cnf))
    finally:
        p.kill()
        p.communicate()
    place.expect([], place.check("--openssl-conf", place.cnf))


@pytest.mark.parametrize("args", [[], ["--openssl-conf", "{cnf}"]])
def test_no_conf_at_all(place, args):
    """What the build has as default is not there on a machine that tests; the socket's folder
    may be out of reach."""
    place.write_cnf(tkprov="module = {module}\nactivate = 1")
    default = subprocess.run([TKCTL, "check", "--help"], capture_output=True, text=True).stdout
    default = re.search(r"(/.*/tkprov\.conf)", default)[1]
    if os.path.exists(default):
        pytest.skip(f"{default} is there")
    status, out, lines = place.check(*[place.fill(a) for a in args])
    if status == 0:
        assert re.fullmatch(r"built-in settings \(there is no .*/tkprov\.conf\): 1 ring, "
                            r"socket .*/tkprov/tkprov\.sock: good\n", out)
    else:
        assert all("socket '" in line for line in lines)


def test_a_modules_folder_in_the_environment(place):
    place.write_cnf(tkprov="config = {conf}\nactivate = 1")
    env = {"OPENSSL_MODULES": str(MODULE.parent)}
    place.expect([], place.check("--openssl-conf", place.cnf, env=env))
    assert place.is_loaded(**env)


def test_conf_given_goes_before_conf_named(place):
    other = place.dir / "other.conf"
    other.write_text("nonsense = 1;")
    place.write_cnf(tkprov=f"module = {{module}}\nconfig = {other}\nactivate = 1")
    place.expect(["warning: {cnf}: the module reads {dir}/other.conf, not {conf}"],
                 place.check(place.conf, "--openssl-conf", place.cnf))


def test_relative_conf(place):
    place.write_cnf(tkprov="module = {module}\nconfig = ./tkprov.conf\nactivate = 1")
    status, out, lines = place.check("--openssl-conf", place.cnf)
    assert status == 0 and out.startswith("./tkprov.conf: 1 ring")
    assert lines == [place.fill("tkctl: warning: {cnf}: [tk]: 'config = ./tkprov.conf' depends on the "
                                "folder in which the server is started")]


# ---- tkprov.conf ----

def lock(place, folder):
    """Nobody may make anything in it; all else is nobody's."""
    place.give_to_nobody(place.conf, place.key, place.keys, place.dir)
    folder.mkdir(exist_ok=True)
    if ROOT:
        shutil.chown(folder, "root")
    folder.chmod(0o755 if ROOT else 0o555)


def short_of_rights(change):
    return lambda p: (change(p), "nobody")[1]


def read_only_key(p):
    p.give_to_nobody(p.conf, p.key, p.keys, p.dir)
    p.key.chmod(0o400)


def four_keys_in_a_locked_folder(p):
    p.write_keys(4)
    lock(p, p.keys)


def no_persist(p):
    p.write_keys(4, mode=0o400)
    p.write_conf(ring="persist = false;")
    lock(p, p.keys)


def locked_socket_folder(p):
    lock(p, p.run)


def locked_folder_above(p):
    p.write_conf(socket=p.dir / "locked" / "run" / "s.sock")
    lock(p, p.dir / "locked")


def locked_log_folder(p):
    p.write_conf(log=p.dir / "locked" / "log")
    lock(p, p.dir / "locked")


def foreign_log(p):
    p.log.write_text("")
    p.log.chmod(0o400)
    p.give_to_nobody(p.conf, p.key, p.keys, p.dir)


def left_by_root(p, name):
    """A file, or a socket where nobody lives, that one may not use."""
    p.run.mkdir()
    left = p.run / name
    if name == "s.sock":
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(left))
    else:
        left.touch()
    left.chmod(0o600 if ROOT else 0)
    p.give_to_nobody(p.conf, p.key, p.keys, p.run, p.dir)


def sticky(p, name):
    """Others may write to such a folder, and not take away what is root's."""
    left_by_root(p, name)
    p.run.chmod(0o1777)
    if ROOT:
        shutil.chown(p.run, "root")
    with contextlib.suppress(FileNotFoundError):
        (p.run / name).unlink()
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(p.run / name))
    (p.run / name).chmod(0o666)


def lock_that_is_a_link(p):
    p.run.mkdir()
    (p.run / "s.sock.lock").symlink_to(p.log)


def key_of_a_foreign_group(p):
    p.write_keys(4, mode=0o660)
    p.give_to_nobody(p.conf, p.key, p.keys, p.dir)
    shutil.chown(p.key, group="root")


def log_that_is_the_key_file(p):
    p.log.symlink_to(p.key)


def file_at_socket(p):
    p.run.mkdir()
    p.socket.write_text("precious")


def no_thread(p):
    """Nothing would be made where the socket is said to be."""
    p.write_conf(socket=p.dir / "a" / "b" / "s.sock")
    p.add_conf("control_thread = false;")
    p.said = "no socket (control_thread = false)"


def for_others(p, text):
    p.give_to_nobody(p.conf, p.key, p.keys, p.dir)
    p.write_conf(f'sockets = ( {{ path = "{p.socket}"; {text} }} );\n'
                 f'rings = ( {{ file = "{p.key}"; }} );\nlog = {{ target = "{p.log}"; }};\n')


def one_file_twice(p, persist="true", link=os.link):
    other = p.keys / "link.key"
    link(p.key, other)
    p.write_conf(f'sockets = ( {{ path = "{p.socket}"; }} );\nrings = ( {{ name = "memory"; }}, '
                 f'{{ file = "{other}"; name = "o"; server_names = [ "o" ]; }}, {{ file = "{p.key}"; '
                 f'server_names = [ "x" ]; persist = {persist}; }} );\nlog = {{ target = "{p.log}"; }};')
    p.rings = "3 rings"


def one_socket_twice(p):
    p.run.mkdir()
    (p.dir / "var").symlink_to(p.run)
    p.said = f"sockets {p.dir}/var/s.sock, {p.socket}, {p.dir}/var/t.sock"
    p.write_conf(f'sockets = ( {{ path = "{p.dir}/var/s.sock"; }}, {{ path = "{p.socket}"; }}, '
                 f'{{ path = "{p.dir}/var/t.sock"; }} );\nrings = ( {{ file = "{p.key}"; }} );\n'
                 f'log = {{ target = "{p.log}"; }};\n')


def for_everybody(p, level):
    p.write_conf(f'sockets = ( {{ path = "{p.socket}"; mode = "0666"; level = "{level}"; }} );\n'
                 f'rings = ( {{ file = "{p.key}"; }} );\nlog = {{ target = "{p.log}"; }};\n')


def everything_wrong(p):
    other = p.dir / "other.key"
    p.write_conf(f'sockets = ( {{ path = "/nowhere/at/all/s.sock"; }}, {{ path = "{p.conf}"; }} );\n'
                 f'rings = ( {{ file = "{other}"; }}, {{ file = "{p.key}"; server_names = ["x"]; }} );\n'
                 f'log = {{ target = "{p.dir}"; }};')
    p.write_keys(2)


NO_TICKETS = 'note: so no session tickets will be issued (on_error = "no-tickets")'
BUILTIN = ("note: so tickets will be under OpenSSL's own keys, which the module does not manage "
           '(on_error = "builtin")')
NO_SOCKET = "note: without its first socket a server shares its keys by fork only, and answers no commands"
NOT_SAVED = "so no change of its ring will be saved (Permission denied)"
CONF = {
    "missing": (lambda p: p.conf.unlink(), ["error: {conf}: No such file or directory", NO_TICKETS]),
    "a line of it": (lambda p: p.write_conf("\n\nrotate = 3;"),
                     ["error: {conf}:3: unknown option 'rotate'...", NO_TICKETS]),
    "a line of it, builtin": (lambda p: p.write_conf('on_error = "builtin";\nrotate = 3;'),
                              ["error: {conf}:2: unknown option 'rotate'...", BUILTIN]),
    "a group that is not there": (lambda p: p.write_conf(
        'sockets = ( { path = "/run/x"; group = "no such group"; } );'),
        ["error: {conf}:1: ...", NO_TICKETS]),
    "no key file": (lambda p: p.key.unlink(),
                    ["error: '{key}' : unable to load ssl tickets keys file (No such file or directory)",
                     NO_TICKETS]),
    "no key file, builtin": (lambda p: (p.key.unlink(), p.add_conf('on_error = "builtin";')),
                             ["error: '{key}' : ...", BUILTIN]),
    "no key file, abort": (lambda p: (p.key.unlink(), p.add_conf('on_error = "abort";')),
                           ["error: '{key}' : ...", "note: so the server's process will end (on_error = "
                            "\"abort\")"]),
    "too few keys": (lambda p: p.write_keys(2),
                     ["error: '{key}' : please supply at least 3 keys in the tls-tickets-file", NO_TICKETS]),
    "no key": (lambda p: p.key.write_text("x y\n" * 3),
               ["error: '{key}' : unable to decode base64 key on line 1", NO_TICKETS]),
    "others read it": (lambda p: p.write_keys(mode=0o644),
                       ["warning: '{key}' : others can read it (mode 0644)"]),
    "others write it": (lambda p: p.write_keys(mode=0o602),
                        ["warning: '{key}' : others can write it (mode 0602)"]),
    "group reads it": (lambda p: p.write_keys(mode=0o640), []),
    "small keys": (lambda p: p.write_keys(size=48),
                   ["warning: '{key}' : keys of 48 bytes mean AES-128; AES-256 takes 80"]),
    "one file in two rings": (one_file_twice, [
        "warning: '{key}' : is the file of ring 'o', too (a link): only one of two rings can be saved there"]),
    "by a symbolic link": (lambda p: one_file_twice(p, link=lambda a, b: b.symlink_to(a)), [
        "warning: '{key}' : is the file of ring 'o', too (a link): only one of two rings can be saved there"]),
    "one file that one ring follows": (lambda p: one_file_twice(p, persist="false"), []),
    "one socket twice": (one_socket_twice, [
        "warning: socket '{socket}': is socket '{dir}/var/s.sock', too (a link): only that one is made"]),
    "a socket for everybody": (
        lambda p: for_everybody(p, "admin"),
        ["warning: socket '{socket}': others may connect (mode 0666), and level \"admin\" shows them the "
         "keys"]),
    "a socket for everybody that shows no secrets": (lambda p: for_everybody(p, "operator"), []),
    "key file that cannot be written": (
        short_of_rights(read_only_key), ["warning: '{key}' : cannot be written, " + NOT_SAVED]),
    "folder that takes no new key file": (
        short_of_rights(four_keys_in_a_locked_folder),
        ["warning: '{key}' : has not exactly 3 lines, and '{dir}/keys' takes no new file "
         "(Permission denied)"]),
    "a key file of a foreign group": (
        short_of_rights(key_of_a_foreign_group),
        ["warning: '{key}' : has not exactly 3 lines, and user 65534 cannot make a new file of its owner "
         "and group"]),
    "a locked folder is enough for exactly N keys": (short_of_rights(lambda p: lock(p, p.keys)), []),
    "nothing is saved": (short_of_rights(no_persist), []),
    "four keys": (lambda p: p.write_keys(4), []),
    "no socket there": (file_at_socket,
                        ["error: socket '{socket}': there is something that is not a socket", NO_SOCKET]),
    "socket below a file": (lambda p: p.write_conf(socket=p.key / "s.sock"),
                            ["error: socket '{key}/s.sock': Not a directory", NO_SOCKET]),
    "two folders missing": (lambda p: p.write_conf(socket=p.dir / "a" / "b" / "s.sock"),
                            ["error: socket '{dir}/a/b/s.sock': '{dir}/a' is missing too; only the last "
                             "folder of a path is made", NO_SOCKET]),
    "a socket of somebody else": (
        short_of_rights(lambda p: left_by_root(p, "s.sock")),
        ["error: socket '{socket}': is there, and who has it cannot be asked: Permission denied", NO_SOCKET]),
    "a lock of somebody else": (
        short_of_rights(lambda p: left_by_root(p, "s.sock.lock")),
        ["error: socket '{socket}': '{socket}.lock' cannot be opened: Permission denied", NO_SOCKET]),
    "something beside the socket": (
        lambda p: left_by_root(p, "s.sock.new"),
        ["error: socket '{socket}': '{socket}.new' is not a socket", NO_SOCKET]),
    "a lock that is a link": (
        lock_that_is_a_link, ["error: socket '{socket}': '{socket}.lock' is not a file", NO_SOCKET]),
    "a stale socket of root's in a sticky folder": (
        short_of_rights(lambda p: sticky(p, "s.sock")),
        ["error: socket '{socket}': '{socket}' belongs to user 0, and '{dir}/run' is sticky", NO_SOCKET]),
    "somebody's socket beside it in a sticky folder": (
        short_of_rights(lambda p: sticky(p, "s.sock.new")),
        ["error: socket '{socket}': '{socket}.new' belongs to user 0, and '{dir}/run' is sticky", NO_SOCKET]),
    "a socket's folder that is a link to nothing": (
        lambda p: p.run.symlink_to(p.dir / "nowhere"),
        ["error: socket '{socket}': '{dir}/run' is a link to nothing", NO_SOCKET]),
    "no right to the socket's folder": (
        short_of_rights(locked_socket_folder),
        ["error: socket '{socket}': cannot be made in '{dir}/run': Permission denied", NO_SOCKET]),
    "no right to make the socket's folder": (
        short_of_rights(locked_folder_above),
        ["error: socket '{dir}/locked/run/s.sock': its folder cannot be made in '{dir}/locked': "
         "Permission denied", NO_SOCKET]),
    "no control thread, no socket": (no_thread, []),
    "a socket for another user": (
        short_of_rights(lambda p: for_others(p, 'user = "root";')),
        ["warning: socket '{socket}': user 65534 cannot give it to user 0, only root can: there will be no "
         "socket unless root starts the server"]),
    "a socket for another group": (
        short_of_rights(lambda p: for_others(p, 'group = "root";')),
        ["warning: socket '{socket}': user 65534 is not in group 0 and cannot give it to that: there will "
         "be no socket unless a member or root starts the server"]),
    "a socket for oneself": (
        short_of_rights(lambda p: for_others(p, 'user = "nobody"; group = "nogroup";')), []),
    "a log in a folder that is missing": (
        lambda p: p.write_conf(log=p.dir / "a" / "log"),
        ["error: log '{dir}/a/log': cannot be made in '{dir}/a': No such file or directory"]),
    "a log in a locked folder": (
        short_of_rights(locked_log_folder),
        ["error: log '{dir}/locked/log': cannot be made in '{dir}/locked': Permission denied"]),
    "a log of somebody else": (short_of_rights(foreign_log),
                               ["error: log '{dir}/tk.log': Permission denied"]),
    "a log that is the key file": (
        log_that_is_the_key_file, ["error: log '{dir}/tk.log': is the key file of ring '{key}' (a link)"]),
    "a log that is called as the key file": (
        lambda p: p.write_conf(log=p.key), ["error: {conf}:3: the log's target '{key}' is a ring's key file",
                                            NO_TICKETS]),
    "a log that is a folder": (lambda p: p.write_conf(log=p.dir),
                               ["error: log '{dir}': Is a directory"]),
    "all at once": (everything_wrong, [
        "error: '{dir}/other.key' : unable to load ssl tickets keys file (No such file or directory)",
        "error: '{key}' : please supply at least 3 keys in the tls-tickets-file", NO_TICKETS,
        "error: socket '/nowhere/at/all/s.sock': '/nowhere/at' is missing too; only the last folder "
        "of a path is made",
        "error: socket '{conf}': there is something that is not a socket", NO_SOCKET,
        "error: log '{dir}': Is a directory"]),
}


@pytest.mark.parametrize("case", CONF)
def test_conf(place, case):
    change, wants = CONF[case]
    who = change(place)
    place.expect(wants, place.check(place.conf, nobody=who == "nobody"))


@pytest.mark.parametrize("lines", [3, 4])
def test_a_key_file_that_is_mounted(place, lines):
    """As `docker run -v FILE:FILE` does."""
    place.write_keys(lines)
    mount = ["/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
             '/usr/bin/mount --bind "$0" "$0" && exec "$@"', str(place.key)]
    place.expect(["warning: '{key}' : has not exactly 3 lines, and is mounted by itself, so that no new file "
                  "can take its place"] if lines == 4 else [], place.check(place.conf, wrap=mount))


def test_a_socket_for_a_group_of_ones_own(place):
    """One of the groups that the caller has besides the first."""
    for_others(place, 'group = "www-data";')
    place.expect([], place.check(place.conf, wrap=["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup",
                                                   "--groups=www-data"]))


# ---- vault ----

DENY = [sys.executable, TOP / "tests" / "server" / "deny.py", "447"]  # memfd_secret
SECRET = 'error: vault = "secret": memfd_secret: '
AUTO = '; "auto" takes other memory then'


def has_memfd_secret():
    fd = ctypes.CDLL(None).syscall(447, 0)
    if fd != -1:
        os.close(fd)
    return fd != -1


@pytest.mark.parametrize("how, why", [
    (errno.ENOSYS, "Function not implemented (Linux has it from 5.14 on, before 6.5 with secretmem.enable=1)"),
    (errno.EPERM, "Operation not permitted"),
    ("kill", "who tries is ended by signal 31 (Bad system call: SystemCallFilter= of systemd lacks "
             "memfd_secret)"),
])
@pytest.mark.parametrize("vault", ["secret", "auto", "memfd"])
def test_vault(place, how, why, vault):
    """A module with vault = "secret" has no keys where the kernel does not give it that."""
    place.add_conf(f'vault = "{vault}";')
    wants = [SECRET + why + AUTO, NO_TICKETS] if vault == "secret" else []
    place.expect(wants, place.check(place.conf, wrap=[*DENY, str(how)]))


def test_vault_as_the_kernel_has_it(place):
    place.add_conf('vault = "secret";')
    place.expect([] if has_memfd_secret() else [SECRET + "..." + AUTO, NO_TICKETS], place.check(place.conf))


def test_vault_and_locked_memory(place):
    """Half of what 32 slots take; nobody, for root is not limited."""
    why = "Resource temporarily unavailable (see RLIMIT_MEMLOCK, LimitMEMLOCK= of systemd)"
    place.write_keys(32)
    place.write_conf(ring="slots = 32;")
    place.add_conf('vault = "secret";')
    place.give_to_nobody(place.conf, place.key, place.keys, place.dir)
    place.expect([SECRET + (why if has_memfd_secret() else "...") + AUTO, NO_TICKETS],
                 place.check(place.conf, nobody=True, wrap=["/usr/bin/prlimit", "--memlock=204800"]))


# ---- openssl.cnf ----

STARTS_NOTHING = "once another provider is activated, no server starts on this configuration"
GIVES_UP = "and OpenSSL gives up here"
OURS = "module = {module}\nconfig = {conf}\nactivate = 1"
OFF_OURS = (["error: {cnf}: [tk]: no 'activate = 1': the module is not loaded"] if VALUE_COUNTS else
            ["warning: {cnf}: [tk]: 'activate = 0' still activates it before OpenSSL 3.3"])
OFF_DEFAULT = (["error: {cnf}: [def]: no 'activate = 1' for the default provider: " + STARTS_NOTHING]
               if VALUE_COUNTS else
               ["warning: {cnf}: [def]: 'activate = off' still activates it before OpenSSL 3.3"])
NEITHER = (["error: {cnf}: [tk]: 'activate = maybe' is neither yes nor no: OpenSSL gives up here",
            "error: {cnf}: [tk]: no 'activate = 1': the module is not loaded"] if VALUE_COUNTS else
           ["warning: {cnf}: [tk]: 'activate = maybe' is neither yes nor no: OpenSSL 3.3 and later give "
            "up here"])


def wrong_file(text):
    def change(p):
        (p.dir / "tkprov.so").write_bytes(text)
        p.write_cnf(tkprov="module = {dir}/tkprov.so\nconfig = {conf}\nactivate = 1")
    return change


def compile_module(p, source, *args):
    (p.dir / "m.c").write_text(source)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", p.dir / "tkprov.so", p.dir / "m.c", *args],
                   check=True, cwd=p.dir)
    p.write_cnf(tkprov="module = {dir}/tkprov.so\nconfig = {conf}\nactivate = 1")


def no_entry_point(p):
    compile_module(p, "int OSSL_provider_init_not(void) { return 1; }\n")


def other_libcrypto(p, lib="libcrypto"):
    """Its constructor would leave a file: it is never loaded."""
    (p.dir / "lib.c").write_text("int fake(void) { return 1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", p.dir / f"{lib}.so.9", p.dir / "lib.c",
                    f"-Wl,-soname,{lib}.so.9"], check=True, cwd=p.dir)
    compile_module(p, "#include <fcntl.h>\n"
                      "int fake(void);\n"
                      "int OSSL_provider_init(void) { return fake(); }\n"
                      "__attribute__((constructor)) static void loaded(void)\n"
                      f'{{ open("{p.dir}/loaded", O_CREAT | O_WRONLY, 0600); }}\n',
                   p.dir / f"{lib}.so.9", f"-Wl,-rpath,{p.dir}")


def include(p, name, text=None, more="", first=""):
    p.write_cnf(more=more)
    p.cnf.write_text(p.fill(f"{first}.include {name}\n") + p.cnf.read_text())
    if text is not None:
        (p.dir / "more.cnf").write_text(text)


def other_provider(p, does, more=""):
    """tkprov is good, and beside it is one that is asked only by loading it."""
    compile_module(p, "#include <stdlib.h>\n#include <unistd.h>\n"
                      f"int OSSL_provider_init(void) {{ {does} }}\n")
    p.write_cnf(provs="tkprov = tk\nacme = other\n" + more, more="[other]\nmodule = {dir}/tkprov.so\n"
                "activate = 1")
    (p.dir / "tkprov.so").rename(p.dir / "acme.so")
    p.cnf.write_text(p.cnf.read_text().replace(f"{p.dir}/tkprov.so", f"{p.dir}/acme.so"))


def not_there(name):
    return [f"warning: {{cnf}}: [def]: module '{modules_dir()}/{name}.so': No such file or directory: "
            f"'{name}' is not loaded",
            "error: {cnf}: [provs]: no 'default': " + STARTS_NOTHING]


def gives_up_at(line, why):
    return [f"error: {{cnf}}: [init]: OpenSSL gives up at '{line}' ({why}), before it has loaded the module: "
            "mend the line, or put 'providers' before it"]


ANOTHER = ("error: {cnf}: [tk]: module '{dir}/tkprov.so': is linked with %s.so.9, but OpenSSL is "
           "libcrypto.so... here: it would hook nothing")

# The change, what is found, and whether OpenSSL loads the module all the same.
OPENSSL = {
    "missing": (lambda p: p.cnf.unlink(), ["error: {cnf}: No such file or directory"], False),
    "a folder": (lambda p: (p.cnf.unlink(), p.cnf.mkdir()), ["error: {cnf}: not a regular file"], False),
    "syntax": (lambda p: p.cnf.write_text("a = 1\n\n[init\n"), ["error: {cnf}:3: missing close square "
                                                               "bracket"], False),
    "an unknown variable": (lambda p: p.write_cnf(init="providers = $provz"),
                            ["error: {cnf}:3: variable has no value"], False),
    "syntax behind an include": (
        lambda p: include(p, "{dir}/more.cnf", "a = 1\n" * 40, more="[init \\\n2]\nb \\\n= c\n[broken"),
        ["error: {cnf}:18: missing close square bracket"], False),
    "syntax in an include": (lambda p: include(p, "{dir}/more.cnf", "\n[broken\n"),
                             ["error: {cnf}:1: in what it includes: missing close square bracket"], False),
    "an include that is not there": (
        lambda p: include(p, "= {dir}/no.cnf"),
        ["warning: {cnf}: OpenSSL passes over what is to be included: calling stat({dir}/no.cnf): No such "
         "file or directory"], True),
    "an include from where the server stands": (
        lambda p: include(p, "more.cnf", "\n"),
        ["warning: {cnf}:1: '.include more.cnf' depends on the folder in which the server is started"], True),
    "an include from a folder that is said": (
        lambda p: include(p, "more.cnf", "\n", first=".pragma includedir:{dir}\n"), [], True),
    "empty": (lambda p: p.cnf.write_text(""),
              ["error: {cnf}: no 'openssl_conf' at the top, before all sections: ...nginx...1.25.2..."
               "nodejs_conf..."], False),
    "openssl_conf in a section": (lambda p: p.write_cnf(top="[top]\nopenssl_conf = init"),
                                  ["error: {cnf}: no 'openssl_conf' at the top..."], False),
    "only for nginx": (lambda p: p.write_cnf(top="nginx = init"),
                       ["warning: {cnf}: only nginx (1.25.2 and later) reads 'nginx = init'; there is no "
                        "'openssl_conf' for other programs"], False),
    "only for Node": (lambda p: p.write_cnf(top="nodejs_conf = init"),
                      ["warning: {cnf}: only Node.js reads 'nodejs_conf = init'; there is no "
                       "'openssl_conf' for other programs"], False),
    "something else for nginx": (lambda p: p.write_cnf(top="openssl_conf = init\nnginx = def"),
                                 ["warning: {cnf}: only nginx (1.25.2 and later) reads 'nginx = def', and "
                                  "that instead of 'openssl_conf'"], True),
    "only for nginx, and wrong": (lambda p: p.write_cnf(top="nginx = init", init=""),
                                  ["warning: {cnf}: only nginx ...",
                                   "error: {cnf}: [init]: no 'providers': OpenSSL loads no module"], False),
    "no section": (lambda p: p.write_cnf(top="openssl_conf = inti"),
                   ["error: {cnf}: 'openssl_conf = inti': there is no section [inti]"], False),
    "no providers": (lambda p: p.write_cnf(init="ssl_conf = ssl", more="[ssl]"),
                     ["error: {cnf}: [init]: no 'providers': OpenSSL loads no module"], False),
    "providers by a beginning of its name": (lambda p: p.write_cnf(init="provider = provs"), [], True),
    "no providers section": (lambda p: p.write_cnf(init="providers = prov"),
                             ["error: {cnf}: [init]: 'providers = prov': there is no section [prov]"],
                             False),
    "no entry": (lambda p: p.write_cnf(provs="default = def"),
                 ["error: {cnf}: [provs]: no 'tkprov': the module is not loaded"], False),
    "no entry and no default": (lambda p: p.write_cnf(provs=""),
                                ["error: {cnf}: [provs]: no 'tkprov': the module is not loaded"], False),
    "no section of ours": (lambda p: p.write_cnf(provs="default = def\ntkprov = tkprov_sect"),
                           ["error: {cnf}: [provs]: 'tkprov = tkprov_sect': there is no section "
                            "[tkprov_sect], " + GIVES_UP,
                            "error: {cnf}: [provs]: no 'tkprov': the module is not loaded"], False),
    "another provider's section missing": (
        lambda p: p.write_cnf(provs="default = def\nlegacy = legacy_sect\ntkprov = tk"),
        ["error: {cnf}: [provs]: 'legacy = legacy_sect': there is no section [legacy_sect], " + GIVES_UP],
        False),
    "no default": (lambda p: p.write_cnf(provs="tkprov = tk"),
                   ["error: {cnf}: [provs]: no 'default': " + STARTS_NOTHING], True),
    "default without activate": (
        lambda p: p.write_cnf(default=""),
        ["error: {cnf}: [def]: no 'activate = 1' for the default provider: " + STARTS_NOTHING], True),
    "default switched off": (lambda p: p.write_cnf(default="activate = off"), OFF_DEFAULT, True),
    "an incomplete one instead of default": (
        lambda p: p.write_cnf(provs="tkprov = tk\nbase = def"),
        ["error: {cnf}: [provs]: no 'default': " + STARTS_NOTHING], True),
    "an unknown one instead of default": (
        lambda p: p.write_cnf(provs="tkprov = tk\nacme = def"), not_there("acme"), True),
    "fips instead of default": (
        lambda p: p.write_cnf(provs="tkprov = tk\nfips = def"), not_there("fips"), True),
    "fips beside default": (
        lambda p: p.write_cnf(provs="tkprov = tk\ndefault = def\nfips = def"), not_there("fips")[:1], True),
    "one that has nothing": (
        lambda p: other_provider(p, r'return (int)write(2, "noise\n", 6);'),
        ["warning: {cnf}: [provs]: no 'default': unless 'acme' has all that TLS takes, no server starts "
         "on this configuration",
         "error: {cnf}: [init]: no server starts on this configuration: the providers that OpenSSL loads "
         "by it have not all that TLS takes (library has no ciphers)"], True),
    "one that kills": (
        lambda p: other_provider(p, "abort();", "default = def"),
        ["error: {cnf}: [init]: a process that loads this file dies of signal 6 (Aborted)"], False),
    "one that ends": (
        lambda p: other_provider(p, "exit(3);", "default = def"),
        ["error: {cnf}: [init]: a process that loads this file ends (status 3)"], False),
    "no module of that name": (lambda p: p.write_cnf(init="foo = bar\nproviders = provs"),
                               gives_up_at("foo", "unknown module name"), False),
    "ssl_conf before": (lambda p: p.write_cnf(init="ssl_conf = nosect\nproviders = provs"),
                        gives_up_at("ssl_conf", "ssl section not found: section=nosect"), False),
    "oid_section before": (lambda p: p.write_cnf(init="oid_section = nosect\nproviders = provs"),
                           gives_up_at("oid_section", "error loading section"), False),
    "alg_section before": (lambda p: p.write_cnf(init="alg_section = nosect\nproviders = provs"),
                           gives_up_at("alg_section", "error loading section"), False),
    "an unknown option before": (
        lambda p: p.write_cnf(init="alg_section = alg\nproviders = provs", more="[alg]\nfoo = 1"),
        gives_up_at("alg_section", "unknown option: name=foo, value=1"), False),
    "a bad value before": (
        lambda p: p.write_cnf(init="alg_section = alg\nproviders = provs", more="[alg]\nfips_mode = maybe"),
        gives_up_at("alg_section", "invalid boolean string: name=fips_mode, value=maybe"), False),
    "before, for nginx": (
        lambda p: p.write_cnf(top="nginx = init", init="foo = bar\nproviders = provs"),
        ["warning: {cnf}: only nginx ...", *gives_up_at("foo", "unknown module name")], False),
    "no module of that name, after": (
        lambda p: p.write_cnf(init="providers = provs\nfoo = bar"),
        ["warning: {cnf}: [init]: OpenSSL gives up at 'foo' (unknown module name), after it has loaded the "
         "module; it reads nothing that follows"], True),
    "and with diagnostics": (
        lambda p: p.write_cnf(top="openssl_conf = init\nconfig_diagnostics = 1",
                              init="providers = provs\nfoo = bar"),
        ["error: {cnf}: [init]: OpenSSL gives up at 'foo' (unknown module name), and 'config_diagnostics' "
         "keeps programs from starting then"], False),
    "properties that nobody has": (
        lambda p: p.write_cnf(init="alg_section = alg\nproviders = provs",
                              more="[alg]\ndefault_properties = fips=yes"),
        ["error: {cnf}: [init]: no server starts on this configuration: the providers that OpenSSL loads "
         "by it have not all that TLS takes (library has no ciphers)"], True),
    "no activate": (lambda p: p.write_cnf(tkprov="module = {module}\nconfig = {conf}"),
                    ["error: {cnf}: [tk]: no 'activate = 1': the module is not loaded"], False),
    "activate = 0": (lambda p: p.write_cnf(tkprov="module = {module}\nconfig = {conf}\nactivate = 0"),
                     OFF_OURS, not VALUE_COUNTS),
    "activate = maybe": (lambda p: p.write_cnf(
        tkprov="module = {module}\nconfig = {conf}\nactivate = maybe"), NEITHER, not VALUE_COUNTS),
    "no module there": (lambda p: p.write_cnf(tkprov="module = {dir}/no.so\nconfig = {conf}\nactivate = 1"),
                        ["error: {cnf}: [tk]: module '{dir}/no.so': No such file or directory"], False),
    "a name needs its ending": (
        lambda p: p.write_cnf(tkprov="module = tkprov\nconfig = {conf}\nactivate = 1"),
        [f"error: {{cnf}}: [tk]: module '{modules_dir()}/tkprov': No such file or directory"], False),
    "another name, another file": (
        lambda p: p.write_cnf(provs="default = def\ntkprov = tk",
                              tkprov="identity = acme\nconfig = {conf}\nactivate = 1"),
        [f"error: {{cnf}}: [tk]: module '{modules_dir()}/acme.so': No such file or directory (say where it "
         "is with a line 'module = PATH')"], False),
    "a folder as module": (lambda p: p.write_cnf(tkprov="module = {dir}\nconfig = {conf}\nactivate = 1"),
                           ["error: {cnf}: [tk]: module '{dir}': not a regular file"], False),
    "no shared object": (wrong_file(b"hello\n" * 100),
                         ["error: {cnf}: [tk]: module '{dir}/tkprov.so': invalid ELF header"], False),
    "an empty module": (wrong_file(b""),
                        ["error: {cnf}: [tk]: module '{dir}/tkprov.so': file too short"], False),
    "half a module": (wrong_file(MODULE.read_bytes()[:3000]),
                      ["error: {cnf}: [tk]: module '{dir}/tkprov.so': its end is missing"], False),
    "no entry point": (no_entry_point, ["error: {cnf}: [tk]: module '{dir}/tkprov.so': no module of "
                                        "OpenSSL: it has no OSSL_provider_init"], False),
    "another libcrypto": (other_libcrypto, [ANOTHER % "libcrypto"], False),
    "another libssl": (lambda p: other_libcrypto(p, "libssl"), [ANOTHER % "libssl"], False),
    "no configuration there": (
        lambda p: p.conf.unlink(),
        ["error: {cnf}: [tk]: 'config = {conf}': No such file or directory"], True),
    "its configuration is wrong": (lambda p: p.write_conf("\nx = 1;"),
                                   ["error: {conf}:2: unknown option 'x'...", NO_TICKETS], True),
    "a value that is a section": (
        lambda p: p.write_cnf(tkprov=OURS + "\nsoft_load = default"),
        ["error: {cnf}: [tk]: 'soft_load = default': this file has a section [default], and OpenSSL takes "
         "the value for it"], False),
    "an option of tkprov.conf": (
        lambda p: p.write_cnf(tkprov=OURS + "\nmode = default"),
        ["warning: {cnf}: [tk]: unknown name 'mode' (what the module is to do stands in tkprov.conf)",
         "error: {cnf}: [tk]: 'mode = default': this file has a section [default], and OpenSSL takes the "
         "value for it"], False),
    "the top of the file as a name": (
        lambda p: p.write_cnf(provs="d = def\ntkprov = tk", default="identity = default\nactivate = 1"),
        ["error: {cnf}: [def]: 'identity = default': OpenSSL takes the value for the section [default], "
         "which goes round, and gives up"], False),
    "an unknown name": (lambda p: p.write_cnf(tkprov=OURS + "\ncolour = red"),
                        ["warning: {cnf}: [tk]: unknown name 'colour' ..."], True),
    "a slip": (lambda p: p.write_cnf(tkprov=OURS + "\nconifg = x"),
               ["warning: {cnf}: [tk]: unknown name 'conifg'; did you mean 'config'?"], True),
    "two of ours": (lambda p: p.write_cnf(provs="default = def\ntkprov = tk\n2.tkprov = t2",
                                          more="[t2]\nmodule = {dir}/no.so\nactivate = 1"),
                    ["error: {cnf}: [t2]: module '{dir}/no.so': No such file or directory"], True),
    "nothing is right": (
        lambda p: p.write_cnf(provs="tkprov = tk", tkprov="module = {dir}/no.so\nconfig = {dir}/no.conf"),
        ["error: {cnf}: [tk]: no 'activate = 1': the module is not loaded",
         "error: {cnf}: [tk]: module '{dir}/no.so': No such file or directory",
         "error: {cnf}: [tk]: 'config = {dir}/no.conf': No such file or directory",
         "error: {cnf}: [provs]: no 'default': " + STARTS_NOTHING], False),
}


@pytest.mark.parametrize("case", OPENSSL)
def test_openssl_conf(place, case):
    change, wants, loaded = OPENSSL[case]
    change(place)
    got = place.check("--openssl-conf", place.cnf)
    place.expect(wants, got)
    assert not (place.dir / "loaded").exists()
    assert place.is_loaded() == loaded


@pytest.mark.parametrize("case", ["no default", "default without activate", "one that has nothing",
                                  "an incomplete one instead of default", "fips instead of default",
                                  "properties that nobody has", "and with diagnostics"])
def test_no_server_starts(place, case):
    OPENSSL[case][0](place)
    assert place.server_starts() == (False, False)


def test_default_with_conf_named_but_cnf_wrong(place):
    """The file that was named is checked all the same; none is guessed."""
    place.cnf.write_text("")
    place.write_conf("x = 1;")
    status, _, lines = place.check(place.conf, "--openssl-conf", place.cnf)
    assert status == 1 and len(lines) == 3 and "unknown option 'x'" in lines[1]
    assert len(place.check("--openssl-conf", place.cnf)[2]) == 1


def test_no_right_to_read(place):
    place.write_cnf(tkprov="module = {dir}/tkprov.so\nconfig = {conf}\nactivate = 1")
    (place.dir / "tkprov.so").write_bytes(b"x")
    (place.dir / "tkprov.so").chmod(0o000)
    place.give_to_nobody(place.conf, place.key, place.keys, place.dir)
    place.expect(["error: {cnf}: [tk]: module '{dir}/tkprov.so': Permission denied"],
                 place.check("--openssl-conf", place.cnf, nobody=True))
    place.cnf.chmod(0o000)
    place.expect(["error: {cnf}: Permission denied"],
                 place.check("--openssl-conf", place.cnf, nobody=True))


def test_the_module_is_no_provider_here(place):
    """The openssl.cnf of tkctl's own environment is not acted on."""
    mine = place.dir / "mine.so"
    shutil.copy(MODULE, mine)
    own = place.dir / "own.cnf"
    place.write_cnf(tkprov=f"module = {mine}\nactivate = 1")
    place.cnf.rename(own)
    place.write_cnf()
    trace = subprocess.run([TKCTL, "check", "--openssl-conf", place.cnf], capture_output=True, text=True,
                           env=place.env(OPENSSL_CONF=str(own), LD_DEBUG="files")).stderr
    assert str(MODULE) in trace and str(mine) not in trace


# ---- the command line ----

@pytest.mark.parametrize("args", [["a", "b"], ["--openssl-conf"], ["--nonsense"], ["-x"]])
def test_usage(place, args):
    status, out, lines = place.check(*args)
    assert (status, out) == (2, "")
    assert any(line.startswith("usage: tkctl check") for line in lines)


def test_help(place):
    status, out, lines = place.check("--help")
    assert status == 0 and out.startswith("usage: tkctl check [CONF] [--openssl-conf FILE]") and not lines


def test_stdout_full(place):
    with open("/dev/full", "w") as full:
        p = subprocess.run([TKCTL, "check", place.conf], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 1 and b"standard output" in p.stderr
