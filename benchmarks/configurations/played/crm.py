"""Companies by search, their deals, the deals' line items, with cursors; some companies are not known to have deals."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.configurations.played.replies import UNKNOWN, Asked, Record, Reply, day

__all__ = ["answer"]


def answer(asked: Asked, size: int) -> Reply:
    """What the CRM answers; `size` is how many requests a whole run is to take, roughly."""
    match asked.method, asked.path:
        case "POST", ["v3", "objects", "companies", "search"]:
            companies = [_company(number) for number in range(size * 3 // 10)]
            return _page(companies, asked.content.get("after", "0"), asked.content["limit"])
        case "GET", ["v3", "objects", "companies", company, "deals"]:
            number = int(company)
            if number % 7 == 0:
                return UNKNOWN
            deals = [_deal(number, place) for place in range(number % 5)]
            return _page(deals, asked.params.get("after", "0"), int(asked.params["limit"]))
        case "GET", ["v3", "objects", "deals", deal, "line_items"]:
            items = [_line_item(deal, place) for place in range(int(deal) % 4)]
            return _page(items, asked.params.get("after", "0"), int(asked.params["limit"]))
        case "GET", ["v3", "owners"]:
            owners = [_owner(number) for number in range(9)]
            return _page(owners, asked.params.get("after", "0"), int(asked.params["limit"]))
        case _:
            return UNKNOWN


def _page(records: Sequence[Record], after: str, limit: int) -> Reply:
    until = int(after) + limit
    paging = {"paging": {"next": {"after": str(until)}}} if until < len(records) else {}
    return Reply(content={"results": records[int(after) : until], **paging})


def _company(number: int) -> Record:
    properties = {
        "name": f"Company Nº {number}",
        "domain": f"company-{number}.example",
        "createdate": day(number),
        "employees": str(number % 400),
        "address": {"city": f"City {number % 30}", "zip": f"{number:05}"},
        "tags": ["customer", f"tier {number % 3}"][: number % 3],
    }
    return {"id": str(1_000 + number), "properties": properties, "archived": number % 25 == 0}


def _deal(company: int, place: int) -> Record:
    stage = ("new", "offered", "won", "lost")[(company + place) % 4]
    properties = {"dealname": f"Deal {place}", "amount": f"{company % 500}.{place:02}", "stage": stage}
    return {"id": str(10 * company + place), "properties": properties, "updatedAt": day(company + place)}


def _line_item(deal: str, place: int) -> Record:
    return {
        "id": f"{deal}-{place}",
        "sku": f"sku-{place}",
        "quantity": 1 + place,
        "price": 9.5 + place,
        "discounts": [{"percent": 5 * each} for each in range(1, 1 + place)],
    }


def _owner(number: int) -> Record:
    return {"id": str(number), "email": f"owner-{number}@company.example", "teams": [{"id": number % 3}]}
