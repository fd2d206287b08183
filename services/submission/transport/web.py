"""What both ways over HTTPS have in common: one client, certificates and logins from files, and
failures told in codes that operators can rely on."""

import ssl
import time
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import httpx

from services.submission.domain.channel import HttpsChannel, OAuthClient
from services.submission.transport import TransportError
from services.submission.transport.secrets import secret, secret_bytes

IN_MEMORY_BYTES = 1_000_000
LARGEST_ANSWER_BYTES = 64_000_000
"""Of an answer that is read whole; files of an API are streamed and may be larger."""
EARLY_S = 30.0
"""A token is not used in its last seconds: it may end on the way."""


@dataclass(slots=True)
class Web:
    """One payer's address: requests with its certificates and its login."""

    channel: HttpsChannel
    _client: httpx.AsyncClient | None = None
    _token: str | None = field(default=None, repr=False)
    _token_until: float = 0.0

    async def request(self, method: str, path: str = "", **content: Any) -> httpx.Response:
        """The answer, whatever its status but those that say `later` or `not you`.

        Raises TransportError for a payer that is not reached, is busy, or refuses the login; an
        expired token is renewed once.
        """
        answer = await self._sent(method, path, content)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._token is not None:
            self._token = None
            answer = await self._sent(method, path, content)
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise TransportError("https-login-refused")
        if answer.status_code in _LATER or answer.status_code >= 500:
            raise TransportError(f"https-status-{answer.status_code}")
        return answer

    async def download(self, path: str) -> BinaryIO:
        """The body of a GET as a stream, without holding it in memory. Raises TransportError."""
        stream = cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115
        try:
            client = await self._open()
            async with client.stream("GET", self._url(path), headers=await self._login()) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TransportError(f"https-status-{answer.status_code}")
                async for piece in answer.aiter_bytes():
                    stream.write(piece)
        except httpx.HTTPError as error:
            raise TransportError(_code(error)) from None
        stream.seek(0)
        return stream

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _sent(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        try:
            client = await self._open()
            headers = await self._login()
            async with client.stream(method, self._url(path), headers=headers, **content) as answer:
                return await _whole(answer)
        except httpx.HTTPError as error:
            raise TransportError(_code(error)) from None

    def _url(self, path: str) -> str:
        return self.channel.url + path

    async def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._trust(),
                timeout=self.channel.timeout_s,
                trust_env=False,
                follow_redirects=False,
            )
        return self._client

    def _trust(self) -> ssl.SSLContext:
        channel = self.channel
        try:
            context = ssl.create_default_context()
            if channel.ca_file is not None:
                context = ssl.create_default_context(
                    cadata=secret_bytes(channel.ca_file).decode("ascii", "replace")
                )
            if channel.client_certificate_file is not None:
                context.load_cert_chain(channel.client_certificate_file, channel.client_key_file)
        except (ssl.SSLError, ValueError):
            raise TransportError("https-certificate-unusable") from None
        except TransportError:
            raise
        except OSError:
            raise TransportError("secret-unreadable") from None
        return context

    async def _login(self) -> dict[str, str]:
        oauth = self.channel.oauth
        if oauth is None:
            return {}
        if self._token is None or time.monotonic() >= self._token_until:
            await self._renew(oauth)
        return {"Authorization": f"Bearer {self._token}"}

    async def _renew(self, oauth: OAuthClient) -> None:
        """A new token by client credentials (RFC 6749, 4.4)."""
        client = await self._open()
        form = {"grant_type": "client_credentials"} | (
            {"scope": oauth.scope} if oauth.scope else {}
        )
        login = httpx.BasicAuth(oauth.client_id, secret(oauth.client_secret_file))
        answer = await client.post(oauth.token_url, data=form, auth=login)
        if answer.status_code >= 500 or answer.status_code in _LATER:
            raise TransportError(f"https-status-{answer.status_code}")
        try:
            granted = answer.json()
            self._token = str(granted["access_token"])
            lasts_s = float(granted.get("expires_in", 300))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TransportError("https-login-refused") from None
        self._token_until = time.monotonic() + max(0.0, lasts_s - EARLY_S)


async def _whole(answer: httpx.Response) -> httpx.Response:
    """The answer with its body. Raises TransportError for one larger than memory is given to."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER_BYTES:
            raise TransportError("https-answer-too-large")
    content_type = answer.headers.get("content-type", "")
    return httpx.Response(
        answer.status_code, headers={"content-type": content_type}, content=bytes(body)
    )


_LATER = frozenset({408, 425, 429})


def _code(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "https-timeout"
    if isinstance(error, httpx.ConnectError):
        return "https-unreachable"
    return "https-connection-lost"
