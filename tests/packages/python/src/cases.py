"""What an author does with each package, by the package's name. The same functions run in a component and in CPython."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

CASES = {}


def case(name):
    def add(function):
        CASES[name] = function
        return function

    return add


@case("arrow")
def _():
    import arrow

    return [
        arrow.get("2025-07-01T12:00:00+00:00").to("Europe/Berlin").format("dddd, D. MMMM YYYY HH:mm", locale="de"),
        str(arrow.get("2025-01-31").shift(months=1)),
    ]


@case("attrs")
def _():
    import attrs

    @attrs.define
    class Point:
        x: int = attrs.field(validator=attrs.validators.instance_of(int))
        y: int = 2

    try:
        Point("a")
    except TypeError as error:
        return [repr(Point(1)), attrs.asdict(Point(3)), str(error)[:30]]


@case("babel")
def _():
    from babel.dates import format_datetime
    from babel.numbers import format_currency, format_decimal

    when = datetime(2025, 7, 1, 12, tzinfo=UTC)
    return [
        format_currency(1234.5, "EUR", locale="de_DE"),
        format_decimal(1234567.891, locale="fr"),
        format_datetime(when, "full", tzinfo=__import__("zoneinfo").ZoneInfo("Asia/Tokyo"), locale="ja"),
    ]


@case("beautifulsoup4")
def _():
    from bs4 import BeautifulSoup

    soup = BeautifulSoup("<p>Grüße <b>an <i>alle</b></p><a href='/x'>x</a>", "html.parser")
    return [soup.get_text(), soup.a["href"], [tag.name for tag in soup.find_all(True)], soup.select_one("p > b").prettify()]


@case("cerberus")
def _():
    from cerberus import Validator

    validator = Validator({"name": {"type": "string", "required": True}, "age": {"type": "integer", "min": 18}})
    return [validator.validate({"name": "a", "age": 20}), validator.validate({"age": 3}), validator.errors]


@case("chevron")
def _():
    import chevron

    return chevron.render("{{#items}}<{{name}}>{{/items}}", {"items": [{"name": "ä"}, {"name": "&"}]})


@case("docutils")
def _():
    from docutils.core import publish_parts

    return publish_parts("Title\n=====\n\n*Hello* ``code``\n\n- a\n- b\n", writer="html5")["body"]


@case("ecdsa")
def _():
    import hashlib

    from ecdsa import NIST256p, SigningKey

    key = SigningKey.from_secret_exponent(12345678901234567890, NIST256p)
    signature = key.sign_deterministic(b"message", hashfunc=hashlib.sha256)
    return [signature.hex(), key.verifying_key.verify(signature, b"message", hashfunc=hashlib.sha256), key.verifying_key.to_pem().decode()]


@case("fpdf2")
def _():
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_creation_date(datetime(2025, 1, 1, tzinfo=UTC))
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="Rechnung Nr. 1")
    out = bytes(pdf.output())
    return [out[:8].decode(), out[-6:].decode(), len(out) > 800]


@case("humanize")
def _():
    from datetime import timedelta

    import humanize

    return [humanize.naturalsize(3_000_000), humanize.intcomma(1234567), humanize.naturaldelta(timedelta(hours=49)), humanize.ordinal(22)]


@case("icalendar")
def _():
    from icalendar import Calendar, Event

    calendar, event = Calendar(), Event()
    event.add("summary", "Prüfung")
    event.add("dtstart", datetime(2025, 7, 1, 12, tzinfo=UTC))
    calendar.add_component(event)
    text = calendar.to_ical().decode()
    return [text, str(Calendar.from_ical(text).walk("VEVENT")[0]["summary"])]


@case("itsdangerous")
def _():
    from itsdangerous import BadSignature, URLSafeSerializer

    signed = URLSafeSerializer("secret").dumps({"id": 7})
    try:
        URLSafeSerializer("other").loads(signed)
    except BadSignature as error:
        return [signed, URLSafeSerializer("secret").loads(signed), type(error).__name__]


@case("jinja2")
def _():
    from jinja2 import Environment, FileSystemLoader, PackageLoader, TemplateSyntaxError

    folder = Path(__file__).parent / "templates"
    text = Environment(loader=FileSystemLoader(folder), autoescape=True).get_template("item.html").render(name="<ü>", price=1.5)
    try:
        Environment().from_string("{% if %}")
    except TemplateSyntaxError as error:
        return [text, str(error), PackageLoader.__name__]


@case("markdown")
def _():
    import markdown

    return markdown.markdown("# Hä\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx < y\n```\n", extensions=["tables", "fenced_code", "toc"])


@case("markupsafe")
def _():
    from markupsafe import Markup, escape

    return [str(escape("<a & 'b'>")), str(Markup("<b>%s</b>") % "<i>"), Markup("<p>x &amp; y</p>").striptags()]


@case("marshmallow")
def _():
    from marshmallow import Schema, ValidationError, fields

    class Ticket(Schema):
        title = fields.Str(required=True)
        due = fields.Date()
        mail = fields.Email()

    try:
        Ticket().load({"mail": "x"})
    except ValidationError as error:
        return [Ticket().dump({"title": "a", "due": date(2025, 1, 2)}), error.messages]


@case("mistune")
def _():
    import mistune

    return mistune.html("**fett** [x](http://a.test)\n\n> zitat\n")


@case("networkx")
def _():
    import networkx

    graph = networkx.Graph([("a", "b"), ("b", "c"), ("a", "d"), ("d", "c"), ("c", "e")])
    return [networkx.shortest_path(graph, "a", "e"), sorted(map(sorted, networkx.find_cliques(graph))), networkx.is_connected(graph)]


@case("openpyxl")
def _():
    from openpyxl import Workbook, load_workbook
    from openpyxl.styles import Font

    book, file = Workbook(), io.BytesIO()
    book.active["A1"] = "ü"
    book.active["A1"].font = Font(bold=True)
    book.active.append([1, 2.5, date(2025, 1, 2)])
    book.save(file)
    sheet = load_workbook(io.BytesIO(file.getvalue())).active
    return [[str(cell.value) for cell in row] for row in sheet.rows] + [sheet["A1"].font.b]


@case("packaging")
def _():
    from packaging.requirements import Requirement
    from packaging.version import Version

    return [Version("1.10") > Version("1.9"), str(Requirement("a[b]>=1,<2; os_name=='posix'")), str(Version("1.0rc1").base_version)]


@case("phonenumbers")
def _():
    import phonenumbers
    from phonenumbers import geocoder

    number = phonenumbers.parse("030 1234567", "DE")
    return [
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        phonenumbers.is_valid_number(number),
        geocoder.description_for_number(number, "de"),
    ]


@case("pyjwt")
def _():
    import jwt

    token = jwt.encode({"sub": "u1", "iat": 1700000000}, "0123456789abcdef0123456789abcdef", algorithm="HS256")
    try:
        jwt.decode(token, "x" * 32, algorithms=["HS256"])
    except jwt.InvalidSignatureError as error:
        return [token, jwt.decode(token, "0123456789abcdef0123456789abcdef", algorithms=["HS256"]), str(error)]


@case("pyparsing")
def _():
    import pyparsing as pp

    number = pp.pyparsing_common.number
    expression = pp.infix_notation(number, [(pp.one_of("* /"), 2, pp.OpAssoc.LEFT), (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT)])
    return expression.parse_string("1 + 2 * (3 - 4)", parse_all=True).as_list()


@case("pypdf")
def _():
    from pypdf import PdfReader, PdfWriter

    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 200)
    writer.add_metadata({"/Title": "Bericht é"})
    writer.write(file)
    reader = PdfReader(io.BytesIO(file.getvalue()))
    return [len(reader.pages), [float(x) for x in reader.pages[0].mediabox], reader.metadata.title]


@case("python-dateutil")
def _():
    from dateutil import parser, relativedelta, rrule, tz

    days = rrule.rrule(rrule.MONTHLY, count=3, byweekday=rrule.FR(-1), dtstart=datetime(2025, 1, 1))
    return [
        parser.parse("1 March 2025 5pm").isoformat(),
        [day.isoformat() for day in days],
        str(date(2025, 1, 31) + relativedelta.relativedelta(months=1)),
        datetime(2025, 7, 1, tzinfo=tz.gettz("Europe/Berlin")).isoformat(),
    ]


@case("python-slugify")
def _():
    from slugify import slugify

    return [slugify("Größe & Ähre — 影師嗎"), slugify("a_b c", separator="_")]


@case("pytz")
def _():
    import pytz

    local = pytz.timezone("America/New_York").localize(datetime(2025, 3, 9, 3, 30))
    return [local.isoformat(), local.astimezone(pytz.utc).isoformat(), len(pytz.all_timezones) > 500]


@case("pyyaml")
def _():
    import yaml

    try:
        yaml.safe_load("a: [1, ")
    except yaml.YAMLError as error:
        return [
            str(yaml.safe_load("a: &x [1, 2.5, true, 2025-01-02]\nb: *x\n")),
            yaml.safe_dump({"ü": [1, None]}, allow_unicode=True),
            str(error),
        ]


@case("rich")
def _():
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.table import Table

    out = io.StringIO()
    console = Console(file=out, width=40)
    table = Table("a", "b")
    table.add_row("1", "ü")
    console.print(table, Markdown("# x\n- y"))
    return out.getvalue()


@case("rsa")
def _():
    import rsa

    key = rsa.PrivateKey(3247, 65537, 833, 191, 17)
    return [pow(pow(42, key.e, key.n), key.d, key.n), rsa.compute_hash(b"x", "SHA-256").hex()]


@case("segno")
def _():
    import segno

    return segno.make("https://example.com", error="m").svg_inline()


@case("sqlparse")
def _():
    import sqlparse

    return [
        sqlparse.format("select a,b from t where c=1 order by d", reindent=True, keyword_case="upper"),
        len(sqlparse.split("select 1; select 2;")),
    ]


@case("tabulate")
def _():
    from tabulate import tabulate

    return [tabulate([["é", 1], ["b", 22.5]], headers=["n", "v"], tablefmt=form) for form in ("simple", "github", "html")]


@case("tomli")
def _():
    import tomli

    return str(tomli.loads('a = 2025-01-02\n[b]\nc = [1.5, "ü"]\n'))


@case("tzdata")
def _():
    from zoneinfo import ZoneInfo, available_timezones

    return [datetime(2025, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")).isoformat(), "Asia/Tokyo" in available_timezones()]


@case("xlsxwriter")
def _():
    import zipfile

    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Blatt")
        sheet.write_row(0, 0, ["ä", 1.5], book.add_format({"bold": True}))
        book.set_properties({"created": datetime(2025, 1, 1)})
    archive = zipfile.ZipFile(file)
    return [sorted(archive.namelist()), archive.read("xl/worksheets/sheet1.xml").decode()]


@case("xmltodict")
def _():
    import xmltodict

    return [xmltodict.parse("<a x='1'><b>ü</b><b>2</b></a>"), xmltodict.unparse({"a": {"b": ["1", "2"]}})]


@case("requests")
def _():
    import requests

    return [requests.Request("GET", "http://a.test/x", params={"q": "ü"}).prepare().url, requests.utils.quote("a b")]


@case("click")
def _():
    import click
    from click.testing import CliRunner

    @click.command()
    @click.option("--count", default=1, type=click.IntRange(1, 3))
    def main(count):
        click.echo("ü" * count)

    runs = [CliRunner().invoke(main, ["--count", each]) for each in ("2", "7")]
    return [[run.exit_code, run.output] for run in runs]


@case("feedparser")
def _():
    import feedparser

    feed = feedparser.parse(
        "<rss version='2.0'><channel><title>Ü</title><item><pubDate>Tue, 01 Jul 2025 12:00:00 GMT</pubDate></item></channel></rss>"
    )
    return [feed.feed.title, list(feed.entries[0].published_parsed)[:5], feed.version]


@case("flask")
def _():
    from flask import Flask, jsonify, request

    app = Flask("shop")

    @app.route("/items/<int:number>", methods=["GET", "POST"])
    def item(number):
        return jsonify(number=number, query=request.args.get("q"), sent=request.get_json(silent=True))

    client = app.test_client()
    answers = [client.get("/items/7?q=ü"), client.post("/items/8", json={"a": 1}), client.get("/none")]
    return [[answer.status_code, answer.get_json(silent=True)] for answer in answers]


@case("httpx")
def _():
    import httpx

    def answer(request):
        return httpx.Response(200, json={"url": str(request.url), "sent": request.content.decode()})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="https://a.test") as client:
        return [client.post("/x", params={"q": "ü"}, json={"a": 1}).json(), httpx.URL("https://ü.test/a b").raw_path.decode()]


@case("jmespath")
def _():
    import jmespath

    return jmespath.search(
        "people[?age > `30`].name | sort(@)", {"people": [{"name": "b", "age": 40}, {"name": "a", "age": 31}, {"age": 1}]}
    )


@case("lark")
def _():
    from lark import Lark, UnexpectedInput

    grammar = 'start: NAME "=" value\nvalue: NUMBER | "[" [value ("," value)*] "]"\n%import common.CNAME -> NAME\n%import common.NUMBER\n'
    parser = Lark(grammar + '%ignore " "\n', parser="lalr")
    try:
        parser.parse("a = [1, ")
    except UnexpectedInput as error:
        return [parser.parse("a = [1, [2, 3]]").pretty(), type(error).__name__]


@case("oauthlib")
def _():
    from oauthlib.oauth1 import Client
    from oauthlib.oauth2 import WebApplicationClient

    _, headers, _ = Client("key", client_secret="secret", timestamp="1700000000", nonce="n").sign("https://a.test/x?b=%C3%BC%20c")
    return [
        headers["Authorization"],
        WebApplicationClient("id").prepare_request_uri("https://a.test/authorize", scope=["a", "b"], state="s"),
    ]


@case("pyotp")
def _():
    import pyotp

    code = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    return [
        code.at(1700000000),
        code.verify("000000", for_time=datetime(2025, 1, 1, tzinfo=UTC)),
        code.provisioning_uri(name="a@b.test", issuer_name="Büro"),
    ]


@case("sqlalchemy")
def _():
    from sqlalchemy import ForeignKey, create_engine, func, select
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

    class Base(DeclarativeBase):
        pass

    class Owner(Base):
        __tablename__ = "owner"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        pets: Mapped[list["Pet"]] = relationship(back_populates="owner")

    class Pet(Base):
        __tablename__ = "pet"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
        owner: Mapped[Owner] = relationship(back_populates="pets")

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Owner(name="Jürgen", pets=[Pet(), Pet()]))
        session.commit()
        query = select(Owner.name, func.count(Pet.id)).join(Pet).group_by(Owner.name)
        return [[list(row) for row in session.execute(query)], str(query)]


@case("sympy")
def _():
    import sympy

    x = sympy.symbols("x")
    equation, integral = sympy.solve(x**2 - 5 * x + 6, x), sympy.integrate(sympy.sin(x) * x, x)
    return [[str(each) for each in equation], str(integral), str(sympy.pi.n(30)), sympy.factorint(2**61 + 1)[3]]


@case("werkzeug")
def _():
    from werkzeug.security import check_password_hash, generate_password_hash
    from werkzeug.utils import secure_filename

    kept = generate_password_hash("geheim", "pbkdf2:sha256:50")
    return [check_password_hash(kept, "geheim"), check_password_hash(kept, "Geheim"), secure_filename("../ä b.txt")]
