"""A social network whose tastes are known: members, authors, posts, follows, and who would do what.

Every member and every post has a place in a space of tastes. How much a member cares for a post is

    care = taste * match + author's quality + post's quality + how easily the member is moved

(match has mean 0 and variance 1 over directions drawn at random), and each kind of engagement
happens, once the post is looked at, with the probability

    1 / (1 + exp(-(intercept + slope * care + heat * author's heat)))

Authors who stir people up get more answers, and are reported more. A post's text vector shows its
place only among what else texts differ in: the author's style, and noise. A model that has learnt
which directions of the text matter can know a member's taste; one that has not knows it badly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TEXT_DIMS = 384
TASTE_DIMS = 16

#: What posts are about: the word that a post carries as its hashtag.
TOPICS = (
    "football",
    "cooking",
    "astronomy",
    "jazz",
    "gardening",
    "chess",
    "cinema",
    "cycling",
    "poetry",
    "trains",
    "painting",
    "hiking",
    "coding",
    "history",
    "fashion",
    "sailing",
    "birds",
    "coffee",
    "theatre",
    "running",
    "photography",
    "economics",
    "comics",
    "architecture",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of engagement: how often it happens where care is 0; how much care and heat matter."""

    share: float
    slope: float
    heat: float = 0


#: Shares are relative to a click, whose rate is calibrated; the others' are assumptions.
KINDS: Mapping[str, Kind] = {
    "click": Kind(1, 1.0),
    "like": Kind(0.4, 1.1, -0.3),
    "reply": Kind(0.06, 1.2, 0.8),
    "repost": Kind(0.1, 1.3),
    "quote": Kind(0.02, 1.2, 0.8),
    "share": Kind(0.03, 1.2),
    "copy_link": Kind(0.02, 1.2),
    "send": Kind(0.03, 1.2),
    "profile_click": Kind(0.15, 0.8, 0.3),
    "follow_author": Kind(0.03, 1.3, -0.5),
    "open_link": Kind(0.1, 0.8),
    "open_media": Kind(0.2, 0.8, -0.3),
    "dwell": Kind(4, 0.8),
    "not_interested": Kind(0.03, -1.2, 0.6),
    "mute_author": Kind(0.01, -1.2, 0.8),
    "block_author": Kind(0.005, -1.2, 1.0),
    "report": Kind(0.002, -1.2, 1.2),
}
NAMES = tuple(KINDS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes and tastes of a world. The defaults of the second part are calibrated, see `calibrate`.

    Attributes:
        members: How many members.
        posts: How many posts, replies not counted.
        impressions: How many posts are shown, in as many requests as that takes.
        held_out: How many requests come afterwards that nobody is told of.
        days: How long the log is.
        authors: Which share of the members writes.
        follows: How many authors a member follows, in the median.
        explored: Which share of requests is in random order.
        seed: Of all that is drawn.
        length_shape: Posts of a request are drawn from a gamma distribution, 2 to 300: its shape.
        length_scale: And its scale.
        click_rate: Clicks of a post for which a member cares neither more nor less than for others,
            once looked at.
        attention_slope: The post at place k (from 0) is looked at with probability (1 + k)^-slope.
        taste: Standard deviation of what taste adds to care, over posts drawn at random.
        author_quality: The same for authors.
        post_quality: The same for posts.
        member_ease: The same for members.
        knowledge: Which share of the variance of care the ranker knew that made the lists.
    """

    members: int = 1_000
    posts: int = 10_000
    impressions: int = 100_000
    held_out: int = 0
    days: float = 14
    authors: float = 0.1
    follows: int = 15
    explored: float = 0.1
    seed: int = 1

    length_shape: float = 0.45
    length_scale: float = 45.0
    click_rate: float = 0.0175
    attention_slope: float = 0.4
    taste: float = 0.9
    author_quality: float = 0.5
    post_quality: float = 0.3
    member_ease: float = 0.6
    knowledge: float = 0.4

    def __post_init__(self) -> None:
        """Refuses a world that cannot be."""
        if min(self.members, self.posts, self.impressions) < 10:
            raise ValueError("a world has at least 10 members, 10 posts and 10 impressions")
        if self.held_out < 0 or self.days <= 0 or not 0 < self.authors <= 1:
            raise ValueError("held_out is at least 0, days above 0, authors above 0 and at most 1")
        if not (0 <= self.explored <= 1 and 0 < self.knowledge < 1):
            raise ValueError("explored lies between 0 and 1, knowledge strictly between")


@dataclass(frozen=True, slots=True)
class World:
    """Members and posts, by number from 0; times in days from the beginning of the log.

    Attributes:
        settings: What it was made from.
        tastes: A member's place, unit length.
        ease: What a member adds to care.
        active: How active each member is, as a share of all requests.
        author: Of each post, the member who wrote it.
        posted: When each post was written, ascending; the first two days before the log begins.
        topic: Of each post, a number of TOPICS.
        places: A post's place, unit length.
        quality: What author and post add to care.
        heat: How much its author stirs people up.
        texts: A post's text vector, unit length.
        follows: The authors that a member follows.
    """

    settings: Settings
    tastes: Floats
    ease: Floats
    active: Floats
    author: Ints
    posted: Floats
    topic: Ints
    places: Floats
    quality: Floats
    heat: Floats
    texts: NDArray[np.float32]
    follows: tuple[frozenset[int], ...]

    def care(self, member: int, posts: Ints) -> Floats:
        """How much a member cares for some posts."""
        match = self.places[posts] @ self.tastes[member] * np.sqrt(TASTE_DIMS)
        result: Floats = self.settings.taste * match + self.quality[posts] + self.ease[member]
        return result

    def probabilities(self, care: Floats, heat: Floats) -> Floats:
        """Of each kind of NAMES in a further dimension, once the post is looked at."""
        rates = np.array([kind.share for kind in KINDS.values()]) * self.settings.click_rate
        slopes = np.array([kind.slope for kind in KINDS.values()])
        heats = np.array([kind.heat for kind in KINDS.values()])
        odds: Floats = (
            rates / (1 - rates) * np.exp(slopes * care[..., None] + heats * heat[..., None])
        )
        return odds / (1 + odds)

    def expected(self, known: Floats, spread: float, heat: Floats) -> Floats:
        """The probabilities where care is only known to be normal around `known`."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(7)
        chances = self.probabilities(known[..., None] + spread * nodes, heat[..., None])
        mean: Floats = np.einsum("...nk,n->...k", chances, weights / weights.sum())
        return mean


def make_world(settings: Settings) -> World:
    """Draws a world; the same settings give the same world."""
    s, rng = settings, np.random.default_rng(settings.seed)
    topics = _unit(rng.normal(size=(len(TOPICS), TASTE_DIMS)))

    # A member is fond of a few topics, the first more than the others.
    fond = rng.dirichlet(np.full(len(TOPICS), 0.12), size=s.members)
    tastes = _unit(fond @ topics + 0.08 * rng.normal(size=(s.members, TASTE_DIMS)))
    active = rng.lognormal(sigma=0.8, size=s.members)

    # Who writes, how much, and what about: what the author is fond of.
    authors = rng.choice(s.members, size=max(2, round(s.members * s.authors)), replace=False)
    busy = rng.lognormal(sigma=0.8, size=len(authors))
    by = rng.choice(len(authors), size=s.posts, p=busy / busy.sum())
    author = authors[by]
    topic = (fond[author].cumsum(axis=1) < rng.random((s.posts, 1))).sum(axis=1)
    topic = topic.clip(max=len(TOPICS) - 1)
    places = _unit(topics[topic] + 0.15 * rng.normal(size=(s.posts, TASTE_DIMS)))
    quality = (s.author_quality * rng.normal(size=len(authors)))[by]
    quality = quality + s.post_quality * rng.normal(size=s.posts)

    heat = rng.normal(size=len(authors))[by]

    # A text shows the place, and more of the author's style and of what it happens to say.
    axes = np.linalg.qr(rng.normal(size=(TEXT_DIMS, TEXT_DIMS)))[0]
    style = rng.normal(size=(len(authors), 48))[by] + rng.normal(size=(s.posts, 48))
    texts = places @ axes[:, :TASTE_DIMS].T
    texts += 0.16 * style @ axes[:, TASTE_DIMS : TASTE_DIMS + 48].T
    texts += 0.02 * rng.normal(size=texts.shape)

    return World(
        settings=s,
        tastes=tastes,
        ease=s.member_ease * rng.normal(size=s.members),
        active=active / active.sum(),
        author=author,
        posted=np.sort(rng.uniform(-2, s.days + (1 if s.held_out else 0), size=s.posts)),
        topic=topic,
        places=places,
        quality=quality,
        heat=heat,
        texts=_unit(texts).astype(np.float32),
        follows=_follows(rng, s, authors, tastes),
    )


def _follows(
    rng: np.random.Generator, s: Settings, authors: Ints, tastes: Floats
) -> tuple[frozenset[int], ...]:
    """Members follow authors of their own taste, and some authors are followed more than others."""
    fame = rng.gumbel(size=len(authors))
    wanted = rng.lognormal(np.log(s.follows), 0.7, size=s.members).round().astype(int)
    chosen = []
    for member in range(s.members):
        pull = 4 * tastes[authors] @ tastes[member] + fame + rng.gumbel(size=len(authors))
        best = authors[np.argsort(-pull)[: min(wanted[member], len(authors) - 1) + 1]]
        chosen.append(frozenset(int(a) for a in best[: wanted[member] + 1] if a != member))
    return tuple(chosen)


def _unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    result: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return result
