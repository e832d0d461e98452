"""The engine on virtual time: whoever waits for something that never comes raises `Deadlock` at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from clock import Deadlock, run
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.engine import Engine
from extractor.errors import QuotaSpent, Refused
from extractor.model import Listing, Page, State

DEPTH = 4
ENDPOINTS = tuple(f"level{number}" for number in range(DEPTH))


@dataclass(frozen=True)
class Node:
    """A listing: its endpoint's depth, and for each of its pages the children that it names."""

    number: int
    depth: int
    pages: tuple[tuple[int, ...], ...]

    @property
    def endpoint(self) -> str:
        return ENDPOINTS[self.depth]


@st.composite
def trees(draw: st.DrawFn, most: int = 40) -> tuple[Node, ...]:
    """Any tree of listings, whatever the number of their pages."""
    parents: list[int | None] = [None]
    depths = [0]
    for number in range(1, draw(st.integers(1, most))):
        parent = draw(st.none() | st.integers(0, number - 1))
        if parent is not None and depths[parent] == DEPTH - 1:
            parent = None
        parents.append(parent)
        depths.append(0 if parent is None else depths[parent] + 1)
    nodes = []
    for number, depth in enumerate(depths):
        pages: list[list[int]] = [[] for _ in range(draw(st.integers(1, 3)))]
        for child, parent in enumerate(parents):
            if parent == number:
                draw(st.sampled_from(pages)).append(child)
        nodes.append(Node(number, depth, tuple(map(tuple, pages))))
    return tuple(nodes)


@dataclass
class World:
    """Ledger, vendor and spool in one, each of which takes a random time for everything.

    Attributes:
        most_open: lane -> listings that were under way at the same time.
        log: (what, number of the listing) in the order of events.
    """

    nodes: tuple[Node, ...]
    seed: int = 0
    width: dict[str, int] = field(default_factory=lambda: {"one": 3})
    lanes: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ENDPOINTS, "one"))
    apis: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ENDPOINTS, ""))
    waits: float = 1.0
    full: bool = False
    on_fetch: Callable[[int], None] = lambda _: None
    on_emit: Callable[[Page], None] = lambda _: None
    on_claim: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        children = {child for node in self.nodes for page in node.pages for child in page}
        self.pending: dict[str, list[int]] = {name: [] for name in ENDPOINTS}
        for node in self.nodes:
            if node.number not in children:
                self.pending[node.endpoint].append(node.number)
        self.log: list[tuple[str, int]] = []
        self.emitted: Counter[tuple[int, int]] = Counter()
        self.fetched: Counter[int] = Counter()
        self.known = {number for numbers in self.pending.values() for number in numbers}
        self.under_way: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        self.closed_generators = 0
        self.refusals: list[tuple[str, Refused | QuotaSpent]] = []
        self.engine = Engine(
            endpoints=ENDPOINTS,
            lanes={name: (budget,) for name, budget in self.lanes.items()},
            apis=self.apis,
            width=lambda lane: self.width[lane[0]],
            work=self,
            fetch=self.fetch,
            emit=self.emit,
            refused=self.refused,
            full=lambda: self.full,
        )

    async def pause(self) -> None:
        if self.waits:
            await asyncio.sleep(self.random.choice((0, 0, self.random.random() * self.waits)))

    # ── the ledger ──────────────────────────────────────────────────────────────────────────

    def claimable(self, endpoint: str) -> int:
        return len(self.pending[endpoint])

    async def claim(self, endpoint: str, limit: int) -> list[Listing]:
        self.on_claim(endpoint)
        await self.pause()
        taken, self.pending[endpoint] = self.pending[endpoint][:limit], self.pending[endpoint][limit:]
        await self.pause()
        return [Listing(id=number, endpoint=endpoint, key=str(number)) for number in taken]

    # ── the vendor ──────────────────────────────────────────────────────────────────────────

    async def fetch(self, listing: Listing) -> AsyncGenerator[Page]:
        node = self.nodes[listing.id]
        lane = self.lanes[listing.endpoint]
        assert node.endpoint == listing.endpoint
        assert node.number in self.known, "nobody has named it yet"
        self.fetched[node.number] += 1
        self.log.append(("fetch", node.number))
        self.under_way[lane] += 1
        self.most_open[lane] = max(self.most_open[lane], self.under_way[lane])
        try:
            self.on_fetch(node.number)
            for place in range(len(node.pages)):
                await self.pause()
                last = place == len(node.pages) - 1
                yield Page(
                    listing=listing, state=State.COMMITTED if last else State.OPEN, records=1, payload=bytes([place])
                )
        finally:
            self.under_way[lane] -= 1
            self.closed_generators += 1

    # ── the spool ───────────────────────────────────────────────────────────────────────────

    async def emit(self, page: Page) -> None:
        self.on_emit(page)
        await self.pause()
        node, place = self.nodes[page.listing.id], page.payload[0]
        self.emitted[node.number, place] += 1
        self.log.append(("emit", node.number))
        for child in node.pages[place]:
            self.known.add(child)
            self.pending[self.nodes[child].endpoint].append(child)
        await self.pause()

    async def refused(self, listing: Listing, error: Refused | QuotaSpent) -> None:
        await self.pause()
        self.refusals.append((listing.endpoint, error))

    # ── what must hold ──────────────────────────────────────────────────────────────────────

    def assert_complete(self, without: tuple[int, ...] = ()) -> None:
        wanted = [node for node in self.nodes if node.number not in without]
        assert self.fetched == Counter(node.number for node in wanted), "every listing is fetched exactly once"
        pages = [(node.number, place) for node in wanted for place in range(len(node.pages))]
        assert self.emitted == Counter(pages), "every page is emitted exactly once"
        assert self.engine.open == 0

    def assert_narrow(self) -> None:
        for lane, most in self.most_open.items():
            assert most <= self.width[lane]


def chain(count: int, *, depth: int = 0) -> tuple[Node, ...]:
    """So many listings of one endpoint."""
    return tuple(Node(number, depth, ((),)) for number in range(count))


# ── whatever the tree ───────────────────────────────────────────────────────────────────────


@settings(max_examples=150)
@given(
    tree=trees(),
    seed=st.integers(0, 2**32),
    widths=st.tuples(st.integers(1, 5), st.integers(1, 3)),
    split=st.integers(0, DEPTH),
    waits=st.sampled_from([0.0, 1.0]),
)
def test_every_record_of_any_tree_is_emitted_once(
    tree: tuple[Node, ...], seed: int, widths: tuple[int, int], split: int, waits: float
) -> None:
    """Whatever finishes first, and whichever endpoints share a lane. A lost wake-up would be a deadlock."""
    world = World(
        tree,
        seed,
        width={"one": widths[0], "two": widths[1]},
        lanes={name: "one" if depth < split else "two" for depth, name in enumerate(ENDPOINTS)},
        waits=waits,
    )
    run(world.engine.run())
    world.assert_complete()
    world.assert_narrow()


@settings(max_examples=100)
@given(tree=trees(), seed=st.integers(0, 2**32))
def test_no_change_is_missed_whenever_it_comes(tree: tuple[Node, ...], seed: int) -> None:
    """Lanes become wider and narrower and the spool full and empty at any moment, each time with one hint."""
    world = World(
        tree, seed, width={"one": 1, "two": 1}, lanes={n: ("one", "two")[d % 2] for d, n in enumerate(ENDPOINTS)}
    )
    dice = random.Random(seed)

    def assert_room(number: int) -> None:
        lane = world.lanes[world.nodes[number].endpoint]
        assert world.under_way[lane] <= 4

    world.on_fetch = assert_room

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        for _ in range(30):
            await asyncio.sleep(dice.choice((0, 0, 0.1, 1.0)))
            what = dice.choice(("one", "two", "full", "hint"))
            if what in world.width:
                world.width[what] = dice.randrange(5)
            elif what == "full":
                world.full = not world.full
            world.engine.look_again()
        world.width.update(one=2, two=2)
        world.full = False
        world.engine.look_again()
        await walk

    run(main())
    world.assert_complete()


@settings(max_examples=100)
@given(tree=trees(), seed=st.integers(0, 2**32))
def test_the_deepest_listing_comes_first(tree: tuple[Node, ...], seed: int) -> None:
    """With one slot, so that nothing new can be found between the choice and the start."""
    world = World(tree, seed, width={"one": 1})

    def assert_nothing_deeper(number: int) -> None:
        for deeper in ENDPOINTS[world.nodes[number].depth + 1 :]:
            assert world.claimable(deeper) == 0
            assert not world.engine._claimed[deeper]

    world.on_fetch = assert_nothing_deeper
    run(world.engine.run())
    world.assert_complete()


def test_little_waits_at_a_time_in_a_large_tree() -> None:
    """Breadth first would have a thousand listings known before the first of the third level is fetched."""
    nodes = [Node(number, 0, ((1000 + number,),)) for number in range(1000)]
    nodes += [Node(1000 + number, 1, ((2000 + number,),)) for number in range(1000)]
    nodes += [Node(2000 + number, 2, ((),)) for number in range(1000)]
    world = World(tuple(nodes), width={"one": 4})
    most = 0

    def count(_: Page) -> None:
        nonlocal most
        most = max(most, sum(len(world.pending[name]) for name in ENDPOINTS[1:]))

    world.on_emit = count
    run(world.engine.run())
    world.assert_complete()
    assert most <= 4


def test_little_waits_also_where_looks_at_the_ledger_take_long() -> None:
    """A slot may begin a shallower listing while the deepest are being claimed, but not one after the other."""
    nodes = [Node(number, 0, ((1000 + number,),)) for number in range(1000)]
    nodes += [Node(1000 + number, 1, ((),)) for number in range(1000)]
    world = World(tuple(nodes), width={"one": 4}, waits=0)
    most = 0

    async def claim(endpoint: str, limit: int) -> list[Listing]:
        found = await World.claim(world, endpoint, limit)
        await asyncio.sleep(1)
        return found

    def count(_: Page) -> None:
        nonlocal most
        most = max(most, len(world.known) - 1000 - sum(number >= 1000 for number in world.fetched))

    world.claim = claim  # type: ignore[method-assign]
    world.on_emit = count
    run(world.engine.run())
    world.assert_complete()
    assert most <= 4 + 4


def test_children_do_not_wait_for_the_end_of_their_parents_listing() -> None:
    """A file of hours must not keep idle what its first page named."""
    world = World((Node(0, 0, ((1,), *[()] * 50)), Node(1, 1, ((),))))
    run(world.engine.run())
    assert world.log.index(("fetch", 1)) < [place for place, entry in enumerate(world.log) if entry == ("emit", 0)][-1]


def test_a_scarce_lane_holds_up_no_other() -> None:
    nodes = (*chain(3), *(Node(number, 1, ((),)) for number in range(3, 6)))
    world = World(
        nodes,
        lanes={name: "reports" if name == "level0" else "rest" for name in ENDPOINTS},
        width={"reports": 0, "rest": 2},
    )

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(100)
        assert set(world.fetched) == {3, 4, 5}
        world.width["reports"] = 1
        world.engine.look_again()
        await walk

    run(main())
    world.assert_complete()


def test_nothing_to_do_is_done_at_once() -> None:
    world = World(())
    run(world.engine.run())
    assert world.log == []


def test_it_can_run_again_when_listings_are_let_go() -> None:
    world = World(chain(3))
    later = [world.pending["level0"].pop(), world.pending["level0"].pop()]

    async def main() -> None:
        await world.engine.run()
        world.pending["level0"] += later
        await world.engine.run()

    run(main())
    world.assert_complete()


def test_work_that_arrives_while_it_runs_is_taken_up() -> None:
    world = World(chain(2))
    later = world.pending["level0"].pop()

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(0)
        world.pending["level0"].append(later)
        world.engine.look_again()
        await walk

    run(main())
    world.assert_complete()


def test_listings_are_begun_while_the_ledger_is_looked_at() -> None:
    """A look may take as long as an answer does; with some at hand nobody waits for it."""
    world = World(chain(400), width={"one": 8}, waits=0)
    at_hand: list[int] = []
    begun_meanwhile: list[int] = []

    async def claim(endpoint: str, limit: int) -> list[Listing]:
        at_hand.append(len(world.engine._claimed[endpoint]))
        before = sum(world.fetched.values())
        await asyncio.sleep(1)
        begun_meanwhile.append(sum(world.fetched.values()) - before)
        return await World.claim(world, endpoint, limit)

    async def fetch(listing: Listing) -> AsyncGenerator[Page]:
        await asyncio.sleep(1)
        async with aclosing(World.fetch(world, listing)) as pages:
            async for page in pages:
                yield page

    world.claim = claim  # type: ignore[method-assign]
    world.engine._fetch = fetch
    run(world.engine.run())
    world.assert_complete()
    assert at_hand[0] == 0
    assert min(at_hand[1:]) > 0
    assert min(begun_meanwhile[1:]) > 0


def test_a_look_at_the_ledger_that_finds_nothing_is_not_repeated_for_ever() -> None:
    """A listing that somebody else claimed between the count and the look."""
    world = World(chain(1))
    world.on_claim = lambda name: world.pending[name].clear()
    run(world.engine.run())
    assert world.log == []


def test_what_is_counted_and_not_found_holds_nothing_else_up() -> None:
    """And is looked for again when something has changed, not before."""
    world = World((*chain(5), Node(5, 1, ((),))), waits=0)
    looks = 0

    async def claim(endpoint: str, limit: int) -> list[Listing]:
        nonlocal looks
        if endpoint == ENDPOINTS[1]:
            looks += 1
            assert looks < 50
            if len(world.fetched) < 5:
                await asyncio.sleep(0.1)
                return []
        return await World.claim(world, endpoint, limit)

    world.claim = claim  # type: ignore[method-assign]
    run(world.engine.run())
    world.assert_complete()


# ── stopping ────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150)
@given(tree=trees(), seed=st.integers(0, 2**32), at=st.floats(0, 10), abandon=st.booleans())
def test_after_stop_nothing_is_started(tree: tuple[Node, ...], seed: int, at: float, abandon: bool) -> None:
    """Nor while a look at the ledger is under way. What is open is finished, or after `abandon` cancelled."""
    world = World(tree, seed)

    async def main() -> int:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(at)
        (world.engine.abandon if abandon else world.engine.stop)()
        started = world.fetched.total()
        scheduled = world.engine.open - world.under_way.total()
        await walk
        assert world.fetched.total() <= started + (0 if abandon else scheduled)
        return started

    started = run(main())
    assert world.closed_generators == world.fetched.total(), "no generator is left to the garbage collector"
    assert world.engine.open == 0
    if abandon:
        assert world.fetched.total() == started
    else:
        whole = {(number, place) for number in world.fetched for place in range(len(tree[number].pages))}
        assert world.emitted == Counter(whole), "what was open is finished"


def test_stop_during_a_look_at_the_ledger_starts_nothing() -> None:
    world = World(chain(5), waits=0)
    world.on_claim = lambda _: world.engine.stop()
    run(world.engine.run())
    assert world.log == []


def test_stop_before_the_start_starts_nothing() -> None:
    world = World(chain(5))
    world.engine.stop()
    run(world.engine.run())
    assert world.log == []


def test_abandon_cancels_what_would_take_for_ever() -> None:
    world = World(chain(5))

    async def forever(listing: Listing) -> AsyncGenerator[Page]:
        world.fetched[listing.id] += 1
        await asyncio.Event().wait()
        yield Page(listing=listing, state=State.COMMITTED)

    world.engine._fetch = forever

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(10)
        assert world.engine.open == 3
        world.engine.abandon()
        await walk

    run(main())
    assert world.fetched.total() == 3
    assert world.emitted == Counter()


# ── a full spool ────────────────────────────────────────────────────────────────────────────


def test_nothing_starts_while_the_spool_is_full() -> None:
    world = World(chain(9), width={"one": 2})

    def fill(_: Page) -> None:
        world.full = world.emitted.total() >= 3

    world.on_emit = fill

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(1000)
        stood = world.fetched.total()
        assert stood < 9
        world.engine.look_again()
        await asyncio.sleep(1000)
        assert world.fetched.total() == stood, "a hint alone changes nothing"
        world.full, world.on_emit = False, lambda _: None
        world.engine.look_again()
        await walk

    run(main())
    world.assert_complete()


def test_a_spool_that_fills_up_during_a_look_at_the_ledger_stops_that_start_too() -> None:
    world = World(chain(2), waits=0)

    def fill(_: str) -> None:
        world.full = True

    world.on_claim = fill

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(10)
        assert world.log == []
        world.full = False
        world.engine.look_again()
        await walk

    run(main())
    world.assert_complete()


def test_a_spool_that_stays_full_without_a_hint_would_be_noticed() -> None:
    """The fuzz above relies on it: on the virtual clock waiting for nothing is an error."""
    world = World(chain(1), full=True)
    with pytest.raises(Deadlock):
        run(world.engine.run())


# ── errors ──────────────────────────────────────────────────────────────────────────────────


class Broken(Exception):
    pass


@settings(max_examples=100)
@given(
    tree=trees(), seed=st.integers(0, 2**32), where=st.sampled_from(["fetch", "emit", "claim"]), nth=st.integers(0, 20)
)
def test_an_error_cancels_the_others_and_reaches_the_caller(
    tree: tuple[Node, ...], seed: int, where: str, nth: int
) -> None:
    world = World(tree, seed)
    left = nth

    def break_at_last(_: object) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise Broken

    setattr(world, f"on_{where}", break_at_last)
    if left_whole(world, where) <= nth:
        run(world.engine.run())
        world.assert_complete()
        return
    with pytest.raises(ExceptionGroup) as caught:
        run(world.engine.run())
    assert caught.group_contains(Broken)
    assert world.closed_generators == world.fetched.total()
    assert world.engine.open == 0
    assert max(world.emitted.values(), default=1) == 1


def left_whole(world: World, where: str) -> int:
    """How often a whole run comes by this place; the looks at the ledger are counted in a run of its own."""
    if where == "fetch":
        return len(world.nodes)
    if where == "emit":
        return sum(len(node.pages) for node in world.nodes)
    same = World(world.nodes, world.seed)
    looks = 0

    def count(_: str) -> None:
        nonlocal looks
        looks += 1

    same.on_claim = count
    run(same.engine.run())
    return looks


def test_an_endpoint_that_may_not_be_read_is_closed_and_the_others_go_on() -> None:
    """Three of its listings are under way when that is found out: it is told of once."""
    closed = tuple(Node(number, 1, ((),)) for number in range(100))
    others = (Node(100, 0, ((102,),)), Node(101, 0, ((),)), Node(102, 2, ((),)))
    world = World((*closed, *others), width={"one": 3})

    def refuse(number: int) -> None:
        if number < 100:
            raise Refused("no", status=403)

    world.on_fetch = refuse
    run(world.engine.run())
    assert [endpoint for endpoint, _ in world.refusals] == ["level1"]
    assert [error.status for _, error in world.refusals if isinstance(error, Refused)] == [403]
    assert sum(world.fetched[number] for number in range(100)) <= 3
    assert {100, 101, 102} <= world.fetched.keys()
    assert {number for number, _ in world.emitted} == {100, 101, 102}


@settings(max_examples=60)
@given(tree=trees(), seed=st.integers(0, 2**32), depth=st.integers(0, DEPTH - 1))
def test_below_a_closed_endpoint_nothing_is_known_and_all_else_is_fetched(
    tree: tuple[Node, ...], seed: int, depth: int
) -> None:
    world = World(tree, seed)

    def refuse(number: int) -> None:
        if tree[number].depth == depth:
            raise Refused("no")

    world.on_fetch = refuse
    run(world.engine.run())
    emitted = {number for number, _ in world.emitted}
    assert emitted == {number for number in world.known if tree[number].depth != depth}
    assert len(world.refusals) == any(tree[number].depth == depth for number in world.known)


def test_a_budget_that_is_spent_closes_all_that_counts_against_it_and_the_others_go_on() -> None:
    """It is told of once; what is left stays in the ledger."""
    spent = tuple(Node(number, number % 2, ((),)) for number in range(60))
    others = (Node(60, 2, ((61,),)), Node(61, 3, ((),)))
    lanes = dict(zip(ENDPOINTS, ("week", "week", "minute", "minute"), strict=True))
    world = World((*spent, *others), width={"week": 3, "minute": 1}, lanes=lanes)

    def ask(number: int) -> None:
        if number < 60 and world.fetched.total() > 10:
            raise QuotaSpent("until Sunday", until=datetime(2026, 3, 1, tzinfo=UTC), budget="week")

    world.on_fetch = ask
    run(world.engine.run())
    assert [str(error) for _, error in world.refusals] == ["until Sunday"]
    assert {60, 61} <= {number for number, _ in world.emitted}
    assert sum(world.fetched[number] for number in range(60)) <= 10 + 3
    assert world.engine.open == 0


@pytest.mark.parametrize("budget", ["week", "elsewhere"])
def test_a_budget_that_is_spent_at_the_door_is_not_knocked_for_again(budget: str) -> None:
    """A budget that no endpoint names closes the endpoint that met it alone."""
    apis = {"level0": "one", "level1": "two", "level2": "two", "level3": "three"}
    lanes = dict(zip(ENDPOINTS, ("week", "week", "week", "minute"), strict=True))
    nodes = tuple(Node(depth, depth, ((),)) for depth in range(DEPTH))
    world = World(nodes, apis=apis, lanes=lanes, width={"week": 1, "minute": 1})

    def ask(number: int) -> None:
        if number == 0:
            raise QuotaSpent("spent", until=datetime(2026, 3, 1, tzinfo=UTC), budget=budget)

    world.on_fetch = ask
    run(world.engine.run(world.engine.stop))
    assert set(world.fetched) == ({0, 3} if budget == "week" else {0, 1, 3})


def test_each_api_is_knocked_at_once_one_after_the_other() -> None:
    apis = {"level0": "one", "level1": "one", "level2": "two", "level3": "three"}
    nodes = (Node(0, 0, ((),)), Node(1, 1, ((),)), Node(2, 2, ((),)), Node(3, 2, ((),)))
    world = World(nodes, apis=apis, width={"one": 9})
    run(world.engine.run(world.engine.stop))
    assert world.fetched == Counter([0, 2]), "level3 has no work"
    assert world.most_open["one"] == 1


def test_the_first_page_opens_the_door_and_the_rest_of_its_list_holds_up_nobody() -> None:
    nodes = (Node(0, 0, ((), ()) * 20), *(Node(number, 1, ((),)) for number in range(1, 9)))
    world = World(nodes, width={"one": 9})
    opened: list[tuple[set[int], int]] = []
    run(world.engine.run(lambda: opened.append((set(world.fetched), world.emitted.total()))))
    assert opened == [({0}, 1)], "nothing else was asked for before"
    order = [what for what in world.log if what[0] == "fetch" or what[1] == 0]
    assert order.index(("fetch", 8)) < len(order) - 1, "the others did not wait for its end"
    world.assert_complete()


def test_who_is_not_let_in_asks_for_nothing_else() -> None:
    world = World(chain(3))
    opened: list[int] = []

    def nobody(_: int) -> None:
        raise Broken

    world.on_fetch = nobody
    with pytest.raises(ExceptionGroup):
        run(world.engine.run(lambda: opened.append(1)))
    assert (world.fetched.total(), opened) == (1, [])


def test_an_error_while_telling_of_a_refusal_reaches_the_caller() -> None:
    world = World(chain(2))

    def refuse(_: int) -> None:
        raise Refused("no")

    async def broken(_listing: Listing, _error: Refused | QuotaSpent) -> None:
        raise Broken

    world.on_fetch = refuse
    world.engine._refused = broken
    with pytest.raises(ExceptionGroup) as caught:
        run(world.engine.run())
    assert caught.group_contains(Broken)


def test_whoever_cancels_the_run_ends_it_all() -> None:
    world = World(chain(9), waits=5)

    async def main() -> None:
        walk = asyncio.create_task(world.engine.run())
        await asyncio.sleep(1)
        walk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await walk

    run(main())
    assert world.closed_generators == world.fetched.total()
    assert world.engine.open == 0
