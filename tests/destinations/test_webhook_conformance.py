"""The webhook, held to what holds for every destination."""

from collections.abc import Iterator

import pytest

from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Conformance, Subject, use
from tests.destinations.conftest import World, webhook_to

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class TestWebhook(Conformance):
    @pytest.fixture
    def subject(self, world: World) -> Iterator[Subject]:
        receiver, faults = WebhookReceiver(SECRET), Faults()
        with running(application([receiver], faults)) as url:
            address = f"{url}/webhook/audiences"
            use(
                world,
                webhook_to(address, batch_rows=2),
                {"email": "email", "first_name": "first_name"},
            )
            yield Subject(
                connect=lambda: webhook_to(address, SECRET, timeout_seconds=5),
                members=lambda: {
                    customer: fields["first_name"]
                    for customer, fields in receiver.members.get("winback", {}).items()
                },
                faults=faults,
                effects=lambda: receiver.effects,
                strange=lambda: webhook_to(
                    address, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                ),
            )
