# SPDX-License-Identifier: Apache-2.0
"""A server that closes what it does not know and puts listeners of its own in its place: where
the control thread shares its descriptors, that must not answer on them.
usage: shared_table.py CERT KEY PORT READY"""
import os
import pathlib
import socket
import ssl
import sys
import time

cert, key, port, ready = sys.argv[1:5]
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(cert, key)
theirs = socket.create_server(("127.0.0.1", int(port)))
theirs.setblocking(False)
pathlib.Path(ready + ".began").touch()
while not os.path.exists(ready + ".go"):  # a control client is connected by now
    time.sleep(0.02)
taken = [int(n) for n in os.listdir("/proc/self/fd") if int(n) >= 400]
for fd in taken:
    os.dup2(theirs.fileno(), fd)
pathlib.Path(ready).touch()
time.sleep(60)
