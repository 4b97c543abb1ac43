"""The errors of trust and links, beside those of a running node.

    NodeError
    └── NetworkError
        ├── CannotListen             the address is taken or not ours
        ├── NotAMember               this directory belongs to no store yet
        ├── AlreadyAMember           this directory belongs to a store already
        ├── NotTheAuthority          only the authority's directory can invite
        ├── BrokenTrust              a file of the trust directory is missing or does not fit the others
        ├── NameTaken                another node of the store has this name
        ├── UnreadableCertificate    a certificate or request that does not say what ours say; the sender's fault
        └── JoinFailed
            ├── TokenMalformed       a typing error, or no token at all
            ├── TokenUnknown         well formed, but the authority never made it, or replaced it
            ├── TokenUsed            another node has joined with it
            ├── TokenLate            older than 15 minutes
            ├── WrongAuthority       who answers is not who made the token: the secret was not sent
            ├── AuthorityNotReached  no address in the token answers
            └── JoinRefused          the authority says no for another reason

Links do not raise: a lost link is told by `disconnected(link, why)`.
"""

from __future__ import annotations

from node.errors import NodeError


class NetworkError(NodeError):
    """Root of the errors of `node.network`."""

    code = "network_error"


class CannotListen(NetworkError):
    """The system does not let this node listen at `address`."""

    code = "cannot_listen"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"cannot listen at {self.address}: {self.reason}"


class NotAMember(NetworkError):
    """`directory` holds no credential."""

    code = "not_a_member"

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def __str__(self) -> str:
        return f"{self.directory} belongs to no store yet: use `tillmesh init` for a new store, `tillmesh join` for this one"


class AlreadyAMember(NetworkError):
    """`directory` holds a credential; nothing was changed."""

    code = "already_a_member"

    def __init__(self, directory: str, name: str) -> None:
        super().__init__(directory, name)
        self.directory, self.name = directory, name

    def __str__(self) -> str:
        return f"{self.directory} is already {self.name} of a store; nothing was changed"


class NotTheAuthority(NetworkError):
    """`directory` does not hold the store's issuing key."""

    code = "not_the_authority"

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def __str__(self) -> str:
        return f"{self.directory} does not hold the store's authority key: invite at the back office"


class BrokenTrust(NetworkError):
    """`file` of the trust directory is missing, unreadable, or does not fit the others."""

    code = "broken_trust"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}; restore it from a backup, or enrol this node anew in an empty directory"


class NameTaken(NetworkError):
    """A node named `name` was enrolled before; names are printed on receipts and never given twice."""

    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the store has a node named {self.name} already: choose another name"


class UnreadableCertificate(NetworkError):
    """A certificate or request from outside that does not say what a node's must say."""

    code = "unreadable_certificate"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class JoinFailed(NetworkError):
    """This node did not join; it may try again."""

    code = "join_failed"
    advice = "ask for a new token with `tillmesh invite`"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {self.advice}"


class TokenMalformed(JoinFailed):
    """Not a token, or one with a typing error (its check digits do not fit)."""

    code = "token_malformed"
    advice = "copy the whole token again"


class TokenUnknown(JoinFailed):
    """The authority never made this token, or made a newer one for the same name."""

    code = "token_unknown"


class TokenUsed(JoinFailed):
    """Another node joined with this token."""

    code = "token_used"


class TokenLate(JoinFailed):
    """The token is older than `token_minutes`."""

    code = "token_late"


class WrongAuthority(JoinFailed):
    """Who answers at the token's address does not hold the key that the token names; the secret was not sent."""

    code = "wrong_authority"
    advice = "somebody else answers there; check the addresses, then ask for a new token"


class AuthorityNotReached(JoinFailed):
    """No address in the token answers."""

    code = "authority_not_reached"
    advice = "check that the back office runs and that this machine can reach it"


class JoinRefused(JoinFailed):
    """The authority refused; `reason` is its word."""

    code = "join_refused"
