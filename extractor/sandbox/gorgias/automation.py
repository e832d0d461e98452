"""The short lists that machines work with: rules, integrations, jobs, widgets; free forms and deep trees."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.catalog import Catalog, Record
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Population

__all__ = ["INTEGRATIONS", "automation"]

INTEGRATIONS = ("email", "gorgias_chat", "shopify", "http", "http", "aircall", "http")
RULES = 5
JOBS = (
    ("applyMacro", "done"),
    ("exportTicket", "done"),
    ("deleteTicket", "errored"),
    ("updateTicket", "running"),
    ("importMacro", "scheduled"),
    ("exportMacro", "canceled"),
)
WIDGETS = ("shopify", "http", "standalone", "custom")
DEPTH = 24  # levels of a syntax tree; those of real rules are deeper than most loaders like


def automation(population: Population, ids: Ids, catalog: Catalog) -> dict[str, list[Record]]:
    """Records by the name of their table."""
    depth = 6 if population.plain else DEPTH
    return {
        "rules": [_rule(ids, catalog, n, depth) for n in range(RULES)],
        "integrations": [_integration(ids, catalog, n) for n in range(len(INTEGRATIONS))],
        "jobs": [_job(ids, catalog, n) for n in range(len(JOBS))],
        "widgets": [_widget(population, ids, catalog, n) for n in range(len(WIDGETS))],
    }


def _rule(ids: Ids, catalog: Catalog, n: int, depth: int) -> Record:
    identity = ids.write(Kind.RULE, n)
    created = catalog.created(n, RULES)
    return {
        "id": identity,
        "uri": f"/api/rules/{identity}/",
        "name": f"Rule {n}",
        "description": None if n % 2 else "tags what's late",
        "code": f"if (eq(ticket.channel, 'email')) {{\n  Action('addTags', {{tags: 'rule-{n}'}})\n}}",
        "code_ast": {"type": "Program", "sourceType": "script", "body": [_syntax(n, depth)]},
        "event_types": "ticket-created,ticket-message-created"[: None if n % 2 else 14],
        "priority": 100 - n,
        "settings": {} if n else {"slug": "auto-close-spam", "block_list": ["a@example.org"]},
        "created_datetime": created,
        "updated_datetime": catalog.created(n + 1, RULES),
        "deactivated_datetime": catalog.created(n + 1, RULES) if n == 3 else None,
    }


def _syntax(n: int, depth: int) -> Record:
    """A tree whose nodes have different keys on every level."""
    if not depth:
        return {"type": "Literal", "raw": f"'{n}'", "value": (n, f"{n}", None, True)[n % 4]}
    if depth % 3 == 0:
        return {
            "type": "IfStatement",
            "test": {"type": "Identifier", "name": f"v{n}"},
            "consequent": _syntax(n, depth - 1),
        }
    if depth % 3 == 1:
        return {"type": "BlockStatement", "body": [_syntax(n, depth - 1)]}
    return {
        "type": "CallExpression",
        "callee": {"name": "Action"},
        "arguments": [_syntax(n, depth - 1)],
        f"extra{n}": {},
    }


def _integration(ids: Ids, catalog: Catalog, n: int) -> Record:
    identity, kind = ids.write(Kind.INTEGRATION, n), INTEGRATIONS[n]
    http: Record | None = None
    if kind == "http":
        form: object = ('{"order": "{{id}}"}', {"order": "{{id}}", "nested": {"n": n}}, None)[n % 3]
        http = {
            "id": n,
            "url": f"https://erp.example.org/{n}",
            "method": "POST",
            "headers": {"X-Key": "•••"},
            "form": form,
        }
    created = catalog.created(n, len(INTEGRATIONS))
    return {
        "id": identity,
        "uri": f"/api/integrations/{identity}/",
        "type": kind,
        "name": f"{kind} {n}",
        "description": None,
        "application_id": None,
        "user": {"id": catalog.user(0)["id"]},
        "meta": {"shop_name": "sandbox", "shop_id": 77, "currency": "EUR"}
        if kind == "shopify"
        else {"address": "s@example.org"},
        "http": http,
        "decoration": {"conversation_color": "#0D87DD"} if kind == "gorgias_chat" else None,
        "created_datetime": created,
        "updated_datetime": created,
        "deactivated_datetime": created if n == 6 else None,
        "locked_datetime": None,
        "deleted_datetime": None,
    }


def _job(ids: Ids, catalog: Catalog, n: int) -> Record:
    identity, (kind, status) = ids.write(Kind.JOB, n), JOBS[n]
    created = catalog.created(n, len(JOBS))
    return {
        "id": identity,
        "uri": f"/api/jobs/{identity}/",
        "type": kind,
        "status": status,
        "params": {"ticket_ids": [ids.write(Kind.TICKET, 0)], "view": {"filters": "eq(1, 1)"}} if n % 2 else {},
        "info": {"progress_count": n * 10, "errors": [] if n % 2 else {"500": 1}},
        "meta": None if n % 3 else {"url": f"https://files.example.org/{n}.csv"},
        "scheduled_datetime": created if status == "scheduled" else None,
        "created_datetime": created,
        "started_datetime": None if status == "scheduled" else created,
        "ended_datetime": created if status in ("done", "errored") else None,
    }


def _widget(population: Population, ids: Ids, catalog: Catalog, n: int) -> Record:
    identity, kind = ids.write(Kind.WIDGET, n), WIDGETS[n]
    created = catalog.created(n, len(WIDGETS))
    linked = {"shopify": 2, "http": 3}.get(kind)
    return {
        "id": identity,
        "uri": f"/api/widgets/{identity}/",
        "type": kind,
        "context": ("ticket", "customer", "user", "ticket")[n],
        "integration_id": None if linked is None else ids.write(Kind.INTEGRATION, linked),
        "app_id": f"{Dice(population.key, Kind.WIDGET, n).below(1 << 62):024x}" if kind == "standalone" else None,
        "order": n,
        "template": _template(4 + n),
        "created_datetime": created,
        "updated_datetime": created,
        "deactivated_datetime": created if n == 3 else None,
    }


def _template(depth: int) -> Record:
    """A card that holds cards."""
    card: Record = {"type": "card" if depth % 2 else "list", "path": f"orders[{depth}]", "title": "Order {{name}}"}
    inner = [{"type": "text", "path": "total", "order": 0}, *([_template(depth - 1)] if depth else [])]
    return card | {"widgets": inner, "meta": {"displayCard": True} if depth % 2 else {"limit": "5", "orderBy": ""}}
