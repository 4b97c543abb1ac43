"""The errors of the models: a step that a shop must refuse, and bytes that nobody should have sent.

    ModelError
    ├── StepRefused          the caller asked for something that the shop's rules forbid; nothing was recorded
    │   ├── HeldElsewhere    another node holds the document or right
    │   ├── NotInState       e.g. completing a sale that is already completed
    │   ├── UnknownThing     no such sale, item, line
    │   ├── UpgradeNeeded    a critical operation of an unknown kind rests on this resource
    │   └── InvalidValue     a field has a value that it must not have
    └── MalformedBytes       bytes from outside that do not decode; the sender's fault
        ├── BadSignature
        ├── BrokenChain
        └── LimitExceeded

Each carries fields, never prose alone: `code` is stable and is what the API answers.
"""

from __future__ import annotations


class ModelError(Exception):
    """Root of all errors of `crdt_models`."""

    code: str = "model_error"


class StepRefused(ModelError):
    """The shop's rules forbid this step; nothing was recorded."""

    code = "step_refused"


class HeldElsewhere(StepRefused):
    """Another node holds `resource`.

    holder: 16 bytes of the holding node; since_ms: wall time of its claim, UTC milliseconds.
    """

    code = "held_elsewhere"

    def __init__(self, resource: str, holder: bytes, since_ms: int) -> None:
        super().__init__(resource, holder, since_ms)
        self.resource, self.holder, self.since_ms = resource, holder, since_ms

    def __str__(self) -> str:
        return f"{self.resource} is held by node {self.holder.hex()[:8]} since {self.since_ms} ms"


class NotInState(StepRefused):
    """`thing` is `state`; the step needs it to be `wanted`."""

    code = "not_in_state"

    def __init__(self, thing: str, state: str, wanted: str) -> None:
        super().__init__(thing, state, wanted)
        self.thing, self.state, self.wanted = thing, state, wanted

    def __str__(self) -> str:
        return f"{self.thing} is {self.state}, it must be {self.wanted}"


class UnknownThing(StepRefused):
    """There is no `kind` named `name` among the journals held here."""

    code = "unknown_thing"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind, self.name = kind, name

    def __str__(self) -> str:
        return f"no {self.kind} {self.name!r} is known here"


class UpgradeNeeded(StepRefused):
    """A critical operation that this version does not know rests on `resource`."""

    code = "upgrade_needed"

    def __init__(self, resource: str) -> None:
        super().__init__(resource)
        self.resource = resource

    def __str__(self) -> str:
        return f"{self.resource} was changed by a newer version of tillmesh: upgrade this node to go on with it"


class InvalidValue(StepRefused):
    """`field` has a value that it must not have; `reason` says why in a sentence."""

    code = "invalid_value"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class MalformedBytes(ModelError):
    """Bytes from outside that do not decode under the strict profile; `what` names the structure."""

    code = "malformed_bytes"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what, self.reason = what, reason

    def __str__(self) -> str:
        return f"malformed {self.what}: {self.reason}"


class BadSignature(MalformedBytes):
    """A signature that does not verify."""

    code = "bad_signature"


class BrokenChain(MalformedBytes):
    """An entry that does not continue the journal as it is held."""

    code = "broken_chain"


class LimitExceeded(MalformedBytes):
    """Something larger than `crdt_models.limits` allows."""

    code = "limit_exceeded"
