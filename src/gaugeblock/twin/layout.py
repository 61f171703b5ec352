"""Where things stand in the flat block of 64-bit words that is a line and its state.

One array of integers, and the same memory seen as floats: copying the block copies a simulation, its bytes are a
saved one, and a kernel takes two arguments instead of thirty. A "pointer" is the position of a part's first word;
the names below are offsets from it. Words marked (f) are floats. What the words mean is told beside each.
"""

from __future__ import annotations

VERSION = 1
NONE = -1

# ── the head of the block ──
H_VERSION, H_SIZE = 0, 1
H_NOW, H_EVENTS, H_STALL = 2, 3, 4  # (f) time; events so far; events since work last ended
H_INSIDE, H_AREA, H_LAST = 5, 6, 7  # parts on the line; (f) its integral; (f) time of the last change
H_WIP_MAX = 8
H_FINISHED, H_SCRAPPED, H_LOST, H_FLOW = 9, 10, 11, 12  # counts; (f) sum of times on the line
H_TREE, H_LEAVES = 13, 14  # timers: pointer, leaves (a power of two); times (f), then 8 × pointer + kind of each
H_WORK, H_WORK_TOP = 16, 17  # stations to try: pointer, how many
H_STATIONS, H_STATION_COUNT = 18, 19
H_BUFFERS, H_BUFFER_COUNT = 20, 21
H_SUPPLIES, H_SUPPLY_COUNT = 22, 23
H_MACHINES, H_MACHINE_COUNT = 24, 25
H_ORDERS, H_ORDER_COUNT = 26, 27
H_VALUES = 28  # pointer: values of empirical distributions (f)
H_FULL = 29  # the buffer that overflowed
H_PRODUCTS = 30  # pointer: finished, scrapped of each product
H_STREAMS, H_STREAM_COUNT = 31, 32
H_STATIC, H_LOGGED = 33, 34  # a digest of the line; parts logged
H_CREWS, H_CREW_COUNT = 35, 36
H_ARRIVALS, H_ARRIVAL_COUNT = 37, 38
H_CALENDARS, H_CALENDAR_COUNT = 39, 40
H_LOG, H_LOG_MAX = 41, 42  # pointer: log of finished parts; how many it takes
H_PRODUCT_COUNT = 43
HEAD = 48

# ── a distribution: kind, (f) a, (f) b, first value ──
X_KIND, X_A, X_B, X_FIRST, X_WORDS = 0, 1, 2, 3, 4
# ── a stream: key, step, next draw ──
Z_KEY, Z_STEP, Z_NEXT, Z_WORDS = 0, 1, 2, 3

# ── a station ──
T_MACHINES, T_COUNT, T_STEPS, T_STEP_COUNT = 0, 1, 2, 3
T_BEFORE = 4  # whether blocking is before service
T_FAILS = 5  # 0 never, 1 counts operating time, 2 counts calendar time
T_CREW, T_QUEUED, T_FREE = 6, 7, 8  # pointer; whether it is among those to try; machines that could take a part
T_UP, T_REPAIR = 9, 9 + X_WORDS
T_SETUP = T_REPAIR + X_WORDS
T_CHANGES = T_SETUP + X_WORDS  # whether it has set-ups
T_PRODUCTS = T_CHANGES + 1  # pointer to a matrix of distributions, products squared; 0 where all are alike
T_S_SERVICE = T_PRODUCTS + 1
T_S_SETUP = T_S_SERVICE + Z_WORDS
T_S_UP = T_S_SETUP + Z_WORDS
T_S_REPAIR = T_S_UP + Z_WORDS
T_S_OUTCOME = T_S_REPAIR + Z_WORDS
T_SERVED = T_S_OUTCOME + Z_WORDS
T_INDEX = T_SERVED + 1
T_TAKES = T_INDEX + 1  # whether a machine that is down takes a part
T_PLAIN, T_IN, T_OUT = T_TAKES + 1, T_TAKES + 2, T_TAKES + 3  # how simple it is; where it takes from and puts to
T_AHEAD = T_OUT + 1  # (f) of a plain station: the next service, drawn before it is needed
T_WORDS = T_AHEAD + 1

ROUND_ABOUT, FROM_BUFFER, FROM_ENDLESS = 0, 1, 2

# ── a machine ──
STARVED, SETTING, BUSY, BLOCKED = 0, 1, 2, 3
UP, DOWN, OFF = 0, 1, 2
NEVER, OPERATING, CALENDAR = 0, 1, 2
P_NONE, P_WORK, P_FAILURE, P_REPAIR = 0, 1, 2, 3
M_STATION, M_SLOT, M_CLOCK = 0, 1, 2  # pointer; its timer; the timer of its failures, if they count calendar time
M_STATUS, M_DOWN, M_OFF, M_PHASE = 3, 4, 5, 6
M_LEFT, M_BEGAN, M_SINCE, M_UP_LEFT = 7, 8, 9, 10  # (f) work left, when it (re)began, last change, uptime left
M_STEP, M_OUTCOME, M_AT = 11, 12, 13  # pointers; destinations done
M_PRODUCT, M_ORDER, M_ENTERED = 14, 15, 16  # the part on it; (f)
M_LAST = 17  # product that it is set up for
M_NEXT, M_NEXT_CREW = 18, 19  # who waits behind it
M_WAITS = 20  # pointer of the buffer that it waits for
M_RESERVED = 21  # whether it waits to begin, not to unload
M_SHARES = 22  # (f) time by status and condition, 4 × 3
M_WORDS = M_SHARES + 12

# ── a step, its outcomes, their destinations ──
S_PRODUCT, S_SERVICE = 0, 1
S_INPUTS, S_INPUT_COUNT = S_SERVICE + X_WORDS, S_SERVICE + X_WORDS + 1
S_OUTCOMES, S_OUTCOME_COUNT = S_INPUT_COUNT + 1, S_INPUT_COUNT + 2
S_WORDS = S_OUTCOME_COUNT + 1
O_UPTO, O_DESTS, O_COUNT, O_AGAIN, O_SCRAPS, O_WORDS = 0, 1, 2, 3, 4, 5  # (f) cumulated share; …
D_PLACE, D_PRODUCT, D_WORDS = 0, 1, 2
TO_FINISHED, TO_SCRAP = -1, -2
I_PLACE, I_IS_SUPPLY, I_WORDS = 0, 1, 2

# ── a buffer and its parts ──
B_CAPACITY, B_RING, B_MASK, B_HEAD, B_COUNT, B_RESERVED = 0, 1, 2, 3, 4, 5
B_AREA, B_LAST = 6, 7  # (f) integral of parts; (f) last change
B_WAIT, B_WAIT_LAST = 8, 9  # machines waiting for room, the longest first
B_TAKERS, B_TAKER_COUNT, B_INDEX, B_WORDS = 10, 11, 12, 13
R_PRODUCT, R_ORDER, R_ENTERED, R_WORDS = 0, 1, 2, 4

# ── supplies, their entries; orders; arrivals; crews; calendars ──
Q_ENTRIES, Q_COUNT, Q_AT, Q_TAKEN, Q_REPEATS, Q_SLOT, Q_OWED = 0, 1, 2, 3, 4, 5, 6
Q_TAKERS, Q_TAKER_COUNT, Q_WORDS = 7, 8, 9
E_PRODUCT, E_QUANTITY, E_ORDER, E_RELEASE, E_OWED, E_WORDS = 0, 1, 2, 3, 4, 5
G_LEFT, G_DONE, G_SUPPLY, G_ENTRY, G_SCRAPPED, G_WORDS = 0, 1, 2, 3, 4, 5  # (f) when done
A_BUFFER, A_PRODUCT, A_EVERY = 0, 1, 2
A_STREAM, A_SLOT = A_EVERY + X_WORDS, A_EVERY + X_WORDS + Z_WORDS
A_WORDS = A_SLOT + 1
C_FREE, C_WAIT, C_WAIT_LAST, C_WORDS = 0, 1, 2, 3
K_PERIOD, K_EDGES, K_EDGE_COUNT, K_AT, K_CYCLE, K_SLOT, K_WORDS = 0, 1, 2, 3, 4, 5, 6
# after K_WORDS: the edges (f), then pointers of the stations, ended by NONE

# ── what a timer is of ──
W_MACHINE, W_CLOCK, W_ARRIVAL, W_RELEASE, W_CALENDAR = 0, 1, 2, 3, 4

# ── why a run stopped ──
UNTIL, PARTS, STUCK, OVERFLOW, READY = 0, 1, 2, 3, 4
QUEUE_MAX = 16_384
"""Parts that an unlimited buffer may hold in a simulation."""
STALL_MAX = 100_000
"""Events of failures and calendars without any work ending, after which the line is said to stand."""
LOG_COLUMNS = 4
"""Of the log of finished parts: time, time it entered, product, order (−1: none)."""
