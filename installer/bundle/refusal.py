"""Why a bundle is refused: one class per reason, each with a code that stays the same. docs/bundle.md has the table."""

from typing import ClassVar


class InstallerError(Exception):
    """The installer stopped."""

    code: ClassVar[str] = "installer_failed"

    @classmethod
    def title(cls) -> str:
        """Return the class's sentence for operators."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def __str__(self) -> str:
        """Return `[code] title detail`, the one line that an operator sees."""
        detail = super().__str__()
        return f"[{self.code}] {self.title()}" + (f" {detail}" if detail else "")


class BundleRefused(InstallerError):
    """The bundle was refused."""

    code = "bundle_refused"


class NotABundle(BundleRefused):
    """This is not a bundle, nor a part of one."""

    code = "bundle_not_one"


class Unsigned(BundleRefused):
    """The bundle is not signed."""

    code = "bundle_unsigned"


class KeyUnknown(BundleRefused):
    """The bundle is signed with a key that this site does not trust."""

    code = "bundle_key_unknown"


class KeysUnreadable(BundleRefused):
    """The file of trusted keys cannot be used."""

    code = "bundle_keys_unreadable"


class SignatureWrong(BundleRefused):
    """The signature does not fit the bundle: it was changed after it was signed, or never signed so."""

    code = "bundle_signature_wrong"


class Truncated(BundleRefused):
    """The bundle ends too early: the copy is not complete."""

    code = "bundle_truncated"


class Damaged(BundleRefused):
    """A file of the bundle is not the one that was signed."""

    code = "bundle_damaged"


class MemberRefused(BundleRefused):
    """The bundle has a member that no bundle may have."""

    code = "bundle_member_refused"


class FormatUnknown(BundleRefused):
    """The bundle's metadata cannot be read by this installer."""

    code = "bundle_format_unknown"


class Older(BundleRefused):
    """The bundle is older than what is installed."""

    code = "bundle_older"


class UpgradePath(BundleRefused):
    """The installed version cannot be upgraded to this one in one step."""

    code = "bundle_upgrade_path"


class StateUnreadable(BundleRefused):
    """What is installed here cannot be found out."""

    code = "bundle_state_unreadable"


class WrongHost(BundleRefused):
    """The bundle was made for another kind of machine."""

    code = "bundle_wrong_host"


class PartDamaged(BundleRefused):
    """A part is not as it was written: copy it again, or take another medium."""

    code = "bundle_part_damaged"


class PartsMixed(BundleRefused):
    """The parts belong to different bundles."""

    code = "bundle_parts_mixed"


class PartsMissing(BundleRefused):
    """Parts are missing."""

    code = "bundle_parts_missing"


class NoSpace(BundleRefused):
    """There is not enough free space."""

    code = "bundle_no_space"


class TargetInTheWay(BundleRefused):
    """The place to write to is taken."""

    code = "bundle_target_taken"


def every_refusal() -> list[type[BundleRefused]]:
    """Return the classes of all refusals of the target side, in the order in which they are written here."""
    return BundleRefused.__subclasses__()
