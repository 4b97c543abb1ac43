"""Inviting: tokens for new nodes and the door at which they are redeemed; only where the store's authority is held."""

from __future__ import annotations

import asyncio
import os

from crdt_models.errors import InvalidValue
from node import views
from node.network.addresses import Address
from node.network.authority import Authority
from node.network.enrolment import Enrolment
from node.network.errors import NameTaken
from node.own_addresses import own_addresses
from node.running import Running


class Inviting:
    """The authority's enrolment at a running node."""

    def __init__(self, authority: Authority, running: Running) -> None:
        self._running = running
        config = running.config
        self._enrolment = Enrolment(authority, running.credentials, [Address(config.link_host, config.join_port)])

    @property
    def port(self) -> int:
        """Where joiners are let in."""
        return self._enrolment.addresses[0].port

    async def start(self) -> None:
        """Open the door. Raises CannotListen."""
        await self._enrolment.__aenter__()

    async def stop(self) -> None:
        """Close it."""
        await self._enrolment.__aexit__(None, None, None)

    async def invite(self, name: str, role: str) -> views.InviteView:
        """A token, durable before it is shown. Raises InvalidValue, also for a name that was given before."""
        wall_ms = self._running.clock().wall_ms
        addresses = own_addresses(self._running.config, self.port)
        invite = self._enrolment.invitations.invite
        try:
            made = await asyncio.to_thread(invite, name, role, addresses, wall_ms, os.urandom)
        except NameTaken as error:
            raise InvalidValue("name", str(error)) from error
        return views.InviteView(token=made.token, name=made.name, role=made.role, expires_at_ms=made.expires_ms)
