"""Pictures signed with throw-away certificates through the real C2PA library: what the tests of credentials read.

`Authority` issues signers; `signed` puts a manifest into a picture. Nothing here is trusted by anybody but a test that
puts the authority's certificate on a trust list.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import c2pa
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image, PngImagePlugin

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DAY = timedelta(days=1)


@dataclass
class Authority:
    """One that issues signers' certificates."""

    name: str = "Throw-away Authority"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        builder = _certificate(self.name, self.name, self.key.public_key(), now - 900 * DAY, now + 900 * DAY)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(usage, True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def signer(self, name: str = "Camera 7", lasts: timedelta = 30 * DAY) -> c2pa.Signer:
        """A signer whose certificate was issued yesterday and lasts so long from now."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        builder = _certificate(name, self.name, key.public_key(), now - DAY, now + lasts)
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        for extension, critical in (
            (x509.BasicConstraints(False, None), True),
            (usage, True),
            (purpose, False),
            (issuer, False),
        ):
            builder = builder.add_extension(extension, critical)
        chain = builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM) + self.pem.encode()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, secret, None))


def _certificate(
    name: str, issuer: str, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    )


def _named(name: str) -> x509.Name:
    parts = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, f"{name} Ltd"))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def created(term: str, tool: str | None = None) -> dict[str, Any]:
    """The action that says how a picture came to be."""
    agent = {"softwareAgent": {"name": tool}} if tool else {}
    return {"action": "c2pa.created", "digitalSourceType": IPTC + term, **agent}


@dataclass(frozen=True)
class Says:
    """What a manifest is to say. `ingredients`: title, relationship, encoded JPEG."""

    actions: Sequence[Mapping[str, Any]] = (created("digitalCapture"),)
    ingredients: Sequence[tuple[str, str, bytes]] = ()
    assertions: Sequence[Mapping[str, Any]] = ()

    @property
    def json(self) -> str:
        actions = {"label": "c2pa.actions.v2", "data": {"actions": list(self.actions)}}
        return json.dumps(
            {
                "claim_generator_info": [{"name": "Test Maker", "version": "1.2"}],
                "title": "picture",
                "assertions": [actions, *self.assertions],
            }
        )


def signed(picture: bytes, says: Says, signer: c2pa.Signer, mime: str = "image/jpeg") -> bytes:
    """The picture with an embedded manifest."""
    out = io.BytesIO()
    with _builder(says) as builder:
        builder.sign(signer, mime, io.BytesIO(picture), out)
    return out.getvalue()


def signed_elsewhere(picture: bytes, says: Says, signer: c2pa.Signer, url: str) -> tuple[bytes, bytes]:
    """The picture that only names the address of its manifest, and that manifest."""
    out = io.BytesIO()
    with _builder(says) as builder:
        builder.set_no_embed()
        builder.set_remote_url(url)
        manifest = builder.sign(signer, "image/jpeg", io.BytesIO(picture), out)
    return out.getvalue(), manifest


def _builder(says: Says) -> c2pa.Builder:
    builder = c2pa.Builder.from_json(says.json)
    for title, relationship, picture in says.ingredients:
        about = json.dumps({"title": title, "relationship": relationship})
        builder.add_ingredient(about, "image/jpeg", io.BytesIO(picture))
    return builder


def expired(picture: bytes, says: Says, authority: Authority) -> bytes:
    """Signed while the certificate was valid, given back once it no longer is. The library signs with no expired one."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    out = signed(picture, says, authority.signer(lasts=ends - datetime.now(UTC)))
    while datetime.now(UTC) <= ends + timedelta(seconds=1, milliseconds=100):
        time.sleep(0.05)
    return out


def tampered(picture: bytes) -> bytes:
    """One byte of a JPEG's pixels changed, near its end."""
    at = len(picture) - 40
    return picture[:at] + bytes([picture[at] ^ 1]) + picture[at + 1 :]


def drawn(seed: int = 0, kind: str = "JPEG", size: tuple[int, int] = (160, 120), **saved: Any) -> bytes:
    """A small picture of soft blots, other ones for each seed."""
    blots = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blots).resize(size, Image.Resampling.BICUBIC).save(buffer, kind, **saved)
    return buffer.getvalue()


def png_with(**texts: str) -> bytes:
    """A PNG with these text chunks."""
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    return drawn(kind="PNG", pnginfo=info)


def xmp(*properties: str) -> bytes:
    """An XMP packet with these elements in its one description."""
    spaces = {
        "dc": "http://purl.org/dc/elements/1.1/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    }
    named = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in spaces.items())
    inner = f"<rdf:Description rdf:about=''>{''.join(properties)}</rdf:Description>"
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF {named}>{inner}</rdf:RDF></x:xmpmeta>".encode()
