"""Which machines of a line that stands wait for each other: the ring, in words."""

from __future__ import annotations

from gaugeblock.twin import layout as at
from gaugeblock.twin.tables import Tables, Words


def standing(tables: Tables, words: Words) -> str:
    """The ring ``station → buffer → station …`` of machines that wait for room, or nothing where there is none.

    A machine waits for a buffer; the buffer is emptied by the stations that take from it; those whose machines all
    hold a part, or wait for room, wait on.
    """
    stations = {position: s.name for position, s in zip(tables.stations, tables.line.stations, strict=True)}
    buffers = {position: b.name for position, b in zip(tables.buffers, tables.line.buffers, strict=True)}
    awaited: dict[int, int] = {}
    for station, machines in zip(tables.stations, tables.machines, strict=True):
        for machine in machines:
            if words[machine + at.M_STATUS] == at.BLOCKED and words[machine + at.M_WAITS] in buffers:
                awaited.setdefault(station, int(words[machine + at.M_WAITS]))
    for start in awaited:
        way, station = [start], start
        while True:
            buffer = awaited[station]
            first, count = int(words[buffer + at.B_TAKERS]), int(words[buffer + at.B_TAKER_COUNT])
            after = next((int(t) for t in words[first : first + count] if int(t) in awaited), None)
            if after is None:
                break
            if after in way:
                ring = way[way.index(after) :]
                names = [name for t in ring for name in (stations[t], buffers[awaited[t]])]
                return " → ".join([*names, stations[after]])
            way.append(after)
            station = after
    return ""
