"""Listening sockets, and the error for a port in use."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from holdfast.processes.sockets import AddressUnusable, PortTaken, listen, origin_of, port_of


def open_socket(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    return listen(host, port, purpose="the runner", flag="--runner-port", variable="RUNNER_PORT")


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with closing(open_socket()) as listening:
        yield listening


def test_port_0_picks_a_free_port_that_accepts_connections(taken: socket.socket) -> None:
    assert port_of(taken) > 0
    with socket.create_connection(("127.0.0.1", port_of(taken))):
        pass


def test_a_taken_port_is_named_with_its_owner_and_how_to_change_it(taken: socket.socket) -> None:
    with pytest.raises(PortTaken) as error:
        open_socket(port=port_of(taken))
    message = str(error.value)
    assert f"Port {port_of(taken)}" in message
    assert f"by {psutil.Process().name()} (pid {os.getpid()})" in message
    assert "--runner-port" in message and "RUNNER_PORT" in message


def test_an_owner_that_the_system_does_not_report_is_left_out(taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(kind: str) -> list[object]:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    with pytest.raises(PortTaken, match=re.escape("needed by the runner, is taken. Choose")):
        open_socket(port=port_of(taken))


def test_an_address_of_another_machine_is_rejected() -> None:
    with pytest.raises(AddressUnusable, match="HOLDFAST_HOST"):
        open_socket(host="192.0.2.1")


def test_a_name_that_does_not_resolve_is_rejected() -> None:
    with pytest.raises(AddressUnusable, match=re.escape("nowhere.invalid")):
        open_socket(host="nowhere.invalid")


def test_the_origin_of_all_addresses_is_the_loopback() -> None:
    with closing(open_socket(host="0.0.0.0")) as listening:
        assert origin_of(listening) == f"http://127.0.0.1:{port_of(listening)}"
