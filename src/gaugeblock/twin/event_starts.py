"""What can start in the event kernel: supplies, loading, and the short way of plain stations.

Every function takes the block as words ``i`` and as floats ``f`` (see :mod:`gaugeblock.twin.layout`) and a pointer.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from gaugeblock.twin.compiled import inlined, kernel
from gaugeblock.twin.event_parts import (
    begin,
    can_take,
    change_count,
    change_inside,
    choose,
    draw_ahead,
    first_waiting,
    has_room,
    leave,
    mark,
    next_time,
    push,
    queue,
    queue_all,
    refill,
    run,
    run_plain,
    set_timer,
    unload,
    wait_for,
)
from gaugeblock.twin.layout import (
    B_CAPACITY,
    B_COUNT,
    B_HEAD,
    B_MASK,
    B_RING,
    B_TAKER_COUNT,
    B_TAKERS,
    B_WAIT,
    BLOCKED,
    BUSY,
    D_PRODUCT,
    D_WORDS,
    E_ORDER,
    E_OWED,
    E_PRODUCT,
    E_QUANTITY,
    E_RELEASE,
    E_WORDS,
    FROM_ENDLESS,
    H_INSIDE,
    H_PRODUCT_COUNT,
    H_WIP_MAX,
    H_WORK,
    H_WORK_TOP,
    I_IS_SUPPLY,
    I_PLACE,
    I_WORDS,
    M_AT,
    M_DOWN,
    M_ENTERED,
    M_LAST,
    M_LEFT,
    M_ORDER,
    M_OUTCOME,
    M_PRODUCT,
    M_STATION,
    M_STATUS,
    M_STEP,
    M_WORDS,
    NONE,
    O_DESTS,
    Q_AT,
    Q_COUNT,
    Q_ENTRIES,
    Q_OWED,
    Q_REPEATS,
    Q_SLOT,
    Q_TAKEN,
    Q_TAKER_COUNT,
    Q_TAKERS,
    R_ENTERED,
    R_ORDER,
    R_PRODUCT,
    R_WORDS,
    S_INPUT_COUNT,
    S_INPUTS,
    S_OUTCOMES,
    S_PRODUCT,
    S_WORDS,
    SETTING,
    STARVED,
    T_AHEAD,
    T_CHANGES,
    T_COUNT,
    T_FREE,
    T_IN,
    T_MACHINES,
    T_OUT,
    T_PLAIN,
    T_PRODUCTS,
    T_QUEUED,
    T_S_SERVICE,
    T_S_SETUP,
    T_SETUP,
    T_STEP_COUNT,
    T_STEPS,
    TO_FINISHED,
    X_WORDS,
    Z_NEXT,
)


@kernel
def next_entry(i, f, q, product, now):
    """The entry of a supply that the next part is released from, if it is of a product (NONE: any), or NONE."""
    found = NONE
    if i[q + Q_OWED] > 0:
        for number in range(i[q + Q_COUNT]):
            e = i[q + Q_ENTRIES] + number * E_WORDS
            if i[e + E_OWED] > 0:
                found = e
                break
    elif i[q + Q_AT] < i[q + Q_COUNT]:
        e = i[q + Q_ENTRIES] + i[q + Q_AT] * E_WORDS
        if f[e + E_RELEASE] <= now:
            found = e
    if found != NONE and product != NONE and i[found + E_PRODUCT] != product:
        found = NONE
    return found


@kernel
def take_entry(i, f, q, e, now):
    """A part is released."""
    if i[e + E_OWED] > 0:
        i[e + E_OWED] -= 1
        i[q + Q_OWED] -= 1
    else:
        i[q + Q_TAKEN] += 1
        if i[q + Q_TAKEN] >= i[e + E_QUANTITY]:
            i[q + Q_TAKEN] = 0
            i[q + Q_AT] += 1
            if i[q + Q_AT] >= i[q + Q_COUNT] and i[q + Q_REPEATS] != 0:
                i[q + Q_AT] = 0
            if i[q + Q_AT] < i[q + Q_COUNT]:
                release = f[i[q + Q_ENTRIES] + i[q + Q_AT] * E_WORDS + E_RELEASE]
                if release > now:
                    set_timer(i, f, i[q + Q_SLOT], release)
    change_inside(i, f, now, 1)
    queue_all(i, i[q + Q_TAKERS], i[q + Q_TAKER_COUNT])


@inlined
def offered(i, f, place, is_supply, product, first, now):
    """Whether a place has a part for a step: its head is of the product, or any will do."""
    if is_supply != 0:
        open_ = i[H_WIP_MAX] < 0 or i[H_INSIDE] < i[H_WIP_MAX]
        there = open_ and next_entry(i, f, place, product if first else NONE, now) != NONE
    elif i[place + B_COUNT] > 0:
        there = not first or i[i[place + B_RING] + i[place + B_HEAD] * R_WORDS + R_PRODUCT] == product
    elif i[place + B_CAPACITY] == 0 and i[place + B_WAIT] != NONE:
        m = i[place + B_WAIT]
        d = i[i[m + M_OUTCOME] + O_DESTS] + i[m + M_AT] * D_WORDS
        there = not first or i[d + D_PRODUCT] == product
    else:
        there = False
    return there


@inlined
def startable(i, f, t, now):
    """The first step of a station whose parts are all there, or NONE."""
    found = NONE
    for number in range(i[t + T_STEP_COUNT]):
        s = i[t + T_STEPS] + number * S_WORDS
        good = True
        for j in range(i[s + S_INPUT_COUNT]):
            place = i[s + S_INPUTS] + j * I_WORDS
            if not offered(i, f, i[place + I_PLACE], i[place + I_IS_SUPPLY], i[s + S_PRODUCT], j == 0, now):
                good = False
                break
        if good:
            found = s
            break
    return found


@kernel
def load(i, f, m, s, now):
    """Take the step's parts onto the machine; whoever waited for their places moves up."""
    entered = math.inf
    order = NONE
    t = i[m + M_STATION]
    i[t + T_FREE] -= 1
    for j in range(i[s + S_INPUT_COUNT]):
        place = i[i[s + S_INPUTS] + j * I_WORDS + I_PLACE]
        came, whose = now, NONE
        if i[i[s + S_INPUTS] + j * I_WORDS + I_IS_SUPPLY] != 0:
            e = next_entry(i, f, place, NONE, now)
            whose = i[e + E_ORDER]
            take_entry(i, f, place, e, now)
        elif i[place + B_COUNT] > 0:
            part = i[place + B_RING] + i[place + B_HEAD] * R_WORDS
            came, whose = f[part + R_ENTERED], i[part + R_ORDER]
            i[place + B_HEAD] = (i[place + B_HEAD] + 1) & i[place + B_MASK]
            change_count(i, f, place, now, -1)
            if i[place + B_WAIT] != NONE:
                refill(i, f, place, now)
            if i[place + B_COUNT] > 0:
                queue_all(i, i[place + B_TAKERS], i[place + B_TAKER_COUNT])
        else:
            giver = first_waiting(i, place)
            came = f[giver + M_ENTERED]
            whose = i[giver + M_ORDER] if i[giver + M_AT] == 0 else NONE
            i[giver + M_AT] += 1
            unload(i, f, giver, now)
            if i[place + B_WAIT] != NONE:
                queue_all(i, i[place + B_TAKERS], i[place + B_TAKER_COUNT])
        if j == 0:
            order = whose
        else:
            change_inside(i, f, now, -1)
        entered = min(entered, came)
    i[m + M_STEP] = s
    i[m + M_PRODUCT] = i[s + S_PRODUCT]
    i[m + M_ORDER] = order
    f[m + M_ENTERED] = entered
    last = i[m + M_LAST]
    if i[t + T_CHANGES] != 0 and last >= 0 and last != i[m + M_PRODUCT]:
        times = t + T_SETUP
        if i[t + T_PRODUCTS] != 0:
            times = i[t + T_PRODUCTS] + (last * i[H_PRODUCT_COUNT] + i[m + M_PRODUCT]) * X_WORDS
        f[m + M_LEFT] = next_time(i, f, times, t + T_S_SETUP)
        mark(i, f, m, now, SETTING)
        run(i, f, m, now)
    else:
        begin(i, f, m, now)


@kernel
def lowest_free(i, t):
    """The first machine of a station that is empty and up; where none is, the first that may take a part."""
    other = NONE
    for number in range(i[t + T_COUNT]):
        m = i[t + T_MACHINES] + number * M_WORDS
        if i[m + M_STATUS] == STARVED and can_take(i, m):
            if i[m + M_DOWN] == 0:
                return m
            if other == NONE:
                other = m
    return other


@inlined
def take_plain(i, f, m, t, now):
    """Load the machine of a plain station, if its part is there; its service is not begun."""
    b = i[t + T_IN]
    s = i[t + T_STEPS]
    taken = True
    if i[t + T_PLAIN] == FROM_ENDLESS:
        change_inside(i, f, now, 1)
        i[m + M_ORDER] = NONE
        f[m + M_ENTERED] = now
    else:
        part = i[b + B_RING] + i[b + B_HEAD] * R_WORDS
        taken = i[b + B_COUNT] > 0 and i[part + R_PRODUCT] == i[s + S_PRODUCT]
        if taken:
            i[m + M_ORDER] = i[part + R_ORDER]
            f[m + M_ENTERED] = f[part + R_ENTERED]
            i[b + B_HEAD] = (i[b + B_HEAD] + 1) & i[b + B_MASK]
            change_count(i, f, b, now, -1)
            if i[b + B_WAIT] != NONE:
                refill(i, f, b, now)
    return taken


@kernel
def next_plain(i, f, m, t, now):
    """A plain station has served: put the part, take the next, begin; or block, or starve."""
    b = i[t + T_OUT]
    d = i[i[i[t + T_STEPS] + S_OUTCOMES] + O_DESTS]
    if b == TO_FINISHED:
        leave(i, f, now, True, i[d + D_PRODUCT], i[m + M_ORDER], f[m + M_ENTERED])
    elif has_room(i, b):
        push(i, f, b, i[d + D_PRODUCT], i[m + M_ORDER], f[m + M_ENTERED], now)
    else:
        choose(i, f, m)
        mark(i, f, m, now, BLOCKED)
        wait_for(i, m, b)
        return
    if take_plain(i, f, m, t, now):
        run_plain(i, f, m, t, now)
    else:
        mark(i, f, m, now, STARVED)
        i[t + T_FREE] += 1


@inlined
def settle(i, f, now):
    """Start what can start: of the stations noted the first of the line, one machine at a time, its lowest first."""
    while i[H_WORK_TOP] > 0:
        i[H_WORK_TOP] -= 1
        t = i[i[H_WORK] + i[H_WORK_TOP]]
        i[t + T_QUEUED] = 0
        if i[t + T_FREE] > 0 and i[t + T_PLAIN] != 0:
            m = i[t + T_MACHINES]
            if take_plain(i, f, m, t, now):
                i[t + T_FREE] -= 1
                mark(i, f, m, now, BUSY)
                if i[m + M_DOWN] == 0:
                    run_plain(i, f, m, t, now)
                else:
                    f[m + M_LEFT] = f[t + T_AHEAD]
                    i[t + T_S_SERVICE + Z_NEXT] += 1
                    draw_ahead(i, f, t)
        elif i[t + T_FREE] > 0:
            s = startable(i, f, t, now)
            if s != NONE:
                m = i[t + T_MACHINES]
                if i[t + T_COUNT] > 1:
                    m = lowest_free(i, t)
                load(i, f, m, s, now)
                queue(i, t)
