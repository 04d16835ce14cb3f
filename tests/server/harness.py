# SPDX-License-Identifier: Apache-2.0
"""What the tests with real servers stand on: a folder of their own, certificates, the
module's configuration, servers that are started by waiting until they answer and stopped
by their recorded pid, and the client tlsc."""

import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import sanitizers

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TKPROV_BUILD", TOP / "build")).resolve()
MODULE = BUILD / ".libs" / "tkprov.so"
TKCTL = BUILD / "tkctl"
TLSC = BUILD / "tests" / "server" / "tlsc"
NGINX = "/usr/sbin/nginx"
HAPROXY = "/usr/sbin/haproxy"
PYTHON = "/usr/bin/python3"
DEADLINE = 20
WWW = 33  # www-data
AS_WWW = ["/usr/bin/setpriv", "--reuid=33", "--regid=33", "--clear-groups"]


def wait_for(what, probe, deadline=DEADLINE):
    """Asks until probe() is true; what is named when it never is."""
    end = time.monotonic() + deadline
    while True:
        got = probe()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s for {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def stat_of(pid):
    """State, parent and start time, or None.  Pids come round again: pid and start time
    together name a process."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[19])


def alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] != "Z"


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def touches(pid, folder):
    """Has the process anything of the folder: arguments, environment, a descriptor, its cwd?"""
    proc, needle = pathlib.Path(f"/proc/{pid}"), f"{folder}/"
    try:
        if any(needle.encode() in (proc / f).read_bytes() for f in ("cmdline", "environ")):
            return True
        links = [proc / "cwd", *(proc / "fd").iterdir()]
    except OSError:
        return False
    for link in links:
        try:
            if f"{os.readlink(link)}/".startswith(needle):
                return True
        except OSError:
            pass
    return False


def run(*args, **kw):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, **kw).stdout


class Pki:
    """Certificates, made once for all tests: a server's, and CAs `a`, `b` (of one name)
    with a client each, `a` and `b`; CA `a` has another, `a2`."""

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.cert, self.key = self.dir / "server.pem", self.dir / "server.key"
        self._self_signed("server", "/CN=test.local")
        run("sh", "-c", f"cat {self.cert} {self.key} > {self.dir}/server.both")
        self.both = self.dir / "server.both"
        for ca in ("a", "b"):
            self._self_signed(f"ca-{ca}", "/CN=one name for two")
            self._client(ca, ca, 7)
        self._client("a", "a2", 8)

    def _self_signed(self, name, subject):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", subject,
            "-keyout", self.dir / f"{name}.key", "-out", self.dir / f"{name}.pem")

    def _client(self, ca, name, serial):
        base = self.dir / f"client-{name}"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN=client {name} of {ca}", "-keyout", f"{base}.key", "-out", f"{base}.csr")
        run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", self.dir / f"ca-{ca}.pem",
            "-CAkey", self.dir / f"ca-{ca}.key", "-set_serial", serial, "-days", "30",
            "-out", f"{base}.pem")

    def ca(self, name="a"):
        return self.dir / f"ca-{name}.pem"

    def client(self, name="a"):
        return self.dir / f"client-{name}.pem", self.dir / f"client-{name}.key"

    def crl(self, name="a", revoke=False):
        """A CRL of CA `name`, with its client on it or not."""
        work = pathlib.Path(tempfile.mkdtemp(dir=self.dir))
        (work / "index").write_text("")
        (work / "number").write_text("01\n")
        (work / "cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index\ncrlnumber={work}/number\n"
            f"default_md=sha256\ndefault_crl_days=30\ncertificate={self.ca(name)}\n"
            f"private_key={self.dir}/ca-{name}.key\n")
        if revoke:
            run("openssl", "ca", "-config", work / "cnf", "-revoke", self.client(name)[0])
        run("openssl", "ca", "-config", work / "cnf", "-gencrl", "-out", work / "crl.pem")
        return work / "crl.pem"


def new_key(size=80):
    return base64.b64encode(os.urandom(size)).decode()


class Site:
    """A folder with the module's configuration, and what is started in it."""

    def __init__(self, pki):
        self.pki = pki
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tk", dir="/tmp"))
        self.dir.chmod(0o755)
        self.socket = self.dir / "s.sock"
        self.conf = self.dir / "tkprov.conf"
        self.openssl_cnf = self.dir / "openssl.cnf"
        self.log = self.dir / "tk.log"
        self.keyfile = self.dir / "t.key"
        self.servers = []
        self.saved = 0
        (self.dir / "san").mkdir()
        (self.dir / "san").chmod(0o777)
        self.write_openssl_cnf()

    def write_openssl_cnf(self, default=True, module=MODULE):
        self.openssl_cnf.write_text(
            "openssl_conf = init\n[init]\nproviders = provs\n[provs]\n"
            + ("default = default_sect\n" if default else "")
            + "tkprov = tkprov_sect\n[default_sect]\nactivate = 1\n[tkprov_sect]\n"
            f"module = {module}\nconfig = {self.conf}\nactivate = 1\n")

    def write_keys(self, n=3, size=80, path=None):
        path = path or self.keyfile
        path.write_text("".join(new_key(size) + "\n" for _ in range(n)))
        path.chmod(0o600)

    def write_conf(self, rings=None, sockets=None, extra="", scope="auto", slots=3, keys=True,
                   ring=""):
        """rings: texts of libconfig groups; by default one ring with a file, and `ring` in it."""
        if rings is None:
            rings = [f'{{ file = "{self.keyfile}"; slots = {slots}; scope = "{scope}"; {ring} }}']
            if keys:
                self.write_keys(slots)
        if sockets is None:
            sockets = [f'{{ path = "{self.socket}"; }}']
        self.conf.write_text(
            f'sockets = ( {", ".join(sockets)} );\nrings = ( {", ".join(rings)} );\n'
            f'log = {{ target = "{self.log}"; level = "debug"; }};\n{extra}\n')

    def env(self, module=True):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        if module:
            env["OPENSSL_CONF"] = str(self.openssl_cnf)
            env.update(sanitizers.env(self.dir / "san"))
        return env

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def ask(self, line, path=None):
        return ask(path or self.socket, line)

    def names(self, ring=0):
        return [base64.b64decode(k)[:16].hex() for k in self.keys(ring)]

    def keys(self, ring=0):
        rows = self.ask(f"show tls-keys #{ring}").splitlines()
        return [r.split()[1] for r in rows if r and not r.startswith("#")]

    def slots(self, ring="*"):
        """The audit table's rows, as dictionaries; numbers where there are some."""
        return table(self.ask(f"show tls-key-slots {ring}"))

    def events(self, n=""):
        return table(self.ask(f"show tls-key-events {n}"))

    def info(self):
        return dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if line)

    def session(self):
        """A new file name for a session."""
        self.saved += 1
        return self.dir / f"session{self.saved}"

    def add(self, server):
        self.servers.append(server)
        return server

    def left_behind(self):
        """Whoever still has anything of the folder, however it got away from its parent.
        Only told, never ended: that somebody looks into a folder does not make him ours."""
        return [p for p in all_pids() if p != os.getpid() and alive(p) and touches(p, self.dir)]

    def close(self):
        wrong = []
        for s in self.servers:
            try:
                s.stop()
            except AssertionError as e:
                wrong.append(str(e))
        try:
            wait_for("the end of all that was started", lambda: not self.left_behind(), 5)
        except AssertionError:
            wrong.append(f"processes left behind: {self.left_behind()}")
        wrong += sanitizers.reports(self.dir / "san")
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not wrong, "\n".join(wrong)


def table(text):
    head, *rows = [line for line in text.split("\n") if line]
    assert head.startswith("# "), text
    names = head[2:].split("\t")
    for row in rows:
        assert row.count("\t") == len(names) - 1, row
    return [{name: int(field) if field.isdigit() and name != "name" else field
             for name, field in zip(names, row.split("\t"))} for row in rows]


def ask(path, line, timeout=10):
    """One line to a control socket, as socat would; the whole answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(str(path))
        s.sendall(line.encode() + b"\n")
        got = b""
        while True:
            more = s.recv(65536)
            if not more:
                return got.decode()
            got += more


def tlsc(port, tls="1.3", sni="test.local", cert=None, offer=None, save=None, early=False,
         count=1, chain=False, host=None):
    """What each connection came to, as a list of dictionaries."""
    args = [TLSC, "-2" if tls == "1.2" else "-3", "-x", count]
    if sni:
        args += ["-n", sni]
    if cert:
        args += ["-c", cert[0], "-k", cert[1]]
    if offer:
        args += ["-i", offer]
    if save:
        args += ["-o", save]
    if host:
        args += ["-H", host]
    args += ["-e"] if early else []
    args += ["-C"] if chain else []
    out = run(*args, f"127.0.0.1:{port}", timeout=120, env={"PATH": "/usr/bin"})
    return [json.loads(line) for line in out.splitlines()]


def hello(port, **kw):
    """One connection that must be served."""
    got = tlsc(port, **kw)[0]
    assert got["ok"], got
    return got


class Server:
    """A process that was started here, and all that descend from it."""

    def __init__(self, site, pid):
        self.site, self.pid = site, pid
        self.seen = {pid: stat_of(pid)}
        self.family()

    def family(self):
        """The living of all processes that it ever was seen to have."""
        now = {pid: stat_of(pid) for pid in all_pids()}

        def same(pid):
            was, is_ = self.seen[pid], now.get(pid)
            return was is not None and is_ is not None and was[2] == is_[2]

        grown = True
        while grown:
            kin = {pid for pid in self.seen if same(pid)}
            kids = {pid: s for pid, s in now.items() if s and s[1] in kin and pid not in kin}
            self.seen.update(kids)
            grown = bool(kids)
        return {pid for pid in kin if now[pid][0] != "Z"}

    def end(self, pids, sig):
        for pid in sorted(pids, key=lambda p: (self.seen[p][2], p)):  # first who would start others anew
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass

    def stop(self, sig=signal.SIGTERM):
        """The first process ends the others; where it is gone already, or cannot, we do, with a signal
        that they hear."""
        family = self.family()
        first = self.pid in family
        if sanitizers.DEAF_CHILDREN and not first:
            sig = signal.SIGKILL
        self.end({self.pid} if first and sig != signal.SIGKILL else family, sig)
        end = time.monotonic() + DEADLINE
        while self.family() and time.monotonic() < end:
            self.reap()
            time.sleep(0.02)
        left = self.family()
        self.end(left, signal.SIGKILL)
        self.reap()
        assert not left, f"{left} did not end in {DEADLINE} s after signal {sig}"

    def reap(self):
        pass


class Child(Server):
    """A server that stays our child."""

    def __init__(self, site, args, ready, module=True, **kw):
        self.err = open(site.dir / "stderr", "ab")
        env = site.env(module)
        if module:
            env.pop("LD_PRELOAD", None)
            args = sanitizers.wrapped(args)
        self.process = subprocess.Popen([str(a) for a in args], env=env, cwd=site.dir,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.err, **kw)
        super().__init__(site, self.process.pid)
        try:
            wait_for(f"{args[0]}", lambda: ready() or self.process.poll() is not None)
            assert self.process.poll() is None, (site.dir / "stderr").read_text()
        except AssertionError:
            self.stop()
            raise

    def reap(self):
        self.process.poll()

    def stop(self, sig=signal.SIGTERM):
        try:
            super().stop(sig)
        finally:
            self.process.wait(DEADLINE)
            self.err.close()


def start_nginx(site, conf, err, pidfile, module=True, stderr=None):
    """A daemon's pid.  Where forked children are deaf nginx does not fork to become one.  Its shell
    ends when it is up: it has another parent then, without which there is no binary upgrade."""
    env, args = site.env(module), [NGINX, "-p", site.dir, "-c", conf, "-e", err]
    to = {"stdout": subprocess.DEVNULL, "stderr": stderr or subprocess.DEVNULL}
    if not sanitizers.DEAF_CHILDREN:
        subprocess.run(args, env=env, check=True, stdin=subprocess.DEVNULL, **to)
    else:
        env.pop("LD_PRELOAD", None)
        args = [*(sanitizers.wrapped(args) if module else args), "-g", "daemon off;"]
        shell = subprocess.Popen(["/bin/sh", "-c", '"$@" & read -r _', "sh", *args], env=env,
                                 stdin=subprocess.PIPE, start_new_session=True, **to)
    try:
        return int(wait_for("nginx's pid", lambda: pidfile.exists() and pidfile.read_text().strip()))
    finally:
        if sanitizers.DEAF_CHILDREN:
            shell.communicate()


class Nginx(Server):
    """A daemon, workers as www-data.  servers: texts of server blocks; `{port}` in them
    stands for the port."""

    def __init__(self, site, servers=None, workers=4, module=True, events="", http="", stderr=None, main=""):
        self.port = free_port()
        self.module = module
        self.site = site
        self.workers, self.events, self.http, self.main = workers, events, http, main
        self.conf = site.dir / f"nginx{self.port}.conf"
        self.pidfile = site.dir / f"nginx{self.port}.pid"
        self.write(servers or [self.block(site)])
        super().__init__(site, start_nginx(site, self.conf, site.dir / "nginx.err", self.pidfile, module, stderr))
        wait_for("nginx", lambda: answers(self.port))
        wait_for("workers", lambda: len(self.worker_pids()) >= workers)
        site.add(self)

    @staticmethod
    def block(site, name="test.local", body="hello", extra="", listen=""):
        return (f"server {{ listen 127.0.0.1:{{port}} ssl {listen}; server_name {name};"
                f" ssl_certificate {site.pki.cert}; ssl_certificate_key {site.pki.key};"
                f" ssl_protocols TLSv1.2 TLSv1.3; {extra} location / {{ return 200 \"{body}\"; }} }}")

    def write(self, servers):
        blocks = "\n".join(s.replace("{port}", str(self.port)) for s in servers)
        self.conf.write_text(
            f"{self.main} worker_processes {self.workers}; user www-data; pid {self.pidfile};"
            f" error_log {self.site.dir}/nginx.err info; worker_shutdown_timeout 2s;\n"
            f"events {{ {self.events} }}\n"
            f"http {{ access_log off; {self.http} keepalive_timeout 0; client_body_temp_path"
            f" {self.site.dir}/body; proxy_temp_path {self.site.dir}/proxy; fastcgi_temp_path"
            f" {self.site.dir}/fcgi; uwsgi_temp_path {self.site.dir}/uwsgi; scgi_temp_path"
            f" {self.site.dir}/scgi;\n{blocks}\n}}\n")

    def worker_pids(self):
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.pid)],
                             capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in out.splitlines()
                if "worker process" in line and "shutting" not in line]

    def reload(self, *signal_args):
        before = set(self.worker_pids())
        run(NGINX, "-p", self.site.dir, "-c", self.conf, "-e", self.site.dir / "nginx.err",
            "-s", "reload", env=self.site.env(self.module))
        wait_for("new workers", lambda: len(set(self.worker_pids()) - before) >= self.workers
                 and not set(self.worker_pids()) & before)
        self.family()

    def test(self):
        run(NGINX, "-p", self.site.dir, "-c", self.conf, "-e", self.site.dir / "nginx.err", "-t",
            env=self.site.env(self.module))


class Haproxy(Child):
    """binds: (name, options) pairs; each frontend answers with its name."""

    def __init__(self, site, binds, module=True, nbthread=None):
        self.ports = {name: free_port() for name, _ in binds}
        conf = site.dir / "haproxy.cfg"
        text = "global\n" + (f"  nbthread {nbthread}\n" if nbthread else "") + \
               "  stats socket {0}/stats.sock level admin\ndefaults\n  mode http\n" \
               "  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n".format(site.dir)
        for name, options in binds:
            text += (f"frontend {name}\n  bind 127.0.0.1:{self.ports[name]} ssl crt"
                     f" {site.pki.both} {options}\n  http-request return status 200"
                     f" content-type text/plain string \"{name}\"\n")
        conf.write_text(text)
        super().__init__(site, [HAPROXY, "-db", "-f", conf],
                         lambda: all(answers(p) for p in self.ports.values()), module)
        site.add(self)


class PyServer(Child):
    """tests/server/pyserver.py: listeners of one process, each (name, verify, ca)."""

    def __init__(self, site, listeners, style="threads", module=True):
        self.ports = {name: free_port() for name, _, _ in listeners}
        spec = [{"name": n, "port": self.ports[n], "verify": v, "ca": str(ca) if ca else None}
                for n, v, ca in listeners]
        super().__init__(site, [PYTHON, TOP / "tests/server/pyserver.py", style, site.pki.cert,
                                site.pki.key, json.dumps(spec)],
                         lambda: all(answers(p) for p in self.ports.values()), module)
        site.add(self)


class SServer(Child):
    """openssl s_server -www, or what is asked for."""

    def __init__(self, site, *options, module=True, wrap=(), user=None):
        """user: who it runs as, by `wrap`, and whose the folder is then."""
        self.port = free_port()
        key = site.pki.key
        if user is not None:
            os.chown(site.dir, user, user)
            if site.keyfile.exists() and site.keyfile.stat().st_mode & 0o7777 == 0o600:
                os.chown(site.keyfile, user, user)
            key = site.dir / "server.key"
            shutil.copy(site.pki.key, key)
            os.chown(key, user, user)
        super().__init__(site, [*wrap, "/usr/bin/openssl", "s_server", "-accept", f"127.0.0.1:{self.port}",
                                "-cert", site.pki.cert, "-key", key, "-www", *options],
                         lambda: answers(self.port), module)
        site.add(self)
