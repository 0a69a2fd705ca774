"""Vendors that cannot be reached from a laptop, with a memory and their own rules."""

from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.vendor import Vendor

#: By the type of the destination that talks to them.
VENDORS: dict[str, type[Vendor]] = {
    "webhook": WebhookReceiver,
}
