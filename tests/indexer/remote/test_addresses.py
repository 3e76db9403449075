"""Addresses of stores: what they may say."""

import pytest

from indexer import IndexReadError, open_store
from indexer.remote.address import is_remote, read_address


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
