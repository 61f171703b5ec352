"""The ``gaugeblock`` command. One line a command here; what each does stands in ``apps/``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from gaugeblock import __version__
from gaugeblock.apps.console import Console, terminal_language
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import Language

app = typer.Typer(
    name="gaugeblock",
    help="量块：工厂 AI 的每个判定都是外人可验证的签名记录 · "
    "Every AI verdict is a signed record that an outsider can verify.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
inspect_app = typer.Typer(help="外观检测：训练与运行 · Visual inspection: train and run.", no_args_is_help=True)
key_app = typer.Typer(help="签名密钥 · Signing keys.", no_args_is_help=True)
user_app = typer.Typer(help="用户与角色 · Users and roles.", no_args_is_help=True)
log_app = typer.Typer(help="日志：密钥、审计 · The log: key, audit.", no_args_is_help=True)
twin_app = typer.Typer(help="产线孪生：拟合、仿真 · The line twin: fit, simulate.", no_args_is_help=True)
app.add_typer(inspect_app, name="inspect")
app.add_typer(twin_app, name="twin")
app.add_typer(key_app, name="key")
app.add_typer(user_app, name="user")
app.add_typer(log_app, name="log")
customer_app = typer.Typer(help="客户的访问凭证 · How customers reach the exchange.", no_args_is_help=True)
customer_key_app = typer.Typer(help="接口密钥 · API keys.", no_args_is_help=True)
customer_client_app = typer.Typer(help="OAuth 客户端 · OAuth clients.", no_args_is_help=True)
customer_user_app = typer.Typer(help="客户方人员 · People who sign in.", no_args_is_help=True)
app.add_typer(customer_app, name="customer")
customer_app.add_typer(customer_key_app, name="key")
customer_app.add_typer(customer_client_app, name="client")
customer_app.add_typer(customer_user_app, name="user")

PlantFile = Annotated[Path, typer.Option("--plant", "-p", help="plant.toml 的位置 · where plant.toml is")]
PLANT = Path("plant.toml")

_console = Console("zh")


@app.callback()
def _common(
    lang: Annotated[Language | None, typer.Option("--lang", help="语言 · language")] = None,
) -> None:
    _console.language = lang or terminal_language()


@app.command(help="版本 · Print the version.")
def version() -> None:
    _console.out(f"gaugeblock {__version__}")


@app.command(help="新建 plant.toml · Write a commented plant.toml.")
def init(directory: Annotated[Path, typer.Argument(help="目录 · directory")] = Path()) -> None:
    from gaugeblock.apps.project import init_command

    raise typer.Exit(init_command(directory, _console))


@app.command(help="检查 plant.toml · Check plant.toml and what it points to.")
def check(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.project import check_command

    raise typer.Exit(check_command(plant, _console))


@app.command(help="启动工厂：服务与工位 · Start the plant: server and stations.")
def up(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.up import up_command

    raise typer.Exit(up_command(plant, _console))


@app.command(
    help="诊断安装、设置、磁盘、时钟、端口 · Say what is wrong with installation, settings, disk, clock, ports."
)
def doctor(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.doctor import doctor_command

    raise typer.Exit(doctor_command(plant, _console))


@app.command(help="虚拟工厂演示 · Run the virtual plant.")
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="只打印成绩单 · print the scorecard only")] = False,
    for_s: Annotated[float | None, typer.Option("--for", min=1.0, help="运行秒数 · seconds to run")] = None,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 · seed")] = 1,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="页面端口 · port of the pages")] = 8470,
    directory: Annotated[Path, typer.Option("--dir", help="数据目录 · data directory")] = Path("var/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="接着上次的数据 · go on with the last run's data")] = False,
) -> None:
    from gaugeblock.apps.demo import demo_command

    raise typer.Exit(demo_command(directory, _console, headless=headless, for_s=for_s, seed=seed, port=port, keep=keep))


@inspect_app.command("train", help="由良品照片训练检测器 · Train an inspector from photographs of good parts.")
def inspect_train(
    folder: Annotated[Path, typer.Argument(help="良品照片 · good parts")],
    out: Annotated[str, typer.Option("--out", "-o", help="模型文件 · module file")] = "part.gbm",
    seed: Annotated[int, typer.Option("--seed", help="随机种子 · seed")] = 1,
    overkill: Annotated[float, typer.Option("--overkill", help="目标过杀率 · overkill aimed at")] = 0.05,
    groups: Annotated[Path | None, typer.Option("--groups", help="分组表 · CSV of file,group")] = None,
    defective: Annotated[Path | None, typer.Option("--defective", help="不良品照片 · defective parts")] = None,
    costs: Annotated[
        str | None, typer.Option("--costs", help="漏检,过杀,复判,不良率 · escape,overkill,review,defect_rate")
    ] = None,
) -> None:
    from gaugeblock.apps.inspect import train_command

    raise typer.Exit(
        train_command(
            folder,
            out,
            seed=seed,
            overkill=overkill,
            groups=groups,
            defective=defective,
            costs=costs,
            language=_console.language,
        )
    )


@inspect_app.command("run", help="检测一个文件夹并出报告 · Inspect a folder and write a report.")
def inspect_run(
    module: Annotated[Path, typer.Argument(help="模型文件 · module file")],
    folder: Annotated[Path, typer.Argument(help="照片 · photographs")],
    report: Annotated[str, typer.Option("--report", "-r", help="报告 · report")] = "report.html",
    csv: Annotated[str | None, typer.Option("--csv", help="结果表 · results as CSV")] = None,
) -> None:
    from gaugeblock.apps.inspect import run_command

    raise typer.Exit(run_command(module, folder, report=report, csv=csv, language=_console.language))


@inspect_app.command("agreement", help="测量系统分析：由判定表出报告 · Measurement study of a table of decisions.")
def inspect_agreement(
    table: Annotated[Path, typer.Argument(help="判定表 CSV · table of decisions")],
    report: Annotated[str, typer.Option("--report", "-r", help="报告 · report")] = "report.html",
    json: Annotated[str | None, typer.Option("--json", help="结果 JSON · result as JSON")] = None,
    station: Annotated[
        str | None, typer.Option("--station", help="哪个评价人是工位 · which appraiser it is about")
    ] = None,
) -> None:
    from gaugeblock.apps.agreement import agreement_command

    raise typer.Exit(agreement_command(table, report=report, json=json, station=station, language=_console.language))


@twin_app.command("ask", help="提问：改动、缓冲、排序、敏感度、能耗 · Ask: what if, buffers, sequence, energy.")
def twin_ask(
    line: Annotated[Path, typer.Argument(help="产线描述 · the line, as TOML")],
    changes: Annotated[
        list[str] | None, typer.Option("--what-if", "-w", help="改动，如 buffer:washed=+4 · a change; several together")
    ] = None,
    places: Annotated[int | None, typer.Option("--places", min=2, help="最佳缓冲分配 · share so many places")] = None,
    sequence: Annotated[bool, typer.Option("--sequence", help="订单排序 · the best sequence of orders")] = False,
    sensitivity: Annotated[bool, typer.Option("--sensitivity", help="瓶颈敏感度 · which station holds back")] = False,
    power: Annotated[Path | None, typer.Option("--power", help="各状态功率 · powers by state, as TOML")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="起始状态 · where the line stands, as JSON")] = None,
    length: Annotated[float, typer.Option("--for", help="统计时长 · time to count, in the line's unit")] = 10_080.0,
    warm_up: Annotated[float, typer.Option("--warm-up", min=0.0, help="预热时长 · time before counting")] = 0.0,
    replications: Annotated[int, typer.Option("--replications", "-n", min=2, help="重复次数 · replications")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 · seed")] = 1,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="进程数 · processes")] = 1,
    dask: Annotated[str | None, typer.Option("--dask", help="Dask 地址 · a Dask scheduler's address")] = None,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
) -> None:
    from gaugeblock.apps.twin_ask import ask_command
    from gaugeblock.twin.what_if import Plan

    plan = Plan(until=warm_up + length, warm_up=warm_up, replications=replications, seed=seed)
    raise typer.Exit(
        ask_command(
            line,
            _console,
            changes=changes or [],
            plan=plan,
            state=state,
            power=power,
            places=places,
            sequence=sequence,
            sensitivity=sensitivity,
            workers=workers,
            dask=dask,
            json=json,
        )
    )


@twin_app.command("score", help="预测与结果相比：覆盖率、CRPS、漂移 · Score forecasts against what happened.")
def twin_score(
    file: Annotated[Path, typer.Argument(help="含 pit 列的 CSV · CSV with a column pit, and crps")],
    run_length: Annotated[
        float, typer.Option("--run-length", help="两次误报的平均间隔 · between false alarms")
    ] = 500.0,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
) -> None:
    from gaugeblock.apps.twin_ask import score_command

    raise typer.Exit(score_command(file, _console, run_length=run_length, json=json))


@twin_app.command("run", help="仿真一条产线 · Simulate a line: throughput, states, parts, with intervals.")
def twin_run(
    line: Annotated[Path, typer.Argument(help="产线描述 · the line, as TOML")],
    length: Annotated[float, typer.Option("--for", help="统计时长 · time to count, in the line's unit")] = 10_080.0,
    warm_up: Annotated[float, typer.Option("--warm-up", min=0.0, help="预热时长 · time before counting")] = 1_440.0,
    replications: Annotated[int, typer.Option("--replications", "-n", min=2, help="重复次数 · replications")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 · seed")] = 1,
) -> None:
    from gaugeblock.apps.twin import run_command

    raise typer.Exit(run_command(line, _console, length=length, warm_up=warm_up, replications=replications, seed=seed))


@twin_app.command("fit", help="由事件日志拟合产线 · Fit a line to event logs and write it.")
def twin_fit(
    logs: Annotated[list[Path] | None, typer.Argument(help="事件日志，CSV · event logs, as CSV")] = None,
    line: Annotated[
        str | None, typer.Option("--line", help="改用工厂日志中该产线的事件 · this line's events in the plant's log")
    ] = None,
    plant: PlantFile = PLANT,
    output: Annotated[Path, typer.Option("--output", "-o", help="产线描述 · where the line goes")] = Path("line.toml"),
    column: Annotated[
        list[str] | None, typer.Option("--column", help="列名，如 part=case_id · a column's header")
    ] = None,
    unit: Annotated[str, typer.Option("--unit", help="时间单位 s、min、h · unit of the line's times")] = "min",
    name: Annotated[str | None, typer.Option("--name", help="产线名称 · the line's name")] = None,
    align: Annotated[bool, typer.Option("--align", help="对齐第二份日志的时钟 · align a second log's clock")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 · the report as JSON")] = False,
    seed: Annotated[int, typer.Option("--seed", help="随机种子 · seed")] = 1,
    interval: Annotated[
        bool, typer.Option("--interval/--no-interval", help="产出率区间 · throughput with its interval")
    ] = True,
) -> None:
    from gaugeblock.apps.twin_fit import fit_command

    raise typer.Exit(
        fit_command(
            logs or [],
            output,
            _console,
            plant=plant,
            line=line,
            columns=column or [],
            unit=unit,
            name=name,
            align=align,
            as_json=as_json,
            seed=seed,
            interval=interval,
        )
    )


@app.command(help="登记工位的挑战件 · Register the challenge parts of a station; the plant must be stopped.")
def challenge(
    station: Annotated[str, typer.Argument(help="工位 · station")],
    good: Annotated[list[str], typer.Option("--good", help="良品挑战件的序列号 · serial of a good part")],
    defective: Annotated[list[str], typer.Option("--defective", help="缺陷挑战件的序列号 · of a defective part")],
    valid_h: Annotated[float, typer.Option("--valid-h", min=0.1, max=1000.0, help="有效小时数 · hours valid")] = 12.0,
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.challenge import challenge_command

    raise typer.Exit(challenge_command(plant, station, good, defective, valid_h, _console))


@app.command(help="导出一条记录的证据 · Export the evidence of a record.")
def evidence(
    record: Annotated[str, typer.Argument(help="序号，或 作者/纪元/序列 · index, or author/epoch/sequence")],
    plant: PlantFile = PLANT,
    facets: Annotated[str | None, typer.Option("--facets", help="只披露这些分面 · disclose only these")] = None,
) -> None:
    from gaugeblock.apps.records import evidence_command

    raise typer.Exit(
        evidence_command(
            plant, record, [name.strip() for name in facets.split(",")] if facets is not None else None, _console
        )
    )


@app.command(help="离线验证证据 · Verify evidence offline.")
def verify(
    file: Annotated[Path, typer.Argument(help="证据文件，- 为标准输入 · evidence, - for standard input")],
    key: Annotated[str, typer.Option("--key", "-k", help="日志公钥文本或文件 · the log's public key, text or file")],
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="须有的见证人公钥 · witnesses required")
    ] = None,
) -> None:
    from gaugeblock.apps.evidence import verify_command

    raise typer.Exit(verify_command(file, key, witness or [], _console.language))


@app.command(help="见证：从外部副署日志的检查点 · Witness: cosign a log's checkpoints from outside.")
def witness(
    url: Annotated[str, typer.Argument(help="日志地址，如 https://plant.example/log · the log's address")],
    key: Annotated[str, typer.Option("--key", "-k", help="日志公钥文本或文件 · the log's public key, text or file")],
    name: Annotated[str, typer.Option("--name", help="见证人名称，如 customer.example/witness · the witness's name")],
    directory: Annotated[Path, typer.Option("--dir", help="密钥与状态目录 · its key and state")] = Path("witness"),
    every: Annotated[
        float | None, typer.Option("--every", min=1.0, help="每隔多少秒；省略则一次 · seconds; once where absent")
    ] = None,
    authorization: Annotated[
        str | None, typer.Option(envvar="GAUGEBLOCK_AUTHORIZATION", help="凭据 · credential, as the header is written")
    ] = None,
) -> None:
    from gaugeblock.apps.witness import witness_command

    raise typer.Exit(witness_command(url, key, name, directory, _console, every_s=every, authorization=authorization))


@log_app.command("key", help="日志公钥 · Print the log's public key.")
def log_key(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.records import log_key_command

    raise typer.Exit(log_key_command(plant, _console))


@log_app.command("audit", help="审计整个日志 · Check every stored record, tile, disclosure and checkpoint.")
def log_audit(
    plant: PlantFile = PLANT,
    key: Annotated[str | None, typer.Option("--key", "-k", help="日志公钥 · the log's public key")] = None,
) -> None:
    from gaugeblock.apps.records import audit_command

    raise typer.Exit(audit_command(plant, key, _console))


@log_app.command("rebuild", help="由日志重建投影 · Rebuild projections from the log, and compare.")
def log_rebuild(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.records import rebuild_command

    raise typer.Exit(rebuild_command(plant, _console))


Entity = Annotated[str, typer.Argument(help="实体，如 station:L1-ST10 · entity")]


@key_app.command("list", help="密钥、实体、状态 · Keys, whom they are bound to, whether in force.")
def key_list(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.keys import list_command

    raise typer.Exit(list_command(plant, _console))


@key_app.command("create", help="创建并绑定密钥 · Make a key for an entity and bind it.")
def key_create(entity: Entity, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.keys import create_command

    raise typer.Exit(create_command(plant, entity, _console))


@key_app.command("bind", help="绑定别处创建的公钥 · Bind a public key made elsewhere.")
def key_bind(
    entity: Entity,
    jwk: Annotated[Path, typer.Argument(help="公钥文件（JWK）· public key file (JWK)")],
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.keys import bind_command

    raise typer.Exit(bind_command(plant, entity, jwk, _console))


@key_app.command("rotate", help="更换密钥 · Replace a key, signed by both.")
def key_rotate(entity: Entity, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.keys import rotate_command

    raise typer.Exit(rotate_command(plant, entity, _console))


@key_app.command("revoke", help="吊销密钥 · Revoke a key.")
def key_revoke(
    entity: Entity,
    reason: Annotated[str, typer.Option("--reason", help="原因 · reason")],
    since: Annotated[str | None, typer.Option("--since", help="可能泄露的起始时间 · compromised since")] = None,
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.keys import revoke_command

    raise typer.Exit(revoke_command(plant, entity, reason, since, _console))


RoleName = Literal["viewer", "quality", "admin"]
UserName = Annotated[str, typer.Argument(help="用户名 · name")]


@user_app.command("list", help="列出用户 · List users.")
def user_list(plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.users import list_command

    raise typer.Exit(list_command(plant, _console))


@user_app.command("add", help="添加用户 · Add a user; the password is shown once.")
def user_add(
    name: UserName,
    role: Annotated[RoleName, typer.Option("--role", help="角色 · role")] = "viewer",
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.users import add_command

    raise typer.Exit(add_command(plant, name, role, _console))


@user_app.command("password", help="重设密码 · Set a new password; it is shown once.")
def user_password(name: UserName, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.users import password_command

    raise typer.Exit(password_command(plant, name, _console))


@user_app.command("remove", help="删除用户 · Remove a user.")
def user_remove(name: UserName, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.users import remove_command

    raise typer.Exit(remove_command(plant, name, _console))


CustomerId = Annotated[str, typer.Argument(help="客户编号，见 plant.toml · customer, as in plant.toml")]
CredentialId = Annotated[str, typer.Argument(help="凭证编号 · public id of the credential")]
ScopeNames = Annotated[list[str] | None, typer.Option("--scope", help="权限范围，可重复 · scope, again for more")]


@customer_key_app.command("create", help="签发密钥，仅显示一次 · Issue a key; it is shown once.")
def customer_key_create(
    customer: CustomerId,
    name: Annotated[str, typer.Option("--name", help="名称 · name")] = "",
    scope: ScopeNames = None,
    days: Annotated[float | None, typer.Option("--days", min=0.001, help="有效天数 · days in force")] = None,
    test: Annotated[bool, typer.Option("--test", help="沙箱密钥 · for the sandbox")] = False,
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.customers import create_key_command

    raise typer.Exit(create_key_command(plant, customer, _console, name=name, scopes=scope or [], days=days, test=test))


@customer_key_app.command("list", help="列出密钥与客户端 · List keys and clients.")
def customer_key_list(
    customer: Annotated[str | None, typer.Argument(help="客户编号 · customer")] = None, plant: PlantFile = PLANT
) -> None:
    from gaugeblock.apps.customers import list_keys_command

    raise typer.Exit(list_keys_command(plant, customer, _console))


@customer_key_app.command("rotate", help="更换密钥，新旧重叠 · Replace a key; both are in force for a while.")
def customer_key_rotate(
    credential: CredentialId,
    overlap_h: Annotated[float, typer.Option("--overlap-h", min=0.0, help="重叠小时数 · hours of overlap")] = 72.0,
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.customers import rotate_key_command

    raise typer.Exit(rotate_key_command(plant, credential, overlap_h, _console))


@customer_key_app.command("revoke", help="吊销密钥或客户端，立即生效 · Revoke a key or client, at once.")
def customer_key_revoke(credential: CredentialId, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.customers import revoke_key_command

    raise typer.Exit(revoke_key_command(plant, credential, _console))


@customer_client_app.command("add", help="登记 OAuth 客户端的公钥 · Register an OAuth client by its public key.")
def customer_client_add(
    customer: CustomerId,
    jwk: Annotated[Path, typer.Argument(help="公钥文件（JWK）· public key file (JWK)")],
    name: Annotated[str, typer.Option("--name", help="名称 · name")] = "",
    scope: ScopeNames = None,
    plant: PlantFile = PLANT,
) -> None:
    from gaugeblock.apps.customers import add_client_command

    raise typer.Exit(add_client_command(plant, customer, jwk, _console, name=name, scopes=scope or []))


@customer_user_app.command("add", help="添加客户方人员 · Let a person sign in; the password is shown once.")
def customer_user_add(customer: CustomerId, name: UserName, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.customers import add_user_command

    raise typer.Exit(add_user_command(plant, customer, name, _console))


@customer_user_app.command("remove", help="删除客户方人员 · Remove a person.")
def customer_user_remove(customer: CustomerId, name: UserName, plant: PlantFile = PLANT) -> None:
    from gaugeblock.apps.customers import remove_user_command

    raise typer.Exit(remove_user_command(plant, customer, name, _console))


def _language_first(arguments: list[str]) -> list[str]:
    """``--lang`` may stand anywhere: it belongs to the program, not to a command.

    >>> _language_first(["verify", "e.json", "--lang", "en"])
    ['--lang', 'en', 'verify', 'e.json']
    """
    for position, argument in enumerate(arguments):
        if argument == "--lang":
            return arguments[position : position + 2] + arguments[:position] + arguments[position + 2 :]
        if argument.startswith("--lang="):
            return [argument, *arguments[:position], *arguments[position + 1 :]]
    return arguments


def main() -> None:
    """Entry point: a named error is one sentence and a remedy, never a traceback."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        app(_language_first(sys.argv[1:]))
    except GaugeblockError as error:
        _console.error(error)
        sys.exit(2)


if __name__ == "__main__":
    main()
