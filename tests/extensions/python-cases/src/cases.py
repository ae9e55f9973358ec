"""One function for each case. What a function returns is compared with what the same function returns in CPython."""

import asyncio
from pathlib import Path

HERE = Path(__file__).parent
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


@case
def strptime():
    from datetime import datetime

    return datetime.strptime("01.03.2025 17:45", "%d.%m.%Y %H:%M").isoformat()


@case
def codecs():
    names = ("cp1252", "utf-8-sig", "utf-16", "utf-32-be", "cp437", "mac_roman", "koi8_u", "shift_jis", "gb18030", "utf-7")
    texts = {"shift_jis": "日本", "gb18030": "汉字", "koi8_u": "ґ"}
    encoded = {name: texts.get(name, "é").encode(name).hex() for name in names}
    return [encoded, b"\x80".decode("cp1252"), "münchen.de".encode("idna").decode(), "ü".encode("punycode").decode()]


@case
def late_csv():
    import csv
    import io

    return list(csv.DictReader(io.StringIO("name;hours\nMüller;1,5\n"), delimiter=";"))


@case
def mail():
    from email import message_from_string, policy
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["To"] = "a@example.com"
    message.set_content("Hällo\n")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="a.bin")
    message.set_boundary("fixed")
    parsed = message_from_string(message.as_string(), policy=policy.default)
    return [parsed["subject"], parsed.get_body().get_content(), [part.get_filename() for part in parsed.iter_attachments()]]


@case
def time_zones():
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    summer = datetime(2025, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    return [summer.isoformat(), summer.astimezone(ZoneInfo("America/New_York")).isoformat(), summer.astimezone(UTC).isoformat()]


@case
def many_modules():
    import ast
    import calendar
    import colorsys
    import configparser
    import difflib
    import fractions
    import gzip
    import html.parser
    import ipaddress
    import shlex
    import sqlite3
    import statistics
    import string
    import textwrap
    import tomllib
    import xml.etree.ElementTree as ElementTree
    import zipfile
    from io import BytesIO

    config = configparser.ConfigParser()
    config.read_string("[a]\nb = 1\n")
    database = sqlite3.connect(":memory:")
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", "text")
    return [
        ast.unparse(ast.parse("a = 1+2")),
        calendar.monthrange(2024, 2),
        colorsys.rgb_to_hls(1, 0, 0),
        config["a"]["b"],
        difflib.get_close_matches("appel", ["ape", "apple"]),
        str(fractions.Fraction(3, 9)),
        gzip.decompress(gzip.compress(b"text")).decode(),
        html.parser.unescape("&eacute;"),
        str(ipaddress.ip_network("10.0.0.0/30").broadcast_address),
        shlex.split("a 'b c'"),
        database.execute("SELECT json_extract('{\"a\": 7}', '$.a')").fetchone()[0],
        statistics.median([3, 1, 2]),
        string.Template("$a").substitute(a=1),
        textwrap.shorten("one two three", 8),
        tomllib.loads("a = 2025-01-01")["a"].isoformat(),
        ElementTree.fromstring("<a><b>é</b></a>").findtext("b"),
        zipfile.ZipFile(archive).read("a.txt").decode(),
    ]


@case
def files_beside_the_handler():
    import glob
    import os

    folder = HERE / "parts" / "texts"
    with open(folder / "greeting.txt", encoding="utf-8") as file:
        text = file.read()
    with (folder / "greeting.txt").open(encoding="latin-1") as file:
        lines = [line.rstrip() for line in file]
    return [
        text,
        lines,
        (folder / "greeting.txt").read_bytes().hex(),
        sorted(os.listdir(folder)),
        sorted(path.name for path in HERE.rglob("*.txt")),
        [os.path.basename(path) for path in sorted(glob.glob(str(HERE / "**" / "*.txt"), recursive=True))],
        [(folder / "greeting.txt").stat().st_size, folder.is_dir(), (folder / "none.txt").exists()],
        sorted(name for _, _, names in os.walk(folder) for name in names),
        [entry.is_file() for entry in os.scandir(folder)],
    ]


@case
def package_data():
    import importlib.resources
    import pkgutil

    files = importlib.resources.files("parts")
    with importlib.resources.as_file(files / "texts" / "greeting.txt") as path:
        copied = path.read_text(encoding="utf-8")
    return [
        pkgutil.get_data("parts", "texts/greeting.txt").decode(),
        files.joinpath("texts", "greeting.txt").read_text(encoding="utf-8"),
        copied,
        sorted(each.name for each in (files / "texts").iterdir()),
        sorted(module.name for module in pkgutil.iter_modules([str(HERE / "parts")])),
    ]


@case
def late_modules_of_the_project():
    import inspect

    from parts.late import twice

    return [twice(21), inspect.getsource(twice)]


@case
def plugins_by_name():
    import importlib

    return importlib.import_module("parts.late").twice("ab")


@case
def packages():
    import importlib.metadata

    import softlib
    from softlib.late import text

    return [softlib._speedups, text(), importlib.metadata.version("softlib")]


@case
def missing_parts():
    reasons = []
    for name in ("ssl", "ctypes", "fastlib", "no_such_module"):
        try:
            __import__(name)
        except ImportError as error:
            reasons.append(str(error))
    import urllib.request

    try:
        urllib.request.urlopen("http://example.com")
    except OSError as error:
        reasons.append(str(error))
    return reasons


@case
def temporary_files():
    import os
    import shutil
    import tempfile
    import zipfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part" / "a.txt"
        path.parent.mkdir()
        path.write_text("ü\n", encoding="utf-8")
        with path.open("a", encoding="utf-8") as file:
            file.write("more")
        archive = Path(folder, "a.zip")
        with zipfile.ZipFile(archive, "w") as written:
            written.write(path, "a.txt")
        copied = shutil.copyfile(path, Path(folder, "b.txt"))
        found = [zipfile.ZipFile(archive).read("a.txt").decode(), Path(copied).read_text(encoding="utf-8"), sorted(os.listdir(folder))]
    with tempfile.NamedTemporaryFile("w+", suffix=".csv", delete=False) as named:
        named.write("a;b")
    with open(named.name, encoding="utf-8") as file:
        found.append(file.read())
    os.remove(named.name)
    with tempfile.TemporaryFile() as unnamed:
        unnamed.write(b"bytes")
        unnamed.seek(1)
        found.append(unnamed.read().decode())
    return [*found, os.path.exists(folder), os.path.exists(named.name)]


@case
def files_cannot_be_changed():
    refused = []
    for change in (
        lambda: open(HERE / "cases.py", "w"),
        lambda: (HERE / "new.txt").write_text("x"),
        lambda: (HERE / "parts" / "texts").open(),
    ):
        try:
            change()
        except OSError as error:
            refused.append(isinstance(error, OSError))
    return refused


@case
async def tasks():
    order = []

    async def step(name, seconds):
        await asyncio.sleep(seconds)
        order.append(name)
        return name

    both = await asyncio.gather(step("second", 0.02), step("first", 0.001))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(step("third", 0))
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        order.append("timeout")
    queue = asyncio.Queue()
    queue.put_nowait(await asyncio.to_thread(lambda: "thread"))
    return [both, order, task.result(), await queue.get()]


@case
def a_loop_of_its_own():
    async def main():
        await asyncio.sleep(0)
        return "done"

    loop = asyncio.new_event_loop()
    loop.close()
    coroutine = main()
    coroutine.close()
    return [loop.is_closed(), main.__name__]


@case
def deep_recursion():
    def depth(n):
        return n and 1 + depth(n - 1)

    try:
        depth(100_000)
    except RecursionError:
        return depth(900)


@case
def deep_json():
    import json

    deep = json.loads("[" * 5_000 + "]" * 5_000)
    return [len(json.dumps(deep)), len(repr(deep))]


@case
def an_error():
    from parts.late import fail

    fail()


@case
async def a_deadlock():
    await asyncio.Future()
