"""``gaugeblock init`` and ``gaugeblock check``: from nothing to a ``plant.toml`` that holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gaugeblock.apps.console import Console
from gaugeblock.apps.layout import Installation, load_installation
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.settings import FolderCamera


class ExistsError(GaugeblockError):
    """``init`` would overwrite a file. Facts: ``file``."""

    code = "apps.exists"


class UnwritableError(GaugeblockError):
    """A directory cannot be made or written. Facts: ``file``, ``detail``."""

    code = "apps.unwritable"


class OriginChangedError(GaugeblockError):
    """``server.log_origin`` is not the name of the log that is there. Facts: ``file``, ``origin``, ``expected``."""

    code = "apps.origin_changed"


class FoldersMeetError(GaugeblockError):
    """Verdicts would be written into the watched folder. Facts: ``station``, ``folder``."""

    code = "apps.folders_meet"


class ModuleMissingError(GaugeblockError):
    """A station's module file is not there. Facts: ``station``, ``file``."""

    code = "apps.module_missing"


TEMPLATE = """\
# 工厂设置 · The plant, as its owner describes it.  `gaugeblock check` 检查本文件 · checks this file.

[enterprise]
name = "示例精密机械有限公司"          # 企业名称，与营业执照一致 · as on the business licence
name_en = "Example Precision Machinery Co., Ltd."
# social_credit_code = "…"          # 统一社会信用代码，18 位 · Unified Social Credit Code

[server]
host = "127.0.0.1"                  # 默认只在本机可达 · reachable from this machine only
port = 8470
log_origin = "{origin}"   # 日志的名称，建成后不可更改 · the log's name, fixed once made
language = "zh"                     # "zh" | "en"

[storage]
data = "data"                       # 相对于本文件 · relative to this file
database = "sqlite"                 # 或 or "env:GAUGEBLOCK_DATABASE_URL" (PostgreSQL)

[[sites]]
id = "S1"
name = "一厂"
name_en = "Site 1"

[[lines]]
id = "L1"
site = "S1"
area = "machining"
name = "机加工一线"
name_en = "Machining line 1"

[[products]]
id = "P100"
name = "示例零件"
name_en = "Example part"

# 一个检测工位：受监视文件夹即相机 · One inspection station with a watched folder as its camera.
# 先训练 · first train:  gaugeblock inspect train 良品照片文件夹/ --out modules/P100.gbm
[[stations]]
id = "L1-ST10"
line = "L1"
product = "P100"
name = "外观检测"
name_en = "Visual inspection"
module = "modules/P100.gbm"
deadline_ms = 1000

[stations.camera]
kind = "watched_folder"
folder = "incoming"                 # 新照片放这里 · put new photographs here
verdicts = "verdicts"               # 判定结果写到这里 · verdicts are written here
"""


def init_command(directory: Path, console: Console) -> int:
    """Write a commented ``plant.toml`` and the folders it names; never overwrite one."""
    file = directory / "plant.toml"
    if file.exists():
        raise ExistsError(file=str(file))
    try:
        for name in ("incoming", "verdicts", "modules"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        file.write_text(TEMPLATE.format(origin=f"gaugeblock.invalid/{_origin_name(directory)}"), "utf-8")
    except OSError as error:
        raise UnwritableError(file=str(directory), detail=error.strerror or str(error)) from error
    console.say("apps.init.done", file=str(file))
    console.say("apps.init.next")
    return 0


def _origin_name(directory: Path) -> str:
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in directory.resolve().name)
    return name.strip("-.") or "plant"


def check_command(file: Path, console: Console) -> int:
    """Check ``plant.toml`` and what it points to; print each finding, return 0 only if all hold."""
    installation = load_installation(file)
    settings = installation.settings
    findings = [*_stations(installation, console), *_storage(installation)]
    for finding in findings:
        console.error(finding)
    if settings.server.host not in ("127.0.0.1", "::1", "localhost"):
        console.say("apps.doctor.listens_beyond_loopback.text", style="yellow", host=settings.server.host)
        console.say("apps.doctor.listens_beyond_loopback.remedy", style="yellow", host=settings.server.host)
    if findings:
        return 1
    console.say(
        "apps.check.good",
        style="green",
        file=str(file),
        stations=len(settings.stations),
        lines=len(settings.lines),
        products=len(settings.products),
    )
    return 0


def _stations(installation: Installation, console: Console) -> Iterator[GaugeblockError]:
    # Here and not above: ``init`` looks at no module.
    from gaugeblock.vision.inspector import Inspector

    for station in installation.settings.stations:
        module = installation.path(station.module)
        if not module.is_file():
            yield ModuleMissingError(station=station.id, file=str(module))
        else:
            try:
                Inspector.from_bytes(module.read_bytes())
            except GaugeblockError as error:
                yield error
        if isinstance(station.camera, FolderCamera):
            folder = installation.path(station.camera.folder)
            if station.camera.verdicts and installation.path(station.camera.verdicts) == folder:
                yield FoldersMeetError(station=station.id, folder=str(folder))
            if not folder.is_dir():
                console.say("apps.check.folder_made_later", folder=str(folder))


def _storage(installation: Installation) -> Iterator[GaugeblockError]:
    try:
        installation.database_url("log")
    except GaugeblockError as error:
        yield error
    if installation.log_key.is_file():
        origin = installation.log_key.read_text("utf-8").split("+")[0]
        if origin != installation.settings.server.log_origin:
            yield OriginChangedError(
                file=str(installation.file), origin=installation.settings.server.log_origin, expected=origin
            )
