"""The way out: which addresses are public, and that nothing else is ever connected to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.outgoing import Address, Answer, Call, Deadline, Gate, Patience, Web, is_public, readable_url
from detector.errors import UnfetchableInput
from tests.data.sites import QUICK, Names, Site, code_of, here_only, running, saying


def ask(web: Web, url: str, most: int = 1000) -> Answer:
    return web.exchange(Call(httpx2.URL(url)), web.deadline(), most)


# Which addresses are public


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.8.8.8", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:7f00:1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "fe80::1", "fe80::1%1", "fec0::1", "fc00::1",
        "fd12:3456::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:0808:0808::1", "3fff::1", "100::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1",
        "2606:4700::1", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
    ],
)  # fmt: skip
def test_public_hosts_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_written_as_ipv6_is_judged_as_what_it_stands_for(address: IPv4Address) -> None:
    for prefix in (0xFFFF << 32, 0x64FF9B << 96):
        assert is_public(IPv6Address(prefix | int(address))) is is_public(address)


@given(st.ip_addresses())
def test_no_special_address_is_public(address: Address) -> None:
    if is_public(address):
        inner = getattr(address, "ipv4_mapped", None) or address
        assert not any((inner.is_loopback, inner.is_link_local, inner.is_multicast, inner.is_unspecified))


# Which addresses may be asked for


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://pictures.test/a",
        "gopher://pictures.test/",
        "data:image/png;base64,AA",
        "//x/y",
        "http://",
        "http://u:p@pictures.test/",
        "http://pictures.test:25/",
        "http://pictures.test:0/",
        "a picture",
        "http://pictures.test/\r\nX: 1",
        "http://pictures.test:99999/",
        "http://pict\x00ures.test/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    assert code_of(lambda: readable_url(url)) == "bad_url"


@pytest.mark.parametrize(
    "url", ["http://pictures.test/a", "https://pictures.test:8443/a?b=1", "http://[2606:4700::1]/"]
)
def test_web_addresses_are_read(url: str) -> None:
    assert str(readable_url(url)) == url


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "0177.0.1", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_every_spelling_of_this_machine_is_refused_by_the_system_s_own_resolver(host: str) -> None:
    with running(Site("127.0.0.1", saying(b"secret"))) as site:
        assert (
            code_of(lambda: ask(Web("t", patience=QUICK), f"http://{host}:{site.port}/")) == "address_refused"
        )
    assert site.paths == []


# The connection goes where was looked


def test_a_name_that_changes_its_address_cannot_change_the_connection() -> None:
    """The resolver answers a permitted address first and a private one ever after; the private server hears nothing."""
    names = Names(pictures_test=[["127.0.0.1"], ["127.0.0.2"]])
    web = Web("t", Gate(names, here_only), QUICK)
    with (
        running(Site("127.0.0.1", saying(b"picture"))) as site,
        running(_beside(site, "127.0.0.2")) as private,
    ):
        url = f"http://pictures.test:{site.port}/a"
        assert ask(web, url).body == b"picture"
        assert names.asked == ["pictures.test"]
        assert code_of(lambda: ask(web, url)) == "address_refused"
    assert (site.paths, private.paths) == (["/a"], [])
    assert site.hosts == [f"pictures.test:{site.port}"]


def _beside(site: Site, address: str) -> Site:
    """A private server on the same port of another address."""
    other = Site(address, saying(b"secret"))
    other.server.server_close()
    other.server = ThreadingHTTPServer((address, site.port), other.server.RequestHandlerClass)
    return other


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    names = Names(pictures_test=[["127.0.0.1", "10.0.0.1"]])
    with running(Site("127.0.0.1", saying(b"picture"))) as site:
        web = Web("t", Gate(names, here_only), QUICK)
        assert code_of(lambda: ask(web, f"http://pictures.test:{site.port}/")) == "address_refused"
    assert site.paths == []


def test_an_unknown_host_and_a_private_one_read_alike() -> None:
    names = Names(private_test=[["10.0.0.1"]])
    web = Web("t", Gate(names, here_only), QUICK)
    texts = []
    for host in ("private.test", "unknown.test"):
        with pytest.raises(UnfetchableInput) as raised:
            ask(web, f"http://{host}/")
        texts.append(raised.value.detail.replace(host, "HOST"))
    assert texts[0] == texts[1]
    assert "10.0.0.1" not in texts[0]


def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with running(Site("127.0.0.1", saying(b"picture"))) as site:
        names = Names(pictures_test=[["127.0.0.3", "127.0.0.1"]])
        web = Web("t", Gate(names, lambda address: address.is_loopback), QUICK)
        assert ask(web, f"http://pictures.test:{site.port}/").body == b"picture"


# Bytes and time are counted


def test_more_bytes_than_wanted_are_not_read_whether_announced_or_not() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            return

    web = Web("t", Gate(Names(pictures_test=[["127.0.0.1"]]), here_only), QUICK)
    for answer in (endless, saying(b"x" * 1001)):
        with running(Site("127.0.0.1", answer)) as site:
            assert code_of(lambda: ask(web, f"http://pictures.test:{site.port}/")) == "too_large"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["in the headers", "in the body"])
def test_a_server_that_drips_is_left_at_the_total(head: bytes) -> None:
    left = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head or b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while not left.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:
            left.set()

    patience = Patience(connect=2.0, silence=1.0, total=0.4)
    web = Web("t", Gate(Names(pictures_test=[["127.0.0.1"]]), here_only), patience)
    with running(Site("127.0.0.1", dripping)) as site:
        assert code_of(lambda: ask(web, f"http://pictures.test:{site.port}/", 10**9)) == "fetch_timeout"
        left.set()


def test_a_resolver_that_hangs_is_left_too() -> None:
    left = threading.Event()

    def hanging(host: str, port: int) -> Sequence[str]:
        left.wait()
        return []

    web = Web("t", Gate(hanging, here_only), Patience(total=0.1))
    try:
        assert code_of(lambda: ask(web, "http://pictures.test/")) == "fetch_timeout"
    finally:
        left.set()


def test_what_is_no_http_and_a_closed_port_are_failures_of_that_address() -> None:
    web = Web("t", Gate(Names(pictures_test=[["127.0.0.1"]]), here_only), QUICK)
    with running(
        Site("127.0.0.1", lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n") and None)
    ) as site:
        assert code_of(lambda: ask(web, f"http://pictures.test:{site.port}/")) == "fetch_failed"
    assert code_of(lambda: ask(web, f"http://pictures.test:{site.port}/")) == "fetch_failed"


@given(st.floats(0.01, 1e6), st.lists(st.floats(0, 1e5)), st.none() | st.floats(0, 1e6))
def test_a_deadline_gives_out_no_more_than_is_left(
    total: float, steps: list[float], wanted: float | None
) -> None:
    now = [0.0]
    deadline = Deadline(total, lambda: now[0])
    for step in steps:
        now[0] += step
        if now[0] >= total:
            assert code_of(lambda: deadline.at_most(wanted)) == "fetch_timeout"
        else:
            assert deadline.at_most(wanted) <= total - now[0]


# TLS


def test_tls_is_asked_for_the_name_although_the_address_is_connected_to(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, "pictures.test")
    trusting = ssl.create_default_context(cafile=certificate)
    with running(Site("127.0.0.1", saying(b"picture"))) as site:
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(certificate)
        site.server.socket = serving.wrap_socket(site.server.socket, server_side=True)
        names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
        web = Web("t", Gate(names, here_only), QUICK, trusting)
        assert ask(web, f"https://pictures.test:{site.port}/").body == b"picture"
        assert code_of(lambda: ask(web, f"https://other.test:{site.port}/")) == "fetch_failed"
        distrusting = Web("t", Gate(names, here_only), QUICK)
        assert code_of(lambda: ask(distrusting, f"https://pictures.test:{site.port}/")) == "fetch_failed"


def _certificate(folder: Path, name: str) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_request_with_a_body_goes_the_same_way() -> None:
    web = Web("t", Gate(Names(hooks_test=[["127.0.0.1"]]), here_only), QUICK)
    with running(Site("127.0.0.1", saying(b"", 204))) as site:
        url = httpx2.URL(f"http://hooks.test:{site.port}/hook")
        answer = web.exchange(Call(url, "POST", {"Content-Type": "text/plain"}, b"event"), web.deadline(), 10)
    assert (answer.status, site.bodies, site.paths) == (204, [b"event"], ["/hook"])
