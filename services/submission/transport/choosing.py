"""From a profile to its transport. Each kind is imported only where a profile names it."""

from services.submission.domain.channel import FolderChannel, SftpChannel
from services.submission.domain.profile import Profile
from services.submission.transport import Transport
from shared.settings import Settings


def transport_for(profile: Profile, settings: Settings) -> Transport:
    """The transport that a profile names. Raises ProfileError for files that cannot be read."""
    channel = profile.transport
    if isinstance(channel, FolderChannel):
        from services.submission.transport.folder import FolderTransport

        return FolderTransport(channel.root or settings.transport_dir / profile.name)
    if isinstance(channel, SftpChannel):
        from services.submission.transport.sftp import SftpTransport

        return SftpTransport(channel)
    if channel.style == "core":
        from services.submission.transport.core_envelope import CoreTransport

        return CoreTransport(channel, profile)
    from services.submission.transport.json_api import JsonTransport

    return JsonTransport(channel, profile)
