"""Gorgias, played: an account drawn from a seed, behind the lists, cursors, limits and oddities of its REST API.

ids           kinds of records and their ids
stamps        instants in microseconds, and how the vendor writes them
knobs         what can be chosen for this vendor alone
timeline      the past in blocks and slots, so that every order can be worked out
population    customers and tickets by number, and what became of them
changes       what happens while requests come in (option `live`)
tickets       the population with the changes laid over it
catalog       users, tags, macros, views and the other short lists
automation    rules, integrations, widgets and jobs: free forms, deep trees
texts         words
people        customers and their custom fields as JSON
surveys       satisfaction surveys as JSON
conversation  tickets and messages as JSON
events voice  the account's log; calls, what happened in them, recordings
shelves       what a list pages through
tables        every table as a shelf, in each of its orders
pages         one page of a shelf, from a position on
cursors       positions as text
parameters    the parameters of a request, read strictly
filters       what the parameters of a list let through
views         the lists behind views, which page in a dialect of their own
truth         what exists, and what can't be had
routes list_routes single_routes     paths
"""
