"""The fields of a use, as the form of a check asks for them. What they may hold is `api.uses`' to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.templating import words
from detector.use import Medium

UNKNOWN = ("", "Not known")
FLAG = (UNKNOWN, ("yes", "Yes"), ("no", "No"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One field. `options` make it a choice; `kind` is the input's type otherwise."""

    name: str
    label: str
    hint: str = ""
    kind: str = "text"
    options: tuple[tuple[str, str], ...] = ()


MAIN = (
    Asked("client", "Client", "Who uses, or wants to use, the picture."),
    Asked("medium", "Medium", options=(UNKNOWN, *((str(each), words(each)) for each in Medium))),
    Asked("territory", "Territory", "A country's code, such as FR, or WORLD."),
    Asked("published_at", "Published on", "Verdicts on dated consents need it.", kind="date"),
    Asked("declared_ai", "Declared to be made or edited with AI", options=FLAG),
)
"""What a verdict nearly always needs."""

MORE = (
    Asked("purpose", "Purpose", "The code that consent records use, such as ecommerce."),
    Asked("domain", "Web domain", "Where it was published; it may tell the client."),
    Asked("campaign", "Campaign"),
    Asked("product", "Product"),
    Asked("asset", "Asset", "The brand's name of the picture."),
    Asked("alterations", "Alterations", "Several with | between them."),
    Asked("made_at", "Made on", kind="date"),
    Asked("seen_at", "Last seen on", kind="date"),
    Asked("labelled_ai", "Labelled as AI where it was shown", options=FLAG),
    Asked("has_c2pa", "Carries a C2PA manifest", options=FLAG),
    Asked("tool", "Tool that made it"),
    Asked("digital_source_type", "IPTC digital source type"),
)
"""What only some records limit."""
