"""The two-tower model: one linear map for items, one for members, compared by cosine.

    item    v = normalize(W_i x + b_i),  x = the text vector of the item (384 numbers)
    member  u = normalize(W_u h + b_u),  h = the mean of the text vectors of what the member liked

Trained on the sum of two losses. Retrieval: a softmax that picks the item a member engaged with
among all items of the batch, each logit less log q of its item, q being how often the item is in
the batches (Yi et al., Sampling-bias-corrected neural modeling for large corpus item
recommendations, RecSys 2019). Ranking: a logistic loss that tells what was engaged with from what
was only shown. Both start from the same random orthonormal projection, which keeps most of the
texts' own cosines, so an untrained model is already a content-based one; what training adds is
measured against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 -- as everybody calls it

from .pairs import TEXT_DIMS, Pairs

TOWER_DIMS = 256

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Options:
    """How to train.

    Attributes:
        temperature: Divides the cosines in the softmax.
        learning_rate: Of Adam.
        anchor: Pulls the weights to where they started: factor on half the squared distance.
        batch_size: Pairs a step; the softmax picks among the items of as many.
        epochs: Passes over the pairs at most.
        patience: Ends training after so many epochs without a better loss on validation.
        seed: Of the start and of the order of the pairs.
        device: cpu, cuda, or auto for a GPU where there is one.
    """

    temperature: float = 0.3
    learning_rate: float = 5e-4
    anchor: float = 1e-3
    batch_size: int = 1024
    epochs: int = 40
    patience: int = 3
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Tower:
    """One linear map.

    Attributes:
        weights: Shape (256, 384).
        bias: Shape (256,).
    """

    weights: Matrix
    bias: Matrix

    def __call__(self, vectors: Matrix) -> Matrix:
        """Vectors of shape (n, 384) as unit vectors of shape (n, 256)."""
        projected = vectors @ self.weights.T + self.bias
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(norms, 1e-12), np.float32)


@dataclass(frozen=True, slots=True)
class TwoTower:
    """The model."""

    item: Tower
    user: Tower

    def cosine(self, pairs: Pairs) -> Matrix:
        """How near each pair's member and item are; shape (n,)."""
        found = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), 65_536):
            rows = slice(start, start + 65_536)
            users, items = self.user(pairs.user_vectors[rows]), self.item(pairs.item_vectors[rows])
            found[rows] = np.einsum("nd,nd->n", users, items)
        return found


@dataclass(frozen=True, slots=True)
class Training:
    """What came of it.

    Attributes:
        model: The weights of the best epoch.
        losses: Of each epoch, the first being the untrained start: (training, validation), nats.
        epoch: The best one.
        device: Where it ran.
    """

    model: TwoTower
    losses: list[tuple[float, float]] = field(default_factory=list)
    epoch: int = 0
    device: str = "cpu"


def untrained(seed: int = 0) -> TwoTower:
    """The start: both towers are the same projection on 256 random orthonormal directions."""
    noise = np.random.default_rng(seed).standard_normal((TEXT_DIMS, TOWER_DIMS))
    directions = np.linalg.qr(noise)[0].T.astype(np.float32)
    tower = Tower(directions, np.zeros(TOWER_DIMS, np.float32))
    return TwoTower(tower, tower)


def train(
    pairs: Pairs,
    validation: Pairs,
    options: Options = Options(),
    progress: Callable[[int, float, float], None] = lambda *_: None,
) -> Training:
    """Trains on pairs and keeps the epoch that is best on validation.

    Args:
        pairs: What to learn from.
        validation: Later pairs, which only say when to stop.
        options: See `Options`.
        progress: Called after each epoch with its number and its two losses.

    Returns:
        The model; the same for the same pairs, options and machine.
    """
    device = _device(options.device)
    # The matrices are small: a second thread gains little, and waits long on a busy machine.
    torch.set_num_threads(1)
    weights = _Weights(untrained(options.seed), device)
    learn, check = _Data(pairs, device), _Data(validation, device)
    optimizer = torch.optim.Adam(
        [
            {"params": weights.towers, "lr": options.learning_rate},
            # Two numbers that only scale the cosine: they may move faster.
            {"params": weights.scale, "lr": 10 * options.learning_rate},
        ]
    )
    shuffle = torch.Generator().manual_seed(options.seed)
    losses = [(float("nan"), _evaluate(weights, check, options))]
    best, best_epoch = weights.numpy(), 0
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        order = torch.randperm(len(pairs), generator=shuffle).to(device)
        for rows in order.split(options.batch_size):
            loss = _loss(weights, learn, rows, options)
            optimizer.zero_grad()
            (loss + options.anchor / 2 * weights.moved()).backward()
            optimizer.step()
            total += loss.item() * rows.numel()
        losses.append((total / len(pairs), _evaluate(weights, check, options)))
        progress(epoch, *losses[-1])
        if losses[-1][1] < losses[best_epoch][1]:
            best, best_epoch = weights.numpy(), epoch
        elif epoch - best_epoch >= options.patience:
            break
    return Training(best, losses, best_epoch, str(device))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class _Weights:
    """The weights as tensors that learn: (item, user) x (weights, bias), and (scale, bias)."""

    def __init__(self, start: TwoTower, device: torch.device) -> None:
        arrays = (start.item.weights, start.item.bias, start.user.weights, start.user.bias)
        self.start = [torch.tensor(array, device=device) for array in arrays]
        self.towers = [tensor.clone().requires_grad_() for tensor in self.start]
        self.scale = [torch.tensor([5.0, -2.0], device=device, requires_grad=True)]

    def vectors(self, data: _Data, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vectors of the rows' members and items; each of shape (rows, 256)."""
        item_weights, item_bias, user_weights, user_bias = self.towers
        users = F.linear(data.users[rows], user_weights, user_bias)
        items = F.linear(data.items[rows], item_weights, item_bias)
        return F.normalize(users, dim=1), F.normalize(items, dim=1)

    def moved(self) -> torch.Tensor:
        """The squared distance from the start."""
        gaps = zip(self.towers, self.start, strict=True)
        return torch.stack([(now - then).square().sum() for now, then in gaps]).sum()

    def numpy(self) -> TwoTower:
        """A copy of the towers."""
        arrays = [tensor.detach().cpu().numpy().copy() for tensor in self.towers]
        return TwoTower(Tower(arrays[0], arrays[1]), Tower(arrays[2], arrays[3]))


class _Data:
    """Pairs on the device, with log q of each pair's item."""

    def __init__(self, pairs: Pairs, device: torch.device) -> None:
        self.users = torch.from_numpy(pairs.user_vectors).to(device)
        self.items = torch.from_numpy(pairs.item_vectors).to(device)
        self.labels = torch.from_numpy(pairs.labels).to(device)
        self.user_codes = torch.from_numpy(pairs.users).to(device)
        self.item_codes = torch.from_numpy(pairs.items).to(device)
        counts = np.bincount(pairs.items)[pairs.items]
        self.log_q = torch.from_numpy(np.log(counts / len(pairs)).astype(np.float32)).to(device)


def _loss(weights: _Weights, data: _Data, rows: torch.Tensor, options: Options) -> torch.Tensor:
    """The mean loss of some pairs in nats; a scalar."""
    users, items = weights.vectors(data, rows)
    labels = data.labels[rows]
    scale, bias = weights.scale[0]
    ranking = F.binary_cross_entropy_with_logits(
        scale * (users * items).sum(dim=1) + bias, labels.float()
    )
    engaged = labels.nonzero().squeeze(1)
    if engaged.numel() == 0:
        return ranking

    logits = users[engaged] @ items.T / options.temperature - data.log_q[rows]
    # What the member engaged with besides is no wrong answer, nor is the same item a second time.
    user_codes, item_codes = data.user_codes[rows], data.item_codes[rows]
    right = (user_codes[engaged, None] == user_codes) & labels
    right |= item_codes[engaged, None] == item_codes
    right[torch.arange(engaged.numel(), device=rows.device), engaged] = False
    retrieval = F.cross_entropy(logits.masked_fill(right, float("-inf")), engaged)
    return ranking + retrieval


def _evaluate(weights: _Weights, data: _Data, options: Options) -> float:
    """The mean loss of all pairs, batch by batch in one fixed order that mixes members."""
    count = data.labels.numel()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    batches = order.to(data.labels.device).split(options.batch_size)
    with torch.no_grad():
        losses = [_loss(weights, data, rows, options).item() * rows.numel() for rows in batches]
    return float(sum(losses) / count)
