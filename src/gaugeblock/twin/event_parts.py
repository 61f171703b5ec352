"""What happens to parts and machines in the event kernel: loading, serving, waiting for room, leaving.

Every function takes the block as words ``i`` and as floats ``f`` (see :mod:`gaugeblock.twin.layout`) and a pointer.
The rules are those written in :mod:`gaugeblock.twin.line`.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from gaugeblock.twin.compiled import inlined, kernel
from gaugeblock.twin.layout import (
    B_AREA,
    B_CAPACITY,
    B_COUNT,
    B_HEAD,
    B_LAST,
    B_MASK,
    B_RESERVED,
    B_RING,
    B_TAKER_COUNT,
    B_TAKERS,
    B_WAIT,
    B_WAIT_LAST,
    BLOCKED,
    BUSY,
    D_PLACE,
    D_PRODUCT,
    D_WORDS,
    DOWN,
    E_OWED,
    G_DONE,
    G_ENTRY,
    G_LEFT,
    G_SCRAPPED,
    G_SUPPLY,
    H_AREA,
    H_FINISHED,
    H_FLOW,
    H_FULL,
    H_INSIDE,
    H_LAST,
    H_LEAVES,
    H_LOG,
    H_LOG_MAX,
    H_LOGGED,
    H_PRODUCTS,
    H_SCRAPPED,
    H_SUPPLIES,
    H_SUPPLY_COUNT,
    H_TREE,
    H_VALUES,
    H_WIP_MAX,
    H_WORK,
    H_WORK_TOP,
    LOG_COLUMNS,
    M_AT,
    M_BEGAN,
    M_DOWN,
    M_ENTERED,
    M_LAST,
    M_LEFT,
    M_NEXT,
    M_OFF,
    M_ORDER,
    M_OUTCOME,
    M_PHASE,
    M_PRODUCT,
    M_RESERVED,
    M_SHARES,
    M_SINCE,
    M_SLOT,
    M_STATION,
    M_STATUS,
    M_STEP,
    M_UP_LEFT,
    M_WAITS,
    NONE,
    O_AGAIN,
    O_COUNT,
    O_DESTS,
    O_SCRAPS,
    O_UPTO,
    O_WORDS,
    OFF,
    OPERATING,
    P_FAILURE,
    P_WORK,
    Q_OWED,
    Q_TAKER_COUNT,
    Q_TAKERS,
    Q_WORDS,
    R_ENTERED,
    R_ORDER,
    R_PRODUCT,
    R_WORDS,
    S_OUTCOME_COUNT,
    S_OUTCOMES,
    S_SERVICE,
    STARVED,
    T_AHEAD,
    T_BEFORE,
    T_FAILS,
    T_FREE,
    T_PLAIN,
    T_QUEUED,
    T_S_OUTCOME,
    T_S_SERVICE,
    T_STEPS,
    T_TAKES,
    TO_FINISHED,
    UP,
    X_A,
    X_B,
    X_FIRST,
    X_KIND,
    Z_KEY,
    Z_NEXT,
    Z_STEP,
)
from gaugeblock.twin.streams import drawn, mix, place_of, unit

H_PRODUCT_WORDS = 2


@inlined
def set_timer(i, f, slot, time):
    """Put a time into the winner tree; of equal times the lower slot wins."""
    tree, leaves = i[H_TREE], i[H_LEAVES]
    names = tree + 2 * leaves
    node = leaves + slot
    name = i[names + node]
    f[tree + node] = time
    while node > 1:
        # The winner is carried upwards in registers and chosen without a branch: who is next cannot be predicted.
        beside = node ^ 1
        other, its_name = f[tree + beside], i[names + beside]
        wins = (other < time) | ((other == time) & (beside < node))
        name ^= (name ^ its_name) & -np.int64(wins)
        time = other if other < time else time
        node >>= 1
        f[tree + node] = time
        i[names + node] = name


@inlined
def next_place(i, stream):
    """The place of a stream's next draw, which is then used up."""
    index = i[stream + Z_NEXT]
    i[stream + Z_NEXT] = index + 1
    return place_of(i[stream + Z_KEY], i[stream + Z_STEP], index)


@inlined
def next_time(i, f, times, stream):
    """The next time of a distribution from a stream."""
    return drawn(
        i[times + X_KIND], f[times + X_A], f[times + X_B], f, i[H_VALUES] + i[times + X_FIRST], next_place(i, stream)
    )


@inlined
def mark(i, f, m, now, status):
    """Book the time since the last change, and change the machine's status."""
    condition = DOWN if i[m + M_DOWN] != 0 else (OFF if i[m + M_OFF] != 0 else UP)
    f[m + M_SHARES + i[m + M_STATUS] * 3 + condition] += now - f[m + M_SINCE]
    f[m + M_SINCE] = now
    i[m + M_STATUS] = status


@inlined
def queue(i, t):
    """Note that a station is to be tried, if one of its machines could take a part; the first of the line on top."""
    if i[t + T_FREE] > 0 and i[t + T_QUEUED] == 0:
        i[t + T_QUEUED] = 1
        at = i[H_WORK] + i[H_WORK_TOP]
        while at > i[H_WORK] and i[at - 1] < t:
            i[at] = i[at - 1]
            at -= 1
        i[at] = t
        i[H_WORK_TOP] += 1


@inlined
def queue_all(i, first, count):
    """Note several stations."""
    for at in range(first, first + count):
        queue(i, i[at])


@inlined
def change_inside(i, f, now, change):
    """Parts come on the line or leave it."""
    f[H_AREA] += i[H_INSIDE] * (now - f[H_LAST])
    f[H_LAST] = now
    i[H_INSIDE] += change


@inlined
def change_count(i, f, b, now, change):
    """Parts come into a buffer or leave it."""
    f[b + B_AREA] += i[b + B_COUNT] * (now - f[b + B_LAST])
    f[b + B_LAST] = now
    i[b + B_COUNT] += change


@inlined
def has_room(i, b):
    """Whether a buffer has a place that nobody reserved."""
    capacity = i[b + B_CAPACITY]
    return capacity < 0 or i[b + B_COUNT] + i[b + B_RESERVED] < capacity


@kernel
def push(i, f, b, product, order, entered, now):
    """A part into a buffer that has room; its takers are to be tried."""
    if i[b + B_COUNT] > i[b + B_MASK]:
        i[H_FULL] = b
        return
    part = i[b + B_RING] + ((i[b + B_HEAD] + i[b + B_COUNT]) & i[b + B_MASK]) * R_WORDS
    i[part + R_PRODUCT] = product
    i[part + R_ORDER] = order
    f[part + R_ENTERED] = entered
    change_count(i, f, b, now, 1)
    queue_all(i, i[b + B_TAKERS], i[b + B_TAKER_COUNT])


@inlined
def wait_for(i, m, b):
    """A machine joins those who wait for a buffer."""
    i[m + M_NEXT] = NONE
    i[m + M_WAITS] = b
    if i[b + B_WAIT] == NONE:
        i[b + B_WAIT] = m
    else:
        i[i[b + B_WAIT_LAST] + M_NEXT] = m
    i[b + B_WAIT_LAST] = m


@inlined
def first_waiting(i, b):
    """The machine that has waited longest goes from the list."""
    m = i[b + B_WAIT]
    i[b + B_WAIT] = i[m + M_NEXT]
    i[m + M_WAITS] = NONE
    return m


@kernel
def _released(i):
    """Room under ``wip_max``: supplies may release."""
    for number in range(i[H_SUPPLY_COUNT]):
        q = i[H_SUPPLIES] + number * Q_WORDS
        queue_all(i, i[q + Q_TAKERS], i[q + Q_TAKER_COUNT])


@kernel
def leave(i, f, now, good, product, order, entered):
    """A part leaves the line, finished or scrapped."""
    change_inside(i, f, now, -1)
    if good:
        i[H_FINISHED] += 1
        f[H_FLOW] += now - entered
        i[i[H_PRODUCTS] + H_PRODUCT_WORDS * product] += 1
        if i[H_LOGGED] < i[H_LOG_MAX]:
            row = i[H_LOG] + LOG_COLUMNS * i[H_LOGGED]
            f[row], f[row + 1] = now, entered
            i[row + 2], i[row + 3] = product, order
            i[H_LOGGED] += 1
        if order != NONE:
            i[order + G_LEFT] -= 1
            if i[order + G_LEFT] == 0:
                f[order + G_DONE] = now
    else:
        i[H_SCRAPPED] += 1
        i[i[H_PRODUCTS] + H_PRODUCT_WORDS * product + 1] += 1
        if order != NONE:
            i[order + G_SCRAPPED] += 1
            i[i[order + G_ENTRY] + E_OWED] += 1
            q = i[order + G_SUPPLY]
            i[q + Q_OWED] += 1
            queue_all(i, i[q + Q_TAKERS], i[q + Q_TAKER_COUNT])
    if i[H_WIP_MAX] >= 0:
        _released(i)


@inlined
def can_take(i, m):
    """Whether the machine, if it is empty, may take a part."""
    return i[m + M_OFF] == 0 and (i[m + M_DOWN] == 0 or i[i[m + M_STATION] + T_TAKES] != 0)


@inlined
def emptied(i, f, m, now):
    """A machine has nothing left on it."""
    mark(i, f, m, now, STARVED)
    if can_take(i, m):
        t = i[m + M_STATION]
        i[t + T_FREE] += 1
        queue(i, t)


@kernel
def unload(i, f, m, now):
    """Put what the machine made where it goes, as far as there is room; blocked where there is none."""
    o = i[m + M_OUTCOME]
    held = i[i[m + M_STATION] + T_BEFORE] != 0 and i[o + O_SCRAPS] == 0
    while i[m + M_AT] < i[o + O_COUNT]:
        at = i[m + M_AT]
        d = i[o + O_DESTS] + at * D_WORDS
        order = i[m + M_ORDER] if at == 0 else NONE
        b = i[d + D_PLACE]
        if b < 0:
            leave(i, f, now, b == TO_FINISHED, i[d + D_PRODUCT], order, f[m + M_ENTERED])
        elif held or has_room(i, b):
            if held:
                i[b + B_RESERVED] -= 1
            push(i, f, b, i[d + D_PRODUCT], order, f[m + M_ENTERED], now)
        elif i[o + O_SCRAPS] != 0:
            leave(i, f, now, False, i[d + D_PRODUCT], order, f[m + M_ENTERED])
        else:
            mark(i, f, m, now, BLOCKED)
            wait_for(i, m, b)
            if i[b + B_CAPACITY] == 0:
                queue_all(i, i[b + B_TAKERS], i[b + B_TAKER_COUNT])
            return
        i[m + M_AT] = at + 1
    emptied(i, f, m, now)


@inlined
def run(i, f, m, now):
    """Go on with what the machine has to do, unless it is down or off shift."""
    if i[m + M_DOWN] == 0 and i[m + M_OFF] == 0:
        f[m + M_BEGAN] = now
        left = f[m + M_LEFT]
        uptime = f[m + M_UP_LEFT]
        fails = i[i[m + M_STATION] + T_FAILS] == OPERATING and i[m + M_STATUS] == BUSY and uptime < left
        i[m + M_PHASE] = P_FAILURE if fails else P_WORK
        set_timer(i, f, i[m + M_SLOT], now + (uptime if fails else left))


@inlined
def draw_ahead(i, f, t):
    """The service after this one, of a plain station. Drawn here it is out of the way of what waits for this one."""
    times = i[t + T_STEPS] + S_SERVICE
    stream = t + T_S_SERVICE
    place = place_of(i[stream + Z_KEY], i[stream + Z_STEP], i[stream + Z_NEXT])
    f[t + T_AHEAD] = drawn(
        i[times + X_KIND], f[times + X_A], f[times + X_B], f, i[H_VALUES] + i[times + X_FIRST], place
    )


@inlined
def run_plain(i, f, m, t, now):
    """A plain station's machine, up and on shift, begins the service drawn ahead."""
    left, uptime = f[t + T_AHEAD], f[m + M_UP_LEFT]
    f[m + M_LEFT] = left
    f[m + M_BEGAN] = now
    # Uptime is infinite where failures do not count operating time.
    i[m + M_PHASE] = P_WORK + np.int64(uptime < left)
    set_timer(i, f, i[m + M_SLOT], now + (uptime if uptime < left else left))
    i[t + T_S_SERVICE + Z_NEXT] += 1
    draw_ahead(i, f, t)


@kernel
def serve(i, f, m, now):
    """Service begins, where it is not drawn ahead."""
    f[m + M_LEFT] = next_time(i, f, i[m + M_STEP] + S_SERVICE, i[m + M_STATION] + T_S_SERVICE)
    mark(i, f, m, now, BUSY)
    run(i, f, m, now)


@inlined
def choose(i, f, m):
    """What comes of the step; drawn only where there is a choice."""
    s = i[m + M_STEP]
    o = i[s + S_OUTCOMES]
    if i[s + S_OUTCOME_COUNT] > 1:
        u = unit(mix(next_place(i, i[m + M_STATION] + T_S_OUTCOME)))
        while u >= f[o + O_UPTO]:
            o += O_WORDS
    i[m + M_OUTCOME] = o
    i[m + M_AT] = 0


@kernel
def reserve(i, f, m, now):
    """Before service: a place for each output is held, or waited for; then service begins."""
    o = i[m + M_OUTCOME]
    if i[o + O_AGAIN] == 0 and i[o + O_SCRAPS] == 0:
        while i[m + M_AT] < i[o + O_COUNT]:
            b = i[i[o + O_DESTS] + i[m + M_AT] * D_WORDS + D_PLACE]
            if b >= 0:
                if not has_room(i, b):
                    i[m + M_RESERVED] = 1
                    mark(i, f, m, now, BLOCKED)
                    wait_for(i, m, b)
                    return
                i[b + B_RESERVED] += 1
            i[m + M_AT] += 1
    i[m + M_RESERVED] = 0
    i[m + M_AT] = 0
    serve(i, f, m, now)


@kernel
def begin(i, f, m, now):
    """The machine is set up and has its parts."""
    i[m + M_LAST] = i[m + M_PRODUCT]
    if i[i[m + M_STATION] + T_BEFORE] != 0:
        choose(i, f, m)
        reserve(i, f, m, now)
    else:
        serve(i, f, m, now)


@kernel
def refill(i, f, b, now):
    """Room in a buffer goes to those who wait for it."""
    while i[b + B_WAIT] != NONE and has_room(i, b):
        m = first_waiting(i, b)
        at = i[m + M_AT]
        i[m + M_AT] = at + 1
        if i[m + M_RESERVED] != 0:
            i[b + B_RESERVED] += 1
            reserve(i, f, m, now)
        else:
            d = i[i[m + M_OUTCOME] + O_DESTS] + at * D_WORDS
            push(i, f, b, i[d + D_PRODUCT], i[m + M_ORDER] if at == 0 else NONE, f[m + M_ENTERED], now)
            if i[i[m + M_STATION] + T_PLAIN] != 0:
                emptied(i, f, m, now)
            else:
                unload(i, f, m, now)
