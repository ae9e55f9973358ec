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
    for name in ("curses", "dbm.gnu", "multiprocessing.synchronize", "pwd", "tkinter", "compression.zstd", "fastlib", "no_such_module"):
        try:
            __import__(name)
        except ImportError as error:
            reasons.append(str(error))
    import os

    return [reasons, os.path.expanduser("~/x")]


def _archive(mode):
    import io
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        entry = tarfile.TarInfo("a")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    return file.getvalue()


def _refused():
    """What raises on use, though its module can be imported. By the words that the error has to contain."""
    import bz2
    import ctypes
    import http.client
    import io
    import lzma
    import mmap
    import resource
    import socket
    import ssl
    import syslog
    import tarfile
    import termios
    import urllib.request

    packed_bzip2 = b"BZh91AY&SY" + bytes(20)
    return {
        "NotImplementedError bzip2 zlib": [
            lambda: bz2.compress(b"a"),
            lambda: bz2.decompress(packed_bzip2),
            lambda: bz2.open("/tmp/a.bz2", "wb"),
            lambda: tarfile.open(fileobj=io.BytesIO(packed_bzip2 + bytes(600))),
            lambda: _archive("w:bz2"),
        ],
        "NotImplementedError XZ zlib": [
            lambda: lzma.compress(b"a"),
            lambda: lzma.decompress(b"\xfd7zXZ\0\0\4"),
            lambda: lzma.decompress(b"\x5d\0\0\x80\0" + b"\xff" * 8 + b"\0"),
            lambda: tarfile.open(fileobj=io.BytesIO(b"\xfd7zXZ\0" + bytes(600))),
        ],
        "NotImplementedError TLS host.http.fetch": [
            lambda: ssl.create_default_context().wrap_bio(None, None),
            lambda: ssl.create_default_context().get_ca_certs(),
            lambda: ssl.create_default_context().load_cert_chain("a.pem"),
            lambda: ssl.MemoryBIO(),
        ],
        "OSError sockets host.http.fetch": [
            lambda: urllib.request.urlopen("http://example.com"),
            lambda: urllib.request.urlopen("https://example.com"),
            lambda: http.client.HTTPSConnection("example.com").connect(),
            lambda: ssl.get_server_certificate(("example.com", 443)),
            lambda: socket.socket(),
        ],
        "NotImplementedError native libraries": [
            lambda: ctypes.create_string_buffer(3),
            lambda: ctypes.byref(ctypes.c_int(1)),
            lambda: ctypes.c_char_p(b"a"),
            lambda: ctypes.pythonapi.Py_IsInitialized(),
            lambda: type("Point", (ctypes.Structure,), {"_fields_": [("x", ctypes.c_int), ("y", ctypes.POINTER(ctypes.c_int) * 2)]})(),
        ],
        "OSError native libraries": [lambda: ctypes.CDLL("libc.so.6")],
        "OSError memory": [lambda: mmap.mmap(-1, 10)],
        "OSError limits": [lambda: resource.getrusage(resource.RUSAGE_SELF)],
        "OSError host.logging": [lambda: syslog.syslog("a")],
        "error terminal": [lambda: termios.tcgetattr(0)],
    }


@case
def stand_ins_that_are_used():
    answers = []
    for words, uses in _refused().items():
        for use in uses:
            try:
                answers.append([words, "nothing", repr(use())])
            except Exception as error:
                names = [kind.__name__ for kind in type(error).__mro__]
                answers.append([words, " ".join(names), str(error)])
    return answers


@case
def numbers_of_stand_ins():
    import fcntl
    import lzma
    import resource
    import ssl
    import syslog
    import termios

    modules = (fcntl, lzma, resource, ssl, syslog, termios)
    return {m.__name__: {n: int(v) for n, v in vars(m).items() if n.isupper() and isinstance(v, int)} for m in modules}


@case
def imported_without_a_need():
    import bz2
    import ctypes
    import fcntl
    import http.client
    import io
    import lzma
    import ssl
    import tarfile
    import urllib.request

    answers = [http.client.HTTPSConnection("example.com").port, urllib.request.HTTPSHandler().__class__.__name__]
    for module in (bz2, lzma):
        try:
            module.decompress(b"neither of them")
        except (OSError, lzma.LZMAError) as error:
            answers.append([type(error).__name__, str(error)])
    for mode in ("w", "w:gz"):
        answers.append(tarfile.open(fileobj=io.BytesIO(_archive(mode))).extractfile("a").read().decode())
    context = ssl.create_default_context()
    answers.append([context.check_hostname, context.verify_mode.name, context.protocol.name])
    try:
        context.verify_mode = ssl.CERT_NONE
    except ValueError as error:
        answers.append(str(error))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    answers.append([context.verify_mode.name, ssl.Purpose.SERVER_AUTH.oid, len(ssl.RAND_bytes(7)), issubclass(ssl.SSLError, OSError)])
    numbers = [
        ctypes.c_uint32(-1),
        ctypes.c_int16(2**15),
        ctypes.c_uint8(300),
        ctypes.c_int64(2**63),
        ctypes.c_bool(3),
        ctypes.c_float(0.1),
    ]
    answers.append([number.value for number in numbers] + [ctypes.sizeof(ctypes.c_int32), ctypes.sizeof(ctypes.c_double * 3)])
    answers += [ctypes.POINTER(ctypes.c_int) is ctypes.POINTER(ctypes.c_int), fcntl.LOCK_EX]
    return answers


@case
def keys_from_passwords():
    import hashlib

    cases = [("sha256", b"password", b"salt", 3), ("sha1", b"p" * 100, b"s", 2, 45), ("sha512", bytearray(b"p"), b"", 1, 5)]
    keys = [hashlib.pbkdf2_hmac(*each).hex() for each in cases]
    for wrong in (("nohash", b"", b"", 1), ("sha256", b"", b"", 0)):
        try:
            keys.append(hashlib.pbkdf2_hmac(*wrong).hex())
        except ValueError:
            keys.append("ValueError")
    return keys


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
