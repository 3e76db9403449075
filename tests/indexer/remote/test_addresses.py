"""Addresses of stores: what they may say."""

import traceback

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer import IndexReadError, open_store
from indexer.cli import main
from indexer.remote.address import PostgresAddress, is_remote, read_address


def test_folders_and_servers_are_told_apart(tmp_path):
    assert not is_remote(tmp_path)
    assert not is_remote("music/index")
    assert not is_remote("C:\\music\\index")
    assert is_remote("postgresql://host/db")
    with pytest.raises(ValueError, match="begins with 'redis'"):
        is_remote("redis://host/db")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@db.example:5433/music?table=covers",
        "postgresql://db.example/music?table=sleeves.covers",
        "postgresql:///music?host=/var/run/postgresql&table=covers&sslmode=require",
        "milvus://vectors.example:19530/covers",
        "milvus://[2001:db8::7]/music/covers?tls=true&connect_timeout=2.5",
    ],
)
def test_an_address_is_written_as_it_is_read(text):
    assert str(read_address(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgresql://me:secret@db/music", "holds a password: .*PGPASSWORD"),
        ("postgresql://db/music?password=secret", "holds a password"),
        ("postgresql://db/music?table=a;drop", "no name of a table"),
        ("postgresql://db/music?table=a%22b", "no name of a table"),
        ("postgresql://db/music?service=x", "unknown option 'service'"),
        ("postgresql://db:many/music", "cannot be read"),
        ("milvus://me:secret@db/covers", "a user or a password: .*MILVUS_TOKEN"),
        ("milvus://db/covers?token=secret", "a user or a password"),
        ("milvus://db", "no name of a collection"),
        ("milvus://db/a-b", "no name of a collection"),
        ("milvus://db/covers?tls=perhaps", "'tls' is true or false"),
        ("milvus://db/covers?sslmode=require", "unknown option 'sslmode'"),
    ],
)
def test_wrong_addresses_are_refused_without_repeating_a_password(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        open_store(text)
    assert "secret" not in str(caught.value)


SECRET = "hunter2"
MISTYPED = [
    "postgresql://me:{}/x@db/music",
    "postgresql://me:{}#x@db/music",
    "postgresql://me:{}?x@db/music",
    "postgresql://me:12/{}@db/music",
    "postgresql://me:12#{}@db/music",
    "postgresql://me:12?{}@db/music",
    "postgresql://me:12?table={}@db/music",
    "postgresql://me%3A{}@db/music",
    "postgresql://me:{}\0@db/music",
    "postgresql://db/music?sslpassword={}",
    "postgresql://db:{}/music",
    "postgresql://[::1:{}]/music",
    "postgresql:/me:{}@db/music",
    "postgresql//me:{}@db/music",
    " postgresql://me:{}@db/music",
    "postgresqll://me:{}@db/music",
    "postgresql+psycopg://me:{}@db/music",
    "milvus://me:{}/x@db/covers",
    "milvus:/me:{}@db/covers",
    "redis://me:{}@db/0",
]


@pytest.mark.parametrize("text", MISTYPED)
def test_no_part_of_a_password_is_repeated_however_an_address_is_mistyped(text):
    with pytest.raises(ValueError, match=r"address|looks like") as caught:
        open_store(text.format(SECRET))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    if "\0" not in text:
        told = CliRunner().invoke(main, ["info", text.format(SECRET)])
        assert told.exit_code == 2
        assert SECRET not in told.output


def test_an_address_on_the_command_line_of_folders_is_told_apart(tmp_path):
    told = CliRunner().invoke(main, ["info", "postgresql://db/music"])
    assert told.exit_code == 2
    assert "'covers index'" in " ".join(told.output.split())


@pytest.mark.parametrize(
    "text",
    [
        "postgresql:///music?host=/tmp,db.example&table=covers",
        "postgresql:///music?host=localhost,db.example",
        "postgresql://localhost,db.example/music",
        "postgresql:///music?host=@abstract",
        "milvus://%2Ftmp/covers",
    ],
)
def test_an_address_names_one_server(text):
    with pytest.raises(ValueError, match="one server"):
        read_address(text)


names = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)


@given(user=names, database=names, host=st.sampled_from(["", "db", "/tmp/a b", "::1"]))
def test_an_address_means_the_same_when_it_is_read_again(user, database, host):
    """Else one that was found to be of this machine could lead to another."""
    user, database = user.replace(":", ""), database.strip("/")
    before = PostgresAddress(host, 5432, database, user, "covers", "")
    assert read_address(str(before)) == before


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://a%40db.example%2Fm%3Fz@/music",
        "postgresql:///%3Fhost=db.example%26table=x",
    ],
)
def test_a_name_leads_to_no_other_server(uri):
    assert read_address(uri).is_local
    assert read_address(str(read_address(uri))).is_local


def test_an_unreachable_server_is_told(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(IndexReadError, match=r"cannot be reached: .*is it running"):
        open_store(f"postgresql:///music?host={tmp_path}&connect_timeout=2")


@pytest.mark.parametrize(
    ("driver", "extra", "address"),
    [
        ("psycopg", "postgresql", "postgresql:///music"),
        ("pymilvus", "milvus", "milvus:///covers"),
    ],
)
def test_without_the_driver_the_extra_is_named(monkeypatch, driver, extra, address):
    import sys

    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(IndexReadError, match=rf"album-covers\[{extra}\]"):
        open_store(address)
