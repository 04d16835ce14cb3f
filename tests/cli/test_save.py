# SPDX-License-Identifier: Apache-2.0
"""tkctl writes no file for a server that cannot show that it is its own.  A worker that was taken
over has the listening socket, and answers what it likes: here it names the key files of others,
with keys, events and times that it made up.  tkctl runs as root, as in ExecStop=.

TKPROV_BUILD is the build folder (default: build beside the sources).
"""
import base64
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
import sysconfdir  # noqa: E402
from test_tkctl import GUARD, TKCTL, Server  # noqa: E402

WWW = 33  # www-data


def new_keys(n=3):
    return [base64.b64encode(os.urandom(80)).decode() for _ in range(n)]


def name_of(key):
    return base64.b64decode(key)[:16].hex()


class Taken:
    """A server that was taken over, a key file that is not its own, and a SYSCONFDIR."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tksave", dir="/tmp"))
        self.dir.chmod(0o755)
        self.socket, self.file = self.dir / "s", self.dir / "victim.key"
        self.etc = self.dir / "etc"
        (self.etc / "tkprov").mkdir(parents=True)
        self.keys = self.theirs(new_keys())
        self.ours = new_keys()  # the attacker's
        self.server = None

    def theirs(self, keys, mtime=1500000000):
        """The file of somebody else, older than anything that the server says."""
        self.file.write_text("".join(k + "\n" for k in keys))
        os.utime(self.file, (mtime, mtime))
        return keys

    def write_conf(self, name="tkprov.conf", socket=None, file=None, ring=""):
        conf = self.etc / "tkprov" / name
        conf.write_text(f'sockets = ( {{ path = "{socket or self.socket}"; }} );\n'
                        f'rings = ( {{ file = "{file or self.file}"; {ring} }} );\n')
        return conf

    def answer(self, keys, was=(), file=None, reason="Permission denied"):
        """To all questions at once.  was: keys of which it says that they were the newest."""
        file = file or self.file
        slots = "".join(f"0\t{i}\tdecrypt\t{name_of(k)}\t256\t1900000000\ttimer\t0\n"
                        for i, k in enumerate(keys))
        shown = "".join(f"0.{i} {k}\n" for i, k in enumerate(keys))
        events = "".join(f"1\t0\t0\t1\tx\tx\trotate\t0\t{name_of(k)}\tok\n" for k in was)
        return (f"\n[6]: rotated\nnot saved: {file}: {reason}\n\n# ring\tslot\n{slots}\n{shown}\n"
                f"# time\tuid\n{events}\n").encode()

    def serve(self, keys, **more):
        self.server = Server(str(self.socket), self.answer(keys, **more))

    def tkctl(self, *words):
        return subprocess.run([*sysconfdir.wrap(TKCTL, self.etc), "-s", self.socket, *words],
                              capture_output=True, text=True, timeout=GUARD, cwd=self.dir)

    def refuses(self, why="not the ring's keys: changed by somebody else"):
        """Both ways to make tkctl write; nothing is written, made or touched."""
        def tree():
            return {p: (p.lstat(), p.read_bytes() if p.is_file() else b"") for p in self.dir.rglob("*")
                    if p != self.socket}

        def still(before, after):
            return before.keys() == after.keys() and all(
                before[p][0].st_ino == after[p][0].st_ino and before[p][1] == after[p][1] and
                before[p][0].st_mtime_ns == after[p][0].st_mtime_ns for p in before)

        before = tree()
        got = self.tkctl("save")
        assert got.returncode == 1 and f"not saved by tkctl either: {why}" in got.stderr, got
        got = self.tkctl("rotate", "ssl", "tls-key", "*")
        assert got.returncode == 0 and "tkctl: warning: " in got.stderr, got
        assert "saved by tkctl:" not in got.stdout and still(before, tree())

    def saves(self, keys):
        got = self.tkctl("save")
        assert got.returncode == 0 and f"saved by tkctl: {self.file}" in got.stdout, got
        assert self.file.read_text().split() == keys

    def close(self):
        if self.server:
            self.server.stop()
        shutil.rmtree(self.dir)


@pytest.fixture
def taken():
    t = Taken()
    yield t
    t.close()


def test_a_file_of_others_is_not_overwritten(taken):
    """The newest key's name stands in every ticket: that it is among the events shows nothing.
    Nor does the time of the file."""
    taken.serve(taken.ours, was=taken.keys)
    taken.refuses()


def test_no_file_is_made(taken):
    taken.file.unlink()
    taken.serve(taken.ours)
    taken.refuses("removed by somebody else; tkctl makes it anew where /")


def test_who_knows_the_keys_may(taken):
    """A state of the ring: the server has gone on by one key."""
    after = taken.keys[1:] + new_keys(1)
    taken.serve(after)
    taken.saves(after)


@pytest.mark.parametrize("known", [0, 1])
def test_not_all_of_the_keys(taken, known):
    """Of the file's keys it knows another than the last, or the last but not those before it."""
    shown = [taken.keys[0], *new_keys(2)] if known == 0 else [*new_keys(1), taken.keys[2], *new_keys(1)]
    taken.serve(shown, was=taken.keys)
    taken.refuses()


@pytest.mark.parametrize("change", ["as it should be", "of another name"])
@pytest.mark.parametrize("file", ["left behind", "removed"])
def test_named_by_a_tkprov_conf(taken, change, file):
    """Nothing is taken from the server there: the file is the one that root gave it."""
    taken.write_conf("tkprov.conf" if change == "as it should be" else "other.conf")
    (taken.etc / "tkprov" / "broken.conf").write_text("nonsense")
    taken.serve(taken.ours, was=taken.keys)
    if file == "removed":
        taken.file.unlink()
    taken.saves(taken.ours)
    if file == "removed":
        assert taken.file.stat().st_mode & 0o7777 == 0o600


def test_named_but_written_by_somebody_else(taken):
    """The server is honest, cannot see the file, and never had its keys; the file's time is older
    than all of the ring's keys (rsync -a)."""
    taken.write_conf()
    taken.serve(taken.ours, was=taken.ours)
    taken.refuses("changed by somebody else; 'reload ssl tls-key' takes it in")


def foreign_conf(t):
    shutil.chown(t.write_conf(), WWW)


def folder_of_confs(t):
    t.write_conf()
    shutil.chown(t.etc / "tkprov", WWW)


def linked_conf(t):
    t.write_conf().rename(t.dir / "real.conf")
    (t.etc / "tkprov" / "tkprov.conf").symlink_to(t.dir / "real.conf")


def moved(t, mode=0o755, owner=0):
    """The file lies in a folder of its own, which the configuration names."""
    folder = t.dir / "keys"
    folder.mkdir()
    t.file = t.file.rename(folder / "t.key")
    t.write_conf()
    os.chown(folder, owner, -1)
    folder.chmod(mode)


def linked_folder(t):
    moved(t)
    (t.dir / "link").symlink_to(t.dir / "keys")
    t.file = t.dir / "link" / "t.key"
    t.write_conf()


def linked_file(t):
    t.file = t.file.rename(t.dir / "real.key")
    (t.dir / "victim.key").symlink_to(t.file)
    t.file = t.dir / "victim.key"
    t.write_conf()


def shared_folder(t):
    moved(t, 0o1777)
    shutil.chown(t.file, WWW)


UNTRUSTED = {
    "another file": lambda t: t.write_conf(file=t.dir / "own.key"),
    "another socket": lambda t: t.write_conf(socket=t.dir / "other.sock"),
    "not saved": lambda t: t.write_conf(ring="persist = false;"),
    "not root's": foreign_conf,
    "the group writes it": lambda t: t.write_conf().chmod(0o664),
    "others write it": lambda t: t.write_conf().chmod(0o646),
    "its folder is not root's": folder_of_confs,
    "a link": linked_conf,
    "in somebody's folder": lambda t: moved(t, owner=WWW),
    "in a folder of all": lambda t: moved(t, 0o777),
    "in a folder of a group": lambda t: moved(t, 0o775),
    "somebody's in a folder of all": shared_folder,
    "through a link": linked_folder,
    "is a link": linked_file,
}


@pytest.mark.parametrize("case", UNTRUSTED)
def test_not_named_by_root_alone(taken, case):
    UNTRUSTED[case](taken)
    taken.serve(taken.ours, was=taken.keys)
    taken.refuses()


@pytest.mark.parametrize("case", ["in somebody's folder", "in a folder of all", "through a link",
                                  "another file", "not root's"])
def test_not_made_there_either(taken, case):
    UNTRUSTED[case](taken)
    taken.file.unlink()
    taken.serve(taken.ours)
    taken.refuses("removed by somebody else; tkctl makes it anew where /")


@pytest.mark.parametrize("case", ["in somebody's folder", "in a folder of all", "through a link"])
def test_renamed_over_in_a_folder_of_roots_only(taken, case):
    """A line too many: the name is looked up again, and could be another file's by then."""
    UNTRUSTED[case](taken)
    taken.theirs(new_keys(1) + taken.keys)
    taken.serve(taken.keys[1:] + new_keys(1))
    taken.refuses("it has not just the ring's lines, and is not renamed over in a folder that others "
                  "can change")


def test_renamed_over(taken):
    after = taken.keys[1:] + new_keys(1)
    taken.theirs(new_keys(1) + taken.keys)
    taken.serve(after)
    taken.saves(after)


OTHER_FILES = {"empty": "", "a script": "#!/bin/sh\nexit 0\n", "two of its own keys": None}


def no_key_file(t, what):
    """Of no ring of three keys; two of them the attacker has, too."""
    text = OTHER_FILES[what]
    t.file.write_text("".join(k + "\n" for k in t.ours[1:]) if text is None else text)


@pytest.mark.parametrize("case", ["no configuration", *UNTRUSTED])
@pytest.mark.parametrize("what", OTHER_FILES)
def test_what_is_no_key_file_is_somebody_elses(taken, case, what):
    """Whatever file the server names, an empty one too: some program may read it."""
    if case != "no configuration":
        UNTRUSTED[case](taken)
    no_key_file(taken, what)
    taken.serve(taken.ours, was=taken.ours)
    taken.refuses("no key file any more (")


@pytest.mark.parametrize("what", OTHER_FILES)
def test_what_is_no_key_file_is_healed(taken, what):
    """It is the one that root gave the server; and only where it is asked for."""
    taken.write_conf()
    no_key_file(taken, what)
    text, inode = taken.file.read_text(), taken.file.stat().st_ino
    taken.serve(taken.ours)
    got = taken.tkctl("rotate", "ssl", "tls-key", "*")
    assert got.returncode == 0 and "no key file any more (" in got.stderr and taken.file.read_text() == text
    taken.saves(taken.ours)
    assert taken.file.stat().st_ino == inode


def test_what_is_no_file_is_not_opened(taken):
    """Some devices act on it (a watchdog begins to wait)."""
    taken.file.unlink()
    os.mkfifo(taken.file)
    taken.serve(taken.ours)
    fd = os.open(taken.file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        taken.refuses("Invalid argument")
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(0) == []  # nobody came and went
    finally:
        os.close(fd)


def test_a_name_from_where_it_stands(taken):
    """In tkctl's folder it would be another file."""
    taken.serve(taken.keys[1:] + new_keys(1), file="victim.key")
    taken.refuses("a name that does not begin at the root")
