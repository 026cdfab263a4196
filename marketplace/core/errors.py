"""The errors a person may see: one small hierarchy for the whole product.

Raise them where the fault is known; one handler for pages and one for JSON turn them into answers.
Faults of the program itself stay ordinary exceptions (`ValueError`, `RuntimeError`) and end as 500.
"""

from typing import ClassVar


class MarketplaceError(Exception):
    """Base of everything that has words for a person.

    `message` is a Chinese sentence that says what is wrong and how to mend it; `code` is stable and
    for programs; `field` names the form field the message belongs to, if there is one.
    """

    http_status: ClassVar[int] = 400
    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field


class InvalidInput(MarketplaceError):
    """What was typed cannot be taken as it is."""

    http_status = 422
    default_code = "invalid_input"


class NotFound(MarketplaceError):
    """The thing does not exist, or not for this person: both look the same."""

    http_status = 404
    default_code = "not_found"


class Forbidden(MarketplaceError):
    """The person is known and lacks the right."""

    http_status = 403
    default_code = "forbidden"


class NotSignedIn(MarketplaceError):
    """Nobody is signed in, or the session has ended."""

    http_status = 401
    default_code = "not_signed_in"


class Conflict(MarketplaceError):
    """The thing has changed meanwhile, or its state does not allow the move."""

    http_status = 409
    default_code = "conflict"


class Throttled(MarketplaceError):
    """Too many tries; `retry_after_seconds` says when the next one may come."""

    http_status = 429
    default_code = "throttled"

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: int,
        code: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.retry_after_seconds = retry_after_seconds
