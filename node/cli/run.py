"""`tillmesh run`: runs the node of a data directory until it is told to stop (Ctrl-C, SIGTERM).

Prints where it answers once it does, and writes the same to run.json, which is how the other commands find it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable

from crdt_models.errors import ModelError
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.config import Config
from node.errors import NodeError
from node.log_lines import log_to_standard_error
from node.run_file import RunFile, remove_run_file, write_run_file

NAME = "run"
SUMMARY = "run this node until it is told to stop"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own: -s gives settings."""


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Serves until a signal; a second one is not waited for."""
    config = call.config()
    log_to_standard_error(config.log_level)
    try:
        with asyncio.Runner(loop_factory=_loop_factory(config)) as runner:
            runner.run(_serve(config, call))
    except BaseExceptionGroup as group:
        refusal = _refusal_in(group)
        if refusal is None:
            raise
        raise refusal from group
    return Exit.OK


def _refusal_in(group: BaseExceptionGroup[BaseException]) -> ModelError | NodeError | None:
    """What stopped the node, if it was one refusal of ours and nothing else: the node's task group wraps it."""
    inner = group.exceptions[0] if len(group.exceptions) == 1 else None
    if isinstance(inner, BaseExceptionGroup):
        return _refusal_in(inner)
    return inner if isinstance(inner, ModelError | NodeError) else None


async def _serve(config: Config, call: Invocation) -> None:
    # Here and not above: the other commands build the whole command line too, and none of them serves.
    from node.api.server import ApiServer, ApiSettings
    from node.node import Node

    stop = asyncio.Event()
    _stop_on_signals(stop)
    api = ApiSettings(config.api_host, config.api_port, config.api_origins, config.metrics_open)
    async with (
        Node.open(call.directory, call.settings) as node,
        ApiServer(node, config.api_token_path, api) as server,
    ):
        running = RunFile(
            pid=os.getpid(),
            api_host=config.api_host,
            api_port=server.port,
            link_port=node.link_port,
            join_port=node.join_port or 0,
            name=node.name,
        )
        write_run_file(call.directory, running)
        try:
            call.screen.answer(
                running,
                lambda: call.screen.say(
                    f"{node.name} ({node.role}) runs: API at {server.url}, peers at port {node.link_port}", "green"
                ),
            )
            await stop.wait()
        finally:
            remove_run_file(call.directory)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            # Windows has no such handlers on its loop: the plain ones run between two events.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _loop_factory(config: Config) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is wanted and installed, else asyncio's own."""
    if not config.uvloop:
        return None
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
