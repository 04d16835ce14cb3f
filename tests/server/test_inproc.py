# SPDX-License-Identifier: Apache-2.0
"""What no server at hand does (inproc.c): each scenario with what its connections saw and what the
module says of it."""

import subprocess

import pytest
from harness import TOP, run

TLS = pytest.mark.parametrize("tls", ["1.2", "1.3"])


@pytest.fixture(scope="session")
def program(pki):
    out = pki.dir / "inproc"
    run("gcc", "-g", "-O1", "-rdynamic", "-o", out, TOP / "tests/server/inproc.c",
        TOP / "tests/server/inproc_mac.c", "-lssl", "-lcrypto", "-lpthread")
    return out


class Inproc:
    """Runs a scenario; lines: its connections.  It stays until the end of `with`."""

    def __init__(self, site, program, scenario, tls):
        self.process = subprocess.Popen([program, site.pki.cert, site.pki.key, scenario, tls], env=site.env(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.lines = []
        for line in self.process.stdout:
            if line == "ready\n":
                return self
            self.lines.append(line.strip())
        raise AssertionError((self.process.wait(10), self.lines))

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


def counts(site, *names):
    return [sum(row[n] for row in site.slots() if row["slot"] != "-") for n in names]


@TLS
def test_session_that_never_expires_is_judged_all_the_same(site, program, tls):
    site.write_conf()
    with Inproc(site, program, "for ever", tls) as p:
        assert p.lines == ["served new ticket", "refused new none"]
        assert counts(site, "presented", "resumed", "expired", "astray") == [1, 0, 0, 1]


def test_resumed_where_no_new_ticket_is_issued(site, program):
    site.write_conf()
    with Inproc(site, program, "without new tickets", "1.3") as p:
        assert p.lines == ["served new ticket", "served reused none"]
        assert counts(site, "presented", "resumed", "renewed") == [1, 1, 0]


def test_a_renegotiation_gets_no_ticket_that_would_be_refused(site, program):
    """Its session cannot be tagged: libssl may share it by then."""
    site.write_conf()
    with Inproc(site, program, "renegotiated", "1.2") as p:
        assert p.lines == ["served new ticket", "served new none"]
        assert counts(site, "issued") == [1]


@TLS
def test_a_connection_that_is_used_again_counts_again(site, program, tls):
    site.write_conf()
    with Inproc(site, program, "cleared", tls) as p:
        assert [line.split()[1] for line in p.lines] == ["new", "reused", "reused", "reused"]
        assert counts(site, "presented", "resumed") == [3, 3]


def test_after_a_hello_retry_request_a_ticket_counts_once(site, program):
    site.write_conf()
    with Inproc(site, program, "retried", "1.3") as p:
        assert p.lines == ["served new ticket", "served reused ticket"]
        assert counts(site, "presented", "resumed", "renewed") == [1, 1, 1]


def test_contexts_that_are_gone_are_not_counted(site, program):
    site.write_conf()
    with Inproc(site, program, "come and gone", "1.3"):
        assert site.info()["Contexts_hooked"] == "5"


def test_stateful_tickets_are_no_keys_of_the_servers_own(site, program):
    site.write_conf(extra="takeover = false;")
    with Inproc(site, program, "stateful", "1.3"):
        assert site.info()["Contexts_left_alone"] == "0"
        assert "keeps them" not in site.log_text()


@TLS
def test_callbacks_that_nobody_could_foresee(site, program, tls):
    """OpenSSL's own key is back on the context that has them, though connections leave it before
    their ticket is sealed; and it is told."""
    site.write_conf()
    with Inproc(site, program, "found callbacks", tls) as p:
        assert p.lines[-1].startswith("served reused"), p.lines
        assert int(site.info()["Contexts_left_alone"]) >= 1
        assert "has ticket callbacks of its own" in site.log_text()


@TLS
def test_what_cannot_be_judged_is_not_opened(site, program, tls):
    site.write_conf()
    with Inproc(site, program, "out of memory", tls) as p:
        assert p.lines == ["served new ticket", "refused new none"]
        assert counts(site, "presented", "astray") == [0, 0]


@TLS
def test_library_context_of_a_threads_own(site, program, tls):
    """At our index are other people's data there, and theirs is freed by them."""
    site.write_conf()
    with Inproc(site, program, "own library context", tls) as p:
        assert p.lines == ["served new ticket", "served new ticket"]


def three(first, then):
    return ["served new ticket", first, "served reused ticket", "served reused ticket", then]


def test_a_ticket_fetches_nothing(site, program):
    """libssl fetches HMAC by name for EVP callbacks, ticket by ticket: only for a context's first one."""
    site.write_conf()
    with Inproc(site, program, "mac", "1.3") as p:
        assert p.lines == three("fetched", "nothing fetched")
        assert counts(site, "issued", "resumed") == [4, 2]


@pytest.mark.parametrize("which", ["another", "a later", "a context's"])
def test_hmac_of_another_provider_is_the_one_that_is_used(site, program, which):
    """libcrypto's own HMAC is the default provider's, not that of a FIPS module; which one libssl takes
    is decided by context."""
    site.write_conf()
    with Inproc(site, program, f"mac of {which} provider", "1.3") as p:
        assert p.lines == three("fetched", "fetched")
        assert counts(site, "issued", "resumed") == [4, 2]


def test_what_is_not_taken_over_keeps_its_kind_of_callback(site, program):
    """takeover = false: nothing is taken from a context that may have one of its own."""
    site.write_conf(extra="takeover = false;")
    with Inproc(site, program, "mac", "1.3") as p:
        assert p.lines == three("fetched", "fetched")
        assert site.info()["Contexts_left_alone"] == "0"


@TLS
def test_a_key_callback_that_the_program_sets_later(site, program, tls):
    """Of the kind that comes second: ours opens the first ticket that the context sees.  Set when the
    context has issued tickets it is asked once, and is ours again with the next ticket."""
    site.write_conf()
    ticket = "ticket" if tls == "1.3" else "none"
    with Inproc(site, program, "own key callback", tls) as p:
        assert p.lines == ["served new ticket", f"served reused {ticket}", *["served new ticket"] * 3,
                           "the program's own key", "served new ticket", f"served reused {ticket}"]


@TLS
def test_a_key_callback_that_changes_amidst(site, program, tls):
    """It costs that connection its resumption; the next one has it again."""
    site.write_conf()
    with Inproc(site, program, "changed amidst", tls) as p:
        assert p.lines == [*["served new ticket"] * 4, "served reused " + ("ticket" if tls == "1.3" else "none")]
