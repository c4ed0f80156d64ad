"""The commands that make experiments and read their results (secret key)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ._output import Json, err, out, print_json, table, when
from ._settings import api

experiment = typer.Typer(
    no_args_is_help=True, help="Experiments with the weights of a ranker (secret key)."
)

Name = Annotated[str, typer.Argument(help="The experiment's name.")]


def _variant(text: str) -> dict[str, Any]:
    """NAME:SHARE or NAME:SHARE:TERM=WEIGHT,TERM=WEIGHT as the API has it."""
    name, _, rest = text.partition(":")
    share, _, terms = rest.partition(":")
    try:
        variant: dict[str, Any] = {"variant": name, "share": float(share)}
        if terms:
            pairs = (pair.split("=") for pair in terms.split(","))
            variant["weights"] = {term.strip(): float(weight) for term, weight in pairs}
    except ValueError:
        raise typer.BadParameter(
            f"--variant takes NAME:SHARE[:TERM=WEIGHT,...], not {text}"
        ) from None
    return variant


@experiment.command("create")
def create(
    *,
    name: Name,
    variant: Annotated[
        list[str],
        typer.Option(
            metavar="NAME:SHARE[:TERM=WEIGHT,...]",
            help="A variant; one of them is control, the shares sum to 1.",
        ),
    ],
    ranker: Annotated[str, typer.Option(help="Whose weights it varies.")] = "recommendations",
    metric: Annotated[str | None, typer.Option(help="What decides; engagement by default.")] = None,
    traffic: Annotated[
        float | None, typer.Option(help="Share of all members who take part; 1 by default.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Ends by itself when this day begins (UTC)."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What is asked.")] = None,
    as_json: Json = False,
) -> None:
    """Define an experiment; `start` starts it."""
    variants = [_variant(text) for text in variant]
    api(secret=True).create_experiment(
        name,
        ranker,
        variants,
        metric=metric,
        traffic=traffic,
        ends_at=until.replace(tzinfo=UTC) if until else None,
        description=description,
    )
    _show(name, as_json=as_json)


@experiment.command("start")
def start(name: Name, as_json: Json = False) -> None:
    """Start an experiment: its variants rank from now on."""
    api(secret=True).start_experiment(name)
    _show(name, as_json=as_json)


@experiment.command("stop")
def stop(name: Name, as_json: Json = False) -> None:
    """End an experiment for good; its results stay."""
    api(secret=True).stop_experiment(name)
    _show(name, as_json=as_json)


@experiment.command("list")
def list_all(as_json: Json = False) -> None:
    """List the experiments, newest first."""
    _show(None, as_json=as_json)


def _show(name: str | None, *, as_json: bool) -> None:
    found = api(secret=True).experiments(name=name)
    if as_json:
        print_json(found if name is None else found[0])
        return
    columns = (
        "experiment",
        "ranker",
        "metric",
        "status",
        "#traffic",
        "variants",
        "started",
        "ends",
    )
    rows = (
        (
            e.experiment,
            e.ranker,
            e.metric,
            e.status,
            f"{e.traffic:.2%}",
            ", ".join(f"{v['variant']} {v['share']:.2%}" for v in e.variants),
            when(e.started_at),
            when(e.stopped_at or e.ends_at),
        )
        for e in found
    )
    out.print(table(columns, rows))


@experiment.command("results")
def results(
    name: Name,
    metric: Annotated[
        str | None, typer.Option(help="Another metric than the one that decides.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show lifts with intervals that hold however often one looks, and what they allow to say."""
    found = api(secret=True).experiment_results(name, metric=metric)
    if as_json:
        print_json(found)
        return
    columns = ("metric", "variant", "#members", "#value", "#lift", "#corrected", "verdict")
    rows = (
        (
            f"{r.metric} (guardrail)" if r.is_guardrail else r.metric,
            r.variant,
            f"{r.members:,}",
            None if r.value is None else f"{r.value:.4f}",
            _interval(r.lift, r.lift_lower, r.lift_upper),
            _interval(r.adjusted_lift, r.adjusted_lower, r.adjusted_upper),
            "alarm: worse" if r.alarm else r.verdict,
        )
        for r in found
    )
    out.print(table(columns, rows))
    if any(r.ratio_alarm for r in found):
        err.print(
            f"Members are not divided as promised (p = {found[0].ratio_p_value:.1g}): "
            "believe none of this before the cause is found.",
            style="bold red",
        )


def _interval(value: float | None, lower: float | None, upper: float | None) -> str | None:
    if value is None:
        return None
    if lower is None or upper is None:
        return f"{value:+.4f}"
    return f"{value:+.4f} ({lower:+.4f} to {upper:+.4f})"
