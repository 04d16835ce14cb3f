# SPDX-License-Identifier: Apache-2.0
"""tkctl with a SYSCONFDIR of the test's own: in a mount namespace, where a folder lies over the
real one."""
import pathlib
import re
import subprocess


def wrap(tkctl, folder):
    """The start of a command line under which tkctl finds `folder`/tkprov/ in SYSCONFDIR."""
    text = subprocess.run([tkctl, "check", "--help"], capture_output=True, text=True).stdout
    sysconfdir = pathlib.Path(re.search(r"(/.*/tkprov\.conf)", text)[1]).parent.parent
    assert sysconfdir.is_dir(), sysconfdir
    return ["/usr/bin/unshare", "-m", "/bin/sh", "-c",
            f'/usr/bin/mount --bind "$0" {sysconfdir} && exec "$@"', str(folder), str(tkctl)]
