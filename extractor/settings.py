"""A vendor's settings, as dlt's own configuration holds them.

They are looked up where dlt looks: environment, then `secrets.toml`, then `config.toml`, each in the project's `.dlt`
folder and the global one, then what else is registered with dlt (vaults, Airflow); in all of them first below the
pipeline's name. Unlike dlt's, the search ends at the vendor's section: many systems have an environment variable
USERNAME that means somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

from extractor.address import host_part, normal_base_url
from extractor.errors import SettingsError
from extractor.model import Setting, Vendor

__all__ = ["Settings", "resolve"]

placeholder = "<configure me>"
"""What `dlt init` writes where a value is still to come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What one vendor needs to be asked; its repr shows no value.

    Attributes:
        base_url: without a slash at its end; host in lower case.
        values: by the names that the vendor's file gives them, `base_url` left out.
        secrets: the values, not the names, that must never be shown.
        account: tells accounts apart: the value of the vendor's account setting, else the host of `base_url`.
    """

    base_url: str
    values: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    account: str


def resolve(vendor: Vendor, given: Mapping[str, str] | None = None, *, pipeline_name: str | None = None) -> Settings:
    """The vendor's settings: those `given`, the rest from dlt's configuration.

    Args:
        vendor: names the settings.
        given: values that come before the configuration.
        pipeline_name: sections below this name come first, as dlt has it.

    Raises:
        SettingsError: one is missing (the message names all that are, with the lines to write) or makes no sense.
    """
    declared = {setting.name: setting for setting in vendor.settings}
    # The setting base_url exists for every vendor, declared or not; whoever gives it needs no part of the template.
    all_parts = _placeholders(vendor.base_url)
    for name in all_parts:
        declared.setdefault(name, Setting(name=name, help="part of the address"))
    declared.setdefault("base_url", Setting(name="base_url", help="address of the API", required=False))
    unknown = sorted(set(given or {}) - declared.keys())
    if unknown:
        raise SettingsError(f"{vendor.name} has no setting {', '.join(unknown)}. Settings: {', '.join(declared)}.")

    values: dict[str, str] = {}
    for setting in declared.values():
        own: object = (given or {}).get(setting.name)
        text = _text(vendor, setting, _configured(vendor, setting, pipeline_name) if own is None else own)
        if text:
            values[setting.name] = text

    base_url = values.pop("base_url", "")
    parts = () if base_url else all_parts
    missing = [
        setting
        for setting in declared.values()
        if setting.name not in values
        and (setting.name in parts or (setting.required and setting.name not in all_parts))
    ]
    if missing:
        raise SettingsError(_missing(vendor, missing))
    section = f"sources.{vendor.name}_source"
    base_url = normal_base_url(base_url, vendor.base_url, f"{section}.base_url") if base_url else _built(vendor, values)
    secrets = frozenset(values[name] for name, setting in declared.items() if setting.secret and name in values)
    account = values.get(vendor.account) or urlsplit(base_url).netloc
    return Settings(base_url=base_url, values=values, secrets=secrets, account=account)


def _configured(vendor: Vendor, setting: Setting, pipeline_name: str | None) -> object:
    """What dlt's providers hold for the setting, None if none does."""
    import dlt  # noqa: PLC0415 - 0.4 s of CPU that a command without settings need not pay
    from dlt.common.configuration.exceptions import ConfigProviderException  # noqa: PLC0415
    from dlt.common.typing import TSecretStrValue  # noqa: PLC0415

    section = f"{vendor.name}_source"
    hint: type[Any] = TSecretStrValue if setting.secret else str
    try:
        # Asked directly and not through `dlt.secrets`, which would note the value in the pipeline's trace.
        providers = dlt.config.config_providers
        for pipeline in (pipeline_name, None) if pipeline_name else (None,):
            for provider in providers:
                if provider.is_empty or not provider.supports_sections:
                    continue
                value, _ = provider.get_value(setting.name, hint, pipeline, "sources", section)
                if value is None:
                    continue
                if setting.secret and not provider.supports_secrets:
                    raise SettingsError(
                        f"sources.{section}.{setting.name} is a secret and stands in {provider.name}: "
                        "move it to .dlt/secrets.toml or to the environment."
                    )
                return value
    except ConfigProviderException as error:
        # The parser's own words could quote the line with the secret.
        where = getattr(error, "file_name", error.provider_name)
        raise SettingsError(f"dlt's {where} can't be read: is it sound TOML in UTF-8?") from None
    return None


def _text(vendor: Vendor, setting: Setting, raw: object) -> str:
    """The value without blanks round it; '' if there is none."""
    if raw is None:
        return ""
    name = f"sources.{vendor.name}_source.{setting.name}"
    if not isinstance(raw, str):
        raise SettingsError(f"{name} must be text, and is a {_kind(raw)}: put it in quotes.")
    text = raw.strip()
    if not text.isprintable():
        raise SettingsError(f"{name} has a line break or another invisible character in it: copy the value again.")
    return "" if text == placeholder else text


def _kind(raw: object) -> str:
    for kind, word in ((bool, "boolean"), (int, "number"), (float, "number"), (Mapping, "table"), (Sequence, "list")):
        if isinstance(raw, kind):
            return word
    return "value of another kind"


def _placeholders(template: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def _built(vendor: Vendor, values: Mapping[str, str]) -> str:
    """The vendor's own address with the settings filled in."""
    parts = urlsplit(vendor.base_url)
    section = f"sources.{vendor.name}_source"
    netloc = parts.netloc
    for name in _placeholders(parts.netloc):
        netloc = netloc.replace(f"{{{name}}}", host_part(values[name], vendor.base_url, name, section))
    path = parts.path
    for name in _placeholders(parts.path):
        path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
    return f"{parts.scheme}://{netloc.lower()}{path.rstrip('/')}"


def _missing(vendor: Vendor, missing: Sequence[Setting]) -> str:
    """One message for all of them: where each may be written, and what it is."""
    section = f"sources.{vendor.name}_source"
    lines = [f"{vendor.name} needs {', '.join(setting.name for setting in missing)}.", ""]
    for file, of_file in (
        ("config.toml", [setting for setting in missing if not setting.secret]),
        ("secrets.toml", [setting for setting in missing if setting.secret]),
    ):
        if of_file:
            lines += [f"In .dlt/{file}:", "", f"    [{section}]"]
            width = max(len(setting.name) for setting in of_file)
            lines += [f'    {setting.name:<{width}} = ""  # {setting.help}' for setting in of_file]
            lines.append("")
    lines += ["or in the environment:", ""]
    lines += [f"    {section.replace('.', '__').upper()}__{setting.name.upper()}" for setting in missing]
    lines += ["", f"To try it without an account: python -m extractor backfill {vendor.name} --sandbox"]
    return "\n".join(lines)


def toml_lines(vendor: str, values: Mapping[str, str | list[str]]) -> str:
    """The section of `secrets.toml` that holds these values."""
    # A JSON string is a TOML string as long as nothing beyond ASCII is escaped (TOML has no surrogate pairs), and a
    # list of them is a list.
    written = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n".join([f"[sources.{vendor}_source]", *written])
