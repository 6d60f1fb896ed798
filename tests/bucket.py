"""A bucket of S3 on this machine, by moto: for tests of what reads and writes addresses."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAME = "shop"
SECRET = "planted-secret-k3y"


@dataclass(frozen=True)
class Bucket:
    """The bucket ``shop``; `client` is boto3's, `endpoint` where moto listens."""

    client: Any
    endpoint: str

    def url(self, key: str = "") -> str:
        return f"s3://{NAME}/{key}"

    def put(self, key: str, data: bytes) -> str:
        self.client.put_object(Bucket=NAME, Key=key, Body=data)
        return self.url(key)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=NAME, Key=key)["Body"].read()
        return data

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def fill(self, prefix: str, folder: Path) -> str:
        """The files of a folder, below a prefix; the address of that."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.url(f"{prefix}/")


@contextmanager
def running() -> Iterator[Bucket]:
    """moto on a free port of this machine, with keys in the environment that only it knows."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "planted-key-id",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=NAME)
        yield Bucket(client, f"http://{host}:{port}")
        client.close()
    server.stop()
