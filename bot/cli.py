"""The command line: ``mms-bot run``, ``init``, ``doctor``, ``migrate``, ``manifest``, ``access …``, ``forget``,
``explain``, ``sandbox``.

Exit status: 0 done, 1 it ran and the answer is no, 2 wrong use or wrong settings.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.access import GROUP_ID, USER_ID, Policy, Role
from bot.settings import Settings, SettingsError, environment
from bot.store import Store, StoreUnavailableError

if TYPE_CHECKING:
    from bot.shell import Said

DONE, NO, WRONG_USE = 0, 1, 2
LOG_LINES = 20  # what fits on a screen
_DO_IT_AGAIN = "Look at mms-bot access list, or do it again: what was done already is not done twice."
_ONCE_MORE = "Do it again: it goes on where it ended."
_MEMBER = re.compile(f"{USER_ID}|{GROUP_ID}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = _parser().parse_args(argv)
    status: int = arguments.command(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mms-bot", description="Send a picture message from Slack.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="serve Slack: over Socket Mode when SLACK_APP_TOKEN is set, else over HTTP")
    run.add_argument("--host", help="address to listen on (default: HOST, else every address)")
    run.add_argument("--port", help="port to listen on (default: PORT, else 3000)")
    run.set_defaults(command=_run)

    init = commands.add_parser("init", help="set the bot up: asks for what is missing, checks it, and writes .env")
    init.add_argument(
        "--from", dest="file", type=Path, metavar="FILE", help="take the answers from a file of NAME=value lines"
    )
    init.set_defaults(command=_init)

    doctor = commands.add_parser("doctor", help="check the whole set-up, and say what to mend and where")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--send-test", metavar="NUMBER", help="also send a real text there, after a question")
    doctor.add_argument("--yes", action="store_true", help="send it without a question")
    doctor.set_defaults(command=lambda arguments: _doctor(arguments, doctor))

    migrate = commands.add_parser("migrate", help="bring the database up to date (run does that too)")
    migrate.set_defaults(command=_migrate)

    manifest = commands.add_parser("manifest", help="write the Slack app's manifest, or a link that makes the app")
    manifest.add_argument("--url", metavar="URL", help="for HTTP: the bot's https address (default: for Socket Mode)")
    manifest.add_argument("--command", dest="name", default="/mms", metavar="NAME", help="if it is not /mms")
    manifest.add_argument("--link", action="store_true", help="as a link to Slack's page, with everything filled in")
    manifest.set_defaults(command=lambda arguments: _manifest(arguments, manifest))

    _add_access(commands.add_parser("access", help="see and change who may send, without Slack"))

    explain = commands.add_parser("explain", help="say what a code means, and what to do about it")
    explain.add_argument("code", nargs="*", metavar="CODE", help="as an answer or the log shows it, such as SINCH-401")
    explain.add_argument("--table", action="store_true", help="all of them, as a page in Markdown")
    explain.set_defaults(command=lambda arguments: _explain(arguments, explain))

    forget = commands.add_parser(
        "forget", help="erase everything that was sent to one phone number, and cancel what waits to go there"
    )
    forget.add_argument("number", metavar="NUMBER", help="as it would be typed in the dialog, such as +12015550123")
    forget.set_defaults(command=_forget)

    sandbox = commands.add_parser("sandbox", help="try the bot on this machine, on a page to click on; no accounts")
    sandbox.add_argument("--host", help="an address of this machine alone (default: 127.0.0.1)")
    sandbox.add_argument("--port", help="port of the page (default: a free one)")
    sandbox.set_defaults(command=_sandbox)
    return parser


def _add_access(access: argparse.ArgumentParser) -> None:
    access.set_defaults(command=_access)
    words = access.add_subparsers(title="words", required=True, metavar="WORD", dest="word")
    words.add_parser("list", help="who may send, who is an admin, and who added them")
    allow = words.add_parser("allow", help="add people or user groups")
    remove = words.add_parser("remove", help="take people or user groups away that were added")
    for word in (allow, remove):
        word.add_argument(
            "members", type=_member, nargs="+", metavar="ID", help="of a user (U... or W...) or of a user group (S...)"
        )
    allow.add_argument("--admin", action="store_true", help="as admins: they may send, and decide who may")
    remove.add_argument("--admin", action="store_true", help="as admins only: who is on the list as a sender, stays")
    log = words.add_parser("log", help="the last changes, newest first")
    log.add_argument("--limit", type=_count, default=LOG_LINES, metavar="N", help=f"how many (default: {LOG_LINES})")
    words.add_parser("export", help="all changes as CSV, oldest first")


def _member(raw: str) -> str:
    if not _MEMBER.fullmatch(raw):
        raise argparse.ArgumentTypeError(f"{raw!r} is not an ID (U…, W… or S…, capital letters and digits)")
    return raw


def _count(raw: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", raw) or int(raw) == 0:
        raise argparse.ArgumentTypeError(f"{raw!r} is not a number above 0")
    return int(raw)


def _settings(overrides: dict[str, str] | None = None) -> Settings:
    """The settings; ``overrides`` win, and what they hide is checked all the same: it will be used without them."""
    env = environment(os.environ, Path.cwd())
    settings = Settings.from_env(env)
    return Settings.from_env(env | overrides) if overrides else settings


def _complain(error: SettingsError) -> int:
    print("These settings need attention:", file=sys.stderr)
    for fault in error.faults:
        print(f"  {fault}", file=sys.stderr)
    print("They are read from the environment and from a file .env in this folder; see .env.example.", file=sys.stderr)
    return WRONG_USE


def _run(arguments: argparse.Namespace) -> int:
    given = {"HOST": arguments.host, "PORT": arguments.port}
    try:
        settings = _settings({name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        return _complain(error)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(DONE))  # until the bot runs, there is nothing to finish
    # Loaded only now: wrong settings are told at once, without waiting for the libraries.
    import uvloop

    from bot.app import run
    from bot.identity import TokenRefusedError
    from bot.logs import configure
    from bot.serving import CannotStartError

    configure(level=settings.log_level, log_format=settings.log_format)
    store = _open_store(settings)
    if store is None:
        return WRONG_USE
    if not _first_on_file(settings.database_url.reveal()):
        print(
            "DATABASE_URL: another process of the bot uses this SQLite file. That is correct, and slower: they wait "
            "for each other at every write.",
            file=sys.stderr,
        )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, store))
    except (TokenRefusedError, CannotStartError) as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return WRONG_USE
    return DONE


def _open_store(settings: Settings) -> Store | None:
    """The store, its schema up to date; None if it can't be had, which is said on standard error."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.reports import first_poll
    from bot.store.engine import MIGRATION_WAIT_S, open_engine, reason
    from bot.store.migrate import migrate
    from bot.store.sql import SqlStore

    try:
        database_url = settings.database_url.reveal()
        patient = open_engine(database_url, wait_s=MIGRATION_WAIT_S)
        try:
            migrate(patient)
        finally:
            patient.dispose()
        first_poll_s = first_poll(callbacks=settings.public_url is not None).total_seconds()
        return SqlStore(open_engine(database_url), first_poll_s=first_poll_s)
    except StoreUnavailableError as error:
        print(f"DATABASE_URL: {error}.", file=sys.stderr)
    except (SQLAlchemyError, OSError) as error:
        print(f"DATABASE_URL: the database can't be opened or brought up to date ({reason(error)}).", file=sys.stderr)
    return None


def _first_on_file(database_url: str) -> bool:
    from bot.store.neighbours import first_on_file

    try:
        return first_on_file(database_url)
    except OSError:
        return True  # it is only for a warning


def _init(arguments: argparse.Namespace) -> int:
    from dotenv import dotenv_values

    from bot.setup.init import Init, StoppedError, take_from
    from bot.setup.keyboard import Keyboard

    try:
        if arguments.file is not None:
            if not arguments.file.is_file():
                print(f"{arguments.file} is not there.", file=sys.stderr)
                return WRONG_USE
            put = take_from(dotenv_values(arguments.file, interpolate=False), Path.cwd(), os.environ)
            print(f"Put into .env: {', '.join(put) or 'nothing; all of it was there'}.\n")
        elif not sys.stdin.isatty():
            print("There is nobody to ask. Give a file of NAME=value lines: mms-bot init --from FILE", file=sys.stderr)
            return WRONG_USE
        else:
            Init(Path.cwd(), os.environ, Keyboard()).run()
    except SettingsError as error:
        return _complain(error)
    except (StoppedError, KeyboardInterrupt):
        print("\nStopped. What you answered is kept; mms-bot init goes on from here.", file=sys.stderr)
        return NO
    except (OSError, UnicodeDecodeError) as error:
        print(f".env can't be written or read ({getattr(error, 'strerror', None) or error}).", file=sys.stderr)
        return NO
    print("\nAnd now all of it, with mms-bot doctor:\n")
    return _examine(as_json=False)


def _doctor(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if arguments.yes and arguments.send_test is None:
        parser.error("--yes goes with --send-test")
    if arguments.send_test is not None and not arguments.yes and not sys.stdin.isatty():
        parser.error("there is nobody to ask whether to send; add --yes")
    return _examine(as_json=arguments.json, send_to=arguments.send_test, ask=not arguments.yes)


def _examine(*, as_json: bool, send_to: str | None = None, ask: bool = True) -> int:
    from bot.doctor import Finding, Mark, examine, report, send_test
    from bot.doctor.command import collect, doctor_for
    from bot.doctor.examine import faults_of_settings

    def say(finding: Finding) -> None:
        if not as_json:
            _print_all(report.line(finding))

    found: list[Finding]
    try:
        settings = _settings()
    except SettingsError as error:
        found = faults_of_settings(error.faults)
        for finding in found:
            say(finding)
    else:
        doctor = doctor_for(settings)
        to = None if send_to is None else _one_number(send_to, settings.default_region)
        if send_to is not None and to is None:
            print("--send-test wants a phone number, as in +12015550123.", file=sys.stderr)
            return WRONG_USE
        try:
            found = asyncio.run(collect(examine(doctor), say))
            if to is not None and (not ask or _yes(f"Send a real text to {to}? It costs what a text costs.")):
                found.append(asyncio.run(send_test(doctor, to)))
                say(found[-1])
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            return NO
    told = _print_all(report.as_json(found) if as_json else report.summary(found))
    return DONE if told and all(one.mark is not Mark.WRONG for one in found) else NO


def _yes(question: str) -> bool:
    try:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _migrate(_: argparse.Namespace) -> int:
    try:
        settings = _settings()
    except SettingsError as error:
        return _complain(error)
    store = _open_store(settings)
    if store is None:
        return NO
    asyncio.run(store.close())
    print("The database is up to date.")
    return DONE


def _manifest(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Needs no settings: it comes before them."""
    from bot.manifest import WrongUrlError, as_yaml, link
    from bot.settings import is_command

    if not is_command(arguments.name):
        parser.error("a command starts with a slash, in small letters, of up to 32 characters")
    write = link if arguments.link else as_yaml
    try:
        text = write(command=arguments.name, url=arguments.url)
    except WrongUrlError as error:
        parser.error(str(error))
    return DONE if _print_all(text.rstrip("\n") + "\n") else NO


def _forget(arguments: argparse.Namespace) -> int:
    try:
        settings = _settings()
    except SettingsError as error:
        return _complain(error)
    e164 = _one_number(arguments.number, settings.default_region)
    if e164 is None:
        print("That is not a phone number. Give one as in +12015550123, with the country code.", file=sys.stderr)
        return WRONG_USE
    try:
        store = _open_store(settings)
        if store is None:
            return NO
        said = asyncio.run(_forget_number(store, e164))
    except StoreUnavailableError as error:
        print(f"DATABASE_URL: the database did not answer in time, or can't be used ({error}).", file=sys.stderr)
        print(f"Not all of it was erased. {_ONCE_MORE}", file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        print(f"Interrupted. {_ONCE_MORE}", file=sys.stderr)
        return NO
    print(said.err, end="", file=sys.stderr)
    return said.status if _print_all(said.out) else NO


def _one_number(typed: str, default_region: str) -> str | None:
    from bot.domain import Recipient
    from bot.phone import read

    readings = read(typed, default_region=default_region)
    outcome = readings[0].outcome if len(readings) == 1 else None
    return outcome.e164 if isinstance(outcome, Recipient) else None


async def _forget_number(store: Store, e164: str) -> Said:
    from bot import shell
    from bot.clock import SharedClock

    try:
        return await shell.forget(store, e164, clock=SharedClock(store.now))
    finally:
        await store.close()


def _access(arguments: argparse.Namespace) -> int:
    try:
        settings = _settings()
    except SettingsError as error:
        return _complain(error)
    try:
        store = _open_store(settings)
        if store is None:
            return NO
        said = asyncio.run(_access_word(arguments, settings, store))
    except StoreUnavailableError as error:
        print(f"DATABASE_URL: the database did not answer in time, or can't be used ({error}).", file=sys.stderr)
        print(_DO_IT_AGAIN, file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        print(f"Interrupted. {_DO_IT_AGAIN}", file=sys.stderr)
        return NO
    print(said.err, end="", file=sys.stderr)
    return said.status if _print_all(said.out) else NO


async def _access_word(arguments: argparse.Namespace, settings: Settings, store: Store) -> Said:
    from bot import shell
    from bot.clock import SystemClock

    base = Policy(senders=settings.allowed, admins=settings.admins)
    try:
        match arguments.word:
            case "list":
                return await shell.listed(store.access, base=base, command=settings.command)
            case "log":
                return await shell.log(store.access, limit=arguments.limit)
            case "export":
                return await shell.export(store.access)
        members = tuple(dict.fromkeys(arguments.members))
        by, now = shell.by_login(), SystemClock().now()
        if arguments.word == "remove":
            only = Role.ADMIN if arguments.admin else None
            return await shell.remove(store.access, members, role=only, base=base, by=by, now=now)
        role = Role.ADMIN if arguments.admin else Role.SENDER
        return await shell.allow(store.access, members, role=role, base=base, by=by, now=now)
    finally:
        await store.close()


def _print_all(text: str) -> bool:
    """Print ``text``; False, with a sentence on standard error, if it could not be written. A reader may stop early."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), end="", flush=True)  # a terminal may know ASCII alone
    except OSError as error:
        # Python writes what is left once more when it ends (docs, "signal", note on SIGPIPE): into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"Standard output can't be written ({error.strerror}).", file=sys.stderr)
            return False
    return True


def _explain(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Needs no settings, no database and no network: whoever is asked at night may have none of them."""
    from bot.causes import Catalogue, CatalogueError
    from bot.explain import explain, table

    if bool(arguments.code) is arguments.table:
        parser.error("give a CODE, or --table alone")
    try:
        catalogue = Catalogue.load()
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return NO
    if arguments.table:
        return DONE if _print_all(table(catalogue)) else NO
    explained = explain(" ".join(arguments.code), catalogue=catalogue)
    return DONE if _print_all(explained.text) and explained.found else NO


def _sandbox(arguments: argparse.Namespace) -> int:
    from sandbox.__main__ import main as serve

    given = {"--host": arguments.host, "--port": arguments.port}
    return serve(["page", *(f"{name}={value}" for name, value in given.items() if value is not None)])
