"""The terms of a consent record as a person meets them: a label, one sentence on what it is for, how it is typed.

    SECTIONS ─▶ the form (api.pages.views.consent_form) and a record's page (api.pages.views.consent_record)

What a term means, and what is wrong with one, is `detector.terms` and `detector.record`'s to say; here are only words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.pages.views.vocabulary import MEDIA, RENEWALS, ROLES, UNITS, Entry, Section, Term
from detector.record import USE_KINDS
from detector.terms import ConsentKind

_GRANTED = frozenset(ConsentKind) - {ConsentKind.BIOMETRIC_ENROLMENT}
"""Kinds that are granted to a client."""

_E = Entry

SECTIONS: tuple[Section, ...] = (
    Section(
        "signed",
        "Who signs",
        "A consent counts only when the right person gave it.",
        (
            Term(
                "grantor.role", "Signed by", "Who gives the consent: normally the talent.", _E.SELECT, ROLES
            ),
            Term("grantor.name", "Name of the signer", "The person whose signature is under the document."),
            Term(
                "grantor.authority",
                "Authority",
                "Whoever signs for somebody else names the paper that lets them, such as a power of attorney.",
            ),
            Term(
                "grantor.countersigned",
                "The talent signed too",
                "An agent alone never suffices for a replica: the talent must sign beside the agent.",
                _E.FLAG,
            ),
            Term(
                "subject.minor",
                "The talent was a minor",
                "Whoever was under age when it was signed needs a guardian's signature.",
                _E.FLAG,
            ),
            Term(
                "subject.estate",
                "The talent has died",
                "For somebody who has died only the estate can consent.",
                _E.FLAG,
            ),
        ),
    ),
    Section(
        "client",
        "Who may use it",
        "The consent covers this client and nobody else.",
        (
            Term(
                "grantee.client",
                "Client",
                "The company that is allowed to; capitals and spacing don't matter.",
                example="Northwind",
            ),
            Term(
                "grantee.affiliates",
                "Affiliates",
                "Companies that count as the client; others are not covered.",
                _E.LINES,
            ),
            Term(
                "grantee.domains",
                "Web domains",
                "The client's own websites: a picture found there is taken for the client's.",
                _E.LINES,
                example="northwind.example",
            ),
            Term(
                "grantee.processors",
                "AI vendors",
                "Companies that work for the client; they may use nothing for themselves.",
                _E.LINES,
            ),
            Term(
                "grantee.sublicence",
                "The client may sub-license",
                "Others may then use it through the client; such a use still goes to a person for review.",
                _E.FLAG,
            ),
        ),
        _GRANTED,
    ),
    Section(
        "scope",
        "What may be used",
        "Nothing unstated is ever read as unlimited: name what is allowed, or tick “any”.",
        (
            Term(
                "scope.media",
                "Media",
                "Where the pictures may appear; a use in any other medium is outside.",
                _E.CHOICES,
                MEDIA,
            ),
            Term(
                "scope.assets",
                "Pictures",
                "Which pictures, by the client's own name for them or by the id of a reference.",
                _E.WORDS,
            ),
            Term(
                "scope.campaigns",
                "Campaigns",
                "Which campaigns.",
                _E.WORDS,
                example="spring-2026",
            ),
            Term("scope.products", "Products", "Which product lines.", _E.WORDS),
            Term(
                "scope.alterations",
                "Alterations",
                "What may be changed in the picture, such as background, garment or pose.",
                _E.WORDS,
                example="background",
            ),
        ),
        _GRANTED,
    ),
    Section(
        "exclusions",
        "What stays forbidden",
        "Exceptions inside what is allowed above; leave empty where there are none.",
        (
            Term("scope.exclusions.media", "Media", "These media stay forbidden.", _E.SOME, MEDIA),
            Term(
                "scope.exclusions.products",
                "Products",
                "These products stay forbidden, such as fur or alcohol.",
                _E.LINES,
            ),
            Term(
                "scope.exclusions.campaigns",
                "Campaigns",
                "These campaigns stay forbidden.",
                _E.LINES,
            ),
            Term(
                "scope.exclusions.assets",
                "Pictures",
                "These pictures stay forbidden.",
                _E.LINES,
            ),
            Term(
                "scope.exclusions.alterations",
                "Alterations",
                "These changes stay forbidden.",
                _E.LINES,
            ),
        ),
        _GRANTED,
        folded=True,
    ),
    Section(
        "purpose",
        "What for",
        "A replica clause without a reasonably specific purpose is void.",
        (
            Term(
                "purpose.code",
                "Purpose in a word",
                "The word that a use is compared with; “any” excludes none, and a person should look at that.",
                example="ecommerce",
            ),
            Term(
                "purpose.description",
                "Purpose in a sentence",
                "What the pictures are for, so that the talent knew what they signed: at least 20 characters.",
                _E.LONG,
                example="Product pages and posts of the spring 2026 range",
            ),
        ),
        _GRANTED,
    ),
    Section(
        "pay",
        "What for it",
        "A replica consent must say what is paid, or that the talent knows that nothing is.",
        (
            Term(
                "pay.amount",
                "Amount",
                "What is paid, per unit; of a royalty the percentage.",
                example="1800.00",
            ),
            Term("pay.currency", "Currency", "As three letters; a royalty needs none.", example="EUR"),
            Term("pay.unit", "Paid", "What the amount is paid for.", _E.SELECT, UNITS),
            Term("pay.unpaid", "Nothing is paid", "Instead of an amount.", _E.FLAG),
            Term(
                "pay.unpaid_acknowledged",
                "The talent acknowledged that",
                "Unpaid counts only when the talent said in writing that they know it.",
                _E.FLAG,
            ),
        ),
        _GRANTED,
    ),
    Section(
        "duration",
        "How long",
        "Both days are included. A replica consent must name both.",
        (
            Term("duration.valid_from", "From", "The first day on which it holds.", _E.DAY),
            Term("duration.valid_to", "To", "The last day on which it holds, to its end.", _E.DAY),
            Term(
                "duration.timezone",
                "Time zone",
                "Where those days begin and end; every date of this record is read there.",
                example="Europe/Paris",
            ),
            Term(
                "duration.renewal",
                "Afterwards",
                "A consent is never renewed by itself: the talent must say yes.",
                _E.SELECT,
                RENEWALS,
            ),
        ),
    ),
    Section(
        "territory",
        "Where",
        "Outside these countries nothing is allowed.",
        (
            Term(
                "territory.include",
                "Countries",
                "Where the pictures may appear, as two-letter codes (GB, not UK), or WORLD.",
                _E.CODES,
                example="FR DE GB",
            ),
            Term("territory.exclude", "Except", "Countries that stay out.", _E.CODES, example="US"),
        ),
        _GRANTED,
    ),
    Section(
        "ai",
        "AI terms",
        "Limits on how a replica is made, and what it must carry. Unsaid sets no limit beyond the kind of consent.",
        (
            Term("ai.generation", "Generation", "Whether the likeness may be generated anew.", _E.MAYBE),
            Term("ai.training", "Training", "Whether a network may learn from the pictures.", _E.MAYBE),
            Term(
                "ai.label_required",
                "A label is required",
                "The picture must say to whoever sees it that AI made it.",
                _E.FLAG,
            ),
            Term(
                "ai.c2pa_required",
                "C2PA credentials are required",
                "The file must carry a signed statement of how it was made.",
                _E.FLAG,
            ),
            Term("ai.tools", "Tools", "The only tools that may be used.", _E.LINES),
            Term(
                "ai.digital_source_types",
                "Source types",
                "The only IPTC DigitalSourceType terms that a file may declare.",
                _E.LINES,
                example="trainedAlgorithmicMedia",
            ),
        ),
        USE_KINDS - {ConsentKind.PHOTO_USE},
    ),
    Section(
        "form",
        "How it was signed",
        "A record without a signature is a draft. A replica consent must stand apart and be easy to see.",
        (
            Term(
                "form.signed_at",
                "Signed on",
                "The day, and the time if it is known: what was published or made before is not covered.",
                _E.MOMENT,
            ),
            Term("form.method", "Method", "How it was signed, such as by hand or e-signature."),
            Term(
                "form.separate",
                "Separate from the representation agreement",
                "The law asks for a consent of its own for a replica, not a clause among others.",
                _E.FLAG,
            ),
            Term(
                "form.conspicuous",
                "Clear and conspicuous",
                "Written so that the talent could not overlook or misread it.",
                _E.FLAG,
            ),
            Term(
                "form.document",
                "Signed document",
                "Its name or number, by which it can be found again.",
                example="northwind-2026.pdf",
            ),
            Term(
                "form.document_sha256",
                "SHA-256 of the document",
                "Proves later that the document was not exchanged.",
            ),
            Term(
                "form.disclosure_sha256",
                "SHA-256 of the disclosure",
                "The same for the text that told the talent what they were agreeing to.",
            ),
        ),
    ),
    Section(
        "privacy",
        "How long it is kept",
        "A biometric release ends on this day, and with it the recognising.",
        (
            Term(
                "privacy.retention_until",
                "Keep until",
                "The last day on which the record, or the template that it allows, may be kept.",
                _E.DAY,
            ),
        ),
    ),
    Section(
        "life",
        "Offer and dispute",
        "Only where it applies.",
        (
            Term("life.offered_at", "Offered on", "When it was put to the talent.", _E.DAY),
            Term(
                "life.suspended_at",
                "In dispute since",
                "From then on it authorises nothing and accuses nobody.",
                _E.DAY,
            ),
            Term("life.suspended_until", "Until", "When the dispute ended; empty while it lasts.", _E.DAY),
            Term("life.suspension_reason", "Dispute about", "In a few words."),
        ),
        folded=True,
    ),
)
"""Everything that a person may state, in the order of the form."""

CARRIED = frozenset(
    {
        "life.revoked_at",
        "life.effective_at",
        "life.revocation_reason",
        "privacy.erasure_requested_at",
        "privacy.legal_hold",
    }
)
"""What a new version takes over from the one before: these are changed by acts of their own."""

TERMS: Mapping[str, Term] = {term.path: term for section in SECTIONS for term in section.terms}


def sections_of(kind: ConsentKind | None) -> tuple[Section, ...]:
    """The sections that a record of this kind has; all of them while the kind is open."""
    return tuple(section for section in SECTIONS if kind is None or kind in section.kinds)


def terms_of(sections: Iterable[Section]) -> tuple[Term, ...]:
    return tuple(term for section in sections for term in section.terms)
