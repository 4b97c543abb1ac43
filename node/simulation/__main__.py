"""`python -m node.simulation`: whole shops by seed, on all cores, until something fails.

Prints progress while it runs and figures when it ends. On a failure: the seed, the oracle, a shrunk history, and exit code 1.
`--seed N --trace-hash` replays one history; its hash is the same on every machine.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from node.simulation import limits
from node.simulation.bugs import BUGS, planted
from node.simulation.campaign import Tally, campaign
from node.simulation.history import Outcome, run
from node.simulation.schedule import draw
from node.simulation.shrinking import shrink

SEED_BITS = 32
MINUTES = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; the exit code: 0 all held, 1 an oracle failed."""
    asked = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    with nullcontext() if asked.bug is None else planted(asked.bug):
        if asked.seed is not None:
            return _replay(console, asked.seed, asked.trace_hash)
        return _campaign(console, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m node.simulation",
        description="Whole shops on virtual time, wires and disks: production code under faults, judged by oracles.",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="replay one history and tell it")
    parser.add_argument("--trace-hash", action="store_true", help="with --seed: print the hash of all that happened")
    parser.add_argument("--seeds", type=_positive, metavar="N", help="how many seeds to run")
    parser.add_argument("--minutes", type=float, metavar="M", help=f"how long to run; {MINUTES:g} if nothing is said")
    parser.add_argument(
        "--from", dest="first", type=int, metavar="N", help="the first seed; 0 with --seeds, else a random one"
    )
    parser.add_argument("--bug", choices=sorted(BUGS), metavar="NAME", help=f"plant a bug: {', '.join(sorted(BUGS))}")
    parser.add_argument(
        "--workers", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes; all cores"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _replay(console: Console, seed: int, trace_hash: bool) -> int:
    schedule = draw(seed)
    outcome = run(schedule)
    if trace_hash:
        console.print(f"seed {seed} trace {outcome.trace}")
    if outcome.violation is not None:
        _tell_failure(console, outcome)
        return 1
    if not trace_hash:
        console.print(schedule.told())
    console.print(
        f"seed {seed}: all oracles held; {outcome.entries} entries, {outcome.answers} answers, {outcome.faults} faults, "
        f"{outcome.events} events, all equal {outcome.equal_after_s or 0.0:.2f} virtual s after the heal"
    )
    return 0


def _campaign(console: Console, asked: argparse.Namespace) -> int:
    minutes = MINUTES if asked.minutes is None and asked.seeds is None else asked.minutes
    first = asked.first if asked.first is not None else 0 if asked.seeds is not None else secrets.randbits(SEED_BITS)
    console.print(f"seeds from {first} on, {asked.workers} processes")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=asked.seeds if asked.seeds is not None else (minutes or 0) * 60)

        def show(tally: Tally) -> None:
            done = tally.runs if asked.seeds is not None else tally.took_s
            progress.update(
                task, completed=done, description=f"{tally.runs} schedules, {tally.per_minute:.0f} a minute"
            )

        tally = campaign(first, asked.seeds, minutes, asked.workers, show, asked.bug)
    console.print(
        f"{tally.runs} schedules in {tally.took_s:.1f} s: {tally.per_minute:.0f} a minute; {tally.entries} entries, "
        f"{tally.faults} faults, {tally.answers} answers; {tally.twice} run twice to the same trace; "
        f"slowest heal {tally.slowest_s:.2f} virtual s"
    )
    if not tally.failures:
        console.print("all oracles held")
        return 0
    _tell_failure(console, min(tally.failures, key=lambda outcome: outcome.seed))
    console.print(f"failed: seeds {', '.join(str(outcome.seed) for outcome in tally.failures)}")
    return 1


def _tell_failure(console: Console, outcome: Outcome) -> None:
    assert outcome.violation is not None
    console.print(f"FAILED seed {outcome.seed}: {outcome.violation}", style="bold red")
    violation = run(draw(outcome.seed)).violation
    if violation is None:
        console.print("a second run of the seed held: what failed does not repeat")
        return
    console.print(f"shrinking, at most {limits.schedules_shrunk_max} runs ...")
    shrunk = shrink(draw(outcome.seed), violation)
    console.print(
        f"after {shrunk.runs} runs it still fails with {len(shrunk.schedule.faults)} faults and "
        f"{len(shrunk.schedule.acts)} acts: {shrunk.violation}"
    )
    console.print(shrunk.schedule.told())
    console.print(f"replay: python -m node.simulation --seed {outcome.seed}")


if __name__ == "__main__":
    sys.exit(main())
