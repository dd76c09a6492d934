"""Reaches the model server, and knows how it is spoken to. Importing it is quick, unlike `app`."""

from moot.agent.core.config import Settings
from moot.agent.core.errors import ModelUnreachable, UsageError
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import FORMATS, FimFormat, fim_format, form_of
from moot.agent.models.profiles import Profile, choose
from moot.agent.models.serving import running_server
from moot.agent.models.transport import ClientOptions

__all__ = ["connect", "infilling"]


async def connect(settings: Settings, *, probe: bool = True) -> tuple[OpenAIClient, Profile | None]:
    """Reach the server that the settings name, else the local one; return its profile, too.

    Args:
        settings: all settings.
        probe: False leaves out what only chats need to know; see `OpenAIClient.connect`.

    Raises:
        ModelUnreachable: no server is named and none is running, or it does not answer.
        ModelAnswerError: what answers is no model server, or it refuses the key.
        UsageError: a bad URL, or a model or profile that is not there.
    """
    server = running_server(settings.data_dir) if settings.base_url is None else None
    base_url = settings.base_url or (server.base_url if server else None)
    if base_url is None:
        raise ModelUnreachable(
            "no model server is running: start one with `agent model up`, or name one with --base-url"
        )
    profile = choose(settings, server.profile) if server else _named(settings)
    options = ClientOptions(
        model=settings.model,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )
    return await OpenAIClient.connect(base_url, options, probe=probe), profile


def _named(settings: Settings) -> Profile | None:
    """A server of the user's own has the profile that the user names, or none."""
    return choose(settings) if settings.profile else None


def infilling(settings: Settings, profile: Profile | None, model: str) -> FimFormat:
    """Return the form in which a model fills in the middle: the user's, the profile's, its family's.

    Raises:
        UsageError: none of them names one.
    """
    name = settings.fim or (profile.fim if profile else None)
    form = fim_format(name) if name else None if profile else form_of(model)
    if form is None:
        raise UsageError(
            f"how {model} fills in the middle is not known: `agent doctor` tries every form; "
            f"name the one that works with --fim {'|'.join(FORMATS)}"
        )
    return form
