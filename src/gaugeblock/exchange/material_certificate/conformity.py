"""Whether measured values keep their limits: the interpretation that a certificate states for each.

A value without limits is not evaluated. A result "< 0.005" keeps a maximum of 0.005 or more; whether it keeps a minimum
cannot be told. Limits belong to the conforming side.

A limit is compared as it is written: no rounding makes a value fit.

Source: EN 10204:2004, clause 4.1; JCGM 106:2012, simple acceptance.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from gaugeblock.exchange.decimal_text import decimal_of, plain
from gaugeblock.exchange.document_errors import CertificateLimitsError
from gaugeblock.exchange.material_certificate.certificate import MeasuredValue
from gaugeblock.exchange.material_certificate.metals_measurement import Interpretation


def average(values: Sequence[Decimal]) -> Decimal:
    """The arithmetic mean, with one digit more than the finest value.

    >>> average([Decimal("27"), Decimal("31"), Decimal("33")])
    Decimal('30.3')
    """
    with localcontext() as context:
        context.prec = 60
        finest = min(int(value.as_tuple().exponent) for value in values)
        return (sum(values, Decimal(0)) / len(values)).quantize(Decimal(1).scaleb(finest - 1), ROUND_HALF_EVEN)


def interpretation(measured: MeasuredValue) -> Interpretation:
    """What a certificate says of a value.

    Raises
    ------
    DecimalTextError, CertificateLimitsError

    Examples
    --------
    >>> interpretation(MeasuredValue(symbol="C", unit="%", values=("0.18",), maximum="0.20"))
    'In Specification'
    >>> interpretation(MeasuredValue(symbol="S", unit="%", values=("0.005",), operator="<", minimum="0.001"))
    'Not Evaluated'
    """
    low = None if measured.minimum is None else decimal_of(measured.minimum, measured.symbol)
    high = None if measured.maximum is None else decimal_of(measured.maximum, measured.symbol)
    values = [decimal_of(text, measured.symbol) for text in measured.values]
    if low is not None and high is not None and low > high:
        raise CertificateLimitsError(where=measured.symbol, minimum=plain(low), maximum=plain(high))
    if (low is None and high is None) or not values:
        return "Not Evaluated"
    judged = [average(values)] if measured.judged == "average" else values
    kept = [_keeps(value, measured.operator, low, high) for value in judged]
    if all(kept):
        return "In Specification"
    if any(one is False for one in kept):
        return "Out of Specification" if measured.concession is None else "Conditionally Acceptable"
    return "Not Evaluated"


def _keeps(value: Decimal, operator: str | None, low: Decimal | None, high: Decimal | None) -> bool | None:
    """True, False, or None where the operator leaves it open."""
    below = operator in ("<", "<=")
    above = operator in (">", ">=")
    answers: list[bool | None] = []
    if high is not None:
        if above:
            outside = value > high or (operator == ">" and value == high)
            answers.append(False if outside else None)
        else:
            answers.append(value <= high if not below else (True if value <= high else None))
    if low is not None:
        if below:
            outside = value < low or (operator == "<" and value == low)
            answers.append(False if outside else None)
        else:
            answers.append(value >= low if not above else (True if value >= low else None))
    if any(answer is False for answer in answers):
        return False
    return None if any(answer is None for answer in answers) else True
