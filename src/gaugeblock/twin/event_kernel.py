"""The event kernel: next event, what it does, what can start then; for every line that the model can describe.

Times of next events stand in a winner tree: leaves for releases of orders, for each machine's work, for each clock of
failures that counts calendar time, for arrivals, for calendars. Of equal times the lower leaf is first. The
state stays in the block between calls, so a run can be cut into batches, saved, or go on.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from gaugeblock.twin.compiled import float_pointer, inlined, kernel, word_pointer
from gaugeblock.twin.event_parts import (
    begin,
    can_take,
    change_count,
    change_inside,
    choose,
    draw_ahead,
    has_room,
    mark,
    next_time,
    push,
    queue,
    queue_all,
    run,
    set_timer,
    unload,
)
from gaugeblock.twin.event_starts import next_plain, settle
from gaugeblock.twin.layout import (
    A_BUFFER,
    A_EVERY,
    A_PRODUCT,
    A_SLOT,
    A_STREAM,
    A_WORDS,
    B_RESERVED,
    B_WORDS,
    BLOCKED,
    BUSY,
    C_FREE,
    C_WAIT,
    C_WAIT_LAST,
    CALENDAR,
    D_PLACE,
    D_WORDS,
    E_RELEASE,
    E_WORDS,
    H_ARRIVAL_COUNT,
    H_ARRIVALS,
    H_BUFFER_COUNT,
    H_BUFFERS,
    H_CALENDAR_COUNT,
    H_CALENDARS,
    H_EVENTS,
    H_FINISHED,
    H_FULL,
    H_LAST,
    H_LEAVES,
    H_LOST,
    H_MACHINE_COUNT,
    H_MACHINES,
    H_NOW,
    H_STALL,
    H_STATION_COUNT,
    H_STATIONS,
    H_SUPPLIES,
    H_SUPPLY_COUNT,
    H_TREE,
    K_AT,
    K_CYCLE,
    K_EDGE_COUNT,
    K_EDGES,
    K_PERIOD,
    K_SLOT,
    K_WORDS,
    M_BEGAN,
    M_CLOCK,
    M_DOWN,
    M_LEFT,
    M_NEXT_CREW,
    M_OFF,
    M_OUTCOME,
    M_PHASE,
    M_SINCE,
    M_SLOT,
    M_STATION,
    M_STATUS,
    M_UP_LEFT,
    M_WORDS,
    NEVER,
    NONE,
    O_AGAIN,
    O_COUNT,
    O_DESTS,
    O_SCRAPS,
    OPERATING,
    OVERFLOW,
    P_FAILURE,
    P_NONE,
    P_REPAIR,
    P_WORK,
    PARTS,
    Q_AT,
    Q_COUNT,
    Q_ENTRIES,
    Q_SLOT,
    Q_TAKER_COUNT,
    Q_TAKERS,
    Q_WORDS,
    SETTING,
    STALL_MAX,
    STARVED,
    STUCK,
    T_BEFORE,
    T_COUNT,
    T_CREW,
    T_FAILS,
    T_FREE,
    T_MACHINES,
    T_PLAIN,
    T_REPAIR,
    T_S_REPAIR,
    T_S_UP,
    T_SERVED,
    T_UP,
    T_WORDS,
    UNTIL,
    W_ARRIVAL,
    W_CALENDAR,
    W_CLOCK,
    W_MACHINE,
)


@kernel
def _repair(i, f, m, now):
    """The crew begins."""
    t = i[m + M_STATION]
    _repair_lasts(i, f, m, now, next_time(i, f, t + T_REPAIR, t + T_S_REPAIR))


@inlined
def _repair_lasts(i, f, m, now, lasts):
    if i[i[m + M_STATION] + T_FAILS] == CALENDAR:
        set_timer(i, f, i[m + M_CLOCK], now + lasts)
    else:
        i[m + M_PHASE] = P_REPAIR
        set_timer(i, f, i[m + M_SLOT], now + lasts)


@kernel
def _call_crew(i, f, m, now):
    """Repair begins, or the machine waits for someone to be free. Its timer has been set to never."""
    c = i[i[m + M_STATION] + T_CREW]
    if c == NONE:
        _repair(i, f, m, now)
    elif i[c + C_FREE] > 0:
        i[c + C_FREE] -= 1
        _repair(i, f, m, now)
    else:
        _wait_for_crew(i, m, c)


@inlined
def _wait_for_crew(i, m, c):
    i[m + M_NEXT_CREW] = NONE
    if i[c + C_WAIT] == NONE:
        i[c + C_WAIT] = m
    else:
        i[i[c + C_WAIT_LAST] + M_NEXT_CREW] = m
    i[c + C_WAIT_LAST] = m


@kernel
def _repaired(i, f, m, now):
    """The machine works again; its crew goes to who waits longest."""
    t = i[m + M_STATION]
    mark(i, f, m, now, i[m + M_STATUS])
    before = can_take(i, m)
    i[m + M_DOWN] = 0
    uptime = next_time(i, f, t + T_UP, t + T_S_UP)
    if i[t + T_FAILS] == OPERATING:
        f[m + M_UP_LEFT] = uptime
    else:
        set_timer(i, f, i[m + M_CLOCK], now + uptime)
    c = i[t + T_CREW]
    if c != NONE:
        waiting = i[c + C_WAIT]
        if waiting != NONE:
            i[c + C_WAIT] = i[waiting + M_NEXT_CREW]
            _repair(i, f, waiting, now)
        else:
            i[c + C_FREE] += 1
    _available(i, f, m, now, before)


@inlined
def _available(i, f, m, now, before):
    """A machine that came up or on shift goes on with its work, or may take a part."""
    if i[m + M_STATUS] == STARVED:
        if can_take(i, m) and not before:
            t = i[m + M_STATION]
            i[t + T_FREE] += 1
            queue(i, t)
    elif i[m + M_STATUS] == BUSY or i[m + M_STATUS] == SETTING:
        run(i, f, m, now)


@inlined
def _suspend(i, f, m, now, before):
    """Work stops where it is, after a machine has gone down or off shift."""
    if i[m + M_STATUS] == STARVED and before and not can_take(i, m):
        i[i[m + M_STATION] + T_FREE] -= 1
    if i[m + M_PHASE] == P_WORK or i[m + M_PHASE] == P_FAILURE:
        worked = now - f[m + M_BEGAN]
        f[m + M_LEFT] = max(0.0, f[m + M_LEFT] - worked)
        if i[m + M_STATUS] == BUSY:
            f[m + M_UP_LEFT] = max(0.0, f[m + M_UP_LEFT] - worked)
        i[m + M_PHASE] = P_NONE
        set_timer(i, f, i[m + M_SLOT], math.inf)


@inlined
def _work_event(i, f, m, now):
    t = i[m + M_STATION]
    phase = i[m + M_PHASE]
    i[m + M_PHASE] = P_NONE
    if phase == P_WORK:
        i[H_STALL] = 0
        if i[m + M_STATUS] == SETTING:
            begin(i, f, m, now)
        else:
            f[m + M_UP_LEFT] -= f[m + M_LEFT]
            i[t + T_SERVED] += 1
            if i[t + T_PLAIN] != 0:
                next_plain(i, f, m, t, now)
                return
            if i[t + T_BEFORE] == 0:
                choose(i, f, m)
            if i[i[m + M_OUTCOME] + O_AGAIN] != 0:
                # Before service the next outcome, and room for it, is a decision of its own.
                begin(i, f, m, now)
            else:
                unload(i, f, m, now)
    elif phase == P_FAILURE:
        f[m + M_LEFT] -= f[m + M_UP_LEFT]
        mark(i, f, m, now, BUSY)
        i[m + M_DOWN] = 1
        _call_crew(i, f, m, now)
    else:
        _repaired(i, f, m, now)


@kernel
def _clock_event(i, f, m, now):
    if i[m + M_DOWN] != 0:
        _repaired(i, f, m, now)
    else:
        mark(i, f, m, now, i[m + M_STATUS])
        before = can_take(i, m)
        i[m + M_DOWN] = 1
        _suspend(i, f, m, now, before)
        set_timer(i, f, i[m + M_CLOCK], math.inf)
        _call_crew(i, f, m, now)


@kernel
def _calendar_event(i, f, k, now):
    on = i[k + K_AT] % 2 == 0
    at = i[k + K_EDGES] + i[k + K_EDGE_COUNT]
    while i[at] != NONE:
        t = i[at]
        at += 1
        for number in range(i[t + T_COUNT]):
            m = i[t + T_MACHINES] + number * M_WORDS
            mark(i, f, m, now, i[m + M_STATUS])
            before = can_take(i, m)
            if on:
                i[m + M_OFF] = 0
                _available(i, f, m, now, before)
            else:
                i[m + M_OFF] = 1
                _suspend(i, f, m, now, before)
    i[k + K_AT] += 1
    if i[k + K_AT] == i[k + K_EDGE_COUNT]:
        i[k + K_AT] = 0
        i[k + K_CYCLE] += 1
    _next_edge(i, f, k)


@inlined
def _next_edge(i, f, k):
    set_timer(i, f, i[k + K_SLOT], i[k + K_CYCLE] * f[k + K_PERIOD] + f[i[k + K_EDGES] + i[k + K_AT]])


@kernel
def _arrival_event(i, f, a, now):
    b = i[a + A_BUFFER]
    if has_room(i, b):
        change_inside(i, f, now, 1)
        push(i, f, b, i[a + A_PRODUCT], NONE, now, now)
    else:
        i[H_LOST] += 1
    set_timer(i, f, i[a + A_SLOT], now + next_time(i, f, a + A_EVERY, a + A_STREAM))


@kernel
def _other_event(i, f, kind, what, now):
    if kind == W_CLOCK:
        _clock_event(i, f, what, now)
    elif kind == W_ARRIVAL:
        _arrival_event(i, f, what, now)
    elif kind == W_CALENDAR:
        _calendar_event(i, f, what, now)
    else:
        set_timer(i, f, i[what + Q_SLOT], math.inf)
        queue_all(i, i[what + Q_TAKERS], i[what + Q_TAKER_COUNT])


@kernel
def _open_calendar(i, f, k, now):
    """Where the period stands, and who is off shift."""
    cycle = math.floor(now / f[k + K_PERIOD])
    phase = now - cycle * f[k + K_PERIOD]
    passed = 0
    while passed < i[k + K_EDGE_COUNT] and f[i[k + K_EDGES] + passed] <= phase:
        passed += 1
    at = i[k + K_EDGES] + i[k + K_EDGE_COUNT]
    while i[at] != NONE and passed % 2 == 0:
        for number in range(i[i[at] + T_COUNT]):
            i[i[i[at] + T_MACHINES] + number * M_WORDS + M_OFF] = 1
        at += 1
    i[k + K_CYCLE] = cycle + (1 if passed == i[k + K_EDGE_COUNT] else 0)
    i[k + K_AT] = 0 if passed == i[k + K_EDGE_COUNT] else passed
    _next_edge(i, f, k)


@kernel
def _open_machine(i, f, m, now):
    """Uptime is drawn unless a state gave it; what a state put on the machine goes on."""
    t = i[m + M_STATION]
    f[m + M_SINCE] = now
    if i[m + M_DOWN] != 0:
        c = i[t + T_CREW]
        if f[m + M_UP_LEFT] < 0.0:
            _call_crew(i, f, m, now)
        else:
            if c != NONE:
                i[c + C_FREE] -= 1
            _repair_lasts(i, f, m, now, f[m + M_UP_LEFT])
    elif i[t + T_FAILS] != NEVER:
        if f[m + M_UP_LEFT] <= 0.0:
            f[m + M_UP_LEFT] = next_time(i, f, t + T_UP, t + T_S_UP)
        if i[t + T_FAILS] == CALENDAR:
            set_timer(i, f, i[m + M_CLOCK], now + f[m + M_UP_LEFT])
    if i[t + T_FAILS] != OPERATING:
        f[m + M_UP_LEFT] = math.inf
    if i[m + M_STATUS] == STARVED:
        if not can_take(i, m):
            i[t + T_FREE] -= 1
        return
    i[t + T_FREE] -= 1
    if i[m + M_STATUS] == BLOCKED:
        if i[t + T_BEFORE] != 0:
            begin(i, f, m, now)
        else:
            if i[m + M_OUTCOME] == 0:
                choose(i, f, m)
                while i[i[m + M_OUTCOME] + O_AGAIN] != 0:
                    choose(i, f, m)
            unload(i, f, m, now)
        return
    if i[m + M_STATUS] == BUSY and i[t + T_BEFORE] != 0:
        choose(i, f, m)
        o = i[m + M_OUTCOME]
        for number in range(i[o + O_COUNT] if i[o + O_AGAIN] == 0 and i[o + O_SCRAPS] == 0 else 0):
            b = i[i[o + O_DESTS] + number * D_WORDS + D_PLACE]
            if b >= 0:
                i[b + B_RESERVED] += 1
    run(i, f, m, now)


@kernel
def _open(i, f):
    """From what stands in the block, cold or put there by a state, to a line that runs."""
    now = f[H_NOW]
    f[H_LAST] = now
    for number in range(i[H_BUFFER_COUNT]):
        change_count(i, f, i[H_BUFFERS] + number * B_WORDS, now, 0)
    for number in range(i[H_CALENDAR_COUNT]):
        _open_calendar(i, f, i[H_CALENDARS] + number * K_WORDS, now)
    for number in range(i[H_STATION_COUNT]):
        t = i[H_STATIONS] + number * T_WORDS
        if i[t + T_PLAIN] != 0:
            draw_ahead(i, f, t)
    for number in range(i[H_MACHINE_COUNT]):
        _open_machine(i, f, i[H_MACHINES] + number * M_WORDS, now)
    for number in range(i[H_ARRIVAL_COUNT]):
        a = i[H_ARRIVALS] + number * A_WORDS
        set_timer(i, f, i[a + A_SLOT], now + next_time(i, f, a + A_EVERY, a + A_STREAM))
    for number in range(i[H_SUPPLY_COUNT]):
        q = i[H_SUPPLIES] + number * Q_WORDS
        if i[q + Q_AT] < i[q + Q_COUNT]:
            release = f[i[q + Q_ENTRIES] + i[q + Q_AT] * E_WORDS + E_RELEASE]
            if release > now:
                set_timer(i, f, i[q + Q_SLOT], release)
    for number in range(i[H_STATION_COUNT]):
        queue(i, i[H_STATIONS] + number * T_WORDS)
    settle(i, f, now)


@kernel
def open_line(words):
    """Open the line in a block: once, before the first :func:`advance`."""
    _open(word_pointer(words), float_pointer(words))


@kernel
def _close(i, f, now):
    """Book all integrals up to now."""
    f[H_NOW] = now
    change_inside(i, f, now, 0)
    for number in range(i[H_BUFFER_COUNT]):
        change_count(i, f, i[H_BUFFERS] + number * B_WORDS, now, 0)
    for number in range(i[H_MACHINE_COUNT]):
        m = i[H_MACHINES] + number * M_WORDS
        mark(i, f, m, now, i[m + M_STATUS])


@kernel
def _advance(i, f, until, parts):
    """Next event after next event."""
    tree = i[H_TREE]
    winner = tree + 2 * i[H_LEAVES] + 1
    now = f[H_NOW]
    reason = PARTS
    events = 0
    while i[H_FINISHED] < parts:
        what = i[winner] >> 3
        kind = i[winner] & 7
        time = f[tree + 1]
        if time > until or time == math.inf:
            reason = STUCK if until == math.inf else UNTIL
            now = now if until == math.inf else until
            break
        now = time
        events += 1
        if kind == W_MACHINE:
            _work_event(i, f, what, now)
            settle(i, f, now)
            if i[what + M_PHASE] == P_NONE:
                set_timer(i, f, i[what + M_SLOT], math.inf)
        else:
            i[H_STALL] += 1
            _other_event(i, f, kind, what, now)
            settle(i, f, now)
        if i[H_FULL] != 0:
            reason = OVERFLOW
            break
        if i[H_STALL] > STALL_MAX:
            reason = STUCK
            break
    i[H_EVENTS] += events
    _close(i, f, now)
    return reason


@kernel
def advance(words, until, parts):
    """Go on until a time, or until so many parts have been finished in all; says why it stopped."""
    return _advance(word_pointer(words), float_pointer(words), until, parts)
