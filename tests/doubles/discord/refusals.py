"""Discord's refusals, shared by every double.

Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes, read 2026-11-25.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Why(Enum):
    """A refusal: its HTTP status, JSON code and message."""

    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    TOO_LARGE = (413, 40005, "Request entity too large")
    ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_YOUR_MESSAGE = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    NO_DIRECT_MESSAGES = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    INVALID_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_RECIPIENT = (400, 50033, "Invalid Recipient(s)")
    INVALID_FORM = (400, 50035, "Invalid Form Body")
    ARCHIVED_THREAD = (400, 50083, "Thread is archived")
    NO_HISTORY_FOR_REPLY = (403, 160002, "Cannot reply without permission to read message history")
    LOCKED_THREAD = (403, 160005, "This thread is locked")

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message


class Refusal(Exception):
    """An error response of the API."""

    def __init__(self, why: Why, body: dict[str, Any] | None = None) -> None:
        super().__init__(why.message)
        self.why = why
        self.status = why.status
        self.body: dict[str, Any] = {"message": why.message, "code": why.code} if body is None else body
