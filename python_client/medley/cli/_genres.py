"""The commands that look at the genre taxonomy."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.tree import Tree

from medley import GenreNode

from ._output import Json, err, out, print_json, table
from ._settings import api

genres = typer.Typer(no_args_is_help=True, help="The genre taxonomy.")


def genre_branches(nodes: tuple[GenreNode, ...], title: str) -> Tree:
    """Places of the taxonomy as a tree to print."""
    tree = Tree(title, guide_style="dim")
    branches: dict[str | None, Tree] = {}
    for node in nodes:
        above = branches.get(node.parent_path_slug, tree)
        branches[node.path_slug] = above.add(f"{node.name} [dim]{node.artist_count:,}[/]")
    return tree


@genres.command("tree")
def genres_tree(
    root: Annotated[str | None, typer.Argument(help="A path, such as rock or rock.metal.")] = None,
    depth: Annotated[int | None, typer.Option(help="How many levels.")] = None,
    as_json: Json = False,
) -> None:
    """Print the taxonomy, with the number of artists of each genre."""
    nodes = api().genre_tree(root_slug=root, max_depth=depth)
    if as_json:
        print_json(nodes)
    else:
        out.print(genre_branches(nodes, root or "genres"))


@genres.command("similar")
def genres_similar(
    slug: Annotated[str, typer.Argument(help="A genre's slug, such as indie-rock.")],
    limit: Annotated[int | None, typer.Option(help="How many.")] = None,
    as_json: Json = False,
) -> None:
    """List the genres that the same artists carry."""
    similar = api().similar_genres(slug, limit=limit)
    if as_json:
        print_json(similar)
        return
    rows = ((g.name, g.slug, f"{g.weight:.2f}", f"{g.pair_count:,}") for g in similar)
    out.print(table(("genre", "slug", "#relatedness", "#artists with both"), rows))


@genres.command("under")
def genres_under(
    slug: Annotated[str, typer.Argument(help="A path, such as rock or rock.metal.")],
    depth: Annotated[
        int | None, typer.Option(help="Down to which depth; an umbrella is 0.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the genres at and below a path."""
    client = api()
    ids = client.genres_under_umbrella(slug, max_depth=depth)
    # Ids tell people nothing; names come from the public table, a piece of the list a call.
    found: list[dict[str, Any]] = []
    wanted = sorted(ids)
    for start in range(0, len(wanted), 100):
        query = client.supabase.table("genres").select("id,name,slug")
        found.extend(query.in_("id", wanted[start : start + 100]).execute().data)  # type: ignore[arg-type]
    found.sort(key=lambda genre: genre["slug"])
    if as_json:
        print_json(found)
        return
    out.print(table(("genre", "slug"), ((g["name"], g["slug"]) for g in found)))
    err.print(f"{len(found):,} genres")
