from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acme import VENDOR

from extractor.errors import SettingsError
from extractor.model import Api, Endpoint, Setting
from extractor.settings import resolve, toml_lines, with_paths

GIVEN = {"organization": "acme", "username": "bob@acme.test", "password": "hunter2", "region": "eu"}
Write = Callable[..., Path]


@pytest.fixture
def dot_dlt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the files of a project's .dlt folder and has dlt read them anew."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs import PluggableRunContext

    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if "ACME_SOURCE" in name:
            monkeypatch.delenv(name)

    def write(*, secrets: str = "", config: str = "") -> Path:
        folder = tmp_path / ".dlt"
        folder.mkdir(exist_ok=True)
        (folder / "secrets.toml").write_text(textwrap.dedent(secrets))
        (folder / "config.toml").write_text(textwrap.dedent(config))
        Container()[PluggableRunContext].reload_providers()
        return folder

    write()
    yield write
    monkeypatch.undo()
    Container()[PluggableRunContext].reload_providers()


def test_given_values_are_enough() -> None:
    found = resolve(VENDOR, GIVEN)
    assert found.base_urls[""] == "https://acme.acme.test/api/v1"
    assert found.values == GIVEN
    assert found.secrets == {"hunter2"}
    assert found.account == "acme"


def test_a_configuration_brings_its_secrets_and_its_own_address(dot_dlt: Write) -> None:
    """Links in its answers are compared with that address: with another one all of them would be foreign."""
    dot_dlt(secrets="[sources.acme_source]\nbase_url = 'https://elsewhere.test'\n")
    vendor = replace(
        VENDOR,
        base_url="https://shop.test",
        settings=(Setting(name="password", help="", secret=True),),
        secrets=frozenset({"t0ken"}),
    )
    given = {"password": "hunter2"}
    assert resolve(vendor, given).secrets == {"hunter2", "t0ken"}
    assert resolve(vendor, given).base_urls == {"": "https://elsewhere.test"}
    configured = replace(vendor, configuration="shop.py:config")
    assert resolve(configured, given).base_urls == {"": "https://shop.test"}
    assert "t0ken" not in repr(configured) + repr(resolve(configured, given))


def test_the_key_of_masks_is_a_secret_that_no_header_sees(dot_dlt: Write) -> None:
    dot_dlt(secrets=f"[sources.acme_source]\nmask_key = '{'k' * 32}'\n")
    found = resolve(VENDOR, GIVEN)
    assert (found.mask_key, found.values) == ("k" * 32, GIVEN)
    assert found.secrets == {"hunter2", "k" * 32}
    assert "kkk" not in repr(found)
    assert resolve(VENDOR, {**GIVEN, "mask_key": "g" * 40}).mask_key == "g" * 40


def test_a_key_of_masks_that_can_be_guessed_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match=r"acme_source\.mask_key has 31 characters.* at least 32") as raised:
        resolve(VENDOR, {**GIVEN, "mask_key": "k" * 31})
    assert "kkk" not in str(raised.value)


def test_a_repr_shows_no_value() -> None:
    assert "hunter2" not in repr(resolve(VENDOR, GIVEN))
    assert "bob" not in repr(resolve(VENDOR, GIVEN))


def test_values_come_from_both_files(dot_dlt: Write) -> None:
    dot_dlt(
        config="""
            [sources.acme_source]
            organization = " acme "
            username = "bob"
        """,
        secrets="""
            [sources.acme_source]
            password = "hunter2"
            region = "eu"
        """,
    )
    found = resolve(VENDOR)
    assert found.values == {"organization": "acme", "username": "bob", "password": "hunter2", "region": "eu"}


def test_the_environment_comes_before_the_files(dot_dlt: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    dot_dlt(secrets='[sources.acme_source]\norganization="acme"\nusername="bob"\npassword="old"')
    monkeypatch.setenv("SOURCES__ACME_SOURCE__PASSWORD", "new")
    assert resolve(VENDOR).values["password"] == "new"
    assert resolve(VENDOR, {"password": "given"}).values["password"] == "given"


def test_a_section_of_the_pipeline_comes_first(dot_dlt: Write) -> None:
    dot_dlt(
        secrets="""
            [sources.acme_source]
            organization = "acme"
            username = "bob"
            password = "hunter2"
            [trial.sources.acme_source]
            organization = "trial"
        """
    )
    assert resolve(VENDOR, pipeline_name="trial").account == "trial"
    assert resolve(VENDOR, pipeline_name="other").account == "acme"


def test_a_bare_environment_variable_of_the_system_is_not_taken(
    dot_dlt: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    dot_dlt(secrets='[sources.acme_source]\norganization="acme"\npassword="hunter2"')
    monkeypatch.setenv("USERNAME", "someone at this desk")
    with pytest.raises(SettingsError, match="acme needs username"):
        resolve(VENDOR)


def test_one_message_names_all_that_is_missing_and_no_value(dot_dlt: Write) -> None:
    dot_dlt(secrets='[sources.acme_source]\nregion="secret-region"\nusername = "  "\npassword = "<configure me>"')
    with pytest.raises(SettingsError) as caught:
        resolve(VENDOR)
    message = str(caught.value)
    assert message.startswith("acme needs organization, username, password.")
    assert "secret-region" not in message
    assert "SOURCES__ACME_SOURCE__PASSWORD" in message
    assert "SOURCES__ACME_SOURCE__REGION" not in message
    lines = [line.strip() for line in message.splitlines()]
    config, secrets = lines.index("In .dlt/config.toml:"), lines.index("In .dlt/secrets.toml:")
    end = lines.index("or in the environment:")
    # What it says to write is what dlt would read.
    assert tomllib.loads("\n".join(lines[config + 1 : secrets])) == {
        "sources": {"acme_source": {"organization": "", "username": ""}}
    }
    assert tomllib.loads("\n".join(lines[secrets + 1 : end])) == {"sources": {"acme_source": {"password": ""}}}


def test_a_base_url_replaces_the_template_and_the_settings_in_it(dot_dlt: Write) -> None:
    dot_dlt()
    found = resolve(VENDOR, {"base_url": "http://127.0.0.1:8080/", "username": "bob", "password": "hunter2"})
    assert found.base_urls[""] == "http://127.0.0.1:8080/api/v1"
    assert found.account == "this machine"
    assert "base_url" not in found.values


def test_an_account_is_known_by_its_setting_whatever_the_port() -> None:
    """A sandbox gets another port each time; its organization stays."""
    assert resolve(VENDOR, GIVEN | {"base_url": "http://127.0.0.1:1"}).account == "acme"


@pytest.mark.parametrize("value", [5, True, 1.5, ["a"], {"a": "b"}])
def test_what_is_not_text_is_refused_with_its_kind(dot_dlt: Write, value: object) -> None:
    toml = json.dumps(value) if not isinstance(value, dict) else '{a = "b"}'
    dot_dlt(config=f"[sources.acme_source]\nusername = {toml}")
    with pytest.raises(SettingsError, match=r"sources\.acme_source\.username must be text, and is a \w+"):
        resolve(VENDOR)


def test_a_line_break_inside_a_value_is_refused_without_the_value() -> None:
    with pytest.raises(SettingsError, match="password has a line break") as caught:
        resolve(VENDOR, GIVEN | {"password": "hunter2\nX: y"})
    assert "hunter2" not in str(caught.value)


def test_a_secret_in_config_toml_is_refused(dot_dlt: Write) -> None:
    dot_dlt(config='[sources.acme_source]\norganization="acme"\nusername="bob"\npassword="hunter2"')
    with pytest.raises(SettingsError, match=r"password is a secret and stands in config\.toml") as caught:
        resolve(VENDOR)
    assert "hunter2" not in str(caught.value)


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="acme has no setting passwort"):
        resolve(VENDOR, GIVEN | {"passwort": "x"})


def test_a_whole_host_as_organization_gets_advice() -> None:
    with pytest.raises(SettingsError, match='write organization = "acme"'):
        resolve(VENDOR, GIVEN | {"organization": "acme.acme.test"})


def test_a_placeholder_in_the_path_is_encoded() -> None:
    vendor = replace(VENDOR, base_url="https://api.acme.test/{organization}/v2/")
    assert resolve(vendor, GIVEN | {"organization": "a/../b"}).base_urls[""] == "https://api.acme.test/a%2F..%2Fb/v2"


def test_toml_lines_are_read_back_by_toml() -> None:
    values = {"base_url": "http://127.0.0.1:1/api", "password": 'q"\\ü😀\t'}
    assert tomllib.loads(toml_lines("acme", values)) == {"sources": {"acme_source": values}}


def run_python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "_SOURCE__" not in name and "DLT_" not in name}
    paths = os.pathsep.join([str(Path(__file__).parent.parent), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env=clean | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


ASK = """
    from acme import VENDOR
    from extractor.errors import SettingsError
    from extractor.settings import resolve
    try:
        print(resolve(VENDOR).values["username"])
    except SettingsError as error:
        print(error)
"""


def test_dlts_project_folder_is_respected(tmp_path: Path) -> None:
    """DLT_PROJECT_DIR moves the folder in which .dlt is looked for, as for every dlt program."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there/.dlt").mkdir(parents=True)
    (tmp_path / "there/.dlt/secrets.toml").write_text(
        '[sources.acme_source]\norganization="acme"\nusername="from there"\npassword="hunter2"'
    )
    run = run_python(ASK, tmp_path / "here", DLT_PROJECT_DIR=str(tmp_path / "there"))
    assert (run.stdout, run.stderr) == ("from there\n", "")


def test_a_broken_file_is_named_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text('[sources.acme_source]\npassword="hunter2\n')
    run = run_python(ASK, tmp_path)
    assert "secrets.toml can't be read" in run.stdout
    assert "hunter2" not in run.stdout + run.stderr


def test_values_do_not_reach_dlts_trace(dot_dlt: Write) -> None:
    """What dlt resolves it keeps for the pipeline's trace, which it stores."""
    from dlt.common.configuration.utils import get_resolved_traces

    dot_dlt(secrets='[sources.acme_source]\norganization="acme"\nusername="bob"\npassword="hunter2-traced"')
    resolve(VENDOR)
    assert "hunter2-traced" not in repr(get_resolved_traces().all_traces)


# ── lists ───────────────────────────────────────────────────────────────────────────────────

LISTING = replace(
    VENDOR,
    settings=(*VENDOR.settings, Setting(name="door_ids", help="doors to watch", many=True, required=False)),
)


def test_a_list_is_a_list_in_toml_and_json_in_the_environment(dot_dlt: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    dot_dlt(config='sources.acme_source.door_ids = ["a", " b ", "a", ""]')
    given = {name: value for name, value in GIVEN.items() if name != "region"}
    found = resolve(LISTING, given)
    assert found.lists == {"door_ids": ("a", "b")}
    assert found.values == given
    assert found.names == {*given, "door_ids"}
    monkeypatch.setenv("SOURCES__ACME_SOURCE__DOOR_IDS", '["c", "d"]')
    assert resolve(LISTING, given).lists == {"door_ids": ("c", "d")}


@pytest.mark.parametrize("given", [["a", "b"], ("a", "b"), '["a", "b"]', ' ["a","b","a"] '])
def test_a_list_may_be_given(given: str | list[str]) -> None:
    assert resolve(LISTING, {**GIVEN, "door_ids": given}).lists["door_ids"] == ("a", "b")


@pytest.mark.parametrize("empty", ["", "  ", "[]", '[""]', "<configure me>", '["<configure me>"]'])
def test_an_empty_list_is_not_there(empty: str) -> None:
    found = resolve(LISTING, {**GIVEN, "door_ids": empty})
    assert found.lists == {}
    assert "door_ids" not in found.names


@pytest.mark.parametrize("text", ["one", "one,two", '"one"', "{}", "5", "[one]"])
def test_one_text_is_no_list(text: str) -> None:
    with pytest.raises(SettingsError, match=r'door_ids must be a list of text: \["one", "two"\]'):
        resolve(LISTING, {**GIVEN, "door_ids": text})


def test_what_stands_in_a_list_is_text(dot_dlt: Write) -> None:
    dot_dlt(config="sources.acme_source.door_ids = [5]")
    with pytest.raises(SettingsError, match="door_ids must be text, and is a number: put it in quotes"):
        resolve(LISTING, GIVEN)
    dot_dlt(config="sources.acme_source.door_ids = 5")
    with pytest.raises(SettingsError, match="door_ids must be a list of text, and is a number"):
        resolve(LISTING, GIVEN)


def test_a_list_that_is_missing_is_asked_for_in_the_form_that_it_has() -> None:
    required = replace(LISTING, settings=tuple(replace(one, required=True) for one in LISTING.settings))
    with pytest.raises(SettingsError) as caught:
        resolve(required, GIVEN)
    assert 'door_ids = [""]  # doors to watch' in str(caught.value)
    assert "SOURCES__ACME_SOURCE__DOOR_IDS (a JSON list)" in str(caught.value)


# ── several APIs ────────────────────────────────────────────────────────────────────────────

SEVERAL = replace(
    VENDOR,
    apis={
        "files": Api(base_url="https://{region}.files.test/v2", setting="files_base_url", headers=lambda _: {}),
        "chat": Api(base_url="https://chat.test", setting="base_url", headers=lambda _: {}),
    },
)
LOCAL = {name: value for name, value in GIVEN.items() if name != "region"} | {"base_url": "http://127.0.0.1:1/x"}


def test_each_api_has_an_address() -> None:
    assert resolve(SEVERAL, GIVEN).base_urls == {
        "": "https://acme.acme.test/api/v1",
        "files": "https://eu.files.test/v2",
        "chat": "https://chat.test",
    }


def test_an_address_that_is_written_replaces_those_of_its_apis() -> None:
    """It is checked as the main one is, and no setting in the template is needed then."""
    found = resolve(SEVERAL, LOCAL | {"files_base_url": "http://localhost:2"})
    assert found.base_urls == {
        "": "http://127.0.0.1:1/x",
        "files": "http://localhost:2/v2",
        "chat": "http://127.0.0.1:1/x",
    }
    assert not found.values.keys() & {"base_url", "files_base_url"}
    with pytest.raises(SettingsError, match=r"acme_source\.files_base_url is plain http"):
        resolve(SEVERAL, GIVEN | {"files_base_url": "http://files.test"})


def test_an_api_whose_address_lacks_a_setting_is_left_out(dot_dlt: Write) -> None:
    dot_dlt()
    assert resolve(SEVERAL, LOCAL).base_urls.keys() == {"", "chat"}


def test_settings_may_stand_in_paths() -> None:
    paths = ("/orgs/{organization}/shops/{key}", "/shops/{key}", "/{region}/{organization}")
    vendor = replace(VENDOR, endpoints=tuple(Endpoint(name=path, path=path) for path in paths))
    found = with_paths(vendor, {"organization": "a/b {key}", "region": "eu"})
    assert [endpoint.path for endpoint in found.endpoints] == [
        "/orgs/a%2Fb%20%7Bkey%7D/shops/{key}",
        "/shops/{key}",
        "/eu/a%2Fb%20%7Bkey%7D",
    ]
