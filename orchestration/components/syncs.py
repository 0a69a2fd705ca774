"""All syncs of the project: audience marts times their configured destinations."""

from orchestration.components.audience_sync import make_sync
from orchestration.dbt import audience_nodes, prepare_project
from orchestration.lib.activation.state import Sync
from orchestration.settings import Settings, SettingsError


def syncs(settings: Settings) -> list[Sync]:
    """Every audience with every destination it goes to, in order of name.

    Raises:
        SettingsError: the configuration names an audience that no mart makes.
    """
    nodes = audience_nodes(prepare_project().manifest_path)
    unknown = sorted(set(settings.audiences) - set(nodes))
    if unknown:
        raise SettingsError(
            f"no mart makes the audience {', '.join(unknown)}; known are"
            f" {', '.join(sorted(nodes))}"
        )
    return [
        make_sync(node, settings, destination)
        for name, node in sorted(nodes.items())
        if name in settings.audiences
        for destination in settings.audiences[name].destinations
    ]
