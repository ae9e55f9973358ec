"""Builds for `holdfast dev`: one component per engine, made once, and the code of a handler that it loads in each call."""
