"""What holds for every test: which of them run, beside whom, and that none of them passes by not running.

* In CI (the variable `CI` is set and not empty, 0 or false) a skipped or expectedly failing test is a failure: a machine
  that lacks what a test needs must say so, not shrug.
* Tests marked `torture` run only with TILLMESH_TORTURE=1; otherwise they are deselected, which is counted, not skipped.
* Tests under end_to_end start real processes; with xdist's `--dist loadgroup` they share one worker, so that no two of
  them fight for the cores while they measure seconds.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("shop", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("torture", parent=settings.get_profile("shop"), max_examples=3_000)


def in_ci() -> bool:
    """Whether a skip counts as a failure."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def torturing() -> bool:
    """Whether the long campaigns are wanted."""
    return os.environ.get("TILLMESH_TORTURE", "").lower() not in {"", "0", "false"}


settings.load_profile("torture" if torturing() else "shop")


@pytest.fixture(scope="session")
def torture() -> bool:
    """True in a long campaign: a test may then take ten times the rounds."""
    return torturing()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torture: a long campaign; runs only with TILLMESH_TORTURE=1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not torturing():
        long = [item for item in items if item.get_closest_marker("torture")]
        if long:
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if not item.get_closest_marker("torture")]
    real_processes = Path(__file__).parent / "end_to_end"
    for item in items:
        if real_processes in item.path.parents and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("real_processes"))


def refuse_skip(outcome: str, why: object) -> tuple[str, object]:
    """The outcome and explanation that CI reports instead of a skip; any other outcome is left as it is."""
    if outcome == "skipped" and in_ci():
        return "failed", f"nothing may be skipped in CI: {why}"
    return outcome, why


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.outcome, report.longrepr = refuse_skip(report.outcome, report.longrepr)  # type: ignore[assignment]
    if report.failed and hasattr(report, "wasxfail"):
        del report.wasxfail
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    report.outcome, report.longrepr = refuse_skip(report.outcome, report.longrepr)  # type: ignore[assignment]
    return report
