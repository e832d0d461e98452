"""Requests on their way, and what is known of one second of the vendor's."""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.limits.latency import Latency

__all__ = ["Flight", "Known", "Window"]


class Flight:
    """A request that has been started.

    Attributes:
        sent: when.
        window: the second in which it is believed to land, None while those are unknown.
        place: how many of ours had been sent into it, this one included.
        steady: while the seconds are unknown, how many had been sent evenly until then.
        used: the count that its answer stated, None if none did.
        excess: by how much its round trip exceeded the shortest.
        begun: its answer has, so that its excess is known.
        done: it has been answered or given up.
    """

    __slots__ = ("begun", "done", "excess", "place", "sent", "steady", "used", "window")

    def __init__(self, sent: float, window: Window | None) -> None:
        self.sent = sent
        self.window = window
        self.place = window.own if window else 0
        self.steady = 0
        self.used: float | None = None
        self.excess = 0.0
        self.begun = False
        self.done = False


@dataclass(kw_only=True, slots=True)
class Known:
    """What all ways of spending a second share.

    Attributes:
        limit: requests a second for everybody.
        share: part of it that is ours at most.
        others: requests a second that others make, smoothed.
        flying: our requests without an answer, by ticket, in the order of sending.
    """

    limit: float
    share: float
    others: float = 0.0
    latency: Latency = field(default_factory=Latency)
    flying: dict[int, Flight] = field(default_factory=dict)


class Window:
    """One second: our own requests, and how many of others the answers betray.

    The vendor's count, stated by each answer, includes our requests that arrived before, answered
    or not, and all of others. The highest count seen, less ours, is what others used until then.

    Attributes:
        number: of the second.
        own: our requests sent into it, without those refused.
        last: when the latest of them was sent, at first when the second begins.
        seen: when the one with the highest count was sent.
        troubled: a request of it was refused.
    """

    def __init__(self, number: int, begins: float) -> None:
        self.number = number
        self.own = 0
        self.last = begins
        self.seen = begins
        self.troubled = False
        self._answered = 0
        self._top = 0.0
        self._before_top = 0

    def others(self, *, alone: bool) -> float:
        """Requests of others until `seen`.

        Args:
            alone: nobody else was there lately; a gap in the counts is then one of ours that
                overtook another on its way and will be answered soon.
        """
        ours = self.own if alone else self._answered + self._before_top
        return max(0.0, self._top - ours)

    def started(self, now: float) -> Flight:
        """One of ours is sent."""
        self.own += 1
        self.last = now
        return Flight(now, self)

    def answered(self, flight: Flight, unanswered_before: int) -> None:
        """One of ours was answered; `unanswered_before` that were sent earlier are not yet."""
        self._answered += 1
        if flight.used is not None and flight.used > self._top:
            self._top = flight.used
            self.seen = max(self.seen, flight.sent)
            self._before_top = unanswered_before
        else:
            self._overtaken(flight)

    def removed(self, flight: Flight) -> None:
        """One of ours was refused, not sent at all, or counted in another second."""
        self.own -= 1
        self._overtaken(flight)

    def _overtaken(self, flight: Flight) -> None:
        if flight.sent < self.seen and self._before_top:
            self._before_top -= 1
