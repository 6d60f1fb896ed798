"""The commands of the service: serve, token, reviews export. The web stack loads only when one of them runs."""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from goodsight.cli import options
from goodsight.cli.options import OUTPUT
from goodsight.errors import GoodsightError

Data = Annotated[Path, typer.Option(help="The folder of kept photos.")]


Kept = Annotated[str, typer.Option(metavar="PLACE", help="Kept photos: a folder or s3://...; else in --data.")]


StoreUrl = Annotated[str, typer.Option(help="A database, postgresql://...; else SQLite in --data.")]


def serve(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Model folders, or name=folder for several.")],
    *,
    data: Data = Path("goodsight-data"),
    store: StoreUrl = "",
    kept: Kept = "",
    workers: Annotated[
        int, typer.Option(min=1, max=64, metavar="NUMBER", help=options.AT_WORK, show_default=False)
    ] = 1,
    tokens: Annotated[Path | None, typer.Option(help="Who may ask; made with `goodsight token`.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="NUMBER", help="The port; 0 takes a free one.")] = 8000,
    keep_days: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Days that photos are kept.")] = 30.0,
    most_photos: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Photos in work at once.")] = 96,
    decode_seconds: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Time for decoding one photo.")
    ] = 10.0,
    body_seconds: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Time for an upload to arrive.")
    ] = 30.0,
    dear_seconds: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Of slow photos, per minute.")] = 30.0,
    allow_host: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A host name to answer to.")] = None,
    proxy: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="A proxy, whose connections are not counted.")
    ] = None,
    connections: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Connections in all.")] = 512,
    per_address: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Of them, from one address.")] = 256,
    head_seconds: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time for a request's head.")] = 10.0,
    idle_seconds: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time for the next request.")] = 5.0,
    answer_seconds: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time to read an answer.")] = 30.0,
    https: Annotated[bool, typer.Option("--https", help="Send the session cookie over HTTPS only.")] = False,
    no_seen: Annotated[bool, typer.Option("--no-seen", help="Do not know photos again.")] = False,
    webhooks: Annotated[Path | None, typer.Option(metavar="FILE", help="Who is told of decisions.")] = None,
    proxy_header: Annotated[str, typer.Option(metavar="NAME", help="A proxy's header that says who asks.")] = "",
    proxy_from: Annotated[str, typer.Option(metavar="ADDRESS", help="Where such a proxy asks from.")] = "",
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="What is done by category.")] = None,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = 64.0,
) -> None:
    """Run the check page, the review queue and the API until stopped."""
    app = _web("goodsight.serve.app")
    from goodsight.model.policy import read_policies
    from goodsight.serve.access import read_tokens
    from goodsight.serve.connections import Bounds
    from goodsight.serve.proxy import proxy_of
    from goodsight.serve.service import Settings
    from goodsight.serve.webhooks import read_webhooks

    settings = Settings(
        models=options.models(models),
        data=data,
        store=store,
        kept=kept,
        workers=workers,
        tokens=read_tokens(tokens) if tokens is not None else (),
        hosts=app.hosts_for(host, options.values(allow_host)),
        keep_days=keep_days,
        most_photos=most_photos,
        decode_seconds=decode_seconds,
        dear_seconds=dear_seconds,
        body_seconds=body_seconds,
        bounds=Bounds(
            most=connections,
            per_address=per_address,
            proxies=_addresses(options.values(proxy)),
            head_seconds=head_seconds,
            idle_seconds=idle_seconds,
            body_seconds=body_seconds,
            answer_seconds=answer_seconds,
        ),
        limits=options.limits(max_mb, max_megapixels),
        secure_cookie=https,
        seen=not no_seen,
        proxy=proxy_of(proxy_header, [part.strip() for part in proxy_from.split(",") if part.strip()]),
        webhooks=read_webhooks(webhooks) if webhooks is not None else (),
        policies=read_policies(policy) if policy is not None else None,
    )
    _web("goodsight.serve.workers").serve(settings, host, port)


def token(
    *,
    name: Annotated[str, typer.Option(help="Whose token it is: letters, digits, - and _.")],
    role: Annotated[str, typer.Option(help="check, review (and check) or admin (and all).")] = "check",
) -> None:
    """Make a token: the lines for the tokens file on standard output, the token itself, once, on standard error."""
    made, lines = _web("goodsight.serve.access").new_token(name, role)
    typer.echo(lines)
    typer.echo(f"the token, shown only now: {made}", err=True)


def export(
    *,
    data: Data = Path("goodsight-data"),
    store: StoreUrl = "",
    kept: Kept = "",
    out: Annotated[Path, typer.Option(help="The folder to make.", rich_help_panel=OUTPUT)],
    force: options.Force = False,
) -> None:
    """Write what people decided as a folder that train reads."""
    stores = _web("goodsight.store")
    from goodsight.store import export as exporting

    _require(data, store)
    opened = stores.Store.open(store, data, kept)
    try:
        done = exporting.export(opened, out, force=force)
    finally:
        opened.close()
    typer.echo(f"{out}: {done}")


def block(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO...", help="Photos that nobody may post.")
    ] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; the answer says it.")] = "",
    data: Data = Path("goodsight-data"),
    store: StoreUrl = "",
    remove: Annotated[int | None, typer.Option(metavar="NUMBER", help="Let a photo in again.")] = None,
    max_mb: options.MaxMb = 32.0,
    max_megapixels: options.MaxMegapixels = None,
) -> None:
    """Block photos and their near copies, or let them in again; without either, list those that are blocked."""
    stores = _web("goodsight.store")
    blocklist = _web("goodsight.serve.blocklist")
    from goodsight.photos import decoder
    from goodsight.photos.limits import BadPhoto

    if photos and not reason.strip():
        raise GoodsightError("`reason`: say why the photos are blocked; who posts one is told")
    _require(data, store)
    limits = options.limits(max_mb, max_megapixels)
    opened = stores.Store.open(store, data)
    try:
        for photo in photos or ():
            try:
                blocklist.block(opened, decoder.read(photo, limits), photo.name, reason.strip(), limits)
            except BadPhoto as bad:
                raise GoodsightError(f"{photo}: {bad}; give a photo that can be read") from bad
        if remove is not None:
            blocklist.unblock(opened, remove)
        for line in blocklist.lines(opened):
            typer.echo(line)
    finally:
        opened.close()


def _require(data: Path, store: str) -> None:
    """A store is made by the service alone: a wrong name of its folder is no new one."""
    if not store and not data.is_dir():
        raise GoodsightError(f"`data` {data}: there is no such folder; give the one that `goodsight serve` uses")


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    """Addresses as connections show them."""
    try:
        return tuple(str(ipaddress.ip_address(one)) for one in given)
    except ValueError as error:
        raise GoodsightError(f"`proxy`: {error}; give the address that its connections come from") from error


def _web(module: str) -> Any:
    """A module of the service, or what to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "goodsight":
            raise
        raise GoodsightError(
            f"the service needs {error.name}: install it with `pip install 'goodsight[serve]'`"
        ) from error
