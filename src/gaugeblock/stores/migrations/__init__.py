"""Schema migrations by Alembic, one folder a family; run by :meth:`Database.upgrade`, never by hand.

A migration is history: it names its tables itself and is not changed after a release.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gaugeblock.stores.database import HEADS, Family, version_table
from gaugeblock.stores.errors import StoreNewerError


def config_of(family: Family) -> Config:
    """Alembic's configuration of one family."""
    config = Config()
    config.set_main_option("script_location", "gaugeblock.stores:migrations")
    config.set_main_option("version_locations", f"gaugeblock.stores:migrations/{family}")
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = version_table(family)
    return config


def revisions(family: Family) -> set[str]:
    """All schema versions of the family that this release knows."""
    return {script.revision for script in ScriptDirectory.from_config(config_of(family)).walk_revisions()}


def migrate(connection: Connection, family: Family) -> None:
    """Bring the family to its head inside the connection's transaction.

    Raises
    ------
    StoreNewerError
    """
    config = config_of(family)
    context = MigrationContext.configure(connection, opts={"version_table": version_table(family)})
    found = context.get_current_revision()
    if found is not None and found not in revisions(family):
        raise StoreNewerError(family=family, found=found, known=HEADS[family])
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
