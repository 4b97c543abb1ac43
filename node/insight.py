"""Insight: what a node says of itself and of the store. Every figure names what it rests on, and what is missing."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version

from crdt_models.journal import canonical
from crdt_models.journal.heads import HEAD_HASH_BYTES
from crdt_models.values.identity import JournalId, NodeId, node_of
from node import limits, views
from node.replication.effects import Announcement, PeerGreeted
from node.replication.status import PeerStatus, ReplicaStatus
from node.running import DISK_FULL, Running


class Insight:
    """Status, peers, heads, completeness and metrics of one running node."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._shop = running.shop
        self._heard_ms: dict[NodeId, int] = {}
        running.shell.observe(self._greeted)

    def note_heard(self) -> None:
        """Remember whom we hear now, so that a silence has a beginning; called now and then."""
        clock = self._running.clock()
        for peer in self._status().peers:
            if peer.phase != "stranger":
                self._heard_ms[peer.node] = clock.wall_ms - max(0, round((clock.mono_s - peer.heard_s) * 1000))

    def _greeted(self, announcement: Announcement) -> None:
        """A peer that is lost again before the next look was heard all the same."""
        if isinstance(announcement, PeerGreeted):
            self._heard_ms[announcement.node] = self._running.clock().wall_ms

    def status(self) -> views.StatusView:
        """This node at a glance."""
        running, shop = self._running, self._shop
        status = self._status()
        sales = [shop.standing(d, running.node).state for d in shop.documents.of_type["open_sale"]]
        peers = [peer for peer in status.peers if peer.phase != "stranger"]
        connectivity = "isolated" if not peers else "connected" if self._office_heard(peers) else "lan_only"
        cut_s = running.links.cut_s
        return views.StatusView(
            node=running.node.hex(),
            name=running.credentials.name,
            role=running.credentials.role,
            store=shop.store.hex(),
            version=own_version(),
            journal=status.journal.hex(),
            seq=next(j.durable for j in status.journals if j.journal == status.journal),
            ready=running.shell.disk_failed is None,
            doubtful=bool(running.doubts),
            connectivity=connectivity,
            disk=self._disk(),
            started_at_ms=running.started_ms,
            open_sales=sales.count("held"),
            suspended_sales=sales.count("returned"),
            completed_sales=len(shop.sales),
            digest=self._held_digest(),
            drill_until_ms=running.clock().wall_ms + round(cut_s * 1000) if cut_s else None,
            clock_off_ms=status.clock_off_ms if abs(status.clock_off_ms) > 60_000 else None,
            unknown_operations=sum(shop.unknown.values()),
            alarms=[
                views.AlarmView(code=code, text=text, since_ms=since)
                for code, (text, since) in sorted(running.alarms.items())
            ],
            rests_on=self.completeness(),
        )

    def peers(self) -> list[views.PeerView]:
        """One row per link, and one per roster node without a link."""
        running, status = self._running, self._status()
        links = {view.link: view for view in running.links.views()}
        nodes = self._shop.roster.nodes()
        clock = running.clock()
        rows = []
        for peer in status.peers:
            link = links.get(peer.link)
            opened = nodes.get(peer.node)
            heard = clock.wall_ms - max(0, round((clock.mono_s - peer.heard_s) * 1000))
            rows.append(
                views.PeerView(
                    node=peer.node.hex(),
                    name=peer.name or running.name_of(peer.node),
                    role="" if opened is None else opened.credential.role,
                    phase=peer.phase.replace(" ", "_"),
                    address=None if link is None else link.address,
                    found_by=None if link is None else ", ".join(link.found),
                    dialed=link is not None and link.dialed,
                    behind=self._behind(status, peer),
                    lacks=self._lacks(status, peer),
                    round_trip_us=None if peer.round_trip_s is None else round(peer.round_trip_s * 1e6),
                    heard_at_ms=heard,
                )
            )
        linked = {peer.node for peer in status.peers}
        for node, opened in nodes.items():
            if node not in linked and node != running.node:
                revoked = self._shop.revoked(node)
                rows.append(
                    views.PeerView(
                        node=node.hex(),
                        name=opened.credential.name,
                        role=opened.credential.role,
                        phase="unreachable",
                        heard_at_ms=self._heard_ms.get(node),
                        reason="revoked" if revoked else self._why_unreachable(node),
                    )
                )
        return sorted(rows, key=lambda row: (row.name, row.node))

    def heads(self) -> list[views.HeadView]:
        """How far each journal is held durably here."""
        return [
            views.HeadView(
                journal=held.journal.hex(),
                node=node_of(held.journal).hex(),
                name=self._running.name_of(node_of(held.journal)),
                seq=held.seq,
                hash=held.hash[:HEAD_HASH_BYTES].hex(),
            )
            for held in sorted(self._running.store.journals())
        ]

    def completeness(self) -> views.CompletenessView:
        """What a figure rests on: who was heard, and which entries are known to exist and are not here."""
        running, status = self._running, self._status()
        clock = running.clock()
        live = {peer.node: peer for peer in status.peers if peer.phase != "stranger"}
        self.note_heard()
        heard, missing = [], []
        for node, opened in self._shop.roster.nodes().items():
            if self._shop.revoked(node):
                continue
            here = node == running.node
            heard_ms = clock.wall_ms if here else self._heard_ms.get(node)
            silent = not here and node not in live
            heard.append(
                views.HeardView(
                    node=node.hex(),
                    name=opened.credential.name,
                    role=opened.credential.role,
                    silent=silent,
                    heard_at_ms=heard_ms,
                )
            )
            newest = max((j for j in status.journals if j.node == node), key=lambda j: (j.durable > 0, j.received))
            behind = sum(j.missing for j in status.journals if j.node == node)
            if silent or behind:
                held, said = newest.durable, max(newest.said, newest.durable)
                text = f"{opened.credential.name}: held to {held}"
                if behind:
                    text += f", {behind} more are known to exist"
                if silent:
                    text += f", {self._silence(newest.journal, heard_ms)}"
                missing.append(
                    views.MissingView(
                        journal=newest.journal.hex(),
                        node=node.hex(),
                        name=opened.credential.name,
                        held=held,
                        exists=said,
                        text=text,
                    )
                )
        for journal in status.journals:
            if journal.missing and journal.node not in self._shop.roster.nodes():
                missing.append(
                    views.MissingView(
                        journal=journal.journal.hex(),
                        node=journal.node.hex(),
                        name=running.name_of(journal.node),
                        held=journal.durable,
                        exists=journal.said,
                        text=f"{running.name_of(journal.node)}: {journal.missing} entries are known to exist, none is here",
                    )
                )
        if len(self._shop.roster.nodes()) <= 1 and not running.credentials.is_authority:
            missing.append(
                views.MissingView(
                    journal="",
                    node="",
                    name="",
                    held=0,
                    exists=1,
                    text="this node never heard any other node of its store, not even the one that invited it",
                )
            )
        return views.CompletenessView(
            complete=not missing, as_of_ms=clock.wall_ms, heads=self.heads(), heard=heard, missing=missing
        )

    def metrics(self) -> list[views.Metric]:
        """Samples for `/metrics`."""
        status, shop = self._status(), self._shop
        in_step = sum(1 for peer in status.peers if peer.phase == "in step")
        return [
            views.Metric(name="peers", help="Peers with a link", value=len(status.peers)),
            views.Metric(name="peers_in_step", help="Peers that hold all that we hold", value=in_step),
            views.Metric(name="sales_total", help="Completed sales held", value=len(shop.sales), type="counter"),
            views.Metric(
                name="entries_total",
                help="Entries held durably",
                value=sum(j.durable for j in status.journals),
                type="counter",
            ),
            views.Metric(
                name="entries_missing",
                help="Entries that are known to exist and are not here",
                value=sum(j.missing for j in status.journals),
            ),
            views.Metric(name="journals", help="Journals known", value=len(status.journals)),
            views.Metric(
                name="unknown_operations", help="Operations of newer versions", value=sum(shop.unknown.values())
            ),
            views.Metric(name="refused_operations", help="Operations that count nowhere", value=len(shop.refused)),
            views.Metric(name="conflicts", help="Open conflicts", value=len(shop.claims.conflicts())),
            views.Metric(name="clock_off_ms", help="Own wall clock minus shop time", value=status.clock_off_ms),
        ]

    def _disk(self) -> str:
        if self._running.shell.disk_failed is not None:
            return "failed"
        return "full" if DISK_FULL in self._running.alarms else "ok"

    def _held_digest(self) -> str:
        """Over the heads held: equal at two nodes if and only if they hold the same entries, and so show the same shop.

        Not `Shop.digest`, which reads everything that was ever sold: a status is asked for every second.
        """
        heads = [[held.journal, held.seq, held.hash] for held in sorted(self._running.store.journals())]
        return hashlib.sha256(canonical.encode(heads)).hexdigest()

    def _status(self) -> ReplicaStatus:
        return self._running.shell.replica.status(self._running.clock())

    def _office_heard(self, peers: list[PeerStatus]) -> bool:
        nodes = self._shop.roster.nodes()
        if self._running.credentials.role == "back_office":
            return True
        return any(peer.node in nodes and nodes[peer.node].credential.role == "back_office" for peer in peers)

    def _behind(self, status: ReplicaStatus, peer: PeerStatus) -> int:
        durable = {j.journal: j.durable for j in status.journals}
        return sum(max(0, seq - durable.get(journal, 0)) for journal, seq in peer.held.items())

    def _lacks(self, status: ReplicaStatus, peer: PeerStatus) -> int:
        return sum(max(0, j.durable - peer.held[j.journal]) for j in status.journals if j.journal in peer.held)

    def _silence(self, journal: JournalId, heard_ms: int | None) -> str:
        """Since when a node is silent; a process that never heard it knows only when its last entry was made."""
        if heard_ms is not None:
            return f"silent since {self._clock_text(heard_ms)}"
        stamp = self._shop.last_stamps.get(journal)
        if stamp is None:
            return "not heard since this node started"
        return f"not heard since this node started, its last entry was made at {self._clock_text(stamp.wall_ms)}"

    def _why_unreachable(self, node: NodeId) -> str:
        """What came of the last dial to it, in words."""
        failures = [
            f"{known.address}: {known.failure.reason}"
            for known in self._running.links.book
            if known.node == node and known.failure is not None
        ]
        return "; ".join(failures[: limits.findings_shown_max]) or "no link"

    def _clock_text(self, wall_ms: int) -> str:
        local = wall_ms + self._running.config.utc_offset_min(wall_ms) * 60_000
        return f"{local // 3_600_000 % 24:02d}:{local // 60_000 % 60:02d}"


def own_version() -> str:
    """The version of this install."""
    try:
        return version("tillmesh")
    except PackageNotFoundError:
        return "unknown"
