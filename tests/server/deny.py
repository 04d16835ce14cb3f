# SPDX-License-Identifier: Apache-2.0
"""deny.py NUMBER ERRNO COMMAND...: runs it where that system call fails with that errno, or with
`kill` in its place ends who calls."""
import ctypes
import os
import struct
import sys

number = int(sys.argv[1])
action = 0x80000000 if sys.argv[2] == "kill" else 0x50000 | int(sys.argv[2])
prog = b"".join(struct.pack("HBBI", *row) for row in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, 0x7fff0000)])
text = ctypes.create_string_buffer(prog)
filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(text)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter_) == 0
os.execv(sys.argv[3], sys.argv[3:])
