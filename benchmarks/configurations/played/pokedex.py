"""Creatures by name, each with its species, and berries; with the requests for lists they add up to what is wanted."""

from __future__ import annotations

from benchmarks.configurations.played.replies import UNKNOWN, Asked, Record, Reply

__all__ = ["answer"]


def answer(asked: Asked, size: int) -> Reply:
    """What the encyclopedia answers; `size` is how many requests a whole run is to take, roughly."""
    match asked.path:
        case ["api", "v2", "pokemon" | "berry" as kind]:
            count = size * 4 // 10 if kind == "pokemon" else size * 2 // 10
            offset, limit = int(asked.params["offset"]), int(asked.params["limit"])
            numbers = range(1, 1 + count)[offset : offset + limit]
            return Reply(content={"count": count, "results": [_name(asked, kind, number) for number in numbers]})
        case ["api", "v2", "pokemon", name]:
            return Reply(content=_pokemon(asked, _number(name)))
        case ["api", "v2", "pokemon-species", name]:
            return Reply(content=_species(asked, _number(name)))
        case ["api", "v2", "berry", name]:
            return Reply(content=_berry(asked, _number(name)))
        case _:
            return UNKNOWN


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _name(asked: Asked, kind: str, number: int) -> Record:
    """A name with a link, as everything is that has a request of its own."""
    root = asked.url.partition("/api/v2/")[0]
    return {"name": f"{kind}-{number}", "url": f"{root}/api/v2/{kind}/{number}/"}


def _pokemon(asked: Asked, number: int) -> Record:
    return {
        "id": number,
        "name": f"pokemon-{number}",
        "height": 3 + number % 30,
        "weight": 40 + number % 900,
        "base_experience": None if number % 11 == 0 else 60 + number % 200,
        "is_default": number % 9 != 0,
        "species": _name(asked, "species", number),
        "sprites": {"front": f"sprites/{number}.png", "other": {"home": {"front": f"home/{number}.png"}}},
        "abilities": [
            {"slot": slot, "is_hidden": slot == 3, "ability": _name(asked, "ability", number % 60 + slot)}
            for slot in range(1, 2 + number % 3)
        ],
        "stats": [{"base_stat": 30 + (number * stat) % 90, "stat": _name(asked, "stat", stat)} for stat in range(1, 7)],
        "moves": [
            {
                "move": _name(asked, "move", number % 200 + place),
                "version_group_details": [
                    {"level_learned_at": place + version, "version_group": _name(asked, "version", version)}
                    for version in range(1, 1 + (number + place) % 3)
                ],
            }
            for place in range(number % 8)
        ],
    }


def _species(asked: Asked, number: int) -> Record:
    return {
        "id": number,
        "name": f"species-{number}",
        "capture_rate": number % 255,
        "is_legendary": number % 50 == 0,
        "generation": _name(asked, "generation", 1 + number % 9),
        "names": [{"language": language, "name": f"{number} {language}"} for language in ("de", "fr", "ja")],
    }


def _berry(asked: Asked, number: int) -> Record:
    return {
        "id": number,
        "name": f"berry-{number}",
        "growth_time": 2 + number % 20,
        "flavors": [{"potency": number % (10 * place), "flavor": _name(asked, "flavor", place)} for place in (1, 2)],
    }
