# SPDX-License-Identifier: Apache-2.0
"""What a user copies: the files of examples/, with the paths of a folder of the test's own and
nothing else changed, loaded by the programs that they are for."""
import shlex
import shutil
import subprocess

import sanitizers
from harness import BUILD, MODULE, TOP, Server, answers, free_port, hello, run, start_nginx, wait_for

EXAMPLES = TOP / "examples"


def copy(site, name, port=0):
    """An example with its paths changed; each change has to have something to change."""
    text = (EXAMPLES / name).read_text()
    changes = {
        "openssl.cnf": [("[tkprov_sect]\n", f"[tkprov_sect]\nmodule = {MODULE}\n"),
                        ("/etc/tkprov/tkprov.conf", str(site.dir / "tkprov.conf"))],
        "tkprov.conf": [("/run/tkprov/nginx.sock", str(site.socket)),
                        ("/etc/ssl/tls-ticket-keys/test.local.key", str(site.keyfile)),
                        ('target = "syslog"', f'target = "{site.log}"')],
        "nginx.conf": [("pid /run/nginx.pid", f"pid {site.dir}/nginx.pid"),
                       ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
                       ("/etc/ssl/certs/test.local.pem", str(site.pki.cert)),
                       ("/etc/ssl/private/test.local.key", str(site.pki.key)),
                       ("http {\n", f"http {{ access_log off; client_body_temp_path {site.dir}/a; proxy_temp_path"
                        f" {site.dir}/b; fastcgi_temp_path {site.dir}/c; uwsgi_temp_path {site.dir}/d;"
                        f" scgi_temp_path {site.dir}/e;\n")],
        "nginx.service.d/tkprov.conf": [("/etc/tkprov/openssl.cnf", str(site.dir / "openssl.cnf")),
                                        ("/usr/bin/tkctl -i nginx", f"{BUILD}/tkctl -s {site.socket}"),
                                        ("/usr/bin/tkctl", f"{BUILD}/tkctl"),
                                        ("/run/nginx.pid", f"{site.dir}/nginx.pid")],
    }[name]
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, new)
    path = site.dir / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def drop_in(path):
    """Lists of values; an empty one begins anew, as systemd has it."""
    unit = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            unit[key] = [*unit.get(key, []), value] if value else []
    return unit


def test_all_of_them_together(site):
    """The drop-in's commands in its order: check, start, changes that the server cannot save,
    save, stop; the keys of before are there at the next start."""
    port = free_port()
    site.write_keys()
    for name in ("openssl.cnf", "tkprov.conf"):
        copy(site, name)
    conf, unit = copy(site, "nginx.conf", port), drop_in(copy(site, "nginx.service.d/tkprov.conf"))
    assert unit["Environment"] == [f"OPENSSL_CONF={site.openssl_cnf}"]
    for command in unit["ExecStartPre"]:
        run(*shlex.split(command), env=sanitizers.options(site.dir / "san"))

    def start():
        pid = start_nginx(site, conf, site.dir / "err", site.dir / "nginx.pid")
        wait_for("nginx", lambda: answers(port))
        return site.add(Server(site, pid))

    server = start()
    assert hello(port)["name"] == site.names()[1]
    ticket = site.session()
    hello(port, save=ticket)
    # what the server cannot save, `tkctl save` of ExecStop does
    away = site.dir / "away"
    shutil.move(site.keyfile, away)
    site.ask("rotate ssl tls-key 0")
    shutil.move(away, site.keyfile)
    keys = site.keys()
    save, stop = unit["ExecStop"]
    subprocess.run(shlex.split(save.lstrip("-")), check=True, stdout=subprocess.DEVNULL,
                   env=sanitizers.options(site.dir / "san"))
    assert site.keyfile.read_text().split() == keys
    assert stop == f"-/sbin/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile {site.dir}/nginx.pid"
    server.stop()
    start()
    assert site.keys() == keys and hello(port, offer=ticket)["reused"]


def test_the_check_of_the_drop_in_stops_a_start(site):
    for name in ("openssl.cnf", "tkprov.conf"):
        copy(site, name)
    command, = drop_in(copy(site, "nginx.service.d/tkprov.conf"))["ExecStartPre"]
    done = subprocess.run(shlex.split(command), capture_output=True, text=True,
                          env=sanitizers.options(site.dir / "san"))
    assert done.returncode == 1 and "unable to load ssl tickets keys file" in done.stderr


def verified(folder, text):
    """What systemd says of nginx's unit with that drop-in."""
    path = folder / "nginx.service.d" / "tkprov.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    done = subprocess.run(["/usr/bin/systemd-analyze", "verify", "nginx.service"], capture_output=True, text=True,
                          env={"SYSTEMD_UNIT_PATH": f"{folder}:/lib/systemd/system", "LC_ALL": "C"})
    return [line for line in (done.stdout + done.stderr).splitlines() if str(path) in line]


def test_systemd_takes_the_drop_in(site):
    text = (EXAMPLES / "nginx.service.d/tkprov.conf").read_text()
    assert "Unknown key 'ExecStopp'" in "".join(verified(site.dir / "bad", text.replace("ExecStop=-", "ExecStopp=-")))
    assert verified(site.dir / "good", text) == []
