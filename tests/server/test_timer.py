# SPDX-License-Identifier: Apache-2.0
"""rotate_every: one rotation a period, never two, never none, whoever is there to do it; and
what happens when nobody rotates."""
import os
import signal
import subprocess
import time

import pytest

from harness import TKCTL, Nginx, SServer, hello, wait_for

PERIOD = 2


def rotations(site):
    return [e["time"] for e in site.events(500) if e["command"] == "timer"]


def until(site, n):
    wait_for(f"{n} rotations", lambda: len(rotations(site)) >= n, PERIOD * n + 20)


def evenly(times):
    """Never two in a period.  One may come late on a machine that is busy, none is left out:
    the next due time follows from when the last one came."""
    return all(b - a >= PERIOD for a, b in zip(times, times[1:]))


def test_no_rotation_is_late(site):
    """The times of keys that follow each other are just a period apart where nothing else is to be
    done; once must do, for a busy machine may be late, but not each time."""
    site.write_conf(ring='rotate_every = "2s";')
    SServer(site)

    def on_time():
        times = rotations(site)
        return len(times) > 4 and any(b - a == PERIOD for a, b in zip(times, times[1:]))
    wait_for("a rotation that is not late", on_time, PERIOD * 15)
    assert evenly(rotations(site))


@pytest.mark.parametrize("server", ["nginx", "single", "memory"])
def test_one_rotation_a_period(site, server):
    rings = ['{ name = "m"; rotate_every = "2s"; }'] if server == "memory" else None
    site.write_conf(rings=rings, ring='rotate_every = "2s";')
    running = SServer(site) if server == "single" else Nginx(site, workers=4)
    names = site.names()
    until(site, 4)
    times = rotations(site)
    assert evenly(times), times
    assert {e["command"] for e in site.events(500)} <= {"start", "timer", "show tls-keys"}
    assert names[0] not in site.names()
    info = site.info()
    assert int(info["Rotations"]) == len(rotations(site))
    assert int(info["Next_rotation"]) == int(info["Last_rotation"]) + PERIOD
    assert all(r["by"] == "timer" for r in site.slots() if r["role"] != "unknown")
    assert hello(running.port)["ok"]


def test_through_reloads_and_kills(site):
    site.write_conf(ring='rotate_every = "2s";')
    nginx = Nginx(site, workers=4)
    until(site, 1)
    nginx.reload()
    os.kill(nginx.worker_pids()[0], signal.SIGKILL)
    until(site, 2)
    wait_for("the successor", lambda: len(nginx.worker_pids()) == 4)
    nginx.family()
    os.kill(nginx.pid, signal.SIGKILL)  # now the workers have to, as www-data
    until(site, 4)
    times = rotations(site)
    assert evenly(times), times
    assert site.info()["Uid"] != "0"
    wait_for("the save", lambda: site.keyfile.read_text().split() == site.keys())


def test_due_time_outlives_restarts(site):
    """Restarts more often than the period do not put it off."""
    site.write_conf(ring='rotate_every = "4s";')
    start, before = time.time(), site.keyfile.read_text()
    while site.keyfile.read_text() == before and time.time() < start + 30:
        SServer(site).stop()
    lines, kept = before.split(), site.keyfile.read_text().split()
    assert kept[:2] == lines[1:], "one rotation"
    assert int(start) + 4 <= site.keyfile.stat().st_mtime < start + 30


def test_saving_and_setting_again_move_no_due_time(site):
    """A file that is written again, or asked to be, keeps the time of its newest key: else a
    server that is stopped (ExecStop=tkctl save) more often than the period would never rotate."""
    site.write_conf(ring='rotate_every = "1h";')
    then = int(time.time()) - 1800
    os.utime(site.keyfile, (then, then))
    server = SServer(site)
    due = site.info()["Next_rotation"]
    assert int(due) == then + 3600
    for args in (["save"], ["set", "ssl", "tls-key", "#0", site.keys()[2]], ["save", "#0"]):
        subprocess.run([TKCTL, "-s", site.socket, *args], capture_output=True, check=True)
        assert site.info()["Next_rotation"] == due and int(site.keyfile.stat().st_mtime) == then
    server.stop()
    site.keyfile.write_text("\n".join([site.keyfile.read_text().split()[0], *site.keyfile.read_text().split()]))
    os.utime(site.keyfile, (then, then))  # one line too many: it is brought to its form
    SServer(site)
    assert site.info()["Next_rotation"] == due and int(site.keyfile.stat().st_mtime) == then


def test_long_overdue_is_one_rotation(site):
    site.write_conf(ring='rotate_every = "1h";')
    before = site.keyfile.read_text().split()
    os.utime(site.keyfile, (1500000000, 1500000000))
    SServer(site)
    until(site, 1)
    assert site.keys()[:2] == before[1:]
    assert int(site.info()["Next_rotation"]) >= time.time() + 3500
    assert len(rotations(site)) == 1


def test_a_rotation_by_hand_moves_the_due_time(site):
    site.write_conf(ring='rotate_every = "1h";')
    os.utime(site.keyfile, (time.time() - 1800, time.time() - 1800))
    SServer(site)
    due = int(site.info()["Next_rotation"])
    assert time.time() + 1700 < due < time.time() + 1900
    site.ask("rotate ssl tls-key 0")
    assert int(site.info()["Next_rotation"]) > due + 1500


def test_time_of_a_file_from_the_future(site):
    site.write_conf(ring='rotate_every = "2s";')
    os.utime(site.keyfile, (time.time() + 86400, time.time() + 86400))
    SServer(site)
    until(site, 1)


def test_file_from_the_future_gets_a_time_that_lasts(site):
    """Else each start, save and reload would begin the period anew, and restarts that come more often
    would put it off until then."""
    site.write_conf(ring='rotate_every = "1h";')
    start = int(time.time())

    def from_the_future():
        os.utime(site.keyfile, (start + 86400, start + 86400))

    def lasts():
        due = int(site.info()["Next_rotation"])
        assert start + 3600 <= due <= time.time() + 3600
        assert int(site.keyfile.stat().st_mtime) == due - 3600
    from_the_future()
    server = SServer(site)
    lasts()
    from_the_future()
    assert "TLS ticket keys saved" in site.ask("save ssl tls-key 0")
    lasts()
    from_the_future()
    assert "not saved" not in site.ask("reload ssl tls-key 0")
    lasts()
    due = site.info()["Next_rotation"]
    server.stop()
    SServer(site)
    assert site.info()["Next_rotation"] == due


def test_file_from_the_future_of_somebody_else(site):
    """Who may write a file that is not his may set its time to now, and to nothing else."""
    site.write_conf(ring='rotate_every = "1h";')
    start = int(time.time())
    os.chmod(site.keyfile, 0o666)
    os.utime(site.keyfile, (start + 86400, start + 86400))
    SServer(site, wrap=["/usr/bin/setpriv", "--reuid=33", "--regid=33", "--clear-groups"], user=33)
    assert start <= int(site.keyfile.stat().st_mtime) <= time.time() and site.keyfile.stat().st_uid == 0


def test_without_a_control_thread_seal_rotates_what_is_in_memory(site):
    site.write_conf(rings=['{ name = "m"; rotate_every = "2s"; }'], extra="control_thread = false;")
    server = SServer(site)
    first = hello(server.port)["name"]
    wait_for("another key", lambda: hello(server.port)["name"] != first, 15)
    assert not site.socket.exists()


def test_no_timer_no_rotation(site):
    site.write_conf()
    os.utime(site.keyfile, (1500000000, 1500000000))
    SServer(site)
    assert site.info()["Next_rotation"] == "0" and rotations(site) == []


def test_old_key_is_warned_about_once(site):
    site.write_conf(extra='max_key_age = "1s";')
    server = Nginx(site, workers=2)
    wait_for("the warning", lambda: "max_key_age" in site.log_text())
    for _ in range(5):
        assert hello(server.port)["name"] == site.names()[1]
        server.reload()
    assert site.log_text().count("max_key_age") == 1


def test_stop_issuing(site):
    site.write_conf(extra='max_key_age = "3s"; max_key_age_action = "stop-issuing";')
    server = SServer(site)
    ticket = site.session()
    site.ask("rotate ssl tls-key 0")
    assert hello(server.port, save=ticket)["name"] == site.names()[1]
    wait_for("no ticket", lambda: hello(server.port)["name"] == "")
    got = hello(server.port, offer=ticket)
    assert got["reused"] and got["name"] == "", "what is out there still resumes"
    site.ask("rotate ssl tls-key 0")
    assert hello(server.port)["name"] == site.names()[1]
