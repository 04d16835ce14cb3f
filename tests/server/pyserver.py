# SPDX-License-Identifier: Apache-2.0
"""A TLS server in Python's ssl: several listeners in one process, by threads or asyncio."""

import asyncio
import json
import socket
import ssl
import sys
import threading

style, cert, key, spec = sys.argv[1:5]
VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def context(listener):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(cert, key)
    if listener["ca"]:
        ctx.load_verify_locations(listener["ca"])
    ctx.verify_mode = VERIFY[listener["verify"]]
    return ctx


def answer(listener):
    body = listener["name"].encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def serve_one(raw, ctx, listener):
    try:
        raw.settimeout(5)
        with ctx.wrap_socket(raw, server_side=True) as s:
            s.recv(4096)
            s.sendall(answer(listener))
            s.unwrap()  # without a close_notify the client would drop its session
    except (OSError, ssl.SSLError):
        pass


def threads(listener, ctx):
    sock = socket.create_server(("127.0.0.1", listener["port"]))
    while True:
        raw, _ = sock.accept()
        threading.Thread(target=serve_one, args=(raw, ctx, listener), daemon=True).start()


async def loop(listeners):
    def handler(listener):
        async def handle(reader, writer):
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(listener))
                await writer.drain()
            except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
                pass
            writer.close()
        return handle

    servers = [await asyncio.start_server(handler(one), "127.0.0.1", one["port"], ssl=context(one))
               for one in listeners]
    await asyncio.gather(*(s.serve_forever() for s in servers))


listeners = json.loads(spec)
if style == "asyncio":
    asyncio.run(loop(listeners))
else:
    made = [(one, context(one)) for one in listeners]
    for one, ctx in made[1:]:
        threading.Thread(target=threads, args=(one, ctx), daemon=True).start()
    threads(*made[0])
