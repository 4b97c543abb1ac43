"""Metrics as Prometheus reads them (text exposition format 0.0.4), without its client library: 30 lines do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from node.views import Metric

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "tillmesh_"


def metrics_text(samples: Iterable[Metric]) -> str:
    """Samples grouped by name, in order of first appearance; help and type of a name are those of its first sample."""
    groups: dict[str, list[Metric]] = {}
    for sample in samples:
        groups.setdefault(sample.name, []).append(sample)
    lines = []
    for name, group in groups.items():
        lines.append(f"# HELP {PREFIX}{name} {_escaped(group[0].help, quotes=False)}")
        lines.append(f"# TYPE {PREFIX}{name} {group[0].type}")
        lines += [f"{PREFIX}{name}{_labels(sample.labels)} {sample.value}" for sample in group]
    return "".join(line + "\n" for line in lines)


def _labels(labels: dict[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in sorted(labels.items()))
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str, quotes: bool) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
