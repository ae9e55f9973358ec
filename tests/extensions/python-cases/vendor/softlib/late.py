"""Imported only during calls."""

from pathlib import Path


def text():
    return Path(__file__).with_name("texts").joinpath("hello.txt").read_text(encoding="utf-8")
