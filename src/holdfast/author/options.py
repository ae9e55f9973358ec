"""How an author wants a project built."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class GuestEngine(StrEnum):
    """The JavaScript engine that a component contains."""

    QUICKJS = "quickjs"
    STARLINGMONKEY = "starlingmonkey"


class BuildOptions(Struct, frozen=True):
    """What differs from an ordinary build.

    - `engine`: the JavaScript engine of the component; None means the default, QuickJS
    - `strict`: a type error fails the build; otherwise it is only reported
    - `development`: for `holdfast dev` only; the result can never be packed
    - `skip_install`: never runs `npm install`
    - `force`: builds everything, also what has not changed
    """

    engine: GuestEngine | None = None
    strict: bool = False
    development: bool = False
    skip_install: bool = False
    force: bool = False

    @property
    def guest_engine(self) -> GuestEngine:
        """The engine to build for: the chosen one, or the default."""
        return self.engine or GuestEngine.QUICKJS
