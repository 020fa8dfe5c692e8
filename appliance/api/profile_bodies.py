"""What requests about a voice profile say."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from appliance.api.bodies import Language
from appliance.languages import parse_language
from appliance.profiles.ceremony import Wanted

DAY_S = 86_400.0
_TEXT = r"^[^\x00-\x1f\x7f]+$"


class ProfileIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What consent is asked for."""

    subject: Annotated[
        str, Meta(min_length=1, max_length=120, pattern=_TEXT, description="Who is to consent, as they say their name.")
    ]
    purpose: Annotated[
        str, Meta(min_length=1, max_length=200, pattern=_TEXT, description="What for, as it is read aloud.")
    ]
    languages: Annotated[
        list[Language], Meta(min_length=1, max_length=50, description="Languages that the voice may speak.")
    ]
    days: Annotated[int, Meta(ge=1, le=1825, description="How long the consent is valid; then the profile is erased.")]
    statement_language: Annotated[
        Language, Meta(description="Language of the statement: one that the subject understands.")
    ] = "en"

    def wanted(self) -> Wanted:
        """Return what the ceremony is about; UnknownLanguage for a tag that is not one."""
        return Wanted(
            subject=self.subject,
            purpose=self.purpose,
            languages=tuple(dict.fromkeys(parse_language(tag) for tag in self.languages)),
            valid_s=self.days * DAY_S,
            statement_language=parse_language(self.statement_language),
        )


class SampleWishes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but the audio."""

    kind: Annotated[
        Literal["consent", "sample"], Meta(description="The reading of the statement, or a further recording.")
    ] = "sample"


class SampleJson(SampleWishes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording for the voice profile."""

    audio: Annotated[bytes | None, Meta(description="The recording, base64.")] = None
