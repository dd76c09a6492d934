"""Reaches the model server, and knows how it is spoken to. Importing it is quick, unlike `app`."""

import os
from dataclasses import replace

from moot.agent.core.config import Settings
from moot.agent.core.errors import ModelUnreachable, UsageError
from moot.agent.fusion.member import Member
from moot.agent.models.client import OpenAIClient
from moot.agent.models.fim import FORMATS, FimFormat, fim_format, form_of
from moot.agent.models.profiles import Profile, choose
from moot.agent.models.serving import running_server
from moot.agent.models.transport import ClientOptions

__all__ = ["connect", "connect_member", "infilling"]


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
    profile = _served(settings, server.profile) if server else _named(settings)
    return await OpenAIClient.connect(base_url, _options(settings), probe=probe), profile


async def connect_member(settings: Settings, member: Member) -> OpenAIClient:
    """Reach a member of a pool, at its own server or at that of the settings, without probes.

    The settings' own key goes to no other server than theirs.

    Raises:
        MootError: as `connect` does; a UsageError also where the variable of its key is not set.
    """
    options = replace(_options(settings), model=member.model)
    if member.base_url is None:
        own = settings.model_copy(update={"model": member.model})
        return (await connect(own, probe=False))[0]
    if member.key_env is not None:
        options = replace(options, api_key=_key(member), key_name=member.key_env)
    elif member.base_url != settings.base_url:
        options = replace(options, api_key=None, key_name=f"api_key_env of {member.name}")
    return await OpenAIClient.connect(member.base_url, options, probe=False)


def _key(member: Member) -> str:
    key = os.environ.get(member.key_env or "", "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise UsageError(f"{member.key_env} holds no key: put that of {member.name} into it")
    return key


def _own_key(settings: Settings) -> str | None:
    key = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    if not (key.isascii() and key.isprintable()):
        raise UsageError("MOOT_API_KEY holds characters that no key has: write it anew")
    return key or None


def _options(settings: Settings) -> ClientOptions:
    return ClientOptions(
        model=settings.model,
        api_key=_own_key(settings),
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )


def _served(settings: Settings, running: str) -> Profile:
    """The local server has the profile that it was started with; another that the user names is refused."""
    if (wanted := _named(settings)) is not None and wanted.name != running:
        raise UsageError(
            f"the local server runs {running}, not {wanted.name}: leave the profile out, "
            f"or start the other one with `agent model down` and `agent model up {wanted.name}`"
        )
    return choose(settings, running)


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
