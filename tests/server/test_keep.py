# SPDX-License-Identifier: Apache-2.0
"""Keys that last: what a change leaves in the key file, what happens where it cannot be
written or is not as it was, and who saves it then."""
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess

import pytest

import sysconfdir
from harness import AS_WWW, BUILD, DEADLINE, Nginx, SServer, WWW, hello, new_key, run, wait_for


def tkctl(site, *words):
    return subprocess.run([f"{BUILD}/tkctl", "-s", str(site.socket), *words], capture_output=True, text=True)


def tkctl_told(site, *words):
    """The same, on a machine whose SYSCONFDIR/tkprov/ has the server's tkprov.conf."""
    etc = site.dir / "etc"
    (etc / "tkprov").mkdir(parents=True, exist_ok=True)
    shutil.copy(site.conf, etc / "tkprov" / "s_server.conf")
    return subprocess.run([*sysconfdir.wrap(f"{BUILD}/tkctl", etc), "-s", str(site.socket), *words],
                          capture_output=True, text=True)


def lines(site):
    return site.keyfile.read_text().splitlines()


def not_saved(site, answer):
    """The reason in an answer's second line; None: it was saved."""
    for line in answer.splitlines():
        if line.startswith(f"not saved: {site.keyfile}: "):
            return line.split(": ", 2)[2]
    return None


def rotate(site):
    return not_saved(site, site.ask("rotate ssl tls-key 0"))


def in_step(site):
    return lines(site) == site.keys()


@pytest.mark.parametrize("change", ["set", "rotate", "flush", "replace", "timer"])
def test_restart_finds_the_keys_of_before(site, change):
    site.write_conf(ring='rotate_every = "2s";' if change == "timer" else "")
    nginx = Nginx(site, workers=2)
    before = site.keys()
    payload = "\n".join(new_key() for _ in range(3))
    {"set": lambda: site.ask(f"set ssl tls-key 0 {new_key()}"),
     "rotate": lambda: site.ask("rotate ssl tls-key 0"),
     "flush": lambda: site.ask("flush ssl tls-key 0"),
     "replace": lambda: site.ask(f"replace ssl tls-key 0 <<\n{payload}\n"),
     "timer": lambda: wait_for("a rotation", lambda: site.keys() != before)}[change]()
    ticket = site.session()
    hello(nginx.port, save=ticket)
    nginx.stop()
    kept = lines(site)
    assert kept != before and len(kept) == 3
    if change == "timer":
        site.write_conf(keys=False)
    again = Nginx(site, workers=2)
    assert site.keys() == kept
    if change != "timer":  # which may have rotated on before it was stopped
        assert hello(again.port, offer=ticket)["reused"]
    if change == "replace":
        assert kept == payload.split()


@pytest.mark.parametrize("text,why", [
    (lambda k: "\r\n".join(k[:3]) + "\r\n", "CRLF"),
    (lambda k: "\n".join(k[:3]), "no last LF"),
    (lambda k: "\n".join(k) + "\n", "more lines than slots"),
    (lambda k: k[0] + "\r\n" + "\n".join(k[1:3]), "the same size by chance"),
])
def test_a_file_is_brought_to_its_form_at_the_start(site, text, why):
    keys = [new_key() for _ in range(5)]
    site.write_conf()
    site.keyfile.write_bytes(text(keys).encode())
    os.utime(site.keyfile, (1500000000, 1500000000))
    os.chown(site.keyfile, WWW, WWW)
    os.chmod(site.keyfile, 0o640)
    SServer(site)
    want = keys[-3:] if why == "more lines than slots" else keys[:3]
    assert site.keys() == want
    if why != "the same size by chance":
        assert site.keyfile.read_text() == "\n".join(want) + "\n"
        st = site.keyfile.stat()
        assert (st.st_mtime, st.st_uid, st.st_gid, st.st_mode & 0o7777) == (1500000000, WWW, WWW, 0o640)
    assert not list(site.dir.glob("*.tkprov-*"))
    assert rotate(site) is None and in_step(site)
    assert site.keyfile.stat().st_uid == WWW


def test_saved_in_place_even_without_rights(site):
    """Workers run as www-data and may not even look into the folder; the descriptor that was
    opened at the start is enough.  The master is killed, so that a worker answers."""
    folder = site.dir / "keys"
    folder.mkdir(mode=0o700)
    site.keyfile = folder / "t.key"
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    nginx = Nginx(site, workers=2)
    inode = site.keyfile.stat().st_ino
    nginx.family()
    os.kill(nginx.pid, signal.SIGKILL)
    wait_for("the master's end", lambda: site.info()["Uid"] == str(WWW))
    assert rotate(site) is None and in_step(site)
    assert site.keyfile.stat().st_ino == inode


def test_unwritable(site):
    """The server never had the right to write: tkctl, which has, does it."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    os.chmod(site.keyfile, 0o444)
    server = SServer(site, wrap=AS_WWW, user=WWW)
    assert site.info()["Not_saved"] == "0", "all that the ring holds is there"
    assert "cannot be written" in site.log_text() and "not saved" not in site.log_text()
    assert rotate(site) == "Permission denied" and not in_step(site)
    assert site.info()["Not_saved"] == "1"
    assert [e["result"] for e in site.events() if e["command"] == "rotate ssl tls-key"] == ["not saved"]
    said = tkctl(site, "rotate", "ssl", "tls-key", "0")
    assert said.returncode == 0 and said.stdout.splitlines()[1:] == [
        f"not saved: {site.keyfile}: Permission denied", f"saved by tkctl: {site.keyfile}"]
    assert in_step(site) and site.info()["Not_saved"] == "0"
    # again: the file is the one that tkctl left
    said = tkctl(site, "rotate", "ssl", "tls-key", "0")
    assert "saved by tkctl" in said.stdout and in_step(site)
    said = tkctl(site, "--no-save", "rotate", "ssl", "tls-key", "0")
    assert said.returncode == 0 and "saved by" not in said.stdout and not in_step(site)
    # more changes than there are slots, then `save`: nothing in the file shows whose it is
    for _ in range(4):
        assert rotate(site) == "Permission denied"
    text = site.keyfile.read_text()
    said = tkctl(site, "save")
    assert said.returncode == 1 and "left behind by changes that were not saved" in said.stderr
    assert tkctl_told(site, "save").returncode == 1  # the folder is the server's, who could put links
    assert site.keyfile.read_text() == text
    os.chown(site.dir, 0, 0)
    said = tkctl_told(site, "save")
    assert said.returncode == 0 and said.stdout.splitlines()[-1] == f"saved by tkctl: {site.keyfile}"
    assert in_step(site)
    # the key may be written by now: the server takes tkctl's file for the ring's
    os.chmod(site.keyfile, 0o666)
    assert rotate(site) is None and in_step(site) and site.info()["Not_saved"] == "0"
    server.stop()


def test_a_file_that_is_mounted(site):
    """As containers do with single files: written in place, but no new one takes its place, and
    `Device or resource busy` told nobody why."""
    site.write_keys(4)
    site.write_conf(keys=False)
    mount = ["/usr/bin/unshare", "-m", "--propagation", "private", "sh", "-c",
             f'mount --bind {site.keyfile} {site.keyfile} && exec "$@"', "sh"]
    SServer(site, wrap=mount)
    assert rotate(site).startswith("it is mounted by itself") and len(lines(site)) == 4
    site.keyfile.write_text("".join(k + "\n" for k in site.keys()))
    assert rotate(site) is None and in_step(site)
    damage(site, "emptied")
    assert tkctl(site, "save").returncode == 0 and in_step(site)


@pytest.mark.parametrize("case", ["the folder", "a sticky folder", "the owner"])
def test_what_keeps_a_file_from_its_form_is_named(site, case):
    """`Permission denied` of a file that may be written, `Operation not permitted` of nothing that is
    named: what is to be done?"""
    folder = site.dir / "keys"
    folder.mkdir()
    site.keyfile = folder / "t.key"
    site.write_keys(5)
    site.keyfile.chmod(0o666)
    site.write_conf(keys=False)
    if case == "the owner":
        os.chown(folder, WWW, WWW)
    elif case == "a sticky folder":
        os.chown(site.keyfile, 1, WWW)
        folder.chmod(0o1777)
    before = lines(site)
    SServer(site, wrap=AS_WWW, user=WWW)
    if case == "the folder":
        want = f"it has not just the ring's lines, and '{folder}' takes no new file (Permission denied)"
    else:
        want = ("it has not just the ring's lines, and a new file cannot be given its owner and group (that "
                "takes CAP_CHOWN); it needs just the ring's lines, or to belong to who writes it")
    assert f"not saved: {site.keyfile}: {want}" in site.log_text()
    assert rotate(site) == want and lines(site) == before
    assert sorted(os.listdir(folder)) == ["t.key"]
    # what it names is enough
    if case == "a sticky folder":
        os.chown(site.keyfile, WWW, WWW)
    else:
        site.keyfile.write_text("".join(k + "\n" for k in site.keys()))
    assert rotate(site) is None and in_step(site)


def test_deployed_with_an_older_time_stays(site):
    """rsync -a and cp -p keep the time of where the file came from, which may be before the ring's
    oldest key.  The server may not even look whether the file is another."""
    folder = site.dir / "keys"
    folder.mkdir()
    site.keyfile = folder / "t.key"
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    site.keyfile.chmod(0o444)
    SServer(site, wrap=AS_WWW, user=WWW)
    folder.chmod(0o700)
    os.chown(site.dir, 0, 0)
    for _ in range(3):
        assert rotate(site) == "Permission denied"
    theirs = [new_key() for _ in range(3)]
    new = folder / "new"
    new.write_text("\n".join(theirs) + "\n")
    os.utime(new, (1500000000, 1500000000))
    new.rename(site.keyfile)
    for ctl in (tkctl, tkctl_told):
        assert rotate(site) == "Permission denied"
        said = ctl(site, "rotate", "ssl", "tls-key", "0")
        assert said.returncode == 0 and "changed by somebody else" in said.stderr
        said = ctl(site, "save")
        assert said.returncode == 1 and "changed by somebody else" in said.stderr
        assert lines(site) == theirs and site.keyfile.stat().st_mtime == 1500000000


def test_tkctl_without_rights_says_so(site):
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    os.chmod(site.keyfile, 0o444)
    SServer(site, wrap=AS_WWW, user=WWW)
    as_www = [*AS_WWW, f"{BUILD}/tkctl", "-s", str(site.socket)]
    got = subprocess.run([*as_www, "rotate", "ssl", "tls-key", "0"], capture_output=True, text=True)
    assert got.returncode == 0
    assert got.stderr == (f"tkctl: warning: {site.keyfile}: not saved by tkctl either: "
                          "Permission denied\n")
    got = subprocess.run([*as_www, "save"], capture_output=True, text=True)
    assert got.returncode == 1 and "not saved by tkctl either: Permission denied" in got.stderr


@pytest.mark.parametrize("how", ["appended", "rewritten", "replaced"])
def test_what_somebody_else_has_written_stays(site, how):
    site.write_conf()
    nginx = Nginx(site, workers=2)
    keys = site.keys()
    theirs = [new_key() for _ in range(3)]
    if how == "appended":  # the recipe of HAProxy's documentation
        with open(site.keyfile, "a") as f:
            f.write(theirs[2] + "\n")
        want = keys[1:] + theirs[2:]
    elif how == "rewritten":
        site.keyfile.write_text("\n".join(theirs) + "\n")
        want = theirs
    else:
        other = site.dir / "other"
        other.write_text("\n".join(theirs) + "\n")
        other.rename(site.keyfile)
        want = theirs
    text = site.keyfile.read_text()
    assert "changed by somebody else" in rotate(site)
    newest = site.keys()[2]
    assert newest not in text and site.keyfile.read_text() == text
    said = tkctl(site, "rotate", "ssl", "tls-key", "0")
    assert said.returncode == 0 and "not saved by tkctl either: changed by somebody else" in said.stderr
    assert tkctl(site, "save").returncode == 1
    assert site.keyfile.read_text() == text
    nginx.reload()
    assert site.keyfile.read_text() == text and newest in site.keys()
    # taken in: a change from here on is saved again
    assert "not saved" not in site.ask("reload ssl tls-key 0")
    assert site.keys() == want and in_step(site) and site.info()["Not_saved"] == "0"
    assert rotate(site) is None and in_step(site)


NO_KEYS = "no key file any more ({}); 'save ssl tls-key' writes the ring into it"
CUT = "unable to decode base64 key on line {}"
FEW = "please supply at least 3 keys in the tls-tickets-file"

# What is left of the ring's three lines, and what a parser says to it
DAMAGE = {
    "emptied": (lambda k: b"", FEW),
    "a line cut in the middle": (lambda k: b"\n".join([k[0], k[1][:48], k[2], b""]), "wrong sized key on line 2"),
    "cut within a character": (lambda k: b"\n".join([k[0], k[1][:51], k[2], b""]), CUT.format(2)),
    "garbage": (lambda k: os.urandom(5000) + b"\n", CUT.format(1)),
    "zeros of the same size": (lambda k: bytes(len(b"\n".join(k)) + 1), CUT.format(1)),
    "longer, one damaged": (lambda k: b"\n".join([b"#" + k[0][1:], k[1], *k, b""]), CUT.format(1)),
    "large": (lambda k: bytes(2 << 20), "unable to load ssl tickets keys file (larger than 1048576 bytes)"),
}


def damage(site, case):
    """In place, as an editor does on a full disk.  Returns what it holds now, and the reason."""
    spoil, why = DAMAGE[case]
    site.keyfile.write_bytes(spoil([k.encode() for k in site.keys()]))
    return site.keyfile.read_bytes(), why


@pytest.mark.parametrize("case", DAMAGE)
def test_what_is_no_key_file_is_healed_by_save(site, case):
    """Nothing could heal it, and the advice was to reload it: a restart lost all keys.  Changes leave
    it alone still, for somebody may be about to write it."""
    site.write_conf()
    nginx = Nginx(site, workers=2)
    os.chown(site.keyfile, WWW, WWW)
    os.chmod(site.keyfile, 0o640)
    spoilt, why = damage(site, case)
    for change in ("rotate", "flush"):
        assert not_saved(site, site.ask(f"{change} ssl tls-key 0")) == NO_KEYS.format(why)
        said = tkctl(site, change, "ssl", "tls-key", "0")
        assert said.returncode == 0, said.stderr
        assert f"not saved by tkctl either: no key file any more ({why}); 'tkctl save' writes" in said.stderr
    assert "failed at ring 0" in site.ask("reload ssl tls-key 0")
    assert site.keyfile.read_bytes() == spoilt and site.info()["Not_saved"] == "1"
    ticket = site.session()
    hello(nginx.port, save=ticket)
    said = tkctl(site, "save")
    assert said.returncode == 0 and f"TLS ticket keys saved: 0 {site.keyfile}" in said.stdout, said
    st = site.keyfile.stat()
    assert in_step(site) and (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (WWW, WWW, 0o640)
    assert site.info()["Not_saved"] == "0" and rotate(site) is None
    nginx.stop()
    assert hello(Nginx(site, workers=2).port, offer=ticket)["reused"]


def test_too_few_keys_are_healed_where_they_are_the_rings(site):
    """Others' are left alone: who writes them is about to write more."""
    site.write_conf()
    SServer(site)
    keys = site.keys()
    site.keyfile.write_text("".join(k + "\n" for k in keys[1:]))
    assert tkctl(site, "save").returncode == 0 and in_step(site)
    others = "".join(new_key() + "\n" for _ in range(2))
    site.keyfile.write_text(others)
    said = tkctl(site, "save")
    assert said.returncode == 1 and f"changed by somebody else, to what cannot be taken in ({FEW})" in said.stderr
    assert site.keyfile.read_text() == others


def test_healed_without_rights(site):
    """Through the descriptor of the start."""
    folder = site.dir / "keys"
    folder.mkdir(mode=0o700)
    site.keyfile = folder / "t.key"
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    nginx = Nginx(site, workers=2)
    nginx.family()
    os.kill(nginx.pid, signal.SIGKILL)
    wait_for("the master's end", lambda: site.info()["Uid"] == str(WWW))
    damage(site, "emptied")
    assert rotate(site) == NO_KEYS.format(FEW)
    assert tkctl(site, "save").returncode == 0 and in_step(site)


@pytest.mark.parametrize("case", DAMAGE)
def test_healed_by_tkctl(site, case):
    """The server may not write it, and who answers could name any file: in the folder of somebody
    else it is left alone, and the ways out that are named are some."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    os.chmod(site.keyfile, 0o444)
    SServer(site, wrap=AS_WWW, user=WWW)
    spoilt, why = damage(site, case)
    for ctl in (tkctl, tkctl_told):  # the folder is the server's
        said = ctl(site, "save")
        assert said.returncode == 1 and f"no key file any more ({why}); 'tkctl save' writes" in said.stderr
    assert site.keyfile.read_bytes() == spoilt
    os.chown(site.dir, 0, 0)
    assert tkctl(site, "save").returncode == 1
    assert "saved by" not in tkctl_told(site, "rotate", "ssl", "tls-key", "0").stdout, "nobody asked for it"
    assert site.keyfile.read_bytes() == spoilt
    said = tkctl_told(site, "save")
    assert said.returncode == 0 and said.stdout.splitlines()[-1] == f"saved by tkctl: {site.keyfile}"
    assert in_step(site) and site.keyfile.stat().st_mode & 0o7777 == 0o444
    # the other ways: the keys that are shown; the server's right to write
    damage(site, case)
    site.keyfile.write_text("".join(k + "\n" for k in site.keys()))
    assert tkctl(site, "save").returncode == 0 and in_step(site)
    damage(site, case)
    os.chown(site.keyfile, WWW, WWW)
    os.chmod(site.keyfile, 0o600)
    assert tkctl(site, "save").returncode == 0 and in_step(site)


@pytest.mark.parametrize("theirs", ["keys", "weak keys"])
def test_keys_of_somebody_else_are_not_written_over_by_save(site, theirs):
    """HAProxy takes weak ones: they are somebody's file all the same."""
    site.write_conf()
    SServer(site)
    text = "".join(new_key() + "\n" for _ in range(3))
    if theirs == "weak keys":
        text = base64.b64encode(bytes(80)).decode() + "\n" + text
        why = "changed by somebody else, to what cannot be taken in (weak key on line 1, its name is all zeros)"
    else:
        why = "changed by somebody else; 'reload ssl tls-key' takes it in"
    site.keyfile.write_text(text)
    assert rotate(site) == why
    for ctl in (tkctl, tkctl_told):
        said = ctl(site, "save")
        assert said.returncode == 1 and f"not saved by tkctl either: {why}" in said.stderr
    assert site.keyfile.read_text() == text
    assert ("TLS ticket keys replaced" in site.ask("reload ssl tls-key 0")) == (theirs == "keys")


def test_gone(site):
    folder = site.dir / "keys"
    folder.mkdir()
    site.keyfile = folder / "t.key"
    site.write_conf()
    server = SServer(site)
    ticket = site.session()
    hello(server.port, save=ticket)
    shutil.rmtree(folder)
    assert rotate(site) == "removed by somebody else" and site.info()["Not_saved"] == "1"
    assert hello(server.port, offer=ticket)["reused"]
    assert tkctl(site, "save").returncode == 1  # its folder is gone, too
    folder.mkdir()
    assert rotate(site) == "removed by somebody else" and not site.keyfile.exists()
    said = tkctl(site, "save")  # anybody could have named it
    assert said.returncode == 1 and "removed by somebody else; tkctl makes it anew where" in said.stderr
    assert not site.keyfile.exists()
    said = tkctl_told(site, "save")
    assert said.returncode == 0, said.stderr
    assert in_step(site) and site.keyfile.stat().st_mode & 0o777 == 0o600
    assert rotate(site) is None and in_step(site)
    assert "unable to load" not in site.ask("reload ssl tls-key 0")


def test_disk_full_when_the_form_is_made(site):
    """The file has a line too many, so that the first save needs room for a new file."""
    disk = site.dir / "disk"
    disk.mkdir()
    run("/usr/bin/mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=16,mode=755", "none", disk)
    try:
        site.keyfile = disk / "t.key"
        site.write_conf()
        with open(site.keyfile, "a") as f:
            f.write(new_key() + "\n")
        keys = lines(site)
        full = disk / "full"
        with open(full, "wb", buffering=0) as f:
            with pytest.raises(OSError):
                while True:
                    f.write(b"x" * 4096)
        server = SServer(site)
        assert site.keys() == keys[1:] and lines(site) == keys
        assert "No space left on device" in site.log_text() and site.info()["Not_saved"] == "1"
        assert rotate(site) == "No space left on device"
        assert lines(site) == keys and sorted(os.listdir(disk)) == ["full", "t.key"]
        full.unlink()
        assert rotate(site) is None and in_step(site)
        server.stop()
    finally:
        run("/usr/bin/umount", disk)


def test_persist_false_writes_nothing(site):
    site.write_conf(ring="persist = false;")
    SServer(site)
    before = site.keyfile.stat()
    text = site.keyfile.read_text()
    assert "not saved" not in site.ask("rotate ssl tls-key 0")
    assert site.keyfile.read_text() == text and site.keyfile.stat() == before
    assert site.info()["Not_saved"] == "0"
    assert "not one that this instance saves" in site.ask("save ssl tls-key 0")
    assert site.ask("save ssl tls-key *") == "\n"


def test_symbolic_link_is_followed(site):
    real = site.dir / "real"
    site.write_keys(4, path=real)
    site.keyfile.symlink_to(real)
    site.write_conf(keys=False)
    SServer(site)
    assert site.keyfile.is_symlink() and len(real.read_text().splitlines()) == 3
    assert rotate(site) is None and real.read_text().splitlines() == site.keys()


def test_second_instance_writes_no_file(site):
    site.write_conf()
    Nginx(site, workers=1)
    with open(site.keyfile, "a") as f:
        f.write(new_key() + "\n")
    text = site.keyfile.read_text()
    Nginx(site, workers=1)
    assert site.keyfile.read_text() == text


def test_kill_at_any_moment_leaves_a_whole_file(site):
    """A server that rotates without pause is killed; the file is always N lines that the
    module takes."""
    site.write_keys(32)
    site.write_conf(slots=32, keys=False)
    for i in range(25):
        server = SServer(site)
        for _ in range(1 + i % 4):
            site.ask(";".join(["rotate ssl tls-key 0"] * 8))
        before = site.keyfile.read_bytes()
        asking = subprocess.Popen([f"{BUILD}/tkctl", "-s", str(site.socket),
                                   ";".join(["rotate ssl tls-key 0"] * 500)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_for("a save", lambda: site.keyfile.read_bytes() != before)
        server.stop(signal.SIGKILL)
        asking.communicate()
        kept = lines(site)
        assert len(kept) == 32 and all(len(base64.b64decode(k, validate=True)) == 80 for k in kept)
        assert len({k for k in kept}) == 32
        assert not list(site.dir.glob("*.tkprov-*"))


def test_kill_at_each_step_of_bringing_a_file_to_its_form(site):
    """strace kills the server at its n-th system call on the way; the file is the old one or
    the new one, and the next start mends the rest."""
    site.write_conf()
    keys = [new_key() for _ in range(5)]
    forms = ("\n".join(keys) + "\n", "\n".join(keys[2:]) + "\n")
    seen = set()
    for call, n in [("openat", None), ("unlink", 1), ("pwrite64", 1), ("fchmod", 1), ("utimensat", 1),
                    ("rename", 1), ("rename", 2)]:
        site.keyfile.write_text(forms[0])
        inject = f"-einject={call}:signal=KILL" + (f":when={n}" if n else ":when=200+")
        subprocess.run(["/usr/bin/strace", "-f", "-o", "/dev/null", "-etrace=" + call, inject,
                        "/usr/bin/timeout", "3", "/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0",
                        "-cert", site.pki.cert, "-key", site.pki.key], env=site.env(), cwd=site.dir,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        text = site.keyfile.read_text()
        assert text in forms, call
        seen.add(text)
        SServer(site).stop()
        assert site.keyfile.read_text() == forms[1], call
        assert not list(site.dir.glob("*.tkprov-*")), call
    assert seen == set(forms)


def strace(site, pid, *inject):
    """Follows all threads of a living process."""
    p = subprocess.Popen(["/usr/bin/strace", "-f", "-o", "/dev/null", *inject, "-p", str(pid)],
                         stderr=subprocess.DEVNULL)
    tasks = f"/proc/{pid}/task"

    def all_traced():
        return all(f"TracerPid:\t{p.pid}\n" in open(f"{tasks}/{t}/status").read() for t in os.listdir(tasks))
    wait_for("strace", all_traced)
    return p


@pytest.mark.parametrize("slots,change", [(1, "rotate"), (3, "flush"), (3, "rotate")])
def test_kill_between_the_write_and_its_note(site, slots, change):
    """The file holds what the one who was killed has written.  For those who live on it is their
    own, though it is no state of the ring after their next change (one slot, or all keys new)."""
    site.write_conf(slots=slots, sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    nginx = Nginx(site, workers=2)
    before = lines(site)
    nginx.family()
    tracer = strace(site, nginx.pid, "-etrace=utimensat", "-einject=utimensat:signal=KILL:when=1")
    try:
        site.ask(f"{change} ssl tls-key 0")
    except OSError:
        pass
    assert tracer.wait(20) is not None
    wait_for("the master's end", lambda: site.info()["Uid"] == str(WWW))
    assert lines(site) != before and in_step(site)
    for _ in range(2):
        assert "not saved" not in site.ask(f"{change} ssl tls-key 0") and in_step(site)
    assert site.info()["Not_saved"] == "0"


def test_killed_once_more_before_the_next_write(site):
    """Then the file still holds what the first one wrote, and was about to hold something else."""
    site.write_conf(slots=1, sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    nginx = Nginx(site, workers=3)
    nginx.family()
    workers = nginx.worker_pids()
    tracers = [strace(site, nginx.pid, "-etrace=utimensat", "-einject=utimensat:signal=KILL:when=1")]
    tracers += [strace(site, w, "-etrace=pwrite64", "-einject=pwrite64:signal=KILL:when=1") for w in workers]
    for end in (lambda: tracers[0].poll() is not None, lambda: any(t.poll() is not None for t in tracers[1:])):
        before = lines(site)
        try:
            site.ask("rotate ssl tls-key 0")
        except OSError:
            pass
        wait_for("somebody's end", end)
    assert lines(site) == before
    for t in tracers:
        t.terminate()
        t.wait()
    assert rotate(site) is None and in_step(site)


def test_killed_while_a_file_is_healed(site):
    """What it leaves is no key file, not the first lines of what was there, and is healed by the next."""
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    nginx = Nginx(site, workers=2)
    nginx.family()
    keys = lines(site)
    site.keyfile.write_text("\n".join([*(new_key() for _ in range(3)), *keys, "#"]) + "\n")
    tracer = strace(site, nginx.pid, "-etrace=pwrite64", "-einject=pwrite64:signal=KILL:when=1")
    with contextlib.suppress(OSError):
        site.ask("save ssl tls-key 0")
    assert tracer.wait(20) is not None
    assert site.keyfile.read_bytes() == bytes(len("\n".join(keys)) + 1)
    wait_for("the master's end", lambda: site.info()["Uid"] == str(WWW))
    assert tkctl(site, "save").returncode == 0 and lines(site) == keys


def two_on_one_file(site):
    """A second instance: the same file, another socket.  Returns a function that asks it."""
    other = site.dir / "other.sock"
    first = site.conf.read_text()
    SServer(site)
    site.conf.write_text(first.replace(str(site.socket), str(other)))
    SServer(site)
    return lambda line: site.ask(line, path=other)


def test_two_instances_do_not_overwrite_each_others_keys(site):
    """However soon one comes after the other: the file's time has whole seconds."""
    site.write_conf()
    ask_other = two_on_one_file(site)
    for _ in range(20):
        assert not_saved(site, ask_other("reload ssl tls-key 0")) is None
        assert "not saved" not in site.ask("reload ssl tls-key 0")
        assert rotate(site) is None
        first = site.slots()[2]["added"]
        assert not_saved(site, ask_other("reload ssl tls-key 0")) is None
        assert rotate(site) is None
        text = site.keyfile.read_text()
        assert "changed by somebody else" in not_saved(site, ask_other("rotate ssl tls-key 0"))
        assert site.keyfile.read_text() == text
        if site.slots()[2]["added"] == first:
            return
    raise AssertionError("never two changes within a second")


def test_the_server_waits_for_whoever_has_the_file_locked(site):
    """As tkctl has while it asks for the ring and writes it; and not for ever."""
    site.write_conf()
    SServer(site)
    with open(site.keyfile) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        text = site.keyfile.read_text()
        assert rotate(site) == "another program has it locked all the time"
        assert site.keyfile.read_text() == text and site.info()["Not_saved"] == "1"
        assert tkctl(site, "save").stderr == (f"tkctl: {site.keyfile}: not saved by tkctl either: another "
                                              "program has it locked all the time\n")
    assert rotate(site) is None and in_step(site) and site.info()["Not_saved"] == "0"


def ends(process):
    """And is gone afterwards, whether by itself or not."""
    try:
        process.wait(DEADLINE)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def test_two_instances_bring_one_file_to_its_form(site):
    """Both at the same time, and again and again: none gets into the other's way."""
    site.write_conf()
    envs = []
    for name in ("a", "b"):
        conf, cnf = site.dir / f"{name}.conf", site.dir / f"{name}.cnf"
        conf.write_text(site.conf.read_text().replace(str(site.socket), f"{site.dir}/{name}.sock"))
        cnf.write_text(site.openssl_cnf.read_text().replace(str(site.conf), str(conf)))
        envs.append(site.env() | {"OPENSSL_CONF": str(cnf)})
    for i in range(1, 13):
        site.write_keys(5)
        want = lines(site)[2:]
        servers = [subprocess.Popen(["/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
                                     site.pki.cert, "-key", site.pki.key], env=env, cwd=site.dir,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for env in envs]
        try:
            for name in ("a", "b"):
                wait_for("a server", lambda: site.log_text().count(f"answering at {site.dir}/{name}.sock") == i)
        finally:
            for s in servers:
                s.terminate()
            late = [s for s in servers if not ends(s)]
        assert not late, "they did not end"
        assert lines(site) == want and not list(site.dir.glob("*.tkprov-*"))
    assert "not saved" not in site.log_text()


def test_whoever_keeps_files_locked_stalls_nobody(site):
    """He is waited for once, not for each file: tkctl would give up after ten seconds."""
    files = [site.dir / f"{i}.key" for i in range(16)]
    for file in files:
        site.write_keys(path=file)
    site.write_conf(rings=[f'{{ file = "{f}"; server_names = [ "{f.name}.test" ]; }}' for f in files])
    SServer(site)
    with contextlib.ExitStack() as locks:
        for file in files:
            fcntl.flock(locks.enter_context(open(file)), fcntl.LOCK_EX)
        said = tkctl(site, "--no-save", "rotate", "ssl", "tls-key", "*")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("not saved: ") == said.stdout.count("locked all the time") == 16
    assert "saved: 0 " in site.ask("save ssl tls-key *")


def test_reload_of_a_file_that_cannot_be_brought_to_its_form(site, other):
    """It is in force, and answered as any change that was not saved: tkctl, which may, does it, in a
    folder that is nobody else's."""
    site.keyfile = other.keyfile
    site.write_conf(sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    os.chmod(site.keyfile, 0o444)
    SServer(site, wrap=AS_WWW, user=WWW)
    keys = [new_key() for _ in range(4)]
    site.keyfile.write_text("\n".join(keys) + "\n")
    answer = site.ask("reload ssl tls-key 0")
    assert "TLS ticket keys replaced" in answer and not_saved(site, answer) == "Permission denied"
    assert site.keys() == keys[1:] and lines(site) == keys and site.info()["Not_saved"] == "1"
    assert [e["result"] for e in site.events() if e["command"] == "reload ssl tls-key"] == ["not saved"]
    said = tkctl(site, "reload", "ssl", "tls-key", "0")
    assert said.returncode == 0 and f"saved by tkctl: {site.keyfile}" in said.stdout
    assert lines(site) == keys[1:]
    assert not_saved(site, site.ask("reload ssl tls-key 0")) is None and site.info()["Not_saved"] == "0"


def test_reload_of_all_goes_on_after_a_bad_file(site):
    files = [site.dir / f"{i}.key" for i in range(4)]
    for f in files:
        site.write_keys(path=f)
    site.write_conf(rings=[f'{{ file = "{f}"; server_names = [ "{i}" ]; }}' for i, f in enumerate(files)])
    SServer(site)
    for f in files:
        site.write_keys(path=f)
    files[0].write_text("no base64\n")
    files[2].unlink()
    answer = site.ask("set severity-output number;reload ssl tls-key *").splitlines()
    answer = [row for row in answer if row]
    assert answer[0].startswith(f"[3]: 'reload ssl tls-key' failed at ring 0 ({files[0]}): '{files[0]}' : unable to decode")
    assert answer[1].startswith("TLS ticket keys replaced: 1.1 ")
    assert answer[2].startswith(f"'reload ssl tls-key' failed at ring 2 ({files[2]}): '{files[2]}' : unable to load")
    assert answer[3].startswith("TLS ticket keys replaced: 3.1 ")
    for i in (1, 3):
        assert site.keys(i) == files[i].read_text().split()
    assert [e["result"] for e in site.events() if e["command"] == "reload ssl tls-key"] == ["failed", "ok"] * 2
    assert tkctl(site, "reload", "ssl", "tls-key", "*").returncode == 1


def many(site, n):
    folder = site.dir / "many"
    folder.mkdir(mode=0o700)
    files = [folder / f"{i}.key" for i in range(n)]
    for f in files:
        site.write_keys(path=f)
    site.write_conf(rings=[f'{{ file = "{f}"; server_names = [ "{i}" ]; }}' for i, f in enumerate(files)],
                    sockets=[f'{{ path = "{site.socket}"; mode = "0666"; }}'])
    return files


def test_a_hundred_rings_are_saved_without_rights(site):
    files = many(site, 100)
    nginx = Nginx(site, workers=2)
    nginx.family()
    os.kill(nginx.pid, signal.SIGKILL)
    wait_for("the master's end", lambda: site.info()["Uid"] == str(WWW))
    assert "not saved" not in site.ask("rotate ssl tls-key *")
    for i in (0, 63, 64, 99):
        assert files[i].read_text().split() == site.keys(i)
    assert "not kept" not in site.log_text()


def test_more_rings_than_descriptors(site):
    """The server keeps half of them; what that means is said once, and why with each ring."""
    files = many(site, 70)
    server = SServer(site, wrap=["/usr/bin/prlimit", "--nofile=100"])
    assert [line for line in site.log_text().splitlines() if "not kept open" in line and "20 key file" in line]
    assert site.log_text().count("not kept open") == 1
    assert len(os.listdir(f"/proc/{server.pid}/fd")) < 70
    assert hello(server.port)["ok"]
    assert "not saved" not in site.ask("rotate ssl tls-key *")
    assert files[69].read_text().split() == site.keys(69)


