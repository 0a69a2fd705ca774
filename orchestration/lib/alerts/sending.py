"""Sending a message, by webhook or by e-mail.

No error quotes an address, a header or a server's text: codes and counts alone.
"""

import json
import logging
import smtplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage

import httpx
from standardwebhooks import Webhook

from orchestration.lib.alerts.message import Message
from orchestration.lib.retries import Failed, retry_after
from orchestration.lib.webhooks import signed_headers

#: To send a message.
ATTEMPTS = 4
_TIMEOUT_SECONDS = 10.0


class NotDelivered(Failed):
    """Nobody accepted the message."""


def post(message: Message, *, url: str, secret: str | None) -> str:
    """Post the message as JSON, signed if there is a secret; what was answered.

    Raises:
        NotDelivered: the answer was not 2xx, or there was none.
    """
    # It logs every address.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    text = f"{message.title}\n\n{message.text}"
    # No `type`, which Mattermost takes for its own.
    body = json.dumps({"text": text, "changes": message.changes}, ensure_ascii=False)
    try:
        signer = Webhook(secret) if secret else None
        response = httpx.post(
            url,
            content=body.encode(),
            headers={
                "content-type": "application/json",
                **signed_headers(message.key, body, signer),
            },
            timeout=_TIMEOUT_SECONDS,
        )
    except httpx.RequestError as error:
        raise NotDelivered(type(error).__name__, may_pass=True) from None
    except (httpx.InvalidURL, ValueError):
        raise NotDelivered("its address or its secret cannot be one") from None
    answer = f"http {response.status_code}"
    if not response.is_success:
        raise NotDelivered(
            answer,
            may_pass=response.status_code == 429 or response.is_server_error,
            after=retry_after(response.headers.get("retry-after", "")),
        )
    return answer


def mail(
    message: Message,
    *,
    host: str,
    port: int,
    starttls: bool,
    login: tuple[str, str] | None,
    sender: str,
    to: Sequence[str],
    at: datetime,
) -> str:
    """Hand the message to a mail server; for how many recipients it was accepted.

    Raises:
        NotDelivered: for none of them.
    """
    email = EmailMessage()
    try:
        email["From"], email["To"] = sender, ", ".join(to)
        email["Subject"], email["Date"] = message.title, at
        email["Message-ID"] = f"<{message.key}@crm360>"
        # So that no mailbox answers that its owner is on holiday.
        email["Auto-Submitted"] = "auto-generated"
        email.set_content(message.text)
        with smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS) as server:
            if starttls:
                server.starttls(context=ssl.create_default_context())
            if login:
                server.login(*login)
            refused = server.send_message(email)
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        raise _refused(code, "every recipient") from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, type(error).__name__) from None
    except OSError as error:  # what else smtplib raises is one, too
        raise NotDelivered(type(error).__name__, may_pass=True) from None
    except ValueError:
        raise NotDelivered("its server or a mailbox cannot be one") from None
    return f"accepted for {len(to) - len(refused)} of {len(to)} recipients"


def _refused(code: int, what: str) -> NotDelivered:
    """Codes below 500 say that it may pass."""
    return NotDelivered(f"smtp {code}, {what}", may_pass=code < 500)
