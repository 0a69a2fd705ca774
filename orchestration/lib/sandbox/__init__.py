"""Vendors that cannot be reached from a laptop, with a memory and their own rules."""

from orchestration.lib.sandbox.brevo import Brevo
from orchestration.lib.sandbox.gateway import Gateway
from orchestration.lib.sandbox.google import Google
from orchestration.lib.sandbox.meta import Meta
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.vendor import Vendor
from orchestration.lib.sandbox.yandex import Yandex

#: By the type of the destination that talks to them.
VENDORS: dict[str, type[Vendor]] = {
    "brevo": Brevo,
    "gateway": Gateway,
    "google": Google,
    "meta": Meta,
    "webhook": WebhookReceiver,
    "yandex": Yandex,
}
