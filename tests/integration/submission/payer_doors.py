"""Payers' doors to send to: a real SFTP server, and a real HTTPS server with an API and a CORE
envelope. Each can be told to fail: to drop the connection before or after it took a file, to be
busy, to be away. They keep what they took, so that a test can count."""

import base64
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.submission.domain.channel import HttpsChannel, OAuthClient, SftpChannel

PASSWORD = "correct horse"


@dataclass
class Faults:
    """What goes wrong next, and how often."""

    left: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, count: int = 1) -> None:
        self.left[name] += count

    def meets(self, name: str) -> bool:
        """Whether this fault is due now; then there is one less of it."""
        if self.left[name] <= 0:
            return False
        self.left[name] -= 1
        return True


class SftpDoor:
    """An SFTP server over `root`, with one account: `hospital`, by key or by password."""

    def __init__(self, root: Path, keys: Path) -> None:
        self.root = root
        self.faults = Faults()
        self.written_bytes = 0
        self.drop_after_bytes: int | None = None
        self._keys = keys
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._client_key = asyncssh.generate_private_key("ssh-ed25519")
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: list[asyncssh.SSHServerConnection] = []
        self.port = 0
        for name in ("to-payer", "from-payer", "done"):
            (root / name).mkdir(parents=True, exist_ok=True)
        keys.mkdir(exist_ok=True)
        self._client_key.write_private_key(keys / "key")
        (keys / "password").write_text(PASSWORD + "\n")

    async def open(self) -> None:
        """Listens, at the port it had before if it had one."""
        door = self

        class Login(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                door._connections.append(conn)

            def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - whoever it is
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("hospital", PASSWORD)

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username == "hospital" and key == door._client_key.convert_to_public()

        self._acceptor = await asyncssh.create_server(
            Login,
            "127.0.0.1",
            self.port,
            server_host_keys=[self._host_key],
            sftp_factory=lambda channel: _Folder(channel, door),
        )
        self.port = self._acceptor.get_port()

    async def close(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            while self._connections:
                connection = self._connections.pop()
                connection.abort()
                await connection.wait_closed()
            await self._acceptor.wait_closed()
            self._acceptor = None

    def channel(self, **fields: Any) -> SftpChannel:
        """How a profile reaches it."""
        known = {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "hospital",
            "host_key": self._host_key.export_public_key().decode().strip(),
            "private_key_file": self._keys / "key",
            "done": "done",
            "timeout_s": 5.0,
        }
        return SftpChannel.model_validate(known | fields)

    def with_password(self) -> dict[str, Any]:
        return {"private_key_file": None, "password_file": self._keys / "password"}

    def visible(self) -> list[str]:
        """The names that the payer sees, taken or not."""
        return sorted(
            path.name for path in (self.root / "to-payer").iterdir() if path.suffix != ".tmp"
        )


class _Folder(asyncssh.SFTPServer):
    def __init__(self, channel: "asyncssh.SSHServerChannel[Any]", door: SftpDoor) -> None:
        super().__init__(channel, chroot=str(door.root).encode())
        self._door = door

    def _drop(self) -> None:
        self.channel.get_connection().abort()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._door.faults.meets("drop-before-taking"):
            self._drop()
            raise asyncssh.SFTPConnectionLost("gone")
        super().posix_rename(oldpath, newpath)
        if self._door.faults.meets("drop-after-taking"):
            self._drop()

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        door = self._door
        if door.drop_after_bytes is not None and offset >= door.drop_after_bytes:
            door.drop_after_bytes = None
            self._drop()
            raise asyncssh.SFTPConnectionLost("gone")
        door.written_bytes += len(data)
        written: int = super().write(file_obj, offset, data)  # type: ignore[assignment]
        return written

    def stat(self, path: bytes) -> Any:
        if self._door.faults.meets("no-looking"):
            raise asyncssh.SFTPPermissionDenied("no")
        return super().stat(path)


@dataclass
class WebDoor:
    """An HTTPS server: `/v1` is a clearinghouse's API, `/core` the CORE envelope."""

    folder: Path
    taken: dict[str, bytes] = field(default_factory=dict)
    """What it has, by the name or PayloadID it came under."""
    copies: Counter[str] = field(default_factory=Counter)
    """How often each was taken in: more than once is a duplicate."""
    answers: dict[str, bytes] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    tokens: set[str] = field(default_factory=set)

    def open(self) -> None:
        certificate, key = _certificate()
        (self.folder / "cert.pem").write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        (self.folder / "secret").write_text("s3cret\n")
        (self.folder / "password").write_text(PASSWORD)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        door = self

        class Handler(_Web):
            pass

        Handler.door = door
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def json_channel(self, **fields: Any) -> HttpsChannel:
        return HttpsChannel.model_validate(
            {
                "kind": "https",
                "style": "json",
                "url": f"{self.url}/v1",
                "ca_file": self.folder / "cert.pem",
                "oauth": OAuthClient(
                    token_url=f"{self.url}/oauth/token",
                    client_id="hospital",
                    client_secret_file=self.folder / "secret",
                ),
                "timeout_s": 5.0,
            }
            | fields
        )

    def core_channel(self, **fields: Any) -> HttpsChannel:
        return HttpsChannel.model_validate(
            {
                "kind": "https",
                "style": "core",
                "url": f"{self.url}/core",
                "ca_file": self.folder / "cert.pem",
                "user": "hospital",
                "password_file": self.folder / "password",
                "timeout_s": 5.0,
            }
            | fields
        )


class _Web(BaseHTTPRequestHandler):
    door: WebDoor
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing is written."""

    def do_GET(self) -> None:
        if self._is_refused():
            return
        path = urlsplit(self.path)
        if path.path == "/v1/interchanges":
            name = parse_qs(path.query)["file_name"][0]
            known = [{"file_name": name, "state": "received"}] if name in self.door.taken else []
            self._say(200, {"interchanges": known})
        elif path.path == "/v1/answers":
            listed = [
                {"name": name, "size": len(content), "created_at": f"2025-03-10T12:00:{at:02d}Z"}
                for at, (name, content) in enumerate(self.door.answers.items())
            ]
            self._say(200, {"answers": listed})
        else:
            content = self.door.answers.get(unquote(path.path.rpartition("/")[2]))
            self._send(200 if content is not None else 404, content or b"", "application/edi-x12")

    def do_DELETE(self) -> None:
        if self._is_refused():
            return
        name = unquote(self.path.rpartition("/")[2])
        if self.door.answers.pop(name, None) is not None:
            self.door.settled.append(name)
        self._send(204, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/oauth/token":
            self._grant()
        elif self.path == "/core":
            self._core(body)
        elif not self._is_refused():
            self._submit(json.loads(body))

    def _grant(self) -> None:
        login = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
        if login != "hospital:s3cret":
            self._say(401, {"error": "invalid_client"})
            return
        token = f"token-{len(self.door.tokens)}"
        self.door.tokens.add(token)
        self._say(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _is_refused(self) -> bool:
        if self.door.faults.meets("unavailable"):
            self._say(503, {"code": "busy"})
            return True
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.door.tokens:
            self._say(401, {"code": "token-invalid"})
            return True
        return False

    def _submit(self, document: dict[str, Any]) -> None:
        payload = document["payload"].encode()
        assert sha256(payload).hexdigest() == document["sha256"]
        assert payload[90:99].decode() == document["control_number"]
        if self.door.faults.meets("will-not-have-it"):
            self._say(422, {"code": "sender-unknown"})
            return
        if self._takes(document["file_name"], payload):
            self._say(201, {"file_name": document["file_name"], "state": "received"})

    def _takes(self, name: str, payload: bytes) -> bool:
        if self.door.faults.meets("drop-before-taking"):
            self._drop()
            return False
        self.door.taken[name] = payload
        self.door.copies[name] += 1
        if self.door.faults.meets("drop-after-taking"):
            self._drop()
            return False
        return True

    def _core(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parts: Any = message_from_bytes(head + body).get_payload()
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in parts
        }
        text = {name: value.decode() for name, value in fields.items() if name != "Payload"}
        if (text["UserName"], text["Password"]) != ("hospital", PASSWORD):
            self._envelope("CoreEnvelopeError", text["PayloadID"], "UnAuthorized")
            return
        act: Callable[[dict[str, str], bytes], None] = {
            "X12_005010_Request_Batch_Status": self._core_status,
            "X12_005010_Request_Batch_Results": self._core_results,
            "X12_005010_Response_ConfirmReceiptReceived": self._core_settle,
        }.get(text["PayloadType"], self._core_submit)
        act(text, fields.get("Payload", b""))

    def _core_submit(self, text: dict[str, str], payload: bytes) -> None:
        assert text["PayloadType"] == "X12_837_Request_005010X222A1"
        assert text["CheckSum"] == sha1(payload, usedforsecurity=False).hexdigest()
        assert text["PayloadLength"] == str(len(payload))
        if self.door.faults.meets("will-not-have-it"):
            self._envelope("CoreEnvelopeError", text["PayloadID"], "PayloadTypeIllegal")
        elif self._takes(text["PayloadID"], payload):
            self._envelope("X12_BatchReceiptConfirmation", text["PayloadID"], "Success")

    def _core_status(self, text: dict[str, str], _: bytes) -> None:
        is_known = text["PayloadID"] in self.door.taken
        code = "Success" if is_known else "PayloadIDUnknown"
        self._envelope("X12_BatchReceiptConfirmation", text["PayloadID"], code)

    def _core_results(self, text: dict[str, str], _: bytes) -> None:
        if not self.door.answers:
            self._envelope("X12_005010_Response_NoBatchResults", text["PayloadID"], "Success")
            return
        name, content = next(iter(self.door.answers.items()))
        self._envelope("X12_005010_Response_Batch_Results", name, "Success", content)

    def _core_settle(self, text: dict[str, str], _: bytes) -> None:
        if self.door.answers.pop(text["PayloadID"], None) is not None:
            self.door.settled.append(text["PayloadID"])
        self._envelope("X12_BatchReceiptConfirmation", text["PayloadID"], "Success")

    def _envelope(
        self, payload_type: str, payload_id: str, code: str, payload: bytes | None = None
    ) -> None:
        fields = {
            "PayloadType": payload_type,
            "ProcessingMode": "Batch",
            "PayloadID": payload_id,
            "CORERuleVersion": "2.2.0",
            "ErrorCode": code,
        }
        if payload is not None:
            fields["CheckSum"] = sha1(payload, usedforsecurity=False).hexdigest()
        lines = [
            f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        if payload is not None:
            head = b'--edge\r\nContent-Disposition: form-data; name="Payload"; filename="x"\r\n\r\n'
            lines.append(head + payload + b"\r\n")
        self._send(200, b"".join(lines) + b"--edge--\r\n", "multipart/form-data; boundary=edge")

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _say(self, status: int, document: object) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate of this machine's, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "payer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
