# SPDX-License-Identifier: Apache-2.0
import sys
import tempfile
import shutil
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
import sanitizers  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "not_under(runtime, ...): not for builds with these sanitizers")


def pytest_collection_modifyitems(config, items):
    apart = [i for i in items if sanitizers.not_for_this_build(i)]
    if not apart:
        return
    config.hook.pytest_deselected(items=apart)
    items[:] = [i for i in items if i not in apart]


@pytest.fixture(scope="session")
def pki():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tkpki", dir="/tmp"))
    folder.chmod(0o755)
    yield harness.Pki(folder)
    shutil.rmtree(folder)


@pytest.fixture
def site(pki):
    s = harness.Site(pki)
    yield s
    s.close()


@pytest.fixture
def other(pki):
    """A second node."""
    s = harness.Site(pki)
    yield s
    s.close()
