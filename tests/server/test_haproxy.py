# SPDX-License-Identifier: Apache-2.0
"""HAProxy's Runtime API byte for byte: the same bytes to Debian's haproxy and to the module in
openssl s_server, with the same key files, and the same bytes back.  What differs on purpose
stands in DIFFERENCES, with the line of the protocol's description that wants it."""
import base64
import random
import re
import socket

import pytest

from harness import Haproxy, Nginx, hello, new_key
from oracle import Both, talk

SET = "set ssl tls-key"


@pytest.fixture
def both(site):
    return Both(site)


def escaped(path):
    return str(path).replace(" ", "\\ ")


def ring_words(both):
    """The forms that a ring can be named in."""
    for file, i in both.ids.items():
        yield from (f"#{i}", f"#0{i}", f"#+{i}", escaped(file), "\\" + f"#{i}")
    yield from ("#", "#-0", "#00", "#+0", "#-1", "#2", "#99", "#99999999999999999999",
                "#0x0", "#0a", "#a", "# 0", "##0", "*", "**", "*x", "nobody", str(both.files[0]), "/",
                "x*", "\\*", "#\\ 0", "'#0'", '"#0"', escaped(both.files[0]) + "x")


def bad_keys(size):
    """Each fault of base64, and each size that is not the ring's."""
    good = new_key(size)
    yield from (good[:-1], good[:-2], good[:-3], good[:-4], good + "=", good + "A", "=" + good[1:],
                good[:10] + "=" + good[11:], good[:10] + "!" + good[11:], good[:10] + "-" + good[11:],
                good[:10] + "_" + good[11:], good[:10] + "\\ " + good[11:], "A", "AA", "AAA", "AAAA", "====", "=",
                "AA==", "AAA=", new_key(47), new_key(49), new_key(79), new_key(81), new_key(16),
                new_key(48 if size == 80 else 80), new_key(128), "\\", "<", "key")


def lines(both):
    """Inputs whose answers must be the same."""
    yield from ("show tls-keys\n", "show tls-keys\r\n", " show\ttls-keys \n", "show tls-keys", "",
                "show tls-keys;show tls-keys\n", "show tls-keys ; show tls-keys\n", "show tls-keys\nshow tls-keys\n",
                "show tls-keys\r\nshow tls-keys\r\n", "show tls-keys;show cli level;show tls-keys #\n")
    for word in ring_words(both):
        yield f"show tls-keys {word}\n"
        yield f"show tls-keys {word} more words\n"
        yield f"{SET} {word}\n"
        yield f"{SET} {word} !\n"
        yield f"set severity-output number;show tls-keys {word}\n"
    for file, size in zip(both.files, (80, 48)):
        for key in bad_keys(size):
            yield f"{SET} #{both.ids[file]} {key}\n"
        for _ in range(10):
            yield f"{SET} {escaped(file)} {new_key(size)}\n"
            yield "show tls-keys *\n"
        yield f"{SET} #{both.ids[file]} {new_key(size)} more words\n"
        yield f"set severity-output number;{SET} #{both.ids[file]} {new_key(size)}\n"
        yield f"set severity-output string;{SET} #{both.ids[file]} {new_key(size)};{SET}\n"
        yield f"{SET} #{both.ids[file]} <<\n{new_key(size)}\n\n"
        yield f"{SET} #{both.ids[file]} {new_key(size)} <<\nx\n\n"
        yield ";".join(f"{SET} #{both.ids[file]} {new_key(size)}" for _ in range(5)) + "\n"
    yield from (SET + "\n", SET + " \n", f"{SET} #0 \n", f"{SET} <<\nx\ny\n\n", f"{SET} #0 <<\n\n")
    yield from ("prompt\nshow cli level\nquit\n", "prompt\nshow cli level;show cli level\nquit\n",
                "prompt;show cli level\nshow cli level\nquit\n", "show cli level;prompt;show cli level\n",
                "prompt\nprompt\nshow cli level\n", f"prompt\n{SET} <<\nabc\n\nshow cli level\nquit\n",
                f"prompt\n{SET} #0 <<\na\nb\nc\n\nquit\n", "prompt\nshow tls-keys\nshow tls-keys #0\n",
                "prompt\nset severity-output number\nset ssl tls-key\nquit;show cli level\n", "prompt x\n",
                "prompt\nuser\nset severity-output string\nshow cli level\n", "prompt\nset timeout cli 60\n",
                "prompt\nshow tls-keys", "prompt\nshow tls-keys <<\nabc\n", "prompt\n")
    yield from ("show cli level\n", "show cli level x\n", "operator\n", "operator;show cli level\n",
                "operator x;show cli level\n", "user\n", "user;show cli level\n", "user;operator\n",
                "user;operator;show cli level\n", "operator;user;show cli level\n", "user;user\n",
                "operator;operator;show cli level\n", "user;clear counters\n", "clear counters\n", "clear counters x\n",
                "show cli sockets\n", "show cli sockets x\n", "show cli level;quit;show cli level\n", "quit\n",
                "quit x\n", "quit;show cli level\n")
    yield from ("set timeout\n", "set timeout cli\n", "set timeout x\n", "set timeout x 5\n")
    yield from (f"set timeout cli {n}\n" for n in (
        "1", "60", "1s", "5m", "1h", "1d", "500ms", "1us", "1000000", "0", "0s", "-1", "+5", "x", "5x", "5 x",
        "99999999d", "1.5", "1e3", "\\ 5", "0x10"))
    yield from (f"set severity-output {word};show cli level;{SET};show tls-keys;show cli sockets\n"
                for word in ("none", "number", "string", "NUMBER", "", "x", "number x", "none none"))
    yield from ("set severity-output number;set severity-output none;show cli level\n",
                "set severity-output number;operator;user;operator;show cli level\n",
                "set severity-output string;user;set timeout cli x;show cli level\n")
    yield from ("help show tls-keys\n", "help show cli\n", "help set ssl tls-key\n", "help operator\n", "help user\n",
                "help set severity-output\n", "help set timeout\n", "help quit\n", "help prompt\n", "help help\n",
                "set severity-output number;help show tls-keys\n", "user;help show cli\n")
    yield from ("show tls-keys <<\nfoo\n\n", "show tls-keys <<\n\n", "show tls-keys <<\nfoo\n", "show tls-keys <<\n",
                "show tls-keys <<\nfoo\n\nshow cli level\n", "show cli level;show tls-keys <<\nfoo\n\n",
                "show tls-keys <<\r\nfoo\r\n\r\n")
    yield from ("show cli level << \nshow cli level\n", "show cli level <<\t;show cli level\n",
                "show cli level <<;show cli level\nfoo\n\nshow cli level\n", "show cli level <<;\n",
                "show tls-keys \\<<\nfoo\n\nshow cli level\n", "show tls-keys <<<\nfoo\n\n", "show tls-keys <\\<\n",
                "show tls-keys x<<\nfoo\n\n", "show cli level <<\r;foo\n\n", "quit <<\nfoo\n\n",
                "prompt\nquit <<\nfoo\n\n", "prompt\nshow cli level << x\nshow cli level <<;foo\n\n",
                "show cli level\\\n", "show cli level \\\nshow cli level\n", "show tls-keys \\\nfoo\n",
                "show cli level x\\\r\nshow cli level\n", "show cli level \\\\\nshow cli level\n", "show cli level \\;\n",
                "show cli level;", "show cli level\\;", "show cli level;show cli level", "show cli level\nshow cli level",
                "show cli level\nshow cli level <<", "prompt\nshow cli level;show cli level", "show cli level \\",
                "show cli level \r\r\n", "show cli level \rx\n")
    yield from (f"set timeout cli {n}\n" for n in (
        "25d", "24855d", "24856d", "2147484", "2147483647", "2147483648", "2147483648s", "4294967295", "4294967296",
        "18446744073709551617", "213503982334602d", "4294967294000ms", "5ms5", "1m1", "1us5", "1d2h", "1us", "0us", "0d",
        "596523h", "596524h", "35791394m", "35791395m", "2147483647000ms", "2147483648000ms", "2147483647000000us",
        "2147483648000000us", "1x", "1u", "-1", "+1", "\\ 1", "1\\ "))
    words = " ".join(["show", "tls-keys"] + ["x"] * 62)
    yield from (words + "\n", "show tls-keys #0\\;x\n", "show tls-keys #0\\\\\n", "show tls-keys \\\\\n",
                "show tls-keys #0;show tls-keys #1\n", "show tls-keys " + "x" * 4000 + "\n",
                f"{SET} {'x' * 4000} {'y' * 4000}\n", "show tls-keys #0" + " " * 3000 + "\n",
                "show tls-keys \\#\\0\n", "show tls-keys '\n", 'show tls-keys "\n', "show tls-keys \x01\n",
                "show tls-keys \xff\xfe\n", "show tls-keys %s%n\n", "show tls-keys $HOME\n", "show tls-keys #0 # x\n")


def random_lines(both, n, seed=20231):
    """Commands that both know, oddly put together."""
    r = random.Random(seed)
    rings = list(ring_words(both))

    def key():
        k = bytearray(r.randbytes(r.choice((48, 48, 80, 80, 80, 47, 81))))
        text = base64.b64encode(k).decode()
        if r.random() < .2:
            at = r.randrange(len(text))
            text = text[:at] + r.choice("=!-_\\ A") + text[at + 1:]
        return text

    def command():
        words = r.choice((["show", "tls-keys"], ["show", "tls-keys", r.choice(rings)],
                          ["set", "ssl", "tls-key", r.choice(rings), key()], ["show", "cli", "level"],
                          ["set", "severity-output", r.choice(("none", "number", "string", "x"))],
                          ["set", "timeout", "cli", r.choice(("5", "x", "5s", "0"))], ["show", "cli", "sockets"]))
        if r.random() < .1:
            words = [*words, "more"]
        return r.choice(("", "", " ", "\t")) + r.choice((" ", " ", "  ", "\t")).join(words) + r.choice(("", " "))

    for _ in range(n):
        line = r.choice((";", "; ", " ;")).join(command() for _ in range(r.randrange(1, 4)))
        yield line + r.choice(("\n", "\n", "\r\n"))


PERMISSION = "Permission denied\n\n"
NO_BASE64 = "'set ssl tls-key' received invalid base64 encoded TLS key.\n\n"
NOWHERE = "'show tls-keys' unable to locate referenced filename\n\n"
EMPTY = r"| empty line, empty command between `;` | 9 kB of help | `\n` | `\n` |"
WORDS = ("| 65th word | ignored | `Too many arguments. Commands must have at most 64 arguments.` | master |")
UNKNOWN = "| unknown command | no word named | names the word | master |"
HELP = r"`help`: `The following commands are valid at this level:\n`, then lines of the form two spaces, usage"
ADMIN = ("| show/set below admin | allowed | Permission denied | master; the list without secrets stays open to all |")
NUL = "| NUL in a line | cuts it | separates commands | error, close |"
MODES = "| `prompt n`, `i`, `p` | toggle | honoured | master |"
BASE64 = "Base64 rules: length a multiple of 4, standard alphabet only, padding required."
RING = "Id: `#` and a decimal number"
NUMBER = "A bare number is an id where no file has that name."
WEAK = "Weak and doubly named keys are refused (`'set ssl tls-key' received a weak key: REASON.`)."
NEVER = "Further words are ignored; a payload is never the key."
NOTHING = "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.\n\n"

# What HAProxy 2.6 says otherwise: the input ({80} is the id of the ring with long keys), what we
# say, and the words of the protocol's description that want it.
DIFFERENCES = [
    ("\n", "\n", EMPTY),
    ("show cli level\n\n", "admin\n\n\n", EMPTY),
    ("show cli level;;show cli level\n", "admin\n\n\nadmin\n\n", EMPTY),
    ("prompt\n\nquit\n", "\n> \n> ", EMPTY),
    (" ".join(["show", "tls-keys"] + ["x"] * 63) + "\n",
     "Too many arguments. Commands must have at most 64 arguments.\n\n", WORDS),
    ("show cli leve\n", lambda s: s.startswith("Unknown command: 'show', but maybe one of the following ones is a "
                                               "better match:\n  show cli level "), UNKNOWN),
    ("SHOW tls-keys\n", lambda s: s.startswith("Unknown command: 'SHOW', but maybe") and "show tls-keys [id|*]" in s,
     UNKNOWN),
    ("xyzzy\n", lambda s: s.startswith("Unknown command: 'xyzzy'. Please enter one of the following commands only:\n"),
     UNKNOWN),
    ("help\n", lambda s: s.startswith("The following commands are valid at this level:\n  clear counters "),
     HELP),
    ("user;show tls-keys #0\n", "\n" + PERMISSION, ADMIN),
    ("operator;show tls-keys *\n", "\n" + PERMISSION, ADMIN),
    ("user;set ssl tls-key\n", "\n" + PERMISSION, ADMIN),
    ("show\0 tls-keys\n", "A command must not have a NUL byte in it.\n\n", NUL),
    ("prompt n\nshow cli level\n", "\nadmin\n\n", MODES),
    ("prompt i\nshow cli level\n", "\nadmin\n\n", MODES),
    ("prompt p\nprompt p\nshow cli level\n", "\n> \n> admin\n\n> ", MODES),
    ("show tls-keys 0\n", lambda s: s.startswith("# id secret\n# 0 ("), NUMBER),
    ("show tls-keys #4294967296\n", NOWHERE, RING),  # theirs comes round to 0
    ("set ssl tls-key #{80} A===\n", NO_BASE64, BASE64),
    ("set ssl tls-key #{80} " + base64.b64encode(bytes(80)).decode() + "AAAA\n", NO_BASE64, BASE64),
    # theirs takes = for a pad wherever a group ends: the first one is of wrong size then, the second one a key
    ("set ssl tls-key #{80} " + 47 * "A" + "=" + 59 * "A" + "=\n", NO_BASE64, BASE64),
    ("set ssl tls-key #{80} " + 46 * "x" + "9=" + 60 * "A" + "\n", NO_BASE64, BASE64),
    ("set ssl tls-key #{80}<<\nfoo\n\n", NOTHING, NEVER),
    ("set ssl tls-key <<<\nfoo\n\n", NOTHING, NEVER),
    ("set ssl tls-key #{80} " + base64.b64encode(bytes(80)).decode() + "\n",
     "'set ssl tls-key' received a weak key: its name is all zeros.\n\n", WEAK),
]


def test_the_same_bytes_back(both):
    wrong, chosen = [], list(lines(both))
    assert len(chosen) >= 250
    for text in [*chosen, *random_lines(both, 300)]:
        theirs, ours = both.ask(text)
        if theirs != ours:
            wrong.append((text[:200], theirs[:300], ours[:300]))
    assert wrong == []
    assert talk(both.theirs, b"show tls-keys *\n") == talk(both.ours, b"show tls-keys *\n")


def test_what_differs_on_purpose(both):
    for text, want, why in DIFFERENCES:
        theirs, ours = both.ask(text.replace("{80}", str(both.ids[both.files[0]])))
        assert theirs != ours, f"{text!r}: no difference any more ({why})"
        assert want(ours) if callable(want) else ours == want, (text, ours)


def test_the_newest_key_again_is_no_change(both):
    """A retry is safe; HAProxy pushes the key once more."""
    file = both.files[0]
    key = new_key()
    for _ in range(2):
        assert both.ask(f"{SET} {escaped(file)} {key}\n") == ("TLS ticket key updated!\n\n",) * 2
    theirs, ours = both.ask(f"show tls-keys {escaped(file)}\n")
    assert theirs.count(key) == 2 and ours.count(key) == 1


# ---- the clients that people have

def first_line_to_eof(path, key):
    """Reads to the end and compares the first line, or its beginning."""
    out = talk(path, f"set ssl tls-key #0 {key}\n".encode())
    assert out.splitlines()[0] == "TLS ticket key updated!"
    assert out.startswith("TLS ticket key updated!")


def parses_the_list(path, key):
    """Reads `show tls-keys` with an expression, and each ring's keys as pairs."""
    found = [re.match(r"^([0-9]+)\s+\((.*)?\)\s*$", row) for row in talk(path, b"show tls-keys\n").splitlines()]
    rings = [(m[1], m[2]) for m in found if m]
    assert len(rings) == 2
    for number, file in rings:
        text = talk(path, f"show tls-keys #{number}\n".encode())
        rows = [row for row in text.splitlines() if row and not row.startswith("#")]
        pairs = [row.split() for row in rows]
        assert f"# {number} ({file})" in text.splitlines()
        assert [p[0] for p in pairs] == [f"{number}.{i}" for i in range(3)]
        assert len({len(base64.b64decode(p[1])) for p in pairs}) == 1


def help_then_severity(path, key):
    """Asks for help first, and takes a line that begins with a severity of 0 to 3 for a failure."""
    assert "The following commands are valid" in talk(path, b"help\n")
    fine = talk(path, f"set severity-output number;set ssl tls-key #0 {key}\n".encode()).strip().splitlines()
    assert not re.match(r"\[[0-3]\]:", fine[0])
    bad = talk(path, b"set severity-output number;set ssl tls-key #7 x\n").strip().splitlines()
    assert re.match(r"\[[0-3]\]: ", bad[0])


def stays_at_the_prompt(path, key):
    """Keeps one session, waits for `> ` after each command, ends its lines with CRLF."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(path))

        def say(line):
            s.sendall(line.encode() + b"\r\n")
            out = b""
            while not out.endswith(b"> "):
                piece = s.recv(65536)
                assert piece, out
                out += piece
            return out.decode()

        assert say("prompt") == "\n> "
        assert say("set timeout cli 60") == "\n> "
        assert say(f"set ssl tls-key #0 {key}") == "TLS ticket key updated!\n\n> "
        assert key in say("show tls-keys #0")
        assert say("set ssl tls-key #0 x").startswith("'set ssl tls-key' received invalid base64")
        s.sendall(b"quit\r\n")
        assert s.recv(100) == b""


@pytest.mark.parametrize("habit", [first_line_to_eof, parses_the_list, help_then_severity, stays_at_the_prompt])
def test_client_habits(both, habit):
    size = 80 if both.ids[both.files[0]] == 0 else 48
    for path in (both.theirs, both.ours):
        habit(path, new_key(size))


# ---- tickets

@pytest.mark.parametrize("size", [48, 80])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_tickets_of_each_other(site, other, size, tls):
    """With the same key file, and no wall (a plain HAProxy writes no tag), both directions, before
    and after the same `set` on both.  Our server is HAProxy as well: session-id contexts must be
    the same."""
    site.write_keys(size=size)
    other.write_conf(rings=[f'{{ file = "{site.keyfile}"; scope = "shared"; persist = false; }}'], keys=False)
    plain = Haproxy(site, [("plain", f"tls-ticket-keys {site.keyfile}")], module=False)
    ours = Haproxy(other, [("ours", "")])
    theirs, mine = plain.ports["plain"], ours.ports["ours"]
    ticket, names = site.session(), []

    def both_ways():
        for made_by, taken_by in ((theirs, mine), (mine, theirs)):
            ticket.unlink(missing_ok=True)
            got = hello(made_by, tls=tls, save=ticket)
            names.append(got["name"])
            assert not got["reused"] and got["name"] == other.names()[1]
            assert hello(taken_by, tls=tls, offer=ticket)["reused"]

    both_ways()
    hello(theirs, tls=tls, save=ticket)
    key = new_key(size)
    for path in (site.dir / "stats.sock", other.socket):
        assert talk(path, f"set ssl tls-key #0 {key}\n".encode()) == "TLS ticket key updated!\n\n"
    assert hello(mine, tls=tls, offer=ticket)["reused"], "a ticket of before the set"
    both_ways()
    assert len(set(names)) == 2


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_tickets_of_another_kind_of_server(site, other, tls):
    """nginx has another session-id context, which makes a full handshake of it, and no error; two
    nginx have the same."""
    site.write_conf(scope="shared", ring="persist = false;")
    other.write_conf(rings=[f'{{ file = "{site.keyfile}"; scope = "shared"; persist = false; }}'], keys=False)
    plain = Haproxy(site, [("plain", f"tls-ticket-keys {site.keyfile}")], module=False).ports["plain"]
    one, two = Nginx(site, workers=1).port, Nginx(other, workers=1).port
    for made_by, taken_by, reused in ((plain, one, False), (one, plain, False), (one, two, True)):
        ticket = site.session()
        name = hello(made_by, tls=tls, save=ticket)["name"]
        assert name == site.names()[1], "the key is the same"
        assert hello(taken_by, tls=tls, offer=ticket)["reused"] == reused
