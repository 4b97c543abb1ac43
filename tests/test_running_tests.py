"""How the tests run (conftest.py): a skip fails in CI, long campaigns run when asked for, real processes share one worker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
PLANTED = """
import pytest
def test_runs(): pass
def test_skips(): pytest.skip("no network here")
@pytest.mark.xfail
def test_is_expected_to_fail(): assert False
@pytest.mark.torture
def test_is_long(torture): assert torture
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy(CONFTEST, tmp_path / "conftest.py")
    (tmp_path / "test_planted.py").write_text(PLANTED)
    return tmp_path


def outcome(tree: Path, *arguments: str, **environment: str) -> str:
    """The last line of a pytest run in `tree`, without its duration."""
    outside = {name: text for name, text in os.environ.items() if name not in {"CI", "TILLMESH_TORTURE"}}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(tree)],
        cwd=tree,
        env={**outside, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ran.stdout.strip().splitlines()[-1].partition(" in ")[0]


def test_a_skip_passes_at_home_and_fails_in_ci(tree: Path) -> None:
    assert outcome(tree) == "1 passed, 1 skipped, 1 deselected, 1 xfailed"
    assert outcome(tree, CI="true") == "2 failed, 1 passed, 1 deselected"
    assert outcome(tree, CI="false") == "1 passed, 1 skipped, 1 deselected, 1 xfailed"


def test_a_module_that_skips_itself_fails_in_ci(tree: Path) -> None:
    (tree / "test_planted.py").write_text("import pytest\npytest.importorskip('there_is_no_such_package')\n")
    assert outcome(tree) == "1 skipped"
    assert outcome(tree, CI="1") == "1 error"


def test_long_campaigns_run_only_when_asked_for(tree: Path) -> None:
    assert outcome(tree, "-k", "long", TILLMESH_TORTURE="1") == "1 passed, 3 deselected"
    assert outcome(tree, "-k", "long") == "4 deselected"


def test_tests_that_start_processes_share_one_worker(tree: Path) -> None:
    (tree / "end_to_end").mkdir()
    (tree / "end_to_end" / "test_shop.py").write_text(
        "import pytest\n"
        "def test_a(request): assert request.node.get_closest_marker('xdist_group').args == ('real_processes',)\n"
        "@pytest.mark.xdist_group('own')\n"
        "def test_b(request): assert request.node.get_closest_marker('xdist_group').args == ('own',)\n"
    )
    assert outcome(tree, "-k", "test_a or test_b", "-n", "2", "--dist", "loadgroup") == "2 passed"
