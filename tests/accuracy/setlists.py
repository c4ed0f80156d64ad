"""`python -m tests.accuracy.setlists`: how good predicted setlists are, beside two simple guesses.

With `--write` the figures go to `results/setlists.json`, and their table into the guide.

Loads an archive of one artist's setlists into a scratch database, holds the newest shows out, and
predicts each of them from the shows before it only. The settings' defaults were chosen on the
hundred shows before those that are held out by default.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from medley.loaders import BadData, load_setlists
from rich.console import Console
from rich.table import Table

from tests.database import Database, medley_database

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tests" / "accuracy" / "results" / "setlists.json"
GUIDE = ROOT / "docs" / "setlists.md"
BAD_INPUT = 5
TABLE = re.compile(r"^\| method \|.*\n(?:\|.*\n)+", re.MULTILINE)
LEAST_ORDERED = 10  # shows; of fewer an average says nothing
LEAST_SONGS = 5  # a show with fewer is a guest appearance

Setlist = Sequence[str]
Method = Callable[[int], Setlist]


@dataclass(frozen=True, slots=True)
class Score:
    """What one method reached.

    Attributes:
        method: Its name.
        precision: Share of the predicted songs that were played.
        recall: Share of the played songs that were predicted.
        order: Spearman's correlation of the places of the songs in both, where there are three.
        shows: How many shows were predicted.
        ordered: In how many of them three songs or more were right.
    """

    method: str
    precision: float
    recall: float
    order: float | None
    shows: int
    ordered: int

    @property
    def order_text(self) -> str:
        """The order in words; nothing where too few shows speak for it."""
        return "" if self.order is None or self.ordered < LEAST_ORDERED else f"{self.order:.2f}"


def rank_correlation(predicted: Setlist, played: Setlist) -> float | None:
    """Spearman's correlation of the places of the common songs; None for fewer than three."""
    common = [song for song in predicted if song in played]
    if len(common) < 3:
        return None
    place = {song: at for at, song in enumerate(sorted(common, key=list(played).index))}
    squares = sum((at - place[song]) ** 2 for at, song in enumerate(common))
    return 1 - 6 * squares / (len(common) * (len(common) ** 2 - 1))


def score(name: str, method: Method, shows: Sequence[Setlist], held_out: int) -> Score:
    """Predict the last `held_out` shows, each from those before it."""
    precisions, recalls, orders = [], [], []
    for at in range(len(shows) - held_out, len(shows)):
        played = shows[at]
        if len(played) < LEAST_SONGS:
            continue
        predicted = method(at)
        hits = len(set(predicted) & set(played))
        precisions.append(hits / len(predicted) if predicted else 0.0)
        recalls.append(hits / len(played))
        order = rank_correlation(predicted, played)
        if order is not None:
            orders.append(order)
    return Score(
        name,
        mean(precisions),
        mean(recalls),
        mean(orders) if orders else None,
        len(precisions),
        len(orders),
    )


def most_played(shows: Sequence[Setlist], at: int) -> Setlist:
    """As many of the most played songs as the show before had, each at its mean place."""
    counts = Counter(song for show in shows[:at] for song in show)
    places: dict[str, list[float]] = {}
    for show in shows[:at]:
        for place, song in enumerate(show):
            places.setdefault(song, []).append(place / len(show))
    chosen = [song for song, _ in counts.most_common(len(shows[at - 1]))]
    return sorted(chosen, key=lambda song: mean(places[song]))


def evaluate(database: Database, held_out: int) -> list[Score]:
    """The scores of Medley and of both guesses on the newest shows."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select s.artist_id, e.starts_at, array_agg(g.song_id::text order by g.position)
            from public.setlists as s
            inner join public.events as e on e.id = s.event_id
            inner join public.setlist_songs as g on g.setlist_id = s.id
            where s.type = 'actual'
            group by s.artist_id, e.starts_at, s.id
            order by e.starts_at, s.id
            """
        ).fetchall()
        shows: list[Setlist] = [songs for _, _, songs in rows]

        def medley(at: int) -> Setlist:
            artist, starts_at, _ = rows[at]
            found: list[tuple[Any]] = connection.execute(
                "select p.song_id::text from medley.predict_songs(%s, %s) as p order by p.position",
                (artist, starts_at),
            ).fetchall()
            return [song for (song,) in found]

        methods: Mapping[str, Method] = {
            "Medley": medley,
            "previous show": lambda at: shows[at - 1],
            "most played overall": lambda at: most_played(shows, at),
        }
        held_out = min(held_out, len(shows) - 2)
        return [score(name, method, shows, held_out) for name, method in methods.items()]


def table(scores: Sequence[Score], held_out: int) -> Table:
    """For the terminal."""
    made = Table(
        title="Predicted setlists",
        caption=f"the newest {held_out} shows; {scores[0].shows} have {LEAST_SONGS} songs or more",
    )
    for heading in ("method", "precision", "recall", "order"):
        made.add_column(heading, justify="left" if heading == "method" else "right")
    for row in scores:
        made.add_row(row.method, f"{row.precision:.3f}", f"{row.recall:.3f}", row.order_text)
    return made


def markdown(scores: Sequence[Score]) -> str:
    """For the guide, best first."""
    lines = ["| method | precision | recall | order |", "|---|---:|---:|---:|"]
    for row in sorted(scores, key=lambda row: -row.precision):
        cells = (row.method, f"{row.precision:.3f}", f"{row.recall:.3f}", row.order_text)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def write(scores: Sequence[Score], text: str) -> None:
    """Keep the figures, and the guide's table of them."""
    RESULTS.write_text(text + "\n")
    guide, tables = TABLE.subn(lambda _: markdown(scores), GUIDE.read_text())
    if tables != 1:
        raise SystemExit(f"{GUIDE} has {tables} tables of methods")
    GUIDE.write_text(guide)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(
        prog="accuracy.setlists",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/setlists")
    parser.add_argument("--held-out", type=int, default=100, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="`-` for standard output")
    parser.add_argument(
        "--write", action="store_true", help="keep the figures and put them into docs/setlists.md"
    )
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        sys.stderr.write(f"accuracy.setlists: there is no folder {options.data}\n")
        return BAD_INPUT
    with medley_database(name="setlists", factories=False) as database:
        try:
            with database.connect() as connection:
                load_setlists(connection, options.data)
        except BadData as error:
            sys.stderr.write(f"accuracy.setlists: {error}\n")
            return BAD_INPUT
        scores = evaluate(database, options.held_out)
    text = json.dumps({"setlists": [asdict(row) for row in scores]}, indent=2)
    if options.write:
        write(scores, text)
    if options.json and str(options.json) == "-":
        sys.stdout.write(text + "\n")
    else:
        Console().print(table(scores, options.held_out))
        if options.json:
            options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
