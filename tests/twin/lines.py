"""Random lines for laws that hold for every line."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gaugeblock.twin.distributions import (
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Weibull,
)
from gaugeblock.twin.line import (
    AGAIN,
    FINISHED,
    SCRAP,
    Arrivals,
    Buffer,
    Calendar,
    Crew,
    Failures,
    Line,
    Order,
    Outcome,
    Setup,
    SetupChange,
    Station,
    Step,
    Supply,
    serial_line,
)

_MEANS = st.sampled_from([0.5, 0.8, 1.0, 1.3])


@st.composite
def times(draw: Any, scale: float = 1.0) -> Distribution:
    """Any of the seven kinds; few deterministic means, so that events coincide."""
    mean = scale * draw(_MEANS)
    cv = draw(st.sampled_from([0.3, 0.7, 1.0, 1.6]))
    return draw(
        st.sampled_from(
            [
                Exponential(mean),
                Gamma(mean, cv),
                Lognormal(mean, cv),
                Weibull(mean, cv),
                Erlang(mean, 3),
                Deterministic(mean),
                Empirical((0.5 * mean, mean, 2.0 * mean)),
            ]
        )
    )


@st.composite
def failures(draw: Any, crew: bool = True, counts: str | None = None) -> Failures | None:
    """None, or failures every few parts."""
    if draw(st.booleans()):
        return None
    return Failures(
        counts=counts or draw(st.sampled_from(["operating_time", "calendar_time"])),
        between=draw(times(6.0)),
        repair=draw(times(1.5)),
        crew="fitters" if crew and draw(st.booleans()) else None,
        takes_when_down=draw(st.booleans()),
    )


@st.composite
def serial_lines(draw: Any) -> Line:
    """Lines for which the max-plus recursion holds."""
    count = draw(st.integers(1, 5))
    return serial_line(
        [draw(times()) for _ in range(count)],
        [draw(st.integers(0, 4)) for _ in range(count - 1)],
        failures=[draw(failures(crew=False, counts="operating_time")) for _ in range(count)],
    )


@st.composite
def any_lines(draw: Any) -> Line:
    """Lines with two products, rework, scrap, assembly, disassembly, set-ups, shifts, crews, orders, CONWIP."""
    count = draw(st.integers(1, 4))
    products = ("red", "blue")[: draw(st.integers(1, 2))]
    before = [draw(st.sampled_from(["after_service", "after_service", "before_service"])) for _ in range(count)]
    setup = Setup(
        time=Exponential(0.7), changes=(SetupChange(after="red", before=products[-1], time=Exponential(0.2)),)
    )
    stations = tuple(
        Station(
            name=f"s{k}",
            blocking=before[k],
            machines=draw(st.integers(1, 3)),
            failures=draw(failures()),
            setup=setup if draw(st.booleans()) else None,
            calendar=draw(st.sampled_from([None, None, "day"])),
        )
        for k in range(count)
    )
    low = [1 if before[k] == "before_service" else 0 for k in range(count)]
    buffers = [Buffer(name=f"b{k}", capacity=draw(st.sampled_from([low[k], 1, 3]))) for k in range(count - 1)]
    steps: list[Step] = []
    rework, kit, arrivals = [False] * count, False, draw(st.booleans())
    for k in range(count):
        after = f"b{k}" if k < count - 1 else FINISHED
        kind = draw(st.sampled_from(["plain", "scrap", "again", "rework", "split"]))
        outcomes = [Outcome(share=1.0, to=(after,))]
        if kind == "scrap":
            outcomes = [Outcome(share=0.8, to=(after,)), Outcome(share=0.2, to=(SCRAP,))]
        if kind == "again":
            outcomes = [Outcome(share=0.7, to=(after,)), Outcome(share=0.3, to=(AGAIN,))]
        if kind == "split":
            outcomes = [Outcome(share=1.0, to=(after, FINISHED))]
        if kind == "rework":
            rework[k] = True
            outcomes = [
                Outcome(share=0.7, to=(after,)),
                Outcome(share=0.3, to=(f"r{k}",), if_full=draw(st.sampled_from(["scrap", "wait"]))),
            ]
            wait = outcomes[1].if_full == "wait"
            buffers.append(Buffer(name=f"r{k}", capacity="unlimited" if wait else 2))
        takes = [f"b{k - 1}" if k else ("in" if arrivals else "raw")]
        if k and not kit and draw(st.booleans()):
            kit = True
            takes.append("screws")
        for product in products:
            service = draw(times())
            if rework[k]:
                steps.append(
                    Step(station=f"s{k}", product=product, takes=(f"r{k}",), service=service, outcomes=tuple(outcomes))
                )
            steps.append(
                Step(station=f"s{k}", product=product, takes=tuple(takes), service=service, outcomes=tuple(outcomes))
            )
    supplies = [Supply(name="screws", products=("red",))] if kit else []
    orders: tuple[Order, ...] = ()
    if arrivals:
        buffers.append(Buffer(name="in", capacity=draw(st.sampled_from([2, 5]))))
    elif draw(st.booleans()):
        supplies.append(Supply(name="raw", products=(*products, products[0])))
    else:
        supplies.append(Supply(name="raw"))
        orders = tuple(
            Order(name=f"o{n}", supply="raw", product=products[n % len(products)], quantity=3, release=2.0 * n)
            for n in range(12)
        )
    return Line(
        name="random",
        time_unit="min",
        products=products,
        stations=stations,
        steps=tuple(steps),
        buffers=tuple(buffers),
        supplies=tuple(supplies),
        orders=orders,
        arrivals=tuple(
            Arrivals(name=f"a{n}", into="in", product=product, every=draw(times(1.5)))
            for n, product in enumerate(products if arrivals else ())
        ),
        calendars=(Calendar(name="day", period=24.0, work=((0.0, 8.0), (9.0, 16.0))),),
        crews=(Crew(name="fitters", size=1),),
        wip_max=draw(st.sampled_from([None, None, 4])),
    )
