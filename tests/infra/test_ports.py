"""A port that nobody has, and that the system gives to nobody by itself."""

import socket
import threading

import pytest

from fakelake.infra.ports import ASKED, free_port, listens, reached_at, speaks_http


def test_a_free_port_can_be_had_and_listened_on():
    port = free_port()
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert listens(port)
    assert not listens(port)


def test_it_is_none_that_linux_hands_out_by_itself_nor_one_of_rays():
    lowest = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])  # noqa: PTH123, SIM115
    assert free_port() in ASKED
    assert max(ASKED) < lowest and min(ASKED) > 19_999


def test_what_listens_everywhere_is_reached_on_loopback_and_all_else_where_it_is():
    assert [reached_at(bound) for bound in ("127.0.0.1", "0.0.0.0", "::", "10.0.0.5")] == [
        "127.0.0.1", "127.0.0.1", "::1", "10.0.0.5",
    ]  # fmt: skip


def test_a_server_on_the_other_loopback_is_found_there():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert listens(server.getsockname()[1], "::1")
        assert not listens(server.getsockname()[1])


@pytest.mark.parametrize(("answer", "speaks"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", True), (b"220 mail\r\n", False)])
def test_any_answer_in_http_is_one_and_another_language_is_none(answer, speaks):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        assert speaks_http(server.getsockname()[1]) is speaks
