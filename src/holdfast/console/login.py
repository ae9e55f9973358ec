"""Login and logout by form: sets and deletes the session cookie, and checks that the form is the console's own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from holdfast.console.error_pages import OTHER_SITE, render_error_page
from holdfast.console.login_rate_limit import LoginRateLimit
from holdfast.console.services import ConsoleServices
from holdfast.console.urls import local_target
from holdfast.errors import HoldfastError
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.gateway.http.requests import read_body
from holdfast.records.accounts import LoginRejected, login
from holdfast.records.sessions import create_session, revoke_session

_MAX_FORM_BYTES = 16 * 1024
_MAX_EMAIL_LENGTH = 320
_MAX_PASSWORD_LENGTH = 1024
_MAX_TOKEN_LENGTH = 512


class TooManyAttempts(HoldfastError):
    """Raised when too many logins of an account, or from an address, failed."""

    code = "too_many_attempts"
    status = 429


class FormInvalid(HoldfastError):
    """Raised when a request does not carry a complete login form."""

    code = "form_invalid"
    status = 400


@dataclass(frozen=True)
class _Form:
    email: str
    password: str
    next: str


def login_routes(console: ConsoleServices, rate_limit: LoginRateLimit) -> list[Route]:
    """GET and POST /login, POST /logout."""
    handlers = LoginHandlers(console, rate_limit)
    return [
        Route("/login", handlers.show_form, methods=["GET"]),
        Route("/login", handlers.log_in, methods=["POST"]),
        Route("/logout", handlers.log_out, methods=["POST"]),
    ]


class LoginHandlers:
    """The handlers of the login page; they share the rate limit."""

    def __init__(self, console: ConsoleServices, rate_limit: LoginRateLimit) -> None:
        self._console = console
        self._rate_limit = rate_limit

    async def show_form(self, request: Request) -> Response:
        target = local_target(request.query_params.get("next"))
        if await self._console.visitor(request) is not None:
            return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})
        return self._render_form(target)

    async def log_in(self, request: Request) -> Response:
        if not _is_from_own_page(request):
            return render_error_page(self._console.pages, OTHER_SITE)
        form = _Form("", "", "/")
        try:
            form = _parse_form(request.headers.get("content-type", ""), await read_body(request, _MAX_FORM_BYTES))
            return await self._start_session(request, form)
        except TooManyAttempts as error:
            return self._render_form(form.next, form.email, error, {"retry-after": str(error.details["retryAfterSeconds"])})
        except HoldfastError as error:
            return self._render_form(form.next, form.email, error)

    async def _start_session(self, request: Request, form: _Form) -> Response:
        """Checks the password and responds with a new session. Raises TooManyAttempts, LoginRejected."""
        db = self._console.gateway.db
        address = request.client.host if request.client else ""
        # Counts a failure before the check of the password.
        wait = self._rate_limit.begin(form.email, address)
        if wait > 0:
            raise TooManyAttempts(
                "Too many logins with a wrong password.",
                hint=f"Try again in {-(-wait // 60)} min.",
                details={"retryAfterSeconds": wait},
            )
        # Hashing takes time in proportion to the length.
        if len(form.password) > _MAX_PASSWORD_LENGTH:
            raise LoginRejected("The email address or the password is wrong.", hint="Check both and log in again.")
        identity = await login(db, form.email, form.password)
        self._rate_limit.record_success(form.email, address)
        # Each login gets a new session: a token that somebody planted in this browser before is worthless (session fixation).
        await self._end_session(request)
        token, expires = await create_session(db, identity, now=self._console.gateway.now)
        response = RedirectResponse(form.next, status_code=303, headers={"cache-control": "no-store"})
        response.set_cookie(
            SESSION_COOKIE, token, expires=expires, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax"
        )
        return response

    async def log_out(self, request: Request) -> Response:
        if not _is_from_own_page(request):
            return render_error_page(self._console.pages, OTHER_SITE)
        await self._end_session(request)
        response = RedirectResponse("/login", status_code=303, headers={"cache-control": "no-store"})
        response.delete_cookie(SESSION_COOKIE, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax")
        return response

    async def _end_session(self, request: Request) -> None:
        token = request.cookies.get(SESSION_COOKIE, "")
        if 0 < len(token) <= _MAX_TOKEN_LENGTH:
            await revoke_session(self._console.gateway.db, token)

    def _render_form(
        self, target: str, email: str = "", problem: HoldfastError | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        values = {"next": target, "email": email, "problem": problem}
        return self._console.pages.render("login.html", values, status=problem.status if problem else 200, headers=headers)


def _is_from_own_page(request: Request) -> bool:
    # Browsers send Origin with every form. Without it the request is not from a browser; `null` is a sandboxed frame.
    sent, own = urlsplit(request.headers.get("origin", "")), request.url
    return (sent.scheme, sent.netloc.lower()) == (own.scheme, request.headers.get("host", "").lower())


def _parse_form(content_type: str, body: bytes) -> _Form:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormInvalid("This is not the login form.", hint="Load this page again.")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict"))
    except ValueError:
        raise FormInvalid("The login form is malformed.", hint="Load this page again.") from None
    email, password = fields.get("email", "").strip()[:_MAX_EMAIL_LENGTH], fields.get("password", "")
    if not email or not password:
        raise FormInvalid("Enter your email address and your password.")
    return _Form(email, password, local_target(fields.get("next")))
