"""What a file says of itself: C2PA manifest, IPTC and XMP fields, the traces of generators.

    bytes ─ ManifestReader ─▶ Manifest       signed, checked against the trust list        manifests.py, store_json.py
          ─ read_metadata ──▶ Metadata       EXIF, XMP, IPTC, text chunks                   metadata.py, xmp.py
    both  ─ claims_of ──────▶ SourceClaims   who says that it was captured or made with AI  reading.py, generators.py

`CredentialReader.read` is these lines. `detector.origin` turns the claims into the synthetic class that the rules use;
docs/credentials.md tells which claim counts for what. Absence is a value and accuses nobody.
"""
