# SPDX-License-Identifier: Apache-2.0
"""The grammar of lines, byte for byte: commands, payloads and escapes to Debian's haproxy and to
the module, whole and in parts; and key files to both."""
import random
import re
import socket
import subprocess

import pytest

from harness import HAPROXY, TKCTL, free_port, new_key
from oracle import Both, talk, talk_in_parts, talk_until_closed, until


@pytest.fixture
def both(site):
    return Both(site)


# Each is one command, with its payload, as a client sends it.
SEVERAL = [
    ["show cli level\n", "show cli level\n"],
    ["show cli level;", "show cli level\r\n", " show\tcli level \n"],
    ["show cli level;", "show tls-keys <<\nfoo\n\n", "show cli level\n"],
    ["show cli level <<;show cli level\nfoo\n\n", "show cli level\n"],
    ["show cli level <<\r\nfoo;bar\r\n\r\n", "show cli level\n"],
    ["show tls-keys \\<<\nfoo\n\n", "show tls-keys <<<\n;\n\n", "show tls-keys x<<\n\n"],
    ["show cli level << \n", "show cli level\n"],
    ["show cli level \\\n x\\;y;", "show cli \\level\n"],
    ["set ssl tls-key #0 <<\nx\n\n", "set ssl tls-key #0\\ x y\n"],
    ["set severity-output number;", "set ssl tls-key;", "set severity-output x\n"],
    ["user;", "operator;", "show cli level\n"],
]
AT_THE_PROMPT = [
    "prompt\nshow cli level\nshow cli level;show tls-keys\n",
    "prompt;show cli level <<\nfoo\nbar\n\nshow cli level\n",
    "prompt\nshow cli level <<;foo\n\nshow cli level\n",
    "prompt\nshow tls-keys \\<<\n\nshow cli level \\\n x\n",
    "prompt\nshow cli level;show cli level <<\r\nfoo\r\n\r\nquit <<\n\n",
    "prompt\nshow cli level << \nprompt;show cli level\n",
]


def odd_lines(n, seed=20232):
    """Anything that means something to the grammar, in any order."""
    r = random.Random(seed)
    pieces = ["show cli level", "show cli level", "show tls-keys", "set ssl tls-key", " #0", " more",
              "set severity-output number", "set timeout cli 5", "prompt", "quit", "<<", " <<", " <<\n",
              "<", "\\", "\\\n", ";", ";", " ", "\t", "\n", "\n", "\n", "\r\n", "\n\n", "\r"]
    for _ in range(n):
        text = "".join(r.choices(pieces, k=r.randrange(2, 14))) + r.choice(["\n", "\n", "\n\n", ""])
        at_the_prompt = r.random() < .4
        if at_the_prompt:  # and stays there, so that it may come in any parts
            text = "prompt\n" + text.replace("prompt", "show cli level").replace("quit", "")
        yield text, sorted(r.choices(range(1, len(text)), k=2)) if at_the_prompt else []


# `9 kB of help`, and the empty line that stands for it; an unknown command.
WHOLE_LISTS = re.compile(r"(\[\w+\]: )?Unknown command.*?\n  quit [^\n]*\n\n", re.S)
# HAProxy 2.6 takes the payload of a command that ends in `<<`, but not in that word, as more words of it.
PAYLOAD_AS_KEY = re.compile(r"(unable to locate referenced filename|expects a filename and the new TLS key in base64"
                            r" encoding\.)\n")


def test_the_same_bytes_in_every_split(both):
    """What is whole is answered at once, and what is in parts is put together: each text is cut in
    two everywhere.  At a command's end HAProxy closes, so there the first part is all."""
    for commands in SEVERAL:
        text, ends = "".join(commands), set()
        for c in commands:
            ends.add(len(c) + max(ends, default=0))
        for i in ends:
            theirs = talk_until_closed(both.theirs, text[:i])
            assert talk_until_closed(both.ours, text[:i]) == theirs, text[:i]
        for i in set(range(1, len(text))) - ends:
            same_in_two(both, text, i)
    for text in AT_THE_PROMPT:
        for i in range(1, len(text)):
            same_in_two(both, text, i)


def same_in_two(both, text, i):
    parts = text[:i], text[i:]
    at_once = 0 if re.search(r"\\\n$", parts[0]) else len(talk(both.theirs, parts[0].encode()))
    theirs, ours = (talk_in_parts(path, parts, at_once) for path in (both.theirs, both.ours))
    assert theirs == ours, parts


def test_a_payload_is_asked_for_at_once(both):
    """The first of two commands is answered before the payload of the second has come."""
    for text, want in (("prompt;show cli level <<\n", "\n> + "), ("show cli level;show cli level <<\n", "admin\n\n"),
                       ("prompt\nshow cli level <<\nfoo\n", "\n> + + "), ("show cli level;show cli lev", "admin\n\n")):
        for path in (both.theirs, both.ours):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(str(path))
                s.sendall(text.encode())
                assert until(s, len(want)) == want, (path, text)


def test_odd_lines(both):
    """The grammar's own characters at random; to ours in random parts (2.6 sometimes stops reading
    when the second comes)."""
    wrong = []
    for text, cuts in odd_lines(1500):
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
        theirs, ours = (PAYLOAD_AS_KEY.sub("no\n", WHOLE_LISTS.sub("\n", answer)) for answer in (
            talk(both.theirs, text.encode()), talk_in_parts(both.ours, parts)))
        if theirs != ours:
            wrong.append((parts, theirs[:300], ours[:300]))
    assert wrong == []


def key_files():
    """Files that are good, and each fault."""
    for size in (48, 80):
        good = [new_key(size) for _ in range(5)]
        for n in range(6):
            yield "".join(k + "\n" for k in good[:n])
        yield "\r\n".join(good[:3]) + "\r\n"
        yield "\n".join(good[:3])
        yield "\n".join([*good[:2], good[2] + "\n"])
        for at in range(3):
            for bad in ("", " ", "# a comment", good[0][:-1], good[0][:-4], good[0] + " ", " " + good[0], good[0] + "AAAA",
                        good[0][:9] + "-" + good[0][10:], good[0][:9] + "_" + good[0][10:], new_key(48), new_key(80),
                        new_key(79), new_key(81), new_key(16), new_key(47), "x" * 2000, "\r", good[0] + "\r\r", "=", "A"):
                yield "\n".join([*good[:at], bad, *good[at:4]]) + "\n"
                yield "\n".join([*good[:at], bad]) + "\n"
    yield "\n\n\n"
    yield "\n"


def test_key_files(site):
    """The same file to `haproxy -c` and to `tkctl check`: both take it, or both say the same of it."""
    cfg = site.dir / "check.cfg"
    cfg.write_text(f"frontend f\n  mode http\n  timeout client 5s\n  bind 127.0.0.1:{free_port()} ssl crt {site.pki.both}"
                   f" tls-ticket-keys {site.keyfile}\n")
    site.write_conf()

    def said(*args):
        p = subprocess.run([str(a) for a in args], capture_output=True, text=True, env=site.env(module=False))
        found = re.search(rf"'{site.keyfile}' : .*", p.stdout + p.stderr)
        assert p.returncode == 0 or found, p.stdout + p.stderr
        return found[0] if p.returncode else None

    texts, wrong = list(key_files()), []
    for text in texts:
        site.keyfile.write_text(text, newline="")
        site.keyfile.chmod(0o600)
        theirs, ours = said(HAPROXY, "-c", "-f", cfg), said(TKCTL, "check", site.conf)
        if theirs != ours:
            wrong.append((text, theirs, ours))
    assert len(texts) > 100 and wrong == []
    site.keyfile.unlink()
    theirs, ours = said(HAPROXY, "-c", "-f", cfg), said(TKCTL, "check", site.conf)
    assert ours == theirs + " (No such file or directory)", "the reason is ours"
