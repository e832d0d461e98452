"""Assembled, played: a support team drawn from a seed, behind the routes, limits and oddities of its REST API v0.

knobs         switches that this vendor alone has
ids           kinds of records, and their ids as UUIDs
history       from when to when the data reach
reference     teams, sites, queues, skills, roles, types: maps keyed by id
roster        who exists, in what part, and when each works
asking        parameters of a request, or why they are refused
errors        bodies of refusals
envelope      headers of every answer
people        people as JSON, and the filters that choose among them
changes       edits of the past while requests come in (option `live`)
activities    what was planned, in one unpaged map
states        what happened, platform by platform; one timeline out of several
audit         who edited the schedule, and when
staffing      requirements, forecasts, and forecasts beside what came
time_off      requests for time off and what became of them
reports       reports that are ordered, waited for and paged
assist        conversations of the assistant
truth         what exists
routes        paths
"""
