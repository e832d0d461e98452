"""A help desk that answers faster than anybody asks: what every contender of the benchmark speaks to.

    records   what it holds, made up from numbers, so that every run sees the same
    limits    how it limits its callers
    counts    what it was asked
    serving   HTTP, as little of it as the contenders need

`python -m benchmarks.speed.desk` starts it.
"""
