"""What a translation request says, the same whether it came as JSON or as a form."""

from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec
from msgspec import Meta

from appliance.audio.formats import AudioFormat
from appliance.errors import AudioMissing, InvalidRequest
from appliance.jobs.documents import Request
from appliance.languages import parse_language

_T = TypeVar("_T", bound=msgspec.Struct)
TARGETS_MAX = 20
Language = Annotated[str, Meta(min_length=2, max_length=35, description="BCP-47 tag, such as `fr` or `pt-BR`.")]

UserId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The application's user this is for; with a user token it may be left out.",
    ),
]


WebhookUrl = Annotated[
    str, Meta(max_length=2000, description="Told when the job ends; its host has to be on the site's list.")
]


class Wishes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but the audio. Give `target_lang` or `target_langs`."""

    user_id: UserId | None = None
    target_lang: Language | None = None
    target_langs: Annotated[list[Language], Meta(min_length=1, max_length=TARGETS_MAX)] | None = None
    source_lang: Annotated[
        Language | None, Meta(description="Language of the recording; left out, it is detected.")
    ] = None
    voice: Annotated[
        Literal["speaker", "stock", "profile"],
        Meta(
            description="`speaker` is the user's voice profile, or with consent the recording's own speaker, or else a "
            "stock voice; `profile` is refused without a profile."
        ),
    ] = "speaker"
    consent: Annotated[
        bool,
        Meta(description="The application attests that the speaker agreed to the use of their voice for this job."),
    ] = False
    format: Annotated[AudioFormat, Meta(description="Of the translated audio.")] = "wav"
    allow_deepl: Annotated[
        bool, Meta(description="Let the text leave the site for DeepL where site policy allows.")
    ] = False

    def request(self, webhook_url: str | None = None) -> Request:
        """Return the request that jobs are made of; UnknownLanguage for a tag that is not one."""
        named = [*([self.target_lang] if self.target_lang else []), *(self.target_langs or [])]
        if not named:
            raise InvalidRequest("Name at least one language to translate to: target_lang or target_langs.")
        targets = tuple(dict.fromkeys(parse_language(tag) for tag in named))
        return Request(
            targets=targets,
            source_language=parse_language(self.source_lang) if self.source_lang else None,
            voice=self.voice,
            consent=self.consent,
            audio_format=self.format,
            allow_deepl=self.allow_deepl,
            webhook_url=webhook_url,
        )


class WishesWithWebhook(Wishes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but the audio, for a request whose answer is announced by webhook."""

    webhook_url: WebhookUrl | None = None


class TranslateJson(Wishes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording with what to do with it. Give `target_lang` or `target_langs`."""

    audio: Annotated[bytes | None, Meta(description="The recording, base64.")] = None


class TranslateAsyncJson(WishesWithWebhook, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording with what to do with it. Give `target_lang` or `target_langs`."""

    audio: Annotated[bytes | None, Meta(description="The recording, base64.")] = None


def decoded(body: bytes, kind: type[_T]) -> _T:
    """Return a JSON body as this struct, or raise InvalidRequest."""
    try:
        return msgspec.json.decode(body, type=kind)
    # RecursionError: a body of nothing but brackets. UnicodeDecodeError: strings that are not UTF-8.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The JSON body does not fit: {error}") from error


class Shape(msgspec.Struct, frozen=True):
    """The two forms that one endpoint's body can have."""

    form: type[Any]
    """A struct with everything but the recording."""
    json: type[Any]
    """The same with the field `audio`."""

    def from_json(self, body: bytes) -> tuple[Any, bytes]:
        """Return wishes and recording of a JSON body, or raise InvalidRequest or AudioMissing."""
        document = decoded(body, self.json)
        if document.audio is None:
            raise AudioMissing("The request has no field 'audio'.")
        return document, document.audio

    def from_form(self, fields: dict[str, list[str]]) -> Any:
        """Return the wishes of a form's text fields, or raise InvalidRequest."""
        try:
            return msgspec.convert(_form_values(fields), self.form)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"The form does not fit: {error}") from error

    @classmethod
    def sync(cls) -> Self:
        """Return the shape of a request that is waited for."""
        return cls(Wishes, TranslateJson)

    @classmethod
    def announced(cls) -> Self:
        """Return the shape of a request whose end can be announced."""
        return cls(WishesWithWebhook, TranslateAsyncJson)


_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


_TARGET_FIELDS = ("target_lang", "target_langs")


def _form_values(fields: dict[str, list[str]]) -> dict[str, Any]:
    values = {name: _form_value(name, given) for name, given in fields.items() if name not in _TARGET_FIELDS}
    targets = [tag.strip() for name in _TARGET_FIELDS for text in fields.get(name, ()) for tag in text.split(",")]
    return values | ({"target_langs": targets} if targets else {})


def _form_value(name: str, given: list[str]) -> Any:
    if len(given) > 1:
        raise InvalidRequest(f"The form has the field '{name[:40]}' more than once.")
    if name in ("consent", "allow_deepl"):
        return _BOOLEANS.get(given[0].strip().lower(), given[0])
    return given[0]
