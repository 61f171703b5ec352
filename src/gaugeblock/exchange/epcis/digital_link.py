"""EPC URNs and GS1 Digital Links as one canonical Digital Link: two names of one object become one.

An EPC URN sets the company prefix apart and leaves the check digit out; a Digital Link has the key as it is printed.
The canonical form is at ``https://id.gs1.org``, down to the finest key and without other attributes.

Source: EPC Tag Data Standard 2.0, section 6 (EPC URIs); GS1 Digital Link URI Syntax 1.2, section 4; CBV 2.0.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

CANONICAL = "https://id.gs1.org"
_FINEST = ("01", "00", "414", "417", "8003", "8004", "8006", "8010", "8017", "8018", "253", "255", "401", "402")
_QUALIFIERS = {"01": ("22", "10", "21", "235"), "414": ("254",), "8010": ("8011",), "8006": ("22", "10", "21")}
_ESCAPES = {"!": "%21", "(": "%28", ")": "%29", "*": "%2A", "+": "%2B", ",": "%2C", ":": "%3A"}
_URN = re.compile(r"urn:epc:(id|class|idpat):(?P<scheme>[a-z]+):(?P<rest>.+)")


def check_digit(digits: str) -> str:
    """The GS1 check digit of the digits before it (General Specifications, section 7.9).

    >>> check_digit("0401234500011")
    '5'
    """
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _gtin(company: str, item: str) -> str:
    digits = item[0] + company + item[1:]
    return digits + check_digit(digits)


def _key(company: str, reference: str) -> str:
    digits = company + reference
    return digits + check_digit(digits)


def canonical(uri: str) -> str:
    """The canonical Digital Link of an EPC URN or Digital Link; any other URI as it is.

    Examples
    --------
    >>> canonical("urn:epc:id:sgtin:0614141.107346.2017")
    'https://id.gs1.org/01/10614141073464/21/2017'
    >>> canonical("https://example.com/01/10614141073464/21/2017?x=1")
    'https://id.gs1.org/01/10614141073464/21/2017'
    >>> canonical("geo:47.5,11.1")
    'geo:47.5,11.1'
    """
    urn = _URN.fullmatch(uri)
    if urn is not None:
        return _of_urn(urn["scheme"], urn["rest"]) or uri
    if uri.startswith(("http://", "https://")):
        return _of_link(uri) or uri
    return uri


def _of_urn(scheme: str, rest: str) -> str | None:
    parts = rest.split(".", 2)
    if len(parts) < 2 or not parts[0].isdecimal():
        return None
    company, reference = parts[0], parts[1]
    last = _escaped(parts[2]) if len(parts) > 2 and parts[2] != "*" else None
    if scheme in ("sgtin", "lgtin", "upui", "itip") and not reference.isdecimal():
        return None
    match scheme:
        case "sgtin":
            return f"{CANONICAL}/01/{_gtin(company, reference)}" + (f"/21/{last}" if last else "")
        case "lgtin":
            return f"{CANONICAL}/01/{_gtin(company, reference)}/10/{last}" if last else None
        case "upui":
            return f"{CANONICAL}/01/{_gtin(company, reference)}/235/{last}" if last else None
        case "itip" if last:
            piece, _, tail = last.partition(".")
            total, _, serial = tail.partition(".")
            gtin = _gtin(company, reference)
            return f"{CANONICAL}/8006/{gtin}{piece}{total}" + (f"/21/{serial}" if serial != "%2A" else "")
        case "sscc":
            return f"{CANONICAL}/00/{_gtin(company, reference)}"
        case "sgln":
            place = f"{CANONICAL}/414/{_key(company, reference)}"
            return place if last in (None, "0") else f"{place}/254/{last}"
        case "pgln":
            return f"{CANONICAL}/417/{_key(company, reference)}"
        case "grai":
            return f"{CANONICAL}/8003/0{_key(company, reference)}{last or ''}"
        case "giai":
            return f"{CANONICAL}/8004/{company}{_escaped(rest.split('.', 1)[1])}"
        case "gsrn":
            return f"{CANONICAL}/8018/{_key(company, reference)}"
        case "gsrnp":
            return f"{CANONICAL}/8017/{_key(company, reference)}"
        case "gdti":
            return f"{CANONICAL}/253/{_key(company, reference)}{last or ''}"
        case "sgcn":
            return f"{CANONICAL}/255/{_key(company, reference)}{last or ''}"
        case "ginc":
            return f"{CANONICAL}/401/{company}{_escaped(rest.split('.', 1)[1])}"
        case "gsin":
            return f"{CANONICAL}/402/{_key(company, reference)}"
        case "cpi":
            item = f"{CANONICAL}/8010/{company}{_escaped(reference)}"
            return f"{item}/8011/{last}" if last else item
    return None


def _of_link(uri: str) -> str | None:
    """A Digital Link: any host and path before the primary key; qualifiers in the key's order."""
    steps = [step for step in urlsplit(uri).path.split("/") if step]
    for place, step in enumerate(steps[:-1]):
        if step in _FINEST and (steps[place + 1][:1].isalnum()):
            pairs = dict(zip(steps[place::2], steps[place + 1 :: 2], strict=False))
            key = pairs[step]
            if step in ("01", "00", "414", "417") and not key.isdecimal():
                return None
            if step == "01":
                key = key.zfill(14)
            text = f"{CANONICAL}/{step}/{key}"
            kept = [name for name in _QUALIFIERS.get(step, ()) if name in pairs]
            if step == "01" and "21" in kept:
                kept = ["21"]  # the serial number is the finest; the lot is an attribute of it
            return text + "".join(
                f"/{name}/{pairs[name]}" for name in kept if not (name == "254" and pairs[name] == "0")
            )
    return None
