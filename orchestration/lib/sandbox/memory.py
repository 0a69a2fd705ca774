"""What the vendors of a sandbox remember when it is started again.

Without it a sandbox would be empty where the activation state knows that members were
acknowledged, and they would not be sent again.
"""

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestration.lib.sandbox.vendor import Vendor


@contextmanager
def remembering(vendors: Sequence[Vendor], file: Path) -> Iterator[None]:
    """The block in which vendors know what they knew, and after which it is kept."""
    recall(vendors, file)
    try:
        yield
    finally:
        remember(vendors, file)


def recall(vendors: Sequence[Vendor], file: Path) -> bool:
    """Let vendors know again what they knew when the file was written.

    The file must be one that `remember` wrote on this machine: it is a pickle.

    Returns:
        False if there is no such file, or one of another version: they know nothing.
    """
    if not file.exists():
        return False
    try:
        known = pickle.loads(file.read_bytes())
    except (pickle.UnpicklingError, AttributeError, EOFError, ImportError):
        return False
    for vendor in vendors:
        vars(vendor).update(known.get(vendor.name, {}))
    return True


def remember(vendors: Sequence[Vendor], file: Path) -> None:
    """Write down what the vendors know, whole or not at all."""
    known = {
        vendor.name: {
            name: value for name, value in vars(vendor).items() if name != "lock"
        }
        for vendor in vendors
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_bytes(pickle.dumps(known))
    new.replace(file)
