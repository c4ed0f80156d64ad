"""Scores the induced genre taxonomy against a genre tree made by hand.

Loads the tags of the HetRec 2011 Last.fm data set as the genres of its artists, runs the engine's
own pipeline and compares what it induced with the tree of the beets project, beside simple
baselines. Everything happens in one transaction that is rolled back: the database stays as it was.

    python -m bench.taxonomy --database-url postgresql://... [--data DIR] [--json]
        [--set genres.parent_threshold=0.4]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import LiteralString

import psycopg

Graph = Mapping[str, Iterable[str]]
Edge = tuple[str, str]

SUMMARY = "Scores the induced genre taxonomy against a genre tree made by hand."
GENRES_PER_ARTIST = 100
RANDOM_TREES = 20


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 of a set of edges."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, found: set[Edge], wanted: set[Edge]) -> Score:
        """Compares two sets of (child, parent) pairs."""
        hits = len(found & wanted)
        precision = hits / len(found) if found else 0.0
        recall = hits / len(wanted) if wanted else 0.0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        return cls(precision, recall, f1)


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    method: str
    edges: Score
    ancestors: Score


class Reference:
    """The genres that both the hand-made tree and the data know, and how the tree orders them."""

    def __init__(self, tree: Graph, known: Iterable[str]) -> None:
        self.genres = set(tree) & set(known)
        self.edges = self._nearest(tree)
        self.ancestors = self._above(tree)

    def score(self, method: str, graph: Graph) -> Result:
        """Scores a graph of parents, passing through genres that the tree does not know."""
        return Result(
            method,
            Score.of(self._nearest(graph), self.edges),
            Score.of(self._above(graph), self.ancestors),
        )

    def _nearest(self, graph: Graph) -> set[Edge]:
        edges = set()
        for genre in self.genres:
            seen: set[str] = set()
            waiting = list(graph.get(genre, ()))
            while waiting:
                parent = waiting.pop()
                if parent in seen or parent == genre:
                    continue
                seen.add(parent)
                if parent in self.genres:
                    edges.add((genre, parent))
                else:
                    waiting.extend(graph.get(parent, ()))
        return edges

    def _above(self, graph: Graph) -> set[Edge]:
        edges = set()
        for genre in self.genres:
            seen: set[str] = set()
            waiting = list(graph.get(genre, ()))
            while waiting:
                parent = waiting.pop()
                if parent not in seen:
                    seen.add(parent)
                    waiting.extend(graph.get(parent, ()))
            edges |= {(genre, parent) for parent in seen & self.genres if parent != genre}
        return edges


class Scratch:
    """The engine's database, inside the transaction that is rolled back in the end."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def execute(self, statement: LiteralString, *arguments: object) -> None:
        """Runs a statement."""
        self._connection.execute(statement, arguments)

    def rows(self, statement: LiteralString, *arguments: object) -> list[tuple[str, ...]]:
        """The rows of a query whose columns are all text."""
        return [tuple(row) for row in self._connection.execute(statement, arguments).fetchall()]

    def count_only_benchmark_artists(self) -> None:
        """Keeps whatever the database holds out of the statistics."""
        self.execute(
            "update medley.item_kinds set in_genre_statistics = false where in_genre_statistics"
        )
        self.execute(
            "insert into medley.item_kinds (kind, in_genre_statistics, description) "
            "values ('benchmark_artist', true, 'An artist of the taxonomy benchmark.')"
        )

    def load(self, genres_of: Mapping[str, list[str]]) -> None:
        """Registers the artists and links their genres as a loader does."""
        ids = {artist: uuid.uuid5(uuid.NAMESPACE_URL, f"lastfm:{artist}") for artist in genres_of}
        to_items = "copy medley.items (id, kind, title) from stdin"
        with self._connection.cursor().copy(to_items) as copy:
            for artist, item_id in ids.items():
                copy.write_row((item_id, "benchmark_artist", artist))
        pairs = [(ids[artist], genre) for artist, genres in genres_of.items() for genre in genres]
        self.execute(
            "select medley.sync_item_genres(%s::uuid[], %s::text[])",
            [item_id for item_id, _ in pairs],
            [genre for _, genre in pairs],
        )

    def change_setting(self, key: str, value: float) -> None:
        """Gives a setting another value."""
        self.execute("update medley.settings set value = %s where key = %s", value, key)

    def forget_curated_tree(self) -> None:
        """Takes the umbrellas and the curated parents away; spellings and the drop list stay."""
        self.execute("delete from public.genre_taxonomy_roots where true")
        self.execute("delete from public.genre_parent where true")

    def key_of(self, names: Iterable[str]) -> dict[str, str]:
        """Names to the keys that the engine gives them, other spellings resolved."""
        found = self.rows(
            "select k.raw, k.genre_key from medley.genre_keys(%s::text[]) as k", list(names)
        )
        return {row[0]: row[1] for row in found}

    def counts(self) -> Counter[str]:
        """How many artists each genre has."""
        found = self.rows(
            "select t.normalized_key, t.artist_count::text from medley.taxonomy_genres() as t "
            "where t.artist_count > 0"
        )
        return Counter({key: int(count) for key, count in found})

    def pairs(self) -> dict[str, Counter[str]]:
        """How many artists two genres share."""
        together: dict[str, Counter[str]] = defaultdict(Counter)
        for a, b, count in self.rows(
            "select a.normalized_key, b.normalized_key, p.pair_count::text "
            "from medley.genre_cooccurrence_pairs as p "
            "inner join medley.taxonomy_genres() as a on a.genre_id = p.genre_a "
            "inner join medley.taxonomy_genres() as b on b.genre_id = p.genre_b"
        ):
            together[a][b] = together[b][a] = int(count)
        return together

    def umbrellas(self) -> list[str]:
        """The keys of the umbrellas."""
        found = self.rows(
            "select t.normalized_key from medley.taxonomy_genres() as t where t.is_umbrella"
        )
        return [key for (key,) in found]

    def parents(self, *, first_only: bool = False, source: str = "%") -> dict[str, set[str]]:
        """The parents of each genre in the taxonomy, or the surest one of each."""
        graph: dict[str, set[str]] = defaultdict(set)
        for child, parent in self.rows(
            "select c.normalized_key, p.normalized_key "
            "from public.genre_parent as e "
            "inner join public.genres as c on c.id = e.child_id "
            "inner join public.genres as p on p.id = e.parent_id "
            "where e.source like %s "
            "order by c.normalized_key, e.confidence desc, p.normalized_key",
            source,
        ):
            if not (first_only and graph[child]):
                graph[child].add(parent)
        return graph


def read_tags(folder: Path) -> dict[str, list[str]]:
    """The tags of each artist, those of most people first, at most GENRES_PER_ARTIST."""
    with (folder / "tags.dat").open(encoding="iso-8859-1") as lines:
        next(lines)
        name_of = dict(line.rstrip("\r\n").split("\t", 1) for line in lines)
    people: dict[str, Counter[str]] = defaultdict(Counter)
    with (folder / "user_taggedartists.dat").open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            _, artist, tag, *_ = line.split("\t")
            if len(name_of[tag]) <= 100:
                people[artist][name_of[tag]] += 1
    return {
        artist: sorted(tags, key=lambda tag: (-tags[tag], tag))[:GENRES_PER_ARTIST]
        for artist, tags in people.items()
    }


def read_tree(file: Path) -> dict[str, set[str]]:
    """The hand-made tree: each genre with its parents."""
    tree: dict[str, set[str]] = defaultdict(set)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            tree[row["genre"]] |= {row["parent"]} - {""}
    return tree


def baselines(scratch: Scratch, reference: Reference) -> list[Result]:
    """What anyone would try first."""
    counts, together, umbrellas = scratch.counts(), scratch.pairs(), scratch.umbrellas()
    by_frequency = sorted(counts, key=lambda genre: (-counts[genre], genre))
    place = {genre: number for number, genre in enumerate(by_frequency)}

    def met_most(genre: str, choices: Iterable[str]) -> set[str]:
        best = max(choices, key=lambda other: (together[genre][other], other), default=None)
        return {best} if best and together[genre][best] else set()

    def more_frequent(genre: str) -> list[str]:
        return [other for other in together[genre] if place[other] < place[genre]]

    guesses = []
    for seed in range(RANDOM_TREES):
        chance = random.Random(seed)  # noqa: S311
        tree = {genre: {chance.choice(by_frequency[:n])} for genre, n in place.items() if n}
        guesses.append(reference.score("", tree))
    return [
        Result(
            f"random more frequent genre, mean of {RANDOM_TREES}",
            average(guess.edges for guess in guesses),
            average(guess.ancestors for guess in guesses),
        ),
        reference.score(
            "most frequent genre of all", {genre: {by_frequency[0]} for genre in by_frequency[1:]}
        ),
        reference.score(
            "root only: the umbrella met most often",
            {genre: met_most(genre, umbrellas) for genre in counts if genre not in umbrellas},
        ),
        reference.score(
            "most frequent parent: the more frequent genre met most often",
            {genre: met_most(genre, more_frequent(genre)) for genre in counts},
        ),
    ]


def average(scores: Iterable[Score]) -> Score:
    """The mean of each figure."""
    listed = list(scores)
    return Score(
        mean(score.precision for score in listed),
        mean(score.recall for score in listed),
        mean(score.f1 for score in listed),
    )


def ours(scratch: Scratch, reference: Reference, label: str) -> list[Result]:
    """The engine's own taxonomy as it is in the database now."""
    return [
        reference.score(f"{label}, all parents", scratch.parents()),
        reference.score(f"{label}, first parent", scratch.parents(first_only=True)),
    ]


def run(
    scratch: Scratch, data: Path, settings: Mapping[str, float]
) -> tuple[dict[str, int], list[Result]]:
    """Loads, rebuilds and scores; returns the sizes and the table."""
    scratch.count_only_benchmark_artists()
    scratch.load(read_tags(data / "lastfm_hetrec"))
    for key, value in settings.items():
        scratch.change_setting(key, value)
    scratch.execute("select medley.rebuild_genre_taxonomy()")

    raw_tree = read_tree(data / "genre_tree" / "beets_edges.csv")
    key_of = scratch.key_of(raw_tree)
    tree: dict[str, set[str]] = defaultdict(set)
    for genre, parents in raw_tree.items():
        tree[key_of[genre]] |= {key_of[parent] for parent in parents} - {key_of[genre]}
    counts = scratch.counts()
    reference = Reference(tree, counts)

    results = baselines(scratch, reference)
    results.append(reference.score("curated seeds alone", scratch.parents(source="curated")))
    results += ours(scratch, reference, "Medley")
    sizes = {
        "genres": len(counts),
        "genres with a path": len(
            scratch.rows("select 1 from public.genre_paths where is_primary")
        ),
        "paths": len(scratch.rows("select 1 from public.genre_paths")),
        "reference genres": len(reference.genres),
        "reference edges": len(reference.edges),
        "reference ancestor pairs": len(reference.ancestors),
    }
    results += ablations(scratch, reference)
    return sizes, results


def ablations(scratch: Scratch, reference: Reference) -> list[Result]:
    """The same without names, without co-occurrence, and without what people curated."""
    results = []
    weights = scratch.rows(
        "select s.key, s.value::text from medley.settings as s where s.key like %s", "genres.name_%"
    )
    for key, _ in weights:
        scratch.change_setting(key, 0)
    scratch.execute("select medley.assign_genre_parents()")
    results += ours(scratch, reference, "Medley without names")[1:]
    scratch.forget_curated_tree()
    scratch.execute("select medley.assign_genre_parents()")
    results += ours(scratch, reference, "Medley without names and seeds")[1:]
    for key, value in weights:
        scratch.change_setting(key, float(value))
    scratch.execute("select medley.assign_genre_parents()")
    results += ours(scratch, reference, "Medley without seeds")
    return results


def print_table(sizes: Mapping[str, int], results: Iterable[Result]) -> None:
    """Prints the table as Markdown."""
    print(", ".join(f"{count} {what}" for what, count in sizes.items()), "\n")
    print("| | edge P | edge R | edge F1 | ancestor P | ancestor R | ancestor F1 |")
    print("|---|---|---|---|---|---|---|")
    for result in results:
        figures = (*asdict(result.edges).values(), *asdict(result.ancestors).values())
        print(f"| {result.method} | {' | '.join(f'{figure:.3f}' for figure in figures)} |")


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark; 0 when it ran, 2 when the data or the database is missing."""
    parser = argparse.ArgumentParser(prog="bench.taxonomy", description=SUMMARY)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MEDLEY_DATA", "../shared/data"))
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, help="file for the JSON, beside what is printed")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="try another setting"
    )
    options = parser.parse_args(arguments)
    if not options.database_url:
        print("no database: pass --database-url or set DATABASE_URL", file=sys.stderr)
        return 2
    for needed in ("lastfm_hetrec/tags.dat", "genre_tree/beets_edges.csv"):
        if not (options.data / needed).exists():
            message = (
                f"skipped: {options.data / needed} is not there; pass --data or set MEDLEY_DATA"
            )
            print(message, file=sys.stderr)
            return 2
    changes = (item.partition("=") for item in options.set)
    settings = {key: float(value) for key, _, value in changes}
    with psycopg.connect(options.database_url) as connection:
        try:
            sizes, results = run(Scratch(connection), options.data, settings)
        finally:
            connection.rollback()
    listed = [asdict(result) for result in results]
    result = json.dumps({"sizes": sizes, "results": listed}, indent=2)
    if options.output:
        options.output.write_text(result + "\n")
    if options.json:
        print(result)
    else:
        print_table(sizes, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
