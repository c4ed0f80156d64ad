"""The asynchronous client's part for services; `make_sync.py` makes the other from this file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from . import _rpc
from ._calls_async import AsyncCalls
from ._models import (
    EngineStatus,
    Experiment,
    ExperimentResult,
    ItemFeatures,
    RegisteredItem,
    UnembeddedItem,
)

# How much one call takes.
_VECTORS = 500


class AsyncService(AsyncCalls):
    """What `AsyncMedley` can do with the secret key alone."""

    async def register_items(
        self, items: Sequence[Mapping[str, Any]]
    ) -> tuple[RegisteredItem, ...]:
        """Registers or updates items of an app's own kinds (secret key).

        Args:
            items: Up to 10,000 objects with `kind` and `title`, and where wanted `id`, `owner_id`,
                `visibility` (public, followers, private), `published_at`, `expires_at`.

        Returns:
            One row an item.

        Raises:
            InvalidArgument: An item is malformed; nothing was written.
            Conflict: An id is registered with another kind; nothing was written.
            TooLarge: More than 10,000 items.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.register_items(items=items))

    async def register_item_features(
        self, features: Sequence[Mapping[str, Any]]
    ) -> tuple[ItemFeatures, ...]:
        """Says what items are made of, for an app's own kinds or beside a pack (secret key).

        Args:
            features: Up to 1,000 objects with `item_id`, `features` (`type`, `value`, and where
                wanted `weight` and `confidence`) and `source` (`app` by default), whose earlier
                features of the item they replace.

        Returns:
            How many features each item was given, in their order.

        Raises:
            InvalidArgument: A feature is malformed; nothing was written.
            NotFound: There is no such item; nothing was written.
            TooLarge: More than 1,000 items.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.register_item_features(features=features))

    async def set_item_embeddings(
        self, embedding_type: str, model: str, vectors: Mapping[str, Iterable[float]]
    ) -> int:
        """Writes vectors of items (secret key).

        Args:
            embedding_type: What they tell of the item, such as `description`.
            model: What made them; vectors of another model lie beside until it is activated.
            vectors: By item id; all of one size: 64, 256, 384, 768 or 1,536 numbers.

        Returns:
            How many vectors changed.

        Raises:
            InvalidArgument: A vector has the wrong size, holds NaN or is zero.
            NotFound: There is no such item.
            Forbidden: Not the secret key.
            MedleyError: A call failed. They are sent 500 at a time: those before are written.
        """
        changed = 0
        remaining = iter(vectors.items())
        while batch := list(islice(remaining, _VECTORS)):
            rows = [
                {"item_id": item_id, "embedding": [float(number) for number in vector]}
                for item_id, vector in batch
            ]
            changed += await self._call(
                _rpc.set_item_embeddings(type=embedding_type, model=model, rows=rows)
            )
        return changed

    async def activate_embedding_model(self, embedding_type: str, model: str) -> int:
        """Puts a model's vectors in use, or an earlier model's back (secret key).

        Args:
            embedding_type: As for `set_item_embeddings`.
            model: As for `set_item_embeddings`.

        Returns:
            How many items have a vector of it.

        Raises:
            NotFound: That model has no vectors.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.activate_embedding_model(type=embedding_type, model=model))

    def iter_items_without_embedding(
        self,
        embedding_type: str,
        *,
        model: str | None = None,
        kind: str | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[UnembeddedItem]:
        """What a worker has still to embed, newest first (secret key).

        Args:
            embedding_type: As for `set_item_embeddings`.
            model: Without a vector of this model; the one in use by default.
            kind: Only items of this kind.
            page_size: Rows fetched at once, 1 to 1,000.

        Returns:
            Items, page after page.
        """
        return self._pages(
            lambda cursor: _rpc.items_without_embedding(
                type=embedding_type, model=model, kind=kind, limit=page_size, cursor=cursor
            )
        )

    async def create_experiment(
        self,
        name: str,
        ranker: str,
        variants: Sequence[Mapping[str, Any]],
        *,
        metric: str | None = None,
        traffic: float | None = None,
        ends_at: datetime | None = None,
        salt: str | None = None,
        description: str | None = None,
    ) -> None:
        """Defines an experiment with the weights of a ranker (secret key).

        Args:
            name: Its name, for good.
            ranker: Whose weights it varies, such as `recommendations`.
            variants: Objects with `variant`, `share` and, to differ, `weights` by term. One is
                `control`; the shares sum to 1.
            metric: What decides; `engagement` by default.
            traffic: Share of all members who take part; all by default.
            ends_at: When it ends by itself; never by default.
            salt: That of an earlier experiment, to divide the members as it did.
            description: What is asked.

        Raises:
            InvalidArgument: A variant, share, weight or metric cannot be.
            Conflict: The name is taken.
            Forbidden: Not the secret key.
        """
        await self._call(
            _rpc.create_experiment(
                name=name,
                ranker=ranker,
                variants=variants,
                metric=metric,
                traffic=traffic,
                ends_at=ends_at,
                salt=salt,
                description=description,
            )
        )

    async def start_experiment(self, name: str) -> None:
        """Starts an experiment: its variants rank from now on, and stay as they are (secret key).

        Args:
            name: The experiment.

        Raises:
            NotFound: There is none of that name.
            Conflict: It was started before, or another runs on the same ranker.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.start_experiment(name=name))

    async def stop_experiment(self, name: str) -> None:
        """Ends an experiment for good; its results stay (secret key).

        Args:
            name: The experiment.

        Raises:
            NotFound: There is none of that name.
            Conflict: It does not run.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.stop_experiment(name=name))

    async def set_experiment_traffic(self, name: str, traffic: float) -> None:
        """Lets more members take part; who does already keeps the variant (secret key).

        Args:
            name: The experiment.
            traffic: Share of all members, 0.0001 to 1.

        Raises:
            NotFound: There is none of that name.
            InvalidArgument: That is no share.
            Conflict: It would shrink while it runs, or it is over.
            Forbidden: Not the secret key.
        """
        await self._call(_rpc.set_experiment_traffic(name=name, traffic=traffic))

    async def experiments(self, *, name: str | None = None) -> tuple[Experiment, ...]:
        """The experiments, newest first, or the one of that name (secret key).

        Args:
            name: Only this one.

        Raises:
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.experiments(name=name))

    async def experiment_results(
        self, name: str, *, metric: str | None = None, as_of: datetime | None = None
    ) -> tuple[ExperimentResult, ...]:
        """What an experiment shows: a row for each variant and metric (secret key).

        Args:
            name: The experiment.
            metric: Another metric than the one that decides; guardrails are always there.
            as_of: At which moment; now by default.

        Returns:
            Rows with lifts to control, their always-valid intervals and verdicts.

        Raises:
            NotFound: There is none of that name.
            InvalidArgument: There is no such metric.
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.experiment_results(name=name, metric=metric, as_of=as_of))

    async def engine_status(self) -> EngineStatus:
        """How the engine is doing: versions, age of derived data, jobs, errors (secret key).

        Raises:
            Forbidden: Not the secret key.
        """
        return await self._call(_rpc.engine_status())
