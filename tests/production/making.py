"""A log in memory with the real projections over it, for tests of the order desk."""

from __future__ import annotations

from datetime import UTC, datetime

from gaugeblock.plant.production_facets import OrderStatement
from gaugeblock.plant.settings import Customer, Enterprise, PlantSettings, Product
from gaugeblock.web.memory import MemoryPlant, memory_plant

OWNER = PlantSettings(
    enterprise=Enterprise(name="示例工厂", name_en="Example Works"),
    products=[Product(id="P1", name="支架"), Product(id="P2", name="盖板")],
    customers=[Customer(id="acme", name="Acme", country="DE"), Customer(id="bolt", name="Bolt", country="FR")],
)
PERSON = "person:li"


class FixedClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_ns(self) -> int:
        return 0


class Works:
    """The plant and its order desk."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.plant: MemoryPlant = memory_plant(self.clock, [], OWNER)
        self.desk = self.plant.services.production.orders
        self.reader = self.desk.reader
        self._token = 0

    @property
    def token(self) -> str:
        """A new one each time."""
        self._token += 1
        return f"t{self._token:06d}"

    def order(self, number: str = "WO-1", **values: object) -> int:
        """Open an order."""
        statement = OrderStatement(**{"product": "P1", "quantity": 10, "customer": "acme", **values})  # type: ignore[arg-type]
        return self.desk.open(PERSON, self.token, number, statement)

    def state(self, record_type: str, **facets: object) -> int:
        """A record that comes another way than through the desk."""
        return self.plant.statements.state("server:plant", record_type, self.token, facets)  # type: ignore[arg-type]
