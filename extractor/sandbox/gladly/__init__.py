"""Gladly, played: an organisation drawn from a seed, behind the routes, limits and oddities of its REST API v1.

ids           kinds of records and their ids
stamps        instants in the mix of precisions that the vendor writes
population    who exists, how much each has, and when it happened
changes       what happens while requests come in (option `live`)
reference     agents, teams, inboxes, topics and other small lists
texts items   words; conversation items of every content type
records       customers, conversations, tasks and comments as JSON
calendar      conversations and tasks in the order of their creation
reports       CSV reports; their columns and rows are in report_rows
work_sessions the report that is asked for by minutes
answers       texts for agents and for the help centre
exports       export jobs and their files
events        the feed of the last 24 hours
truth         what exists, and what can't be had
routes        paths
"""
