"""Logging in and out with a form: the session cookie, and the check that the form is the console's own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from holdfast.console.addresses import local_target
from holdfast.console.attempts import LoginAttempts
from holdfast.console.notices import OTHER_SITE, show_notice
from holdfast.console.shell import Console
from holdfast.errors import HoldfastError
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.gateway.http.requests import read_body
from holdfast.records.accounts import LoginRefused, login
from holdfast.records.sessions import create_session, revoke_session

_MAX_FORM_BYTES = 16 * 1024
_MAX_PASSWORD = 1024
_MAX_TOKEN = 512


class TooManyAttempts(HoldfastError):
    """Raised when an account was tried too often from one address."""

    code = "too_many_attempts"
    status = 429


class FormInvalid(HoldfastError):
    """Raised when a login form is not the one the console serves."""

    code = "form_invalid"
    status = 400


@dataclass(frozen=True)
class _Form:
    email: str
    password: str
    next: str


def signing_in_routes(console: Console, attempts: LoginAttempts | None = None) -> list[Route]:
    """GET and POST /login, POST /logout."""
    door = _Door(console, attempts or LoginAttempts())
    return [
        Route("/login", door.show, methods=["GET"]),
        Route("/login", door.log_in, methods=["POST"]),
        Route("/logout", door.log_out, methods=["POST"]),
    ]


class _Door:
    def __init__(self, console: Console, attempts: LoginAttempts) -> None:
        self._console = console
        self._attempts = attempts

    async def show(self, request: Request) -> Response:
        target = local_target(request.query_params.get("next"))
        if await self._console.visitor(request) is not None:
            return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})
        return self._form(target)

    async def log_in(self, request: Request) -> Response:
        if not _from_own_page(request):
            return show_notice(self._console.pages, OTHER_SITE)
        form = _Form("", "", "/")
        try:
            form = _read_form(request.headers.get("content-type", ""), await read_body(request, _MAX_FORM_BYTES))
            return await self._admit(request, form)
        except TooManyAttempts as error:
            return self._form(form.next, form.email, error, {"retry-after": str(error.details["retryAfterSeconds"])})
        except HoldfastError as error:
            return self._form(form.next, form.email, error)

    async def _admit(self, request: Request, form: _Form) -> Response:
        db = self._console.services.db
        address = request.client.host if request.client else ""
        wait = self._attempts.wait(form.email, address)
        if wait > 0:
            raise TooManyAttempts(
                "Too many attempts with a wrong password.",
                hint=f"Try again in {-(-wait // 60)} min.",
                details={"retryAfterSeconds": wait},
            )
        # Counted before the check: attempts that run at the same time must not all slip through under the limit.
        self._attempts.failed(form.email, address)
        if len(form.password) > _MAX_PASSWORD:
            raise LoginRefused("The email address or the password is wrong.", hint="Check both and sign in again.")
        identity = await login(db, form.email, form.password)
        self._attempts.succeeded(form.email, address)
        # A new session for each login: a token that somebody planted in this browser beforehand is worth nothing.
        await self._end_session(request)
        token, expires = await create_session(db, identity, now=self._console.services.now)
        response = RedirectResponse(form.next, status_code=303, headers={"cache-control": "no-store"})
        response.set_cookie(
            SESSION_COOKIE, token, expires=expires, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax"
        )
        return response

    async def log_out(self, request: Request) -> Response:
        if not _from_own_page(request):
            return show_notice(self._console.pages, OTHER_SITE)
        await self._end_session(request)
        response = RedirectResponse("/login", status_code=303, headers={"cache-control": "no-store"})
        response.delete_cookie(SESSION_COOKIE, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax")
        return response

    async def _end_session(self, request: Request) -> None:
        token = request.cookies.get(SESSION_COOKIE, "")
        if 0 < len(token) <= _MAX_TOKEN:
            await revoke_session(self._console.services.db, token)

    def _form(self, target: str, email: str = "", problem: HoldfastError | None = None, headers: dict[str, str] | None = None) -> Response:
        values = {"next": target, "email": email, "problem": problem}
        return self._console.pages.answer("login.html", values, status=problem.status if problem else 200, headers=headers)


def _from_own_page(request: Request) -> bool:
    """Browsers send Origin with every form; a missing one is no browser of ours, `null` is a sandboxed frame."""
    sent, own = urlsplit(request.headers.get("origin", "")), request.url
    return (sent.scheme, sent.netloc.lower()) == (own.scheme, request.headers.get("host", "").lower())


def _read_form(content_type: str, body: bytes) -> _Form:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormInvalid("That is not the login form.", hint="Load this page again.")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict"))
    except ValueError:
        raise FormInvalid("The login form could not be read.", hint="Load this page again.") from None
    email, password = fields.get("email", "").strip()[:320], fields.get("password", "")
    if not email or not password:
        raise FormInvalid("Enter your email address and your password.")
    return _Form(email, password, local_target(fields.get("next")))
