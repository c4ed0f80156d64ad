"""The commands that embed texts, export training pairs, train, and choose models."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medley import ModelVersion

from ._output import BAD_INPUT, Json, complain, err, out, print_json, table, when
from ._settings import NotConfigured, api, database

if TYPE_CHECKING:
    from medley.learning.train import Report

models = typer.Typer(no_args_is_help=True, help="Models that were trained (secret key).")
export = typer.Typer(no_args_is_help=True, help="Write data to files (DATABASE_URL).")
train = typer.Typer(no_args_is_help=True, help="Train models (extra `learning`).")

Kind = Annotated[str | None, typer.Option(help="Only items of this kind, as in post.")]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only interactions from this day (UTC) on."),
]
Set = Annotated[
    str | None, typer.Option("--set", help="The set of pairs; the one written last by default.")
]
Version = Annotated[str, typer.Argument(help="A version, as `medley models list` shows it.")]


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Says which extra is missing where an import fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f'{error.name} is not installed: pip install "./medley[{name}]" from above the checkout'
        ) from error


def embed(
    *,
    kind: Kind = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many items at most.")] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=500, help="Texts that are embedded and written at once.")
    ] = 256,
    as_json: Json = False,
) -> None:
    """Give items without a text vector theirs, by MiniLM on this machine (secret key).

    Reads titles (a post's is its text), newest first. Needs the extra `embed`.
    """
    with _extra("embed"):
        from medley.learning.embed import MiniLM, embed_items

        client = api(secret=True)
        embedder = MiniLM()

    begun = time.monotonic()

    def show(count: int) -> None:
        if not as_json:
            rate = count / max(time.monotonic() - begun, 1e-9)
            err.print(f"{count:,} items, {rate:,.0f} a second", highlight=False)

    done = embed_items(
        client, embedder, kind=kind, limit=limit, batch_size=batch_size, progress=show
    )
    if as_json:
        print_json({"model": embedder.model, "embedded": done})
    else:
        out.print(f"{done:,} items have a vector of {embedder.model}")


@export.command("pairs")
def export_pairs(
    file: Annotated[Path, typer.Argument(metavar="FILE.parquet", dir_okay=False)],
    *,
    kind: Kind = None,
    since: Since = None,
    version: Set = None,
    as_json: Json = False,
) -> None:
    """Write training pairs to a Parquet file, with vectors, snapshots and rates as of then."""
    with _extra("learning"):
        from medley.learning.export import read_pairs, write_parquet
    with database() as connection:
        rows = write_parquet(
            read_pairs(connection, kind=kind, since=_utc(since), version=version), file
        )
    if as_json:
        print_json({"file": file, "pairs": rows})
    else:
        out.print(f"{rows:,} pairs in {file}")


@train.command("pairs")
def generate(
    *,
    lookback_days: Annotated[int, typer.Option(help="Days of the log.", min=1)] = 30,
    negative_ratio: Annotated[
        float, typer.Option(help="Items only shown for each one engaged with, at most.")
    ] = 5,
    kind: Kind = None,
    version: Annotated[
        str | None, typer.Option("--set", help="Name of the set; that of the active model.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write training pairs from the log, as both sides were at the time (DATABASE_URL).

    What happened in the last 24 hours waits (training.outcome_hours): more may come of it.
    """
    with database() as connection:
        ((positives, negatives),) = connection.execute(
            "select p.positives, p.negatives "
            "from medley.generate_training_pairs(%s, %s::numeric, %s, %s, null, now()) as p",
            (lookback_days, negative_ratio, kind, version),
        ).fetchall()
    if as_json:
        print_json({"positives": positives, "negatives": negatives})
        return
    out.print(f"{positives:,} positive and {negatives:,} negative pairs")
    if not positives:
        out.print("Nothing new that is more than a day old: an outcome is waited for that long.")


@train.command("two-tower")
def two_tower(
    *,
    pairs: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="From `medley export pairs` instead."),
    ] = None,
    kind: Kind = None,
    since: Since = None,
    pair_set: Set = None,
    version: Annotated[
        str | None, typer.Option(help="Name of the version; two-tower-<time> by default.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most; ends when it gets no better.")] = 40,
    batch_size: Annotated[int, typer.Option(min=2, help="Pairs a step.")] = 1024,
    learning_rate: Annotated[float, typer.Option(min=1e-6, help="Of Adam.")] = 5e-4,
    temperature: Annotated[float, typer.Option(min=1e-3, help="Of the softmax.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Of start and order.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    activate: Annotated[bool, typer.Option(help="Put the version in use.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Measure only, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Train two towers on the pairs, measure them on the newest, and write them as a version.

    Pairs come over DATABASE_URL or from a file; the version is written with the secret key.
    """
    with _extra("learning"):
        from medley.learning.export import read_pairs, read_parquet, to_arrays
        from medley.learning.publish import publish
        from medley.learning.train import TooFewPairs, train_two_tower
        from medley.learning.two_tower import Options
    client = None if dry_run else api(secret=True)
    if pairs:
        found = to_arrays(read_parquet(pairs))
    else:
        with database() as connection:
            found = to_arrays(
                read_pairs(connection, kind=kind, since=_utc(since), version=pair_set)
            )
    options = Options(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        temperature=temperature,
        seed=seed,
        device=device,
    )
    try:
        report = train_two_tower(found.pairs, options, _quiet if as_json else _show_epoch)
    except TooFewPairs as error:
        first = (
            f"{found.without_vectors:,} pairs lack a vector: see `medley embed`"
            if found.without_vectors
            else "`medley train pairs` writes them"
        )
        complain(f"{error} ({first}).")
        raise typer.Exit(BAD_INPUT) from None
    name = version or f"two-tower-{report.started_at:%Y%m%d-%H%M%S}"
    metadata = report.metadata(found.text_model)
    if client:
        publish(
            client,
            name,
            report.training.model,
            heads=report.heads,
            losses=report.losses,
            metadata=metadata,
        )
        if activate:
            client.prepare_model(name)
            client.activate_model(name)
    if as_json:
        print_json({"version": None if dry_run else name, "active": activate, **metadata})
    else:
        _show_report(report, None if dry_run else name, active=activate)
        if found.without_vectors:
            out.print(f"{found.without_vectors:,} pairs lack a vector and were left out.")


def _utc(day: datetime | None) -> datetime | None:
    return day.replace(tzinfo=UTC) if day else None


def _quiet(*_: float) -> None:
    pass


def _show_epoch(epoch: int, loss: float, validation: float) -> None:
    err.print(f"epoch {epoch:3d}: loss {loss:.4f}, validation {validation:.4f}", highlight=False)


def _show_report(report: Report, version: str | None, *, active: bool) -> None:
    columns = ("on pairs held out", "#AUC", "#NDCG@10", "#recall@10", "#recall@50")
    rows = (
        (
            name,
            *map(_number, (found.auc, found.ndcg_10, found.recall_10, found.recall_50)),
        )
        for name, found in report.measured.items()
    )
    out.print(table(columns, rows))
    out.print()
    out.print(
        f"{report.pairs['training']:,} pairs, best after epoch {report.training.epoch} on "
        f"{report.training.device}: validation loss {report.validation_loss:.4f} "
        f"(untrained {report.training.losses[0][1]:.4f})"
    )
    if version:
        out.print(f"version {version}" + (" is active" if active else ""))


def _number(value: float) -> str | None:
    return None if math.isnan(value) else f"{value:.4f}"


@models.command("list")
def list_all(as_json: Json = False) -> None:
    """List the models, newest first."""
    found = api(secret=True).model_versions()
    if as_json:
        print_json(found)
        return
    columns = ("version", "type", "active", "#pairs", "#loss", "#AUC", "#heads", "made", "in use")
    out.print(table(columns, map(_row, found)))


def _row(model: ModelVersion) -> tuple[Any, ...]:
    measured = model.metrics.get("test", {}).get("model", {})
    return (
        model.version,
        model.model_type,
        "yes" if model.is_active else "no",
        model.num_training_samples,
        _number(math.nan if model.validation_loss is None else model.validation_loss),
        _number(measured.get("auc", math.nan)),
        len(model.heads),
        when(model.created_at),
        when(model.activated_at),
    )


@models.command("activate")
def activate_version(version: Version, as_json: Json = False) -> None:
    """Put a version in use: items are placed by it first, then it takes over at once."""
    _activate(version, as_json=as_json)


@models.command("rollback")
def rollback(as_json: Json = False) -> None:
    """Put the version back in use that was before the active one."""
    from medley.learning.publish import previous

    _activate(previous(api(secret=True).model_versions()).version, as_json=as_json)


@models.command("deactivate")
def deactivate(as_json: Json = False) -> None:
    """Take the active version out of use: rankers go back to smoothed rates."""
    version = api(secret=True).deactivate_model()
    if as_json:
        print_json({"version": version})
    else:
        out.print(f"version {version} is no longer active")


@models.command("delete")
def delete(version: Version) -> None:
    """Delete a version that is not active, with its weights."""
    api(secret=True).delete_model_version(version)


def _activate(version: str, *, as_json: bool) -> None:
    client = api(secret=True)
    client.prepare_model(version)
    activation = client.activate_model(version)
    if as_json:
        print_json({"version": version, "activation": activation})
        return
    rest = "" if activation.is_complete else "; a job places the rest within minutes"
    out.print(
        f"version {version} is active: {activation.items:,} items, "
        f"{activation.members:,} members{rest}"
    )
