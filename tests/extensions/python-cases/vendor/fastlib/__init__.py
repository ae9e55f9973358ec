"""Needs its compiled part."""

from fastlib import core

speed = core.speed
