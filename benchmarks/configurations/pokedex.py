"""An encyclopedia like PokeAPI: lists of names by offset, a request for each name, records with lists in lists."""

from __future__ import annotations

import os
from typing import Any

_ONE: dict[str, Any] = {"data_selector": "$", "paginator": "single_page"}

config: dict[str, Any] = {
    "client": {
        "base_url": f"{os.environ['PLAYED_URL']}/pokedex/api/v2/",
        "paginator": {"type": "offset", "limit": 50, "total_path": "count"},
    },
    "resource_defaults": {"write_disposition": "replace", "endpoint": {"data_selector": "results"}},
    "resources": [
        {"name": "pokemon_names", "endpoint": "pokemon", "selected": False},
        {"name": "pokemon", "endpoint": {"path": "pokemon/{resources.pokemon_names.name}", **_ONE}},
        {
            "name": "species",
            "endpoint": {"path": "pokemon-species/{resources.pokemon.species.name}", **_ONE},
            "include_from_parent": ["id"],
        },
        {"name": "berry_names", "endpoint": "berry"},
        {"name": "berries", "endpoint": {"path": "berry/{resources.berry_names.name}", **_ONE}, "max_table_nesting": 0},
    ],
}
