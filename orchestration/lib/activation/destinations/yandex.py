"""Segments of Yandex Audience, made of hashed contacts.

    GET  <base>/v1/management/segments                          which there are
    POST <base>/v1/management/segments/upload_csv_file          a file for a new one
    POST <base>/v1/management/segment/<id>/confirm              its name and kind
    POST <base>/v1/management/segment/<id>/modify_data
         ?modification_type=addition | subtraction              who comes, who leaves

A file has a line per member: the same columns for as long as the segment lives, which
is why they are all that is sent, and what a member is known by. The segment of an
audience is the one of its name; the first members make it.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.lib.activation.destinations.api import HttpDestination, reading
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answers,
    Batch,
    Capabilities,
    Kind,
    NotSent,
    Options,
)
from orchestration.lib.activation.destinations.hashing import (
    YANDEX,
    identifiers,
    known_by,
)

#: Smaller segments cannot be used in Direct.
_LEAST_MEMBERS = 100
#: What a file of ours is there; another segment of the same name is left alone.
_KIND = {"content_type": "crm", "hashed": True}


@dataclass(frozen=True, kw_only=True)
class YandexOptions(Options):
    """Whose segments, and of what."""

    #: The environment variable with the OAuth token.
    token_env: str
    #: The columns of the files, for good: `email`, `phone` or both.
    identifiers: tuple[str, ...] = ("email",)
    base_url: str = "https://api-audience.yandex.ru"


class YandexDestination(HttpDestination[YandexOptions]):
    """The segments of one account."""

    options_type = YandexOptions

    @classmethod
    def capabilities(cls, options: YandexOptions) -> Capabilities:
        """Absolute sets of hashes; too small a segment is of no use."""
        unknown = sorted(set(options.identifiers) - set(YANDEX))
        if unknown:
            raise ValueError(
                f"identifiers are {', '.join(YANDEX)}, not {', '.join(unknown)}"
            )
        return Capabilities(
            key=known_by(options.identifiers),
            in_doubt_by="state",
            can_clear=False,
            batch_rows=100_000,
            transforms=YANDEX,
            least_members=_LEAST_MEMBERS,
        )

    def prepare(self) -> None:
        """Make the client."""
        self._api = self.client(
            self.options.base_url,
            headers={"authorization": f"OAuth {self.secrets['token_env']}"},
            code=lambda document: document["errors"][0]["error_type"],
        )

    def fields(self) -> Mapping[str, Kind] | None:
        """The columns of the files."""
        return dict.fromkeys(self.options.identifiers, "text")

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Add the members to the audience's segment, or take them out of it."""
        segment = self._segment(batch.audience)
        is_removal = batch.rows[0].operation == "remove"
        if segment is None and not is_removal:
            self._create(batch)
        elif segment is not None:
            self._call(
                f"segment/{segment}/modify_data",
                params={
                    "modification_type": "subtraction" if is_removal else "addition",
                    "check_size": "false",
                },
                files=self._file(batch),
            )
        return {row.remote_key: ACKNOWLEDGED for row in batch.rows}

    def _segment(self, audience: str) -> int | None:
        """The segment of the audience, if there is one."""
        document = self._api.ask("/v1/management/segments")
        with reading(NotSent):
            named = [each for each in document["segments"] if each["name"] == audience]
        if len(named) > 1 or any(
            each.get(key) != value for each in named for key, value in _KIND.items()
        ):
            raise NotSent(f"{audience} is another kind of segment there, or several")
        if any(each.get("status") == "processing_failed" for each in named):
            raise NotSent(f"the segment {audience} could not be processed: delete it")
        return int(named[0]["id"]) if named else None

    def _create(self, batch: Batch) -> None:
        segment = self._call("segments/upload_csv_file", files=self._file(batch))
        about = {
            "id": segment,
            "name": batch.audience,
            "hashing_alg": "SHA256",
            **_KIND,
        }
        self._call(
            f"segment/{segment}/confirm",
            params={"check_size": "false"},
            json={"segment": about},
        )

    def _call(self, path: str, **request: Any) -> int:  # noqa: ANN401 - what httpx takes
        """Post to the API; the id of the segment that it answers with."""
        _, document = self._api.call("POST", f"/v1/management/{path}", **request)
        with reading():
            return int(document["segment"]["id"])

    def _file(self, batch: Batch) -> dict[str, tuple[str, bytes, str]]:
        names, text = self.options.identifiers, io.StringIO()
        lines = csv.DictWriter(text, names, lineterminator="\n")
        lines.writeheader()
        lines.writerows(identifiers(row.remote_key, names) for row in batch.rows)
        return {"file": ("members.csv", text.getvalue().encode(), "text/csv")}
