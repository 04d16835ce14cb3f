# SPDX-License-Identifier: Apache-2.0
"""Key files that tkctl gen made, in the module and in HAProxy; and weak keys, which HAProxy
would take and the module does not."""

import base64
import subprocess

import pytest
from harness import HAPROXY, TKCTL, SServer, free_port, hello, run


def gen(site, *args):
    return [line.split() for line in run(TKCTL, "gen", site.keyfile, *args).decode().splitlines()]


def haproxy_takes(site):
    conf = site.dir / "haproxy.cfg"
    conf.write_text(
        "defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n"
        f"frontend f\n bind 127.0.0.1:{free_port()} ssl crt {site.pki.both}"
        f" tls-ticket-keys {site.keyfile}\n http-request return status 200\n")
    return subprocess.run([HAPROXY, "-c", "-f", conf], capture_output=True, text=True,
                          env=site.env(module=False))


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("count", [3, 5])
def test_both_take_the_file(site, bits, count):
    names = gen(site, "--bits", bits, "--keys", count)
    assert [slot for slot, _ in names] == [str(i) for i in range(count)]
    p = haproxy_takes(site)
    assert p.returncode == 0, p.stdout + p.stderr
    site.write_conf(slots=count, keys=False)
    server = SServer(site)
    assert site.names() == [name for _, name in names]
    assert hello(server.port)["name"] == names[-2][1], "the last but one encrypts"


WEAK = {
    "zeros": (bytes(80), "its name is all zeros"),
    "text": (base64.b64encode(bytes(range(60))), "its AES key is text"),
    "equal": (b"x" * 48, "all bytes of its name are equal"),
    "counting": (bytes(range(80)), "the bytes of its name count"),
}


@pytest.mark.parametrize("case", WEAK)
def test_weak_key(site, case):
    """In a line that is dropped: HAProxy takes the file, here it is named and no ticket issued."""
    key, why = WEAK[case]
    gen(site, "--bits", 128 if len(key) == 48 else 256)
    lines = site.keyfile.read_text()
    site.keyfile.write_text(base64.b64encode(key).decode() + "\n" + lines)
    assert haproxy_takes(site).returncode == 0
    site.write_conf(keys=False)
    server = SServer(site)
    assert hello(server.port)["name"] == ""
    assert f"'{site.keyfile}' : weak key on line 1: {why}" in site.log_text()


def test_name_of_another_key(site):
    gen(site)
    lines = [base64.b64decode(line) for line in site.keyfile.read_text().split()]
    lines[2] = lines[0][:16] + lines[2][16:]
    site.keyfile.write_text("".join(base64.b64encode(k).decode() + "\n" for k in lines))
    site.write_conf(keys=False)
    server = SServer(site)
    assert hello(server.port)["name"] == ""
    assert "weak key on line 3: its name is that of another key of the ring" in site.log_text()
