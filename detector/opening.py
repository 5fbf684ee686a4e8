"""Opening one picture: its pixels, what its file says of itself, and what it holds of the pictures it was made from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from detector.credentials.claims import Credentials
from detector.errors import InputError
from detector.imagery import DecodedImage
from detector.ports import Decoder, ReadsCredentials
from detector.stages import Stages


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """One picture decoded. `ingredients`: the decoded pictures in its manifest, with the place there of the ingredient
    that each shows. They are looked at like pictures of their own."""

    image: DecodedImage
    credentials: Credentials | None = None
    ingredients: tuple[tuple[int, DecodedImage], ...] = ()

    @property
    def images(self) -> tuple[DecodedImage, ...]:
        return (self.image, *(image for _, image in self.ingredients))


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens pictures. Without `credentials` nobody asks what a file says of itself."""

    decode: Decoder
    stages: Stages
    credentials: ReadsCredentials | None = None

    def open(self, data: bytes | InputError, source: str) -> Opened | InputError:
        """The picture, or why there is none: the error comes back as a value, since it costs only this picture."""
        if isinstance(data, InputError):
            return data
        try:
            with self.stages.timed("decode"):
                image = self.decode(data, source=source)
        except InputError as error:
            return error
        if self.credentials is None:
            return Opened(image)
        with self.stages.timed("credentials"):
            credentials = self.credentials.read(data)
            return Opened(image, credentials.without_pictures(), tuple(self._pictures_in(credentials)))

    def _pictures_in(self, credentials: Credentials) -> Iterator[tuple[int, DecodedImage]]:
        """The ingredients that can be looked at; one that can't be decoded costs nothing but itself."""
        ingredients = credentials.manifest.ingredients if credentials.manifest else ()
        for place, ingredient in enumerate(ingredients):
            if ingredient.picture is not None:
                with contextlib.suppress(InputError):
                    yield place, self.decode(ingredient.picture, source="an ingredient")
