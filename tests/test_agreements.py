"""What the parts have agreed on: who imports whom, that importing does nothing, and who may touch what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "sinch", "sandbox", "chaos", "bench")
MIGRATIONS = ROOT / "bot" / "store" / "migrations"  # run by Alembic, never imported
CONTENDERS = ROOT / "bench" / "contenders"  # programs of their own, with libraries that are not installed here
FILES = sorted(
    file
    for package in PACKAGES
    for file in (ROOT / package).rglob("*.py")
    if MIGRATIONS not in file.parents and CONTENDERS not in file.parents
)
STDLIB = frozenset(sys.stdlib_module_names)

PURE = (
    "bot.slack.ids",
    "bot.slack.payloads",
    "bot.slack.views",
    "bot.slack.messages",
    "bot.slack.text",
    "bot.slack.command",
    "bot.slack.signature",
    "bot.slack.shape",
    "bot.slack.blocks",
    "bot.slack.profiles",
    "bot.slack.snapshot",
    "bot.slack.whose",
    "bot.slack.states",
    "bot.slack.home.pages",
    "bot.slack.delivery_messages",
    "bot.slack.groups",
    "bot.slack.recipients",
    "bot.slack.stopping",
    "bot.slack.home.views",
    "bot.slack.home.details",
    "bot.slack.access.mentions",
    "bot.slack.access.words",
    "bot.slack.access.views",
    "bot.slack.access.messages",
    "bot.doctor.findings",
    "bot.doctor.regions",
    "bot.doctor.report",
    "bot.manifest",
    "bot.slack.scopes",
    "bot.setup.questions",
    "bot.causes",
    "bot.causes.entry",
    "bot.causes.glossary",
    "bot.causes.news",
    "bot.causes.reading",
    "bot.explain",
    "bot.compose",
    "bot.phone",
    "bot.picture",
    "bot.access",
    "bot.access.changes",
    "bot.access.requests",
    "bot.domain",
    "bot.reports",
    "bot.delivery.decisions",
    "bot.store.rows",
    "bot.store.address",
)
STANDARD_LIBRARY_ONLY = (
    "bot.domain",
    "bot.reports",
    "bot.access",
    "bot.causes.entry",
    "bot.causes.glossary",
    "bot.clock",
    "bot.secret",
    "bot.slack.ids",
    "bot.slack.text",
)
DATABASE = frozenset({"sqlalchemy", "sqlite3", "psycopg", "alembic"})
IO = frozenset(
    {"slack_bolt", "slack_sdk", "httpx", "aiohttp", "alembic", "sqlite3", "psycopg", "socket", "uvicorn", "starlette"}
    | {"requests"}
)


def module_of(file: Path) -> str:
    parts = list(file.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(file: Path, *, lazy: bool = True) -> set[str]:
    """Full names of what a module imports; without ``lazy`` only at its top, and not for the type checker's eyes."""

    def walk(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
        for node in nodes:
            if lazy:
                yield from ast.walk(node)
            elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
                yield node

    found: set[str] = set()
    for node in walk(tree_of(file).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def tops(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(file)}


def file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def reached_from(module: str) -> frozenset[str]:
    """Every module of ours, and the top of every other, that importing ``module`` brings along."""
    reached, waiting = set[str](), [module]
    while waiting:
        current = waiting.pop()
        if current in reached:
            continue
        reached.add(current)
        file = file_of(current)
        if not within(current, *PACKAGES) or not file.exists():
            continue
        for name in imports_of(file, lazy=False):
            if not within(name, *PACKAGES):
                waiting.append(name.partition(".")[0])
            elif file_of(name).exists():
                waiting.append(name)
    return frozenset(reached)


# -- imports point one way


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "sinch")], ids=module_of)
def test_the_client_of_sinch_knows_nothing_of_the_bot(file: Path) -> None:
    assert tops(file) <= STDLIB | {"sinch", "httpx"}


@pytest.mark.parametrize("module", STANDARD_LIBRARY_ONLY)
def test_the_words_of_the_product_need_only_the_standard_library(module: str) -> None:
    assert tops(file_of(module)) <= STDLIB


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_reaches_nothing_that_talks(module: str) -> None:
    others = reached_from(module) - {"sqlalchemy"} if module == "bot.store.rows" else reached_from(module)
    assert not others & (IO | ({"sqlalchemy"} if module != "bot.store.rows" else set()))
    assert not any(within(name, "sinch", "bot.store.sql", "bot.settings", "bot.slack.gateway") for name in others)


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot")], ids=module_of)
def test_the_bot_never_imports_the_sandbox_but_for_its_command(file: Path) -> None:
    if module_of(file) != "bot.cli":
        assert "sandbox" not in tops(file)
    else:  # and not before somebody asks for the sandbox: `mms-bot run` never has it
        assert not any(within(name, "sandbox") for name in imports_of(file, lazy=False))


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_only_the_store_talks_to_the_database(file: Path) -> None:
    module = module_of(file)
    # chaos locks it, cuts it off and reads it, from outside; the benches fill it, and ask for its plans and its version
    # and under the hood of the sandbox's page its rows are shown
    if within(module, "bot.store", "chaos.databases", "bench", "sandbox.page.hood"):
        return
    if module == "bot.cli":
        assert not {name.partition(".")[0] for name in imports_of(file, lazy=False)} & DATABASE
        return
    assert not tops(file) & DATABASE


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_only_the_command_line_imports_the_composition_root(file: Path) -> None:
    if module_of(file) != "bot.cli":
        assert not any(within(name, "bot.app") for name in imports_of(file))
    else:
        assert not any(within(name, "bot.app") for name in imports_of(file, lazy=False)), "told at once if wrong"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_nobody_but_the_roots_imports_a_certain_store(file: Path) -> None:
    if module_of(file) not in ("bot.cli", "bot.app", "bot.doctor.command") and not within(
        module_of(file), "bot.store", "bench.growth"
    ):
        assert not any(within(name, "bot.store.sql", "bot.store.engine") for name in imports_of(file))


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot")], ids=module_of)
def test_only_the_first_carrier_the_doctor_and_the_root_know_sinch(file: Path) -> None:
    if module_of(file) not in ("bot.delivery.xms", "bot.delivery.xms_callbacks", "bot.doctor.sinch_checks", "bot.app"):
        assert "sinch" not in tops(file)


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot.store", "bot.delivery")], ids=module_of)
def test_the_store_and_the_worker_know_nothing_of_slack(file: Path) -> None:
    assert not tops(file) & {"slack_bolt", "slack_sdk", "aiohttp"}
    assert not any(within(name, "bot.slack", "bot.web") for name in imports_of(file))


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_bolt_is_known_in_one_place(file: Path) -> None:
    if module_of(file) != "bot.slack.dispatch":
        assert "slack_bolt" not in tops(file)


# -- the environment


def reads_the_environment(file: Path) -> bool:
    wanted = {"environ", "getenv", "environb", "putenv"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in wanted and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and wanted & {a.name for a in node.names})
        for node in ast.walk(tree_of(file))
    )


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot", "sinch")], ids=module_of)
def test_only_the_command_line_reads_the_environment(file: Path) -> None:
    if module_of(file) != "bot.cli":
        assert not reads_the_environment(file)


@pytest.mark.parametrize("file", [f for f in FILES if not within(module_of(f), "bench")], ids=module_of)
def test_nothing_imports_the_benches(file: Path) -> None:
    assert "bench" not in tops(file)


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "chaos")], ids=module_of)
def test_chaos_inherits_no_setting(file: Path) -> None:
    # The program that a process of the bot runs is given its whole environment, and reads the name of a file there.
    assert reads_the_environment(file) == (module_of(file) == "chaos.bot_with_clock")
    assert "dotenv" not in tops(file)


VARIABLE = re.compile(
    r"(SLACK|SINCH)_[A-Z_]+|DATABASE_URL|PUBLIC_URL|GIVE_UP_AFTER_S|RETENTION_DAYS|MMS_COUNTRIES|LOG_(LEVEL|FORMAT)|DYNO"
)


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot", "sinch")], ids=module_of)
def test_only_the_settings_know_the_variables_by_name(file: Path) -> None:
    # Sentences may name a variable; a string that is nothing but the name is a look-up.
    if within(module_of(file), "bot.settings", "bot.setup"):  # the latter asks for them, and writes them down
        return
    names = [
        node.value
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
    ]
    assert names == []


# -- importing does nothing

HARMLESS_CALLS = frozenset(
    {
        "frozenset",
        "set",
        "dict",
        "tuple",
        "list",
        "range",
        "sorted",
        "min",
        "max",
        "str",
        "int",
        "float",
        "len",
        "Counter",
        "namedtuple",
        "field",
        "fields",
        "re.compile",
        "str.maketrans",
        "dict.fromkeys",
        "maketrans",
        "casefold",
        "fromkeys",
        "keys",
        "values",
        "items",
        "join",
        "split",
        "sum",
        "timedelta",
        "datetime",
        "date",
        "Path",
        "Decimal",
        "Fraction",
        "object",
        "cast",
        "TypeVar",
        "ParamSpec",
        "NewType",
        "Generic",
        "Protocol",
        "structlog.get_logger",
        "logging.getLogger",
        "getLogger",
        "get_logger",
        "Secret",
        "MetaData",
        "word",
        "serial",
        "Table",
        "Column",
        "String",
        "Text",
        "Integer",
        "Double",
        "BigInteger",
        "Boolean",
        "ForeignKey",
        "Index",
        "text",
        "false",
        "true",
        "is_",
        "is_not",
        "dataclass",
        "cache",
        "lru_cache",
        "final",
        "overload",
        "property",
        "with_name",
        # statements: they are only built
        "select",
        "insert",
        "update",
        "returning",
        "in_",
        "not_in",
        "tuple_",
        "literal",
        "func.coalesce",
        "func.count",
        "group_by",
        "limit",
        "scalar_subquery",
        "unleased",
        "free_to_take",
        "leasing",
        "Claim",
        "select_from",
        "outerjoin",
        "where",
        "order_by",
        "with_for_update",
        "bindparam",
        "compile",
    }
)


def calls_at_import(nodes: list[ast.stmt]) -> Iterator[ast.Call]:
    """Calls that run when the module is imported: not those inside functions."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (one for d in node.decorator_list for one in ast.walk(d) if isinstance(one, ast.Call))
        elif isinstance(node, ast.ClassDef):
            yield from calls_at_import(node.body)
        elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        else:
            yield from (
                one
                for one in ast.walk(node)
                if isinstance(one, ast.Call)
                and not any(one in ast.walk(f) for f in ast.walk(node) if isinstance(f, ast.Lambda))
            )


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


@pytest.mark.parametrize("file", [f for f in FILES if within(module_of(f), "bot", "sinch")], ids=module_of)
def test_a_module_only_defines_things(file: Path) -> None:
    own = {node.name for node in tree_of(file).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for call in calls_at_import(tree_of(file).body):
        name = name_of(call)
        known = name in HARMLESS_CALLS or ast.unparse(call.func) in HARMLESS_CALLS or name in own
        assert known or module_of(file) == "bot.__main__", f"line {call.lineno}: {ast.unparse(call)[:80]}"


GUARD = """
import os, sys
modules = sys.argv[1:]
for name in ("asyncio", "socket", "threading", "ssl", "logging", "concurrent.futures", "multiprocessing"):
    __import__(name)
# Other people's libraries may look at the environment when they are imported; ours may not do a thing.
for name in ("httpx", "aiohttp", "slack_bolt.async_app", "slack_sdk.web.async_client", "sqlalchemy", "psycopg",
             "uvicorn", "uvloop", "starlette.applications", "structlog", "phonenumbers", "dotenv", "yaml"):
    try:
        __import__(name)
    except ImportError:
        pass
import asyncio, logging, socket, threading
import sqlalchemy.dialects.sqlite, sqlalchemy.dialects.postgresql, sqlalchemy.exc, sqlalchemy.sql.elements
doing = []
def hook(event, args):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.putenv", "os.unsetenv", "sqlite3.", "os.mkdir",
                         "os.remove", "shutil.", "signal.")) or (event == "open" and "w" in str(args[1] or "")
                         and "__pycache__" not in str(args[0])):
        doing.append((event, str(args)[:80]))
sys.addaudithook(hook)
before = dict(os.environ), threading.active_count(), list(logging.getLogger().handlers)
for module in modules:
    __import__(module)
after = dict(os.environ), threading.active_count(), list(logging.getLogger().handlers)
assert before == after, "the environment, threads or log handlers changed"
assert not doing, doing
"""


def test_importing_everything_opens_and_starts_nothing(tmp_path: Path) -> None:
    modules = [m for m in map(module_of, FILES) if not m.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", GUARD, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "module", ["bot.app", "bot.cli", "bot.slack.listeners", "bot.store.sql", "sinch", "sandbox.slack"]
)
def test_each_module_can_be_imported_first(module: str) -> None:
    """No circle of imports that works only in one order."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_settings_are_told_without_waiting_for_the_libraries() -> None:
    program = "import sys; sys.path[:0] = ['.']; import bot.cli; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"slack_bolt", "slack_sdk", "sqlalchemy", "aiohttp", "httpx", "uvicorn", "alembic", "sandbox"}


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_every_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(tree_of(file)) or not tree_of(file).body
    assert not file.name.startswith("utils")
