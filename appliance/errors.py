"""One error tree: every refusal or failure a user can see has a class, a stable code and a sentence.

The class docstring is the title that users read; the constructor's text is the detail of this occurrence. `status` is
the HTTP status where the error answers a request; the same codes stand in a job's or a target's `error`.
"""

from typing import Any, ClassVar


class MeeshyError(Exception):
    """Something went wrong inside the appliance."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None, **extra: Any) -> None:
        """Keep the detail, the seconds to wait before a retry, and extra members for the problem document."""
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.retry_after_s = retry_after_s
        self.extra = extra

    @classmethod
    def title(cls) -> str:
        """Return the class's sentence for users."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class InvalidRequest(MeeshyError):
    """The request is not what this endpoint accepts."""

    code, status = "invalid_request", 400


class NotAuthenticated(MeeshyError):
    """A valid API key or user token is needed."""

    code, status = "not_authenticated", 401


class Forbidden(MeeshyError):
    """This key may not do that."""

    code, status = "forbidden", 403


class LanguageNotInPlan(MeeshyError):
    """The application's plan does not have that language."""

    code, status = "language_not_in_plan", 403


class VoiceNotInPlan(MeeshyError):
    """The application's plan does not have cloned voices."""

    code, status = "voice_not_in_plan", 403


class AnalyticsNotInPlan(MeeshyError):
    """The application's plan does not have figures of that kind."""

    code, status = "analytics_not_in_plan", 403


class NotFound(MeeshyError):
    """There is nothing here under that name for this owner."""

    code, status = "not_found", 404


class MethodNotAllowed(MeeshyError):
    """This address does not answer that method."""

    code, status = "method_not_allowed", 405


class IdempotencyConflict(MeeshyError):
    """The idempotency key was used before with a different request."""

    code, status = "idempotency_conflict", 409


class StateConflict(MeeshyError):
    """It is not in the state that the action expects."""

    code, status = "state_conflict", 409


class AlreadyFinished(MeeshyError):
    """The job has already ended."""

    code, status = "already_finished", 409


class VoiceProfileExists(MeeshyError):
    """This user has a voice profile whose consent was given; delete it to begin anew."""

    code, status = "voice_profile_exists", 409


class VoiceProfileUnusable(MeeshyError):
    """There is no voice profile of this user that may speak this."""

    code, status = "voice_profile_unusable", 409


class ChallengeExpired(MeeshyError):
    """The phrase to be read is no longer valid; ask for another."""

    code, status = "challenge_expired", 409


class SpeakerMismatch(MeeshyError):
    """Another speaker than the one who gave consent was heard."""

    code, status = "speaker_mismatch", 409


class DestinationDisabled(MeeshyError):
    """The webhook's destination has answered that it is gone; the site's operator can enable it again."""

    code, status = "destination_disabled", 409


class AudioErased(MeeshyError):
    """The audio was erased with the voice profile that it was spoken with."""

    code, status = "audio_erased", 410


class UploadTooLarge(MeeshyError):
    """The upload is larger than the site allows."""

    code, status = "upload_too_large", 413


class AudioTooLong(MeeshyError):
    """The recording is longer than the site allows."""

    code, status = "audio_too_long", 413


class ContentTypeRefused(MeeshyError):
    """The request's body has a content type that this endpoint does not read."""

    code, status = "content_type_refused", 415


class AudioFormatRefused(MeeshyError):
    """This kind of file is not accepted as a recording."""

    code, status = "audio_format_refused", 415


class RangeNotSatisfiable(MeeshyError):
    """The requested byte range lies outside the file."""

    code, status = "range_not_satisfiable", 416


class AudioMissing(MeeshyError):
    """The request holds no audio."""

    code, status = "audio_missing", 422


class AudioEmpty(MeeshyError):
    """The recording holds no samples."""

    code, status = "audio_empty", 422


class AudioUnreadable(MeeshyError):
    """The recording cannot be decoded."""

    code, status = "audio_unreadable", 422


class NoAudioStream(MeeshyError):
    """The file has no audio stream."""

    code, status = "no_audio_stream", 422


class TooManyChannels(MeeshyError):
    """The recording has more channels than a voice message can have."""

    code, status = "too_many_channels", 422


class NoSpeech(MeeshyError):
    """No speech was found in the recording."""

    code, status = "no_speech", 422


class UnknownLanguage(MeeshyError):
    """The language code is not one this appliance knows."""

    code, status = "unknown_language", 422


class NoRoute(MeeshyError):
    """No installed model or allowed service leads to that language."""

    code, status = "no_route", 422


class TextUnspeakable(MeeshyError):
    """The translated text cannot be spoken by the engine for that language."""

    code, status = "text_unspeakable", 422


class ConsentMissing(MeeshyError):
    """The speaker's voice may only be used with attested consent."""

    code, status = "consent_missing", 422


class ConsentMismatch(MeeshyError):
    """The recording is not the statement of consent with the phrase that was asked for."""

    code, status = "consent_mismatch", 422


class SampleRefused(MeeshyError):
    """The recording is not good enough to learn a voice from."""

    code, status = "sample_refused", 422


class DestinationRefused(MeeshyError):
    """The webhook's destination is not on the site's list."""

    code, status = "destination_refused", 422


class PackRefused(MeeshyError):
    """The file is not a language pack that may be installed."""

    code, status = "pack_refused", 422


class RateLimited(MeeshyError):
    """Too many requests in a minute."""

    code, status = "rate_limited", 429


class QuotaExceeded(MeeshyError):
    """The application's plan has nothing left for this."""

    code, status = "quota_exceeded", 429


class NotReady(MeeshyError):
    """The appliance is starting or one of its parts does not answer."""

    code, status = "not_ready", 503


class Overloaded(MeeshyError):
    """The appliance has as much work as it can finish in time."""

    code, status = "overloaded", 503


class StorageUnavailable(MeeshyError):
    """The database or the object store does not answer."""

    code, status = "storage_unavailable", 503
    database_away = False
    """Whether the database's server was away: nothing is wrong with the work, as where it refuses one statement."""


class SchemaTooNew(MeeshyError):
    """The database was made by a newer release, which this one cannot read."""

    code, status = "schema_too_new", 503


class VoiceKeyUnusable(MeeshyError):
    """The site's key for voice profiles is missing, or is not the one they were sealed with."""

    code, status = "voice_key_unusable", 503


class ModelMissing(MeeshyError):
    """A model that this work needs is not installed."""

    code, status = "model_missing", 503


class ModelCorrupt(MeeshyError):
    """A model file does not have the hash that the catalog demands."""

    code, status = "model_corrupt", 503


class ModelUnpinned(MeeshyError):
    """A model file's hash is not known; the site has to pin it before it loads."""

    code, status = "model_unpinned", 503


class PullFailed(MeeshyError):
    """A model could not be fetched from any of its sources."""

    code, status = "pull_failed", 503


class CatalogInvalid(MeeshyError):
    """The model catalog has a mistake in it."""

    code = "catalog_invalid"


class LicenceRefused(MeeshyError):
    """The site's licence policy does not allow this model."""

    code, status = "licence_refused", 503


class LicenceNotAccepted(MeeshyError):
    """Nobody has accepted the licence of this model for this site."""

    code, status = "licence_not_accepted", 503


class EngineFailed(MeeshyError):
    """An engine could not process this item."""

    code = "engine_failed"


class VoiceSealBroken(MeeshyError):
    """What is stored of a voice profile was altered, or belongs to another."""

    code = "voice_seal_broken"


class ExternalServiceFailed(MeeshyError):
    """An external service that policy allows did not answer."""

    code, status = "external_service_failed", 502


class WorkerLost(MeeshyError):
    """The work was started as often as allowed and its worker died each time."""

    code = "worker_lost"


class Cancelled(MeeshyError):
    """The job was cancelled."""

    code, status = "cancelled", 409


class CommandFailed(MeeshyError):
    """The command could not do what was asked."""

    code = "command_failed"


def every_error() -> list[type[MeeshyError]]:
    """Return all error classes, the root first, in order of definition."""
    found: list[type[MeeshyError]] = [MeeshyError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found
