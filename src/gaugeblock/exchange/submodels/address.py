"""Address and contact of a company as several templates drop it in (IDTA 02002, Contact Information)."""

from __future__ import annotations

import msgspec

from gaugeblock.exchange.aas.elements import Texts
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.vocabulary import Vocabulary

ADDRESS = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/AddressInformation"
_ALSO = ("0112/2///61360_7#AAS002#001", ("0173-1#02-AAQ837#008", "0173-1#01-ADR448#008"))

_WORDS = Vocabulary(
    "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/ContactInformation/{}",
    {
        "NationalCode": "0173-1#02-AAO134#002",
        "CityTown": "0173-1#02-AAO132#002",
        "Company": "0173-1#02-AAW001#001",
        "Street": "0173-1#02-AAO128#002",
        "Zipcode": "0173-1#02-AAO129#002",
        "StateCounty": "0173-1#02-AAO133#002",
        "TelephoneNumber": "0173-1#02-AAO136#002",
        "Email": "0173-1#02-AAQ836#005",
        "EmailAddress": "0173-1#02-AAO198#002",
        "AddressOfAdditionalLink": "0173-1#02-AAQ326#002",
    },
)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a company is.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2.
    """

    company: Texts
    street: Texts
    zip_code: str
    city: Texts
    country: str
    state: Texts | None = None
    telephone: str | None = None
    email: str | None = None
    web: str | None = None


def address(id_short: str, given: Address, language: str = "en") -> Tree | None:
    """The collection under the name that a template gives it.

    Parameters
    ----------
    language
        The tag of what is the same in every language: codes and numbers.
    """
    phone = given.telephone and [_WORDS.texts("TelephoneNumber", {language: given.telephone})]
    mail = given.email and [_WORDS.prop("EmailAddress", given.email)]
    words = Vocabulary("{}", {"self": ADDRESS})
    return words.group(
        id_short,
        [
            _WORDS.texts("Company", given.company),
            _WORDS.texts("Street", given.street),
            _WORDS.texts("Zipcode", {language: given.zip_code}),
            _WORDS.texts("CityTown", given.city),
            _WORDS.texts("StateCounty", given.state),
            _WORDS.texts("NationalCode", {language: given.country}),
            _WORDS.group("Phone", phone) if phone else None,
            _WORDS.group("Email", mail) if mail else None,
            _WORDS.prop("AddressOfAdditionalLink", given.web),
        ],
        means="self",
        also=_ALSO,
    )
