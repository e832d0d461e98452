"""The tree in the docstring of `errors` is drawn by hand; here it is compared with the classes."""

from __future__ import annotations

import inspect
import re

import pytest

from extractor import errors


def drawn() -> dict[str, str]:
    """Class -> the class it hangs on, as the docstring draws it."""
    above: list[str] = []
    tree: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ((?:[│ ]   )*)((?:[├└]── )?)(\w+)(?:\s{2,}\S.*)?$", line)
        if found and found[3][0].isupper():
            depth = (len(found[1]) + len(found[2])) // 4
            above = [*above[:depth], found[3]]
            tree[found[3]] = above[-2] if depth else ""
    return tree


def classes() -> dict[str, type[Exception]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return {name: one for name, one in found if issubclass(one, Exception) and one.__module__ == errors.__name__}


def test_the_drawn_tree_is_the_tree_of_the_classes() -> None:
    real = {name: one.__bases__[0].__name__ for name, one in classes().items()}
    real["ExtractorError"] = ""
    assert drawn() == real


def test_every_error_is_exported_and_says_what_it_is_for() -> None:
    assert sorted(errors.__all__) == sorted(classes())
    assert all((one.__doc__ or "").strip().splitlines()[0].endswith(".") for one in classes().values())


def test_a_caller_can_tell_what_to_do_from_the_groups() -> None:
    groups = {errors.UsageError, errors.RunFailed, errors.QuotaSpent, errors.RequestFailed}
    for one in classes().values():
        if one is not errors.ExtractorError:
            assert sum(issubclass(one, group) for group in groups) == 1, one


@pytest.mark.parametrize("kind", [one for one in classes().values() if issubclass(one, errors.RequestFailed)])
def test_a_failed_request_says_status_attempts_and_path(kind: type[errors.RequestFailed]) -> None:
    error = kind("text", status=503, attempts=6, path="/agents")
    assert (str(error), error.status, error.attempts, error.path) == ("text", 503, 6, "/agents")
    plain = kind("text")
    assert (plain.status, plain.attempts, plain.path) == (None, 1, "")
