"""The errors of a running node, beside the refusals of the models (`crdt_models.errors`).

    NodeError
    ├── DiskFailed              the disk did not take what it must: nothing was acked, the node stops taking money
    ├── NotReady                the node is starting or stopping
    ├── NotOffered              this node's role or install does not offer the service (SQL at a till, invites)
    └── IdempotencyKeyReused    the key was used before, for another request

`code` is stable and is what the API answers.
"""

from __future__ import annotations


class NodeError(Exception):
    """Root of the errors of a running node."""

    code: str = "node_error"


class DiskFailed(NodeError):
    """The disk refused a durable write; `reason` is the system's word. Nothing after it is acked until a restart."""

    code = "disk_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the disk failed ({self.reason}): nothing was recorded, this node stops taking money"


class NotReady(NodeError):
    """The node cannot take steps yet or any more."""

    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class NotOffered(NodeError):
    """`service` is not offered by this node; `reason` says who offers it."""

    code = "not_offered"

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(service, reason)
        self.service, self.reason = service, reason

    def __str__(self) -> str:
        return f"{self.service} is not offered here: {self.reason}"


class IdempotencyKeyReused(NodeError):
    """`key` was used before for a request with another fingerprint."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the key {self.key!r} was used for another request: take a new one"
