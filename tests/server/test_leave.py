# SPDX-License-Identifier: Apache-2.0
"""What coverage.sh loads into servers: SIGTERM ends them by exit(), whatever they are at."""
import os
import signal
import subprocess

from harness import TOP, alive, run, wait_for

# Two threads, as a server with the module's: else malloc does without a lock.
AT_WORK = """
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void bye(void) { free(malloc(100000)); (void)!write(1, "bye", 3); }
static void *idle(void *arg) { pause(); return arg; }
int main(int argc, char **argv)
{
    void *volatile p;
    pthread_t thread;
    atexit(bye);
    if (pthread_create(&thread, NULL, idle, NULL) != 0) return 1;
    if (argc > 1 && fork() > 0) pause();
    for ((void)!write(1, argv[argc - 1], 1);; free(p)) p = malloc(100000);
}
"""


def at_work(site):
    (site.dir / "at_work.c").write_text(AT_WORK)
    run("gcc", "-pthread", "-o", site.dir / "at_work", site.dir / "at_work.c")
    run("gcc", "-shared", "-fPIC", "-pthread", "-o", site.dir / "leave.so", TOP / "tests/server/leave.c")


def leaves(site):
    p = subprocess.Popen([site.dir / "at_work"], env={"LD_PRELOAD": f"{site.dir}/leave.so"}, stdout=subprocess.PIPE)
    try:
        assert p.stdout.read(1)
        p.send_signal(signal.SIGTERM)
        return p.communicate(timeout=20)[0] == b"bye" and p.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        p.kill()
        p.wait()


def test_in_the_middle_of_malloc(site):
    """exit() by the handler itself waits for ever for the lock that is held below it."""
    at_work(site)
    for i in range(200):
        assert leaves(site), f"the {i}th does not end"


def test_children_end_too(site):
    """They have no thread that could do it."""
    at_work(site)
    p = subprocess.Popen([site.dir / "at_work", "fork"], env={"LD_PRELOAD": f"{site.dir}/leave.so"},
                         stdout=subprocess.PIPE)
    child = None
    try:
        assert p.stdout.read(1) == b"f"
        child, = (int(c) for c in open(f"/proc/{p.pid}/task/{p.pid}/children").read().split())
        os.kill(child, signal.SIGTERM)
        wait_for("the child's end", lambda: not alive(child), 10)
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
    finally:
        if child and alive(child):
            os.kill(child, signal.SIGKILL)
        p.kill()
        p.wait()
