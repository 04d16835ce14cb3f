# SPDX-License-Identifier: Apache-2.0
"""Debian's haproxy beside the module in openssl s_server, with the same key files, and ways to
talk to both."""
import array
import fcntl
import socket
import termios
import time

from harness import Child, SServer, free_port


def talk(path, data, timeout=5):
    """All that comes back for those bytes, after a half-close."""
    out = b""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(str(path))
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while piece := s.recv(65536):
            out += piece
    return out.decode("latin-1")


def until(s, count):
    """That many bytes, or all that there are."""
    out = b""
    while len(out) < count and (piece := s.recv(count - len(out))):
        out += piece
    return out.decode("latin-1")


def talk_in_parts(path, parts, first=None):
    """All that comes back when each part is sent after the one before it was read.  first: how many
    bytes come back before the second is sent."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(path))
        out, unread = "", array.array("i", [0])

        for part in parts:
            try:
                s.sendall(part.encode("latin-1"))
                end = time.monotonic() + 5
                while fcntl.ioctl(s, termios.TIOCOUTQ, unread) == 0 and unread[0] > 0:
                    assert time.monotonic() < end, ("not read", parts)
            except OSError:
                break
            if first is not None:
                out, first = until(s, first), None
        try:
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            return out + until(s, 1 << 30)
        except ConnectionResetError:
            return out


def talk_until_closed(path, text):
    """No half-close: the server has to know that this is all."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(path))
        s.sendall(text.encode("latin-1"))
        return until(s, 1 << 30)


class Both:
    def __init__(self, site):
        self.site = site
        self.theirs, self.ours = site.dir / "haproxy.sock", site.socket
        self.files = [site.dir / "a b.key", site.dir / "small.key"]
        site.write_keys(path=self.files[0])
        site.write_keys(size=48, path=self.files[1])
        self.start_haproxy()
        listed = [row.split(" ", 1) for row in talk(self.theirs, b"show tls-keys\n").splitlines()[1:] if row]
        order = [file[1:-1] for _, file in sorted(listed, key=lambda r: int(r[0]))]
        assert sorted(order) == sorted(map(str, self.files))
        rings = [f'{{ file = "{f}"; persist = false; {name} }}'
                 for f, name in zip(order, ("", 'server_names = [ "x.test" ];'))]
        site.write_conf(rings=rings)
        self.server = SServer(site)
        self.ids = {f: order.index(str(f)) for f in self.files}

    def start_haproxy(self):
        site = self.site
        conf = site.dir / "oracle.cfg"
        binds = "\n".join(
            f"frontend f{i}\n  bind 127.0.0.1:{free_port()} ssl crt {site.pki.both} tls-ticket-keys "
            + str(f).replace(" ", "\\ ") for i, f in enumerate(self.files))
        conf.write_text(f"global\n  stats socket {self.theirs} mode 600 level admin\n"
                        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n"
                        f"  timeout connect 5s\n{binds}\n")
        site.add(Child(site, ["haproxy", "-db", "-f", conf], self.theirs.exists, module=False))

    def ask(self, text):
        data = text.encode("latin-1")
        theirs = talk(self.theirs, data).replace(str(self.theirs), "SOCKET")
        return theirs, talk(self.ours, data).replace(str(self.ours), "SOCKET")
