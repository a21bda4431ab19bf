"""The reply codes of AMQP 0-9-1: soft errors close a channel, hard errors the connection.

Programs import them from `coolamqp.framing.definitions`, under the same names.
"""

from typing import Final

REPLY_SUCCESS: Final = 200

# Soft errors: they close the channel (AMQP 0-9-1 section 4.8, "constants").
CONTENT_TOO_LARGE: Final = 311
NO_ROUTE: Final = 312
NO_CONSUMERS: Final = 313
ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
RESOURCE_LOCKED: Final = 405
PRECONDITION_FAILED: Final = 406

# Hard errors: they close the connection.
CONNECTION_FORCED: Final = 320
INVALID_PATH: Final = 402
FRAME_ERROR: Final = 501
SYNTAX_ERROR: Final = 502
COMMAND_INVALID: Final = 503
CHANNEL_ERROR: Final = 504
UNEXPECTED_FRAME: Final = 505
RESOURCE_ERROR: Final = 506
NOT_ALLOWED: Final = 530
NOT_IMPLEMENTED: Final = 540
INTERNAL_ERROR: Final = 541

SOFT_ERRORS: Final = (
    CONTENT_TOO_LARGE,
    NO_ROUTE,
    NO_CONSUMERS,
    ACCESS_REFUSED,
    NOT_FOUND,
    RESOURCE_LOCKED,
    PRECONDITION_FAILED,
)

HARD_ERRORS: Final = (
    CONNECTION_FORCED,
    INVALID_PATH,
    FRAME_ERROR,
    SYNTAX_ERROR,
    COMMAND_INVALID,
    CHANNEL_ERROR,
    UNEXPECTED_FRAME,
    RESOURCE_ERROR,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    INTERNAL_ERROR,
)
