"""The address of a PostgreSQL server: read as its own library reads it, and never told in a fault."""

from __future__ import annotations

from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from bot.store.address import KEYWORDS, WrongAddressError, parameters
from bot.store.engine import open_engine
from tests.postgres import Postgres

ADDRESSES = [
    "postgres://ann:hush@db.example.com:5432/mms",
    "postgresql://ann:hush@db.example.com/mms?sslmode=require",
    "postgres://ann:hush@ep-1.pooler.example.com/mms?sslmode=require&channel_binding=require",
    "postgresql://db.example.com",
    "postgresql://db.example.com/",
    "postgresql:///mms?host=/var/run/postgresql",
    "postgresql:///mms?host=%2Fvar%2Frun%2Fpostgresql&user=ann",
    "postgresql://%2Fvar%2Frun%2Fpostgresql/mms",
    "postgresql://ann@/mms?host=/cloudsql/project:region:name",
    "postgresql://",
    "postgres://ann:h%40sh%2F%3F%23%25@[2001:db8::1]:6543/mms",
    "postgres://ann@[::1]/mms",
    "postgres://ann:hush@one.example.com:5432,two.example.com:5433/mms?target_session_attrs=read-write",
    "postgres://ann:hush@one.example.com,two.example.com:5433/mms",
    "postgres://ann:hush@db.example.com/mms?ssl=true",
    "postgres://ann:hush@db.example.com/mms?connect_timeout=10&application_name=a+b",
    "postgres://ann:@db.example.com/mms",
    "postgres://j%C3%B6rg:gr%C3%BC%C3%9Fe@db.example.com/b%C3%BCro",
]


def test_the_words_after_the_question_mark_are_those_that_the_library_knows() -> None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    assert known <= KEYWORDS
    assert KEYWORDS - known <= {"requiressl"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_read_as_the_library_reads_it(address: str) -> None:
    theirs = {name: value for name, value in conninfo_to_dict(address).items() if value}
    assert parameters(address) == theirs


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(user=words, password=words, database=words, port=st.integers(1, 65535))
def test_whatever_a_password_is_made_of_comes_through(user: str, password: str, database: str, port: int) -> None:
    encoded = [quote(word, safe="") for word in (user, password, database)]
    address = "postgres://{}:{}@db.example.com:{}/{}".format(*encoded[:2], port, encoded[2])
    read = parameters(address)
    assert read == conninfo_to_dict(address)
    assert (read["user"], read["password"], read["dbname"]) == (user, password, database)


def told(address: str) -> str | None:
    """The fault of an address; None if it can be read."""
    try:
        parameters(address)
    except WrongAddressError as wrong:
        return str(wrong)
    return None


@given(password=words)
@example("1/hush")  # a host, a port and a database
@example("@there?user=x&password=")
@example("?a=b@")
def test_a_password_that_was_not_encoded_is_read_or_refused_and_never_told(password: str) -> None:
    address = f"postgres://hush:{password}hush@db.example.com"
    fault = told(address)
    if fault is not None:
        assert "hush" not in fault
    else:
        read = parameters(address)  # whatever was taken for the host would be told if it is not found
        assert (read["user"], read["host"]) == ("hush", "db.example.com")


@pytest.mark.parametrize("parameter", ["pgbouncer=true", "connection_limit=1", "pool_timeout=0"])
def test_what_hosts_add_for_other_clients_is_left_out(parameter: str) -> None:
    assert parameters(f"postgres://ann@h/mms?{parameter}&sslmode=require") == {
        "user": "ann",
        "host": "h",
        "dbname": "mms",
        "sslmode": "require",
    }


WRONG = [
    "sqlite:///mms-bot.db",
    "postgres:/h/db",
    "postgres://h:port/db",
    "postgres://h:70000/db",
    "postgres://[::1/db",
    "postgres://h/db#there",
    "postgres://h/a b",
    "postgres://u:100%@h/db",
    "postgres://u:%ff@h/db",
    "postgres://u:%00@h/db",
    "postgres://h/db?sslmod=require",
    "postgres://h/db?sslmode",
    "postgres://h/db/more",
    "postgres://ann:1/hush@h",
]


@pytest.mark.parametrize("address", WRONG)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(WrongAddressError) as wrong:
        parameters(address)
    assert str(wrong.value).endswith((".", ")."))


PASSWORD = "pä/ss:w@rd?#%+ &"


def test_a_connection_is_made_with_the_password_that_the_address_holds(postgres: Postgres) -> None:
    name = postgres.create()
    role = psycopg.sql.Identifier("ann@shop")
    postgres.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, PASSWORD).as_string())
    address = f"postgres://ann%40shop:{quote(PASSWORD, safe='')}@/{name}?host={postgres.socket_folder}"
    with postgres.asking_for_passwords():
        engine = open_engine(address)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_user").scalar() == "ann@shop"
        engine.dispose()
        wrong = open_engine(address.replace("p%C3%A4", "p"))
        with pytest.raises(Exception, match="password authentication failed") as caught:
            wrong.connect()
        assert PASSWORD[2:] not in f"{caught.value!r} {caught.value.__cause__!r}"
        wrong.dispose()
    postgres.drop(name)
    postgres.execute(psycopg.sql.SQL("DROP ROLE {}").format(role).as_string())
