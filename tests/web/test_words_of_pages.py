"""The catalogue of this room: both languages whole, every word a template or a named error asks for, none unused."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import get_args

import pytest
from jinja2 import nodes

from gaugeblock.inspection.defect_catalogue import DEFAULT_KINDS
from gaugeblock.inspection.eight_d import Number
from gaugeblock.inspection.retention_desk import CLASSES
from gaugeblock.inspection.review_rules import DUES
from gaugeblock.inspection.watch import CHARTS
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.language import LANGUAGES, catalogue
from gaugeblock.plant.record_types import FACETS
from gaugeblock.plant.review_facets import Decision, Role
from gaugeblock.production.line_state import ODDITIES, STATES
from gaugeblock.production.start_state import NOTES
from gaugeblock.stores.jobs import JobState
from gaugeblock.virtual.defects import DefectKind
from gaugeblock.web import errors
from gaugeblock.web.customer import page_errors, rest_errors
from gaugeblock.web.pages_line import CHANGE_KINDS
from gaugeblock.web.pages_nonconformities import FORMS
from gaugeblock.web.pages_review import SEVERITIES
from gaugeblock.web.ports import ROLES
from gaugeblock.web.problems import NAMED_STATUS, STATUS
from gaugeblock.web.reader import THEMES
from gaugeblock.web.templating import TEMPLATES, environment

MODULE_ACTIONS = ("release", "rollback", "reject")
TABS = tuple(re.findall(r'\("(\w+)", "/', (TEMPLATES / "_tabs.html.j2").read_text("utf-8")))
STEPS = ("form", "checkpoint", "inclusion", "key_chain", "signature", "disclosures")
CRITERIA = ("effectiveness", "miss", "false_alarm")
DISCIPLINES = get_args(Number)
WHOLE_FILES = {"report.html.j2", "study_report.html.j2"}
"""Reports that are one file carry their style with them."""
DYNAMIC = {
    "nav.": (
        "overview",
        "line",
        "inspections",
        "review",
        "quality",
        "modules",
        "stations",
        "log",
        "exchange",
        "orders",
    ),
    "tabs.": TABS,
    "watch.chart.": CHARTS,
    "watch.unit.": CHARTS,
    "watch.check.": CHARTS,
    "watch.alarm.": tuple(f"{chart}_{direction}" for chart in CHARTS for direction in ("up", "down")),
    "retention.classes.": CLASSES,
    "theme.": THEMES,
    "role.": ROLES,
    "condition.": ("running", "starting", "restarting", "stopped", "unsupervised", "unknown"),
    "wrong.": ("escape", "overkill"),
    "reference.": ("good", "defective"),
    "challenge.condition.": ("good", "defective"),
    "challenge.state.": ("due", "passed", "failed"),
    "challenge.cause.": ("start", "shift", "changeover", "module", "expired", "set", "failed"),
    "facet.": FACETS,
    "proof.": ("left", "right"),
    "review.due.": DUES,
    "review.roles.": get_args(Role),
    "review.said.": get_args(Decision),
    "review.stage.": ("open", "second", "disputed"),
    "review.short.": ("open", "second", "disputed"),
    "catalogue.severities.": SEVERITIES,
    "sampling.": ("accepted", "rejected"),
    "study.words.": CRITERIA,
    "study.unknown.": CRITERIA,
    "study.gauge.": ("equipment", "appraiser", "interaction", "gauge", "part", "total"),
    "quality.opinion.": get_args(Decision),
    "quality.hint.": FORMS,
    "quality.eight_d.": DISCIPLINES,
    "quality.eight_d.missing_": DISCIPLINES,
    "api.tag.": ("line", "quality", "reviews", "modules", "inspection", "records", "log", "exchange", "orders"),
    "modules.": MODULE_ACTIONS,
    "modules.confirm_": MODULE_ACTIONS,
    "modules.source_": ("training", "operating_point"),
    "modules.action_": ("introduced", *MODULE_ACTIONS),
    "module.": ("serving_at", "candidate_at", "release_at", "rollback_at", "reject_at", "introduced_at"),
    "module.groups_": ("given", "near_duplicates"),
    "training.by_": ("image", "unit"),
    "training.state_": get_args(JobState),
    "modules.done_": MODULE_ACTIONS,
    "line.state.": STATES,
    "line.reign.": ("sole", "shifting"),
    "line.kpi.": ("OEE_index", "availability", "effectiveness", "quality_ratio", "blocked_ratio", "starved_ratio"),
    "line.kinds.": CHANGE_KINDS,
    "line.job.": get_args(JobState),
    "line.oddity.": ODDITIES,
    "line.note.": NOTES,
}


def own_words(language: str) -> dict[str, str]:
    return {key: words for key, words in catalogue(language).items() if key.startswith("web.")}  # type: ignore[arg-type]


def facts_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def asked_by_templates() -> dict[str, set[str]]:
    """Every ``t(key, facts)`` of every template with its facts; computed keys are expanded by DYNAMIC."""
    asked: dict[str, set[str]] = {}
    for path in TEMPLATES.glob("*.j2"):
        if path.name == "report.html.j2":
            continue
        tree = environment().parse(path.read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            if not isinstance(call.node, nodes.Name) or call.node.name != "t":
                continue
            key = call.args[0]
            facts = {argument.key for argument in call.kwargs}
            if isinstance(key, nodes.Const):
                asked[f"web.{key.value}"] = facts
            else:
                assert isinstance(key, nodes.Concat), f"{path.name}: {key}"
                prefix = key.nodes[0]
                assert isinstance(prefix, nodes.Const)
                for end in DYNAMIC[prefix.value]:
                    asked[f"web.{prefix.value}{end}"] = facts
    return asked


def error_classes(*modules: ModuleType) -> list[type[GaugeblockError]]:
    return [
        value
        for module in modules or (errors,)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, GaugeblockError) and value is not GaugeblockError
    ]


def test_both_languages_say_the_same_with_the_same_facts() -> None:
    zh, en = (own_words(language) for language in LANGUAGES)
    assert zh.keys() == en.keys()
    assert {key: facts_of(zh[key]) for key in zh} == {key: facts_of(en[key]) for key in en}


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_ask_only_for_words_that_exist(language: str) -> None:
    words = own_words(language)
    for key, facts in asked_by_templates().items():
        assert key in words
        assert facts_of(words[key]) == facts, key


def test_no_word_is_unused() -> None:
    used = set(asked_by_templates())
    used |= {f"web.status.{status}" for status in NAMED_STATUS}
    used |= {
        f"web.error.{error.code.removeprefix('web.')}.{part}"
        for error in error_classes(errors, page_errors, rest_errors)
        for part in ("text", "remedy")
    }
    used |= {f"web.defect.{kind}" for kind in get_args(DefectKind)}
    used |= {f"web.defect.{kind.code}" for kind in DEFAULT_KINDS}
    assert set(own_words("en")) - used == set()


def test_every_error_has_a_status_and_words() -> None:
    for error in error_classes():
        assert error.code in STATUS, error
        for part in ("text", "remedy"):
            assert f"web.error.{error.code.removeprefix('web.')}.{part}" in own_words("zh")
    assert set(STATUS.values()) <= NAMED_STATUS


def test_scripts_find_their_words_on_the_page() -> None:
    script = (Path(TEMPLATES).parent / "static" / "verify.js").read_text("utf-8")
    page = (TEMPLATES / "record.html.j2").read_text("utf-8")
    asked = set(re.findall(r'word\("([a-z_]+)"\)', script)) | set(STEPS)
    for pair in re.findall(r'word\([a-z]+ \? "([a-z_]+)" : (?:[a-z]+ \? "([a-z_]+)" : )?"([a-z_]+)"\)', script):
        asked |= set(pair) - {""}
    assert len(asked) > 12
    assert {name for name in asked if f"data-word-{name}=" not in page} == set()


def test_pages_load_nothing_from_elsewhere_and_nothing_inline() -> None:
    room = Path(TEMPLATES).parent
    for path in [*TEMPLATES.glob("*.j2"), *(room / "static").iterdir()]:
        if path.name in WHOLE_FILES:
            continue
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), path
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script, path
