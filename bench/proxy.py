"""A bucket of S3 on this machine whose storage can be out of reach for a while: moto behind a proxy that is killed."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAME = "shop"


class Bucket:
    """The bucket ``shop``; programs reach it by the proxy, and this one directly."""

    def __init__(self, client: Any, port: int, behind: int) -> None:
        self._client, self._port, self._behind = client, port, behind
        self._process = self._start()

    def fill(self, prefix: str, folder: Path) -> None:
        """The files of a folder, below a prefix."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            self._client.put_object(Bucket=NAME, Key=key, Body=path.read_bytes())

    def keys(self, prefix: str) -> list[str]:
        """The names below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def gone(self, seconds: float) -> None:
        """Kill the proxy, and start it again after a while."""
        self._process.kill()
        self._process.wait()
        time.sleep(seconds)
        self._process = self._start()

    def end(self) -> None:
        """Stop the proxy."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, __file__, str(self._port), str(self._behind)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process


@contextmanager
def bucket() -> Iterator[Bucket]:
    """moto, the proxy, and keys in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, behind = server.get_host_and_port()
    port = _free()
    names = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= names | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true"}
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{behind}")
    client.create_bucket(Bucket=NAME)
    made = Bucket(client, port, behind)
    try:
        yield made
    finally:
        made.end()
        server.stop()


def _free() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def serve(port: int, behind: int) -> None:
    """Hand every connection on."""

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", behind)
        await asyncio.gather(hand_on(reader, back), hand_on(there, writer), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
