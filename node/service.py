"""A node put in service: its parts are opened in order, run together, and closed in the opposite order.

Disk first, since nothing can be said before it is read; then the replica; then links and discovery; last the authority's
door and the plugins. Whatever ends the caller's block, or keeps a part from opening, comes out as itself and not in a group.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from crdt_models.journal.entry import Entry
from crdt_models.journal.signatures import verify_ed25519
from crdt_models.till import Till
from crdt_models.values.identity import incarnation_of
from crdt_models.values.stamp import Place
from crdt_models.waiter import Waiter
from node.clock import system_now
from node.config import Config, load
from node.disk.journal_store import JournalStore
from node.event_log import EventLog, tell_entries
from node.invitations import Inviting
from node.network.addresses import Address
from node.network.authority import Authority
from node.network.credentials import Credentials
from node.network.discovery import Discovery
from node.network.links import Links
from node.node import DRILL_UNTIL, Node
from node.plugin_host import Host
from node.plugins import Plugin, PluginUnavailable, load_plugins
from node.replication.effects import Alarm, Announcement, ClockOff, EntryRefused, PeerGreeted, PeerLost
from node.replication.events import Opened
from node.replication.replica import Replica
from node.running import DISK_FULL, Running
from node.shell import Shell
from node.startup import Start, prepare
from node.wiring import Remembered, Wiring

log = logging.getLogger("tillmesh.service")

SWITCH_INTERVAL_S = 0.0005
"""How often threads give way: with CPython's 5 ms the disk's thread waits for the loop, measured as 369 ms for a commit."""
COLLECTIONS = (20_000, 20, 50)
"""After how many new objects, and young collections, the older generations are searched for cycles: a step makes hundreds of
objects and no cycle. CPython's 700 or 2,000 cost a tenth of a till's time, measured, in pauses that grow with the day's sales."""
BALLAST_BACK = "ballast_back"
"""Code of the disk's word that there is room again."""
DRILL_SECONDS_MAX = 86_400.0
"""A drill that a wrong clock would stretch ends after a day."""


class DiskBell:
    """What the disk rings: kept until the node is there to show it, then shown at once."""

    def __init__(self) -> None:
        self._early: list[tuple[str, str]] = []
        self._running: Running | None = None

    def __call__(self, code: str, text: str) -> None:
        """The disk's word."""
        if self._running is None:
            self._early.append((code, text))
            return
        if code == BALLAST_BACK:
            self._running.alarms.pop(DISK_FULL, None)
        self._running.alarm(code, text)

    def ring_at(self, running: Running) -> None:
        """The node is there."""
        self._running = running
        for code, text in self._early:
            self(code, text)
        self._early.clear()


@asynccontextmanager
async def opened(directory: Path, settings: Mapping[str, str]) -> AsyncIterator[Node]:
    """The node of a data directory, in service while entered; see `Node.open`."""
    config = load(directory, settings)
    credentials = Credentials.load(directory)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if 0 < gc.get_threshold()[0] < COLLECTIONS[0]:
        gc.set_threshold(*COLLECTIONS)
    bell = DiskBell()
    async with await JournalStore.open(directory, on_alarm=bell) as store:
        start = await prepare(config, credentials, store, os.urandom)
        replica = Replica(start.shop, start.writer, start.held, start.opening, verify_ed25519)
        shell = Shell(replica, store, system_now, start.mark)
        wiring = Wiring(shell)
        remembered = Remembered(store)
        await remembered.load()
        links = Links(
            credentials,
            wiring,
            [Address(config.link_host, config.link_port)],
            process=incarnation_of(start.writer.journal),
            remember=remembered.note,
        )
        failure: BaseException | None = None
        async with asyncio.TaskGroup() as tasks:
            service = [tasks.create_task(shell.run(), name="disk"), tasks.create_task(remembered.run(), name="memory")]
            shell.wires = wiring
            wiring.links = links
            try:
                shell.handle(Opened(system_now()))
                await shell.opened.wait()
                start.settle()
                cut_s = await _drill_left_s(store)
                if cut_s > 0:
                    links.drill(cut_s)
                async with links:
                    discovery = _discovery(config, credentials, links, remembered)
                    running = _running(config, credentials, store, start, shell, links, discovery)
                    async with discovery, _serving(running, bell) as node:
                        service.append(tasks.create_task(node.housekeep(), name="housekeeping"))
                        try:
                            yield node
                        except BaseException as error:
                            failure = error
            except Exception as error:
                failure = _alone(error)
            finally:
                for task in service:
                    task.cancel()
        if failure is not None:
            raise failure


def _alone(error: Exception) -> Exception:
    """The one error of a group that holds one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _discovery(config: Config, credentials: Credentials, links: Links, remembered: Remembered) -> Discovery:
    return Discovery(
        credentials.store,
        links.own,
        links.addresses[0].port,
        links,
        interfaces=config.mdns_interfaces,
        static=config.peers,
        remembered=lambda: tuple(remembered.known.items()),
        mdns=config.mdns,
    )


async def _drill_left_s(store: JournalStore) -> float:
    """Seconds that a drill goes on which an earlier process of this node began."""
    raw = await store.recall(DRILL_UNTIL)
    left_s = 0.0 if raw is None else int(raw) / 1000 - system_now().wall_ms / 1000
    return min(left_s, DRILL_SECONDS_MAX) if left_s > 0 else 0.0


def _running(
    config: Config,
    credentials: Credentials,
    store: JournalStore,
    start: Start,
    shell: Shell,
    links: Links,
    discovery: Discovery,
) -> Running:
    def next_place() -> Place:
        return Place(start.writer.journal, start.writer.seq + 1)

    return Running(
        config=config,
        credentials=credentials,
        clock=system_now,
        store=store,
        shop=start.shop,
        shell=shell,
        till=Till(start.shop, credentials.node, credentials.name, os.urandom, next_place, start.series),
        waiter=Waiter(start.shop, os.urandom, next_place),
        links=links,
        discovery=discovery,
        events=EventLog(incarnation_of(start.writer.journal).hex()),
        started_ms=time.time_ns() // 1_000_000,
        doubts=start.doubts,
    )


@asynccontextmanager
async def _serving(running: Running, bell: DiskBell) -> AsyncIterator[Node]:
    """The node with its events, its authority and its plugins, in service."""
    bell.ring_at(running)
    if running.doubts:
        running.alarm("doubtful_start", "; ".join(running.doubts))
    _tell(running)
    authority = inviting = None
    if running.credentials.is_authority:
        authority = Authority.load(running.config.data_directory)
        inviting = Inviting(authority, running)
    plugins = _wanted_plugins(running.config, running.credentials.role)
    node = Node(running, authority, inviting, plugins)
    started: list[Plugin] = []
    try:
        if inviting is not None:
            await inviting.start()
        for plugin in list(plugins):
            try:
                await plugin.start(Host(running))
                started.append(plugin)
            except PluginUnavailable as error:
                if running.config.warehouse == "on":
                    raise
                plugins.remove(plugin)
                log.info("a plugin is not active: %s", error)
        yield node
    finally:
        for plugin in reversed(started):
            await plugin.stop()
        if inviting is not None:
            await inviting.stop()


def _wanted_plugins(config: Config, role: str) -> list[Plugin]:
    if config.warehouse == "off":
        return []
    return [plugin for plugin in load_plugins() if config.warehouse == "on" or role in plugin.roles]


def _tell(running: Running) -> None:
    """Turn announcements and durable entries into events and alarms."""

    def announced(announcement: Announcement) -> None:
        now_ms = running.clock().wall_ms
        match announcement:
            case PeerGreeted(node=node, name=name):
                running.events.add("peer_connected", now_ms, {"node": name or running.name_of(node)})
            case PeerLost(node=node, reason=reason):
                running.events.add("peer_lost", now_ms, {"node": running.name_of(node), "reason": reason})
            case Alarm(code=code, text=text):
                running.alarm(code, text)
            case EntryRefused(journal=journal, seq=seq, reason=reason):
                running.alarm("entry_refused", f"number {seq} of {running.name_of(journal[:16])} was refused: {reason}")
            case ClockOff(off=True, off_ms=off_ms):
                running.alarm("clock_off", f"this node's clock is {off_ms // 1000} s away from the shop's")
            case ClockOff():
                with suppress(KeyError):
                    del running.alarms["clock_off"]
            case _:
                pass

    def durable(entries: Sequence[Entry]) -> None:
        tell_entries(running.events, running.shop, entries, running.clock().wall_ms)

    running.shell.observe(announced)
    running.shell.subscribe(durable)
