"""``plant.toml``: the plant as its owner describes it, checked whole before anything starts.

Parsing is pure: text in, :class:`PlantSettings` out. Unknown keys are refused by dotted path with the nearest
known key; references between parts (a station's line, a camera's station) must exist; secrets stand as
references (``env:NAME`` or ``file:PATH``), never as values.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
import zoneinfo
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.identifiers import check_identifier, check_social_credit_code
from gaugeblock.plant.language import Language

SETTINGS_BYTES_MAX = 1 << 20


class SettingsSyntaxError(GaugeblockError):
    """The file is not TOML. Facts: ``file``, ``detail``."""

    code = "plant.settings_syntax"


class UnknownKeyError(GaugeblockError):
    """A key no setting has. Facts: ``file``, ``key`` (dotted path), ``nearest``."""

    code = "plant.unknown_key"


class SettingsValueError(GaugeblockError):
    """A value of the wrong type or out of range. Facts: ``file``, ``key``, ``detail``."""

    code = "plant.settings_value"


class UnknownReferenceError(GaugeblockError):
    """A part names another that does not exist. Facts: ``file``, ``key``, ``value``, ``known``."""

    code = "plant.unknown_reference"


class DuplicateIdentifierError(GaugeblockError):
    """Two parts of one kind share an id. Facts: ``file``, ``key``, ``value``."""

    code = "plant.duplicate_identifier"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the settings: closed and immutable."""


Port = Annotated[int, Meta(ge=1, le=65535)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Money = Annotated[float, Meta(gt=0.0, le=1e12)]


class Address(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A postal address, as nameplates and certificates say it; ``country`` is ISO 3166-1 alpha-2."""

    street: str
    postal_code: str
    city: str
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]


class Enterprise(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The legal entity (ISA-95 enterprise). ``social_credit_code`` is the 18-character 统一社会信用代码."""

    name: str
    name_en: str | None = None
    social_credit_code: str | None = None
    address: Address | None = None


class Site(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A geographical site of the enterprise; ``timezone`` is an IANA name, by which shifts and days are counted."""

    id: str
    name: str = ""
    name_en: str | None = None
    timezone: str = "Asia/Shanghai"


class Line(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A production line in an area of a site.

    Parameters
    ----------
    shifts
        The local times at which shifts begin.
    model
        The line's description for the twin (TOML), relative to ``plant.toml``; its time zero is a Monday's first shift.
    """

    id: str
    site: str
    area: str | None = None
    name: str = ""
    name_en: str | None = None
    shifts: Annotated[list[TimeOfDay], Meta(max_length=24)] = field(default_factory=list)
    model: str | None = None


class Machine(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine on a line: make, model and serial number as on its plate."""

    id: str
    line: str
    name: str = ""
    name_en: str | None = None
    make: str | None = None
    model: str | None = None
    serial: str | None = None


class InspectionCosts(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a wrong answer costs, in one currency for all three, and how often parts are defective.

    Parameters
    ----------
    escape
        Of a defective part that was passed: the complaint, the sorting, the replacement.
    overkill
        Of a good part that was rejected.
    review
        Of a person's look at a part.
    defect_rate
        Share of defective parts before inspection.
    """

    escape: Money
    overkill: Money
    review: Money | None = None
    defect_rate: Annotated[float, Meta(gt=0.0, lt=1.0)]


class Product(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product or part number that the plant makes; from ``costs`` its inspection's operating point follows."""

    id: str
    name: str = ""
    name_en: str | None = None
    costs: InspectionCosts | None = None


class Customer(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer; ``country`` is ISO 3166-1 alpha-2, ``language`` that of the pages they see first."""

    id: str
    name: str
    name_en: str | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    language: Language = "en"


class FolderCamera(
    _Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="watched_folder", tag_field="kind"
):
    """Images that another program puts into a folder; each new file is a trigger and a frame."""

    folder: str
    verdicts: str | None = None
    move: bool = False


class VirtualCamera(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="virtual", tag_field="kind"):
    """The virtual plant's camera and PLC, over their TCP ports on this machine."""

    camera_port: Port
    plc_port: Port
    host: str = "127.0.0.1"


class Station(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An inspection station: what it looks at, with which module, and how soon the PLC wants the answer.

    Parameters
    ----------
    module
        The first module; later ones are released by a person and take its place.
    mm_per_pixel
        Of the calibrated camera in its original resolution; regions are then given in millimetres too.
    require_challenge
        Answer UNDECIDED until the challenge parts have passed; without a set of them, always.
    """

    id: str
    line: str
    module: str
    camera: FolderCamera | VirtualCamera
    product: str | None = None
    name: str = ""
    name_en: str | None = None
    deadline_ms: Annotated[float, Meta(ge=10, le=60_000)] = 1000.0
    spool_bytes_max: Annotated[int, Meta(ge=1 << 20)] = 20_000_000_000
    mm_per_pixel: Annotated[float, Meta(gt=0.0, le=1000.0)] | None = None
    require_challenge: bool = False


class Server(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plant process: where it listens and what it calls its log."""

    host: str = "127.0.0.1"
    port: Port = 8470
    log_origin: Annotated[str, Meta(pattern=r"^[!-*,-~]+$", max_length=200)] = "gaugeblock.example/plant"
    language: Language = "zh"
    public_log: bool = True


class Witness(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody outside who cosigns checkpoints: a customer, an association. ``key`` is its vkey."""

    id: str
    name: str = ""
    key: Annotated[str, Meta(min_length=10, max_length=512)]


class Exchange(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exchange process: where customers reach it. Without this table it is not started.

    Parameters
    ----------
    public_url
        As customers write it, where a proxy or relay stands before it; tokens are issued for this audience.
    rate_per_s, burst
        Answers a second of one credential, and how many at once.
    webhook_private_networks
        Networks (CIDR) that webhooks may call although they are private: a customer's own in the same house.
    """

    host: str = "127.0.0.1"
    port: Port = 8471
    public_url: Annotated[str, Meta(pattern=r"^https?://[^/?#\s]+$")] | None = None
    rate_per_s: Annotated[float, Meta(gt=0.0, le=100_000.0)] = 50.0
    burst: Annotated[int, Meta(ge=1, le=100_000)] = 100
    webhook_private_networks: Annotated[list[str], Meta(max_length=16)] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What customers call."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"


class Storage(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where state is kept. ``data`` is relative to ``plant.toml``; ``database`` may refer to a PostgreSQL URL."""

    data: str = "data"
    database: Annotated[str, Meta(pattern=r"^(sqlite|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")] = "sqlite"


class Review(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which verdicts a person is asked about, besides those in the review zone and the undecided with an image.

    Shares are drawn by ``seed`` and the verdict's index, so that anyone can check which were drawn.
    """

    nok_share: Share = 1.0
    ok_share: Share = 0.01
    second_opinion_share: Share = 0.1
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 1


class Retention(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long images are kept, by class. All images of defects, of disputed units and of reviews are kept.

    Parameters
    ----------
    good_days
        Images of parts judged good and not overruled; afterwards only a seeded share, and thumbnails of the rest.
    good_share
        The share of them that is kept for ever.
    undecided_days
        Images of UNDECIDED verdicts that nobody reviewed.
    seed
        Draws the share.
    """

    good_days: Annotated[float, Meta(ge=0.0, le=36_500.0)] = 30.0
    good_share: Share = 0.02
    undecided_days: Annotated[float, Meta(ge=0.0, le=36_500.0)] = 90.0
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 1


class PlantSettings(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole ``plant.toml``."""

    enterprise: Enterprise
    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    review: Review = field(default_factory=Review)
    retention: Retention = field(default_factory=Retention)
    exchange: Exchange | None = None
    sites: list[Site] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    witnesses: Annotated[list[Witness], Meta(max_length=16)] = field(default_factory=list)

    def station(self, station_id: str) -> Station | None:
        """The station of that id."""
        return next((s for s in self.stations if s.id == station_id), None)


def parse_settings(text: str, file: str = "plant.toml") -> PlantSettings:
    """Read and check the text of a ``plant.toml``; ``file`` is its name for messages.

    Raises
    ------
    SettingsSyntaxError, UnknownKeyError, SettingsValueError, UnknownReferenceError,
    DuplicateIdentifierError, IdentifierError, SocialCreditCodeError

    Examples
    --------
    >>> parse_settings('[enterprise]\\nname = "示例"').server.port
    8470
    >>> parse_settings('[enterprise]\\nname = "x"\\n[server]\\nprot = 1')
    Traceback (most recent call last):
    gaugeblock.plant.settings.UnknownKeyError: plant.toml: unknown key 'server.prot'. Did you mean 'server.port'?
    """
    if len(text) > SETTINGS_BYTES_MAX:
        raise SettingsSyntaxError(file=file, detail=f"> {SETTINGS_BYTES_MAX} bytes")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsSyntaxError(file=file, detail=str(error)) from error
    _refuse_unknown_keys(tree, PlantSettings, "", file)
    try:
        settings = msgspec.convert(tree, PlantSettings)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`").lstrip(".").replace("[...]", "[]") or "(top)"
        raise SettingsValueError(file=file, key=key, detail=detail) from error
    _check_identifiers(settings, file)
    _check_references(settings, file)
    _check_time_zones(settings, file)
    if settings.enterprise.social_credit_code is not None:
        check_social_credit_code(settings.enterprise.social_credit_code)
    return settings


def _struct_types(annotation: Any) -> list[type[msgspec.Struct]]:
    """The structs that a field's annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, list, Annotated):
        return [s for arg in typing.get_args(annotation) for s in _struct_types(arg)]
    return []


def _known_keys(shapes: Iterable[type[msgspec.Struct]]) -> dict[str, list[type[msgspec.Struct]]]:
    known: dict[str, list[type[msgspec.Struct]]] = {}
    for shape in shapes:
        hints = typing.get_type_hints(shape, include_extras=True)
        for name in shape.__struct_fields__:
            known.setdefault(name, []).extend(_struct_types(hints[name]))
        if shape.__struct_config__.tag_field:
            known.setdefault(shape.__struct_config__.tag_field, [])
    return known


def _refuse_unknown_keys(node: Any, shape: type[msgspec.Struct], path: str, file: str) -> None:
    _walk(node, [shape], path, file)


def _walk(node: Any, shapes: list[type[msgspec.Struct]], path: str, file: str) -> None:
    if isinstance(node, list):
        for position, item in enumerate(node):
            _walk(item, shapes, f"{path}[{position}]", file)
    elif isinstance(node, dict) and shapes:
        tagged = [s for s in shapes if s.__struct_config__.tag is not None]
        chosen = [s for s in tagged if s.__struct_config__.tag == node.get("kind")] or shapes
        known = _known_keys(chosen)
        for key, value in node.items():
            here = f"{path}.{key}" if path else key
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
                nearest = f"{path}.{near[0]}" if path and near else (near[0] if near else "")
                raise UnknownKeyError(file=file, key=here, nearest=nearest)
            _walk(value, known[key], here, file)


def _check_identifiers(settings: PlantSettings, file: str) -> None:
    for kind in ("sites", "lines", "machines", "stations", "products", "customers", "witnesses"):
        seen: set[str] = set()
        for position, part in enumerate(getattr(settings, kind)):
            check_identifier(part.id)
            if part.id in seen:
                raise DuplicateIdentifierError(file=file, key=f"{kind}[{position}].id", value=part.id)
            seen.add(part.id)


def _check_references(settings: PlantSettings, file: str) -> None:
    def check(kind: str, attribute: str, target: str) -> None:
        known = [part.id for part in getattr(settings, target)]
        for position, part in enumerate(getattr(settings, kind)):
            value = getattr(part, attribute)
            if value is not None and value not in known:
                raise UnknownReferenceError(
                    file=file,
                    key=f"{kind}[{position}].{attribute}",
                    value=value,
                    known=", ".join(known) or "–",
                )

    check("lines", "site", "sites")
    check("machines", "line", "lines")
    check("stations", "line", "lines")
    check("stations", "product", "products")


def _check_time_zones(settings: PlantSettings, file: str) -> None:
    for position, site in enumerate(settings.sites):
        try:
            zoneinfo.ZoneInfo(site.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SettingsValueError(
                file=file, key=f"sites[{position}].timezone", detail=f"unknown time zone '{site.timezone[:40]}'"
            ) from error


SecretSource = Literal["env", "file"]


def secret_reference(value: str) -> tuple[SecretSource, str]:
    """Split ``env:NAME`` or ``file:PATH``; the shell reads what it names.

    Raises
    ------
    SettingsValueError
        The value is no reference: a secret never stands in ``plant.toml`` itself.

    >>> secret_reference("env:GAUGEBLOCK_DATABASE_URL")
    ('env', 'GAUGEBLOCK_DATABASE_URL')
    """
    source, _, name = value.partition(":")
    if source == "env" and name:
        return "env", name
    if source == "file" and name:
        return "file", name
    raise SettingsValueError(file="plant.toml", key="(secret)", detail="expected env:NAME or file:PATH")
