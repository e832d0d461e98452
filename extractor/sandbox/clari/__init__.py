"""Clari, played: three APIs with limits and credentials of their own, over data drawn from a seed.

ids stamps      kinds of records and their ids; instants as each API writes them
knobs           what can be switched
timeline        when things happened, in order, without storing it
reference       users, topics, templates and other small lists; `texts` has the words
calls           which calls exist; `call_records` and `transcripts` make JSON of them
crm             accounts, deals, contacts, opportunities; `opportunity_routes` has the path of the latter
filters paging  what the Copilot API understands in a query
copilot_routes  its paths
audit           events and actors; `audit_routes` lists them page by page
activities      e-mails and meetings
forecasts       entries by quarter; `forecast_csv` writes them as lines
jobs            export jobs; `orders` reads the bodies that create them, `export_routes` has the paths
ingestion       the state of partners' pushes
errors gateway  six dialects of refusals; who may pass
truth           what exists, and what can't be had
routes          everything put together
"""
