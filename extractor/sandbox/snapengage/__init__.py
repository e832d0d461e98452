"""SnapEngage, played: an organisation with three widgets, behind the routes, limits and oddities of its three APIs.

ids           UUIDs that can be read backwards, and credentials
knobs         switches for what is not known of the vendor
population    which cases there are, and when each was created
changes       what happens while requests come in (option `live`)
texts         words: plain, foreign, awkward for parsers
account       agents, users and widgets
transcripts   the lines of a case
cases         cases as JSON
windows       the parameters of the Logs API, and the slice of time that they mean
links         the links to further pages
logs          the Logs API
chat          the Visitor Chat API and its public part
provisioning  look-ups of one user or one widget
errors        refusals, each in its API's manner
truth         what exists
routes        paths
"""
