"""Every prompt, as a Markdown file with `$name` fields."""

from importlib.resources import files
from string import Template

__all__ = ["render"]


def render(name: str, **values: str) -> str:
    """Fill a prompt's fields.

    Args:
        name: file name without `.md`.
        values: one text for each field; a missing or an unknown field is a KeyError.
    """
    template = Template(files("moot.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8"))
    unknown = set(values) - set(template.get_identifiers())
    if unknown:
        raise KeyError(f"prompt {name} has no field {', '.join(sorted(unknown))}")
    return template.substitute(values)
