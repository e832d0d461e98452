"""Vendors played on this machine, with their limits and their traps.

A sandbox answers on loopback as the vendor would, judges every request as strictly as the vendor
may, and knows the truth: what a perfect extractor would have obtained. It imports nothing else of
the package, or it would repeat the client's mistakes.

    python -m extractor.sandbox gladly --port 0

    __main__            words to options, one line of JSON on stdout, signals
    server              sets the stage and listens; knows no vendor
    answering           counts, judges, delays and spoils what a vendor answers
    play options routing replies limits windows statistics      what both are made of
    faults spoiling sending       what goes wrong, in bodies, and on the wire
    dice slugs          data that is drawn from (seed, number) instead of being stored
    telling             the truth as a stream
    gladly/ ...         a vendor each: its data, its routes, its truth
"""
