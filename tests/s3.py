"""A real S3 server for tests: SeaweedFS on free loopback ports, with one bucket, one account."""

import os
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store

from deploy.local.child import Child
from deploy.local.ports import LOOPBACK, free_port

BUCKET = "claims"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "claimwire", "AWS_SECRET_ACCESS_KEY": "a secret of the tests"}
PROGRAM = Path(sys.executable).with_name("weed")
START_TIMEOUT_S = 60.0
_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
_OFF = ("admin.ui", "webdav", "master.telemetry", "s3.autoCreateBucket")
_NO_PORT = ("s3.port.iceberg", "s3.port.lance")


class S3Server:
    """Its data and its ports stay when it is stopped and started again."""

    def __init__(self, home: Path) -> None:
        self.data = home / "data"
        self.data.mkdir(parents=True)
        self._ports = {f"{name}{kind}": free_port() for name in _PORTS for kind in ("", ".grpc")}
        options = [f"-dir={self.data}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
        options += [f"-{name}={port}" for name, port in self._ports.items()]
        options += [f"-{name}=false" for name in _OFF] + [f"-{name}=0" for name in _NO_PORT]
        self._child = Child(
            "s3",
            [str(PROGRAM), "mini", *options],
            home / "s3.log",
            {
                "PATH": os.defpath,
                "HOME": str(home),
                "S3_BUCKET": BUCKET,
                **ACCOUNT,
            },
        )

    @property
    def address(self) -> dict[str, str]:
        """The documented variables, but for the credentials."""
        return {
            "CLAIMWIRE_BLOB_URL": f"s3://{BUCKET}/a/prefix",
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{self._ports['s3.port']}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }

    @property
    def environment(self) -> dict[str, str]:
        """What a user sets who has the account."""
        return self.address | ACCOUNT

    def bucket(self) -> S3Store:
        """The whole bucket, as another client of the store sees it."""
        return S3Store(
            BUCKET,
            endpoint=self.address["AWS_ENDPOINT_URL"],
            region=self.address["AWS_REGION"],
            access_key_id=ACCOUNT["AWS_ACCESS_KEY_ID"],
            secret_access_key=ACCOUNT["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def start(self) -> None:
        self._child.start()
        self._child.wait_until(self._is_ready, START_TIMEOUT_S)

    def kill(self) -> None:
        self._child.kill()

    def _is_ready(self) -> bool:
        bucket = self.bucket()
        try:
            obstore.put(bucket, "ready", b"is")
            obstore.delete(bucket, "ready")
        except (obstore.exceptions.BaseError, OSError):
            return False
        return True
