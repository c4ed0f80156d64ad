"""What members of a world are shown, and what they do.

A request is answered from posts of the last two days that the member has not been shown: half by
authors whom the member follows, where there are as many. A ranker that knows a part of what makes
members care puts them in order by the weighted sum of the probabilities that it expects. These are
calibrated: of posts with the same expectation as many are engaged with as it says. The member looks
at the post at place k with probability (1 + k)^-attention_slope, and engages only with what was
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .world import NAMES, Flags, Floats, Ints, World

#: What the ranker that made the lists gave each kind: the weights of home timelines.
WEIGHTS: Mapping[str, float] = {
    "copy_link": 20,
    "reply": 5,
    "quote": 5,
    "send": 5,
    "follow_author": 4,
    "share": 2,
    "repost": 1,
    "like": 0.5,
    "click": 0.4,
    "profile_click": 0.4,
    "open_link": 0.2,
    "open_media": 0.05,
    "dwell": 0.004,
    "block_author": -31.2,
    "not_interested": -43.2,
    "mute_author": -58.8,
    "report": -234,
}
OUT_OF_NETWORK = 0.75
MAX_AGE_DAYS = 2
#: From which time in view on a post was dwelled on, in milliseconds.
DWELL_MS = 2_000
_SILENCED = [NAMES.index("mute_author"), NAMES.index("block_author")]
_FOLLOWED = NAMES.index("follow_author")


@dataclass(frozen=True, slots=True)
class Log:
    """Requests, and a row for each post that one of them showed; rows in order of requests.

    Attributes:
        world: Whose members and posts these are.
        member: Of each request.
        time: Of each request, in days, ascending.
        explored: Whether the request's posts were in random order.
        first: Of each request, its first row; one more entry says where the last one ends.
        post: Of each row.
        position: Of each row, from 0.
        expected: Of each row and kind of NAMES, the probability that the ranker named.
        multiplier: Of each row, by which the ranker multiplied the weighted sum.
        chance: Of each row and kind, the true probability, once looked at.
        looked: Whether the member looked at the row.
        happened: Of each row and kind, whether it did.
        dwell_ms: Of each row, how long it was in view; 0 where it was not.
    """

    world: World
    member: Ints
    time: Floats
    explored: Flags
    first: Ints
    post: Ints
    position: Ints
    expected: Floats
    multiplier: Floats
    chance: Floats
    looked: Flags
    happened: Flags
    dwell_ms: Ints

    def request(self) -> Ints:
        """Of each row, the request that it belongs to."""
        return np.repeat(np.arange(len(self.member)), np.diff(self.first))

    def told(self) -> int:
        """How many requests the log tells of; the others are held out."""
        return int(np.searchsorted(self.time, self.world.settings.days))

    def score(self, weights: Mapping[str, float]) -> Floats:
        """Of each row, what a ranker with these weights makes of the same expectations."""
        return scores(self.expected, self.multiplier, weights)

    def engagement(self, weights: Mapping[str, float], requests: slice) -> Mapping[str, float]:
        """The truth: engagements of each kind a request, had these weights put it in order.

        Of the requests that were ranked; their rows stay what they are.
        """
        score, slope = self.score(weights), self.world.settings.attention_slope
        total: Floats = np.zeros(len(NAMES), np.float64)
        asked = 0
        for at in np.arange(len(self.member))[requests]:
            if self.explored[at]:
                continue
            rows = np.arange(self.first[at], self.first[at + 1])
            order = rows[np.argsort(-score[rows], kind="stable")]
            looked: Floats = attention(np.arange(len(rows)), slope)
            total = total + looked @ self.chance[order]
            asked += 1
        return dict(zip(NAMES, (total / max(asked, 1)).tolist(), strict=True))


def scores(expected: Floats, multiplier: Floats, weights: Mapping[str, float]) -> Floats:
    """Weighted sums times the multiplier; bad ones are divided by it, as home timelines do."""
    points = expected @ np.array([weights.get(name, 0) for name in NAMES])
    result: Floats = np.where(points >= 0, points * multiplier, points / multiplier)
    return result


def attention(position: Ints, slope: float) -> Floats:
    """The probability that a member looks at the post at a place, from 0."""
    result: Floats = (1.0 + position) ** -slope
    return result


def make_log(world: World) -> Log:
    """Lets the members of a world come back again and again; the same world gives the same log."""
    s = world.settings
    rng = np.random.default_rng([s.seed, 1])
    lengths = _lengths(rng, world)
    told = len(lengths) - s.held_out
    time = np.sort(rng.uniform(0, s.days, size=told))
    time = np.append(time, np.sort(rng.uniform(s.days, s.days + 1, size=s.held_out)))
    member = rng.choice(s.members, size=len(lengths), p=world.active)
    explored = rng.random(len(lengths)) < s.explored
    # What comes after the log is a test: no ranker may have had a say in it.
    explored[told:] = True

    # What the ranker knows of care: a noisy look, drawn towards the mean as far as it is noise.
    variance = s.taste**2 + s.author_quality**2 + s.post_quality**2 + s.member_ease**2
    noise = np.sqrt(variance * (1 / s.knowledge - 1))
    spread = float(np.sqrt(variance * (1 - s.knowledge)))

    # Nobody is shown posts of their own.
    people = [
        _Member(set(authors), {number}, set()) for number, authors in enumerate(world.follows)
    ]
    parts = []
    for at in range(len(lengths)):
        who = int(member[at])
        posts, near = _candidates(rng, world, float(time[at]), int(lengths[at]), people[who])
        care = world.care(who, posts)
        known = s.knowledge * (care + noise * rng.normal(size=len(posts)))
        expected = world.expected(known, spread, world.heat[posts])
        multiplier = np.where(near, 1, OUT_OF_NETWORK)
        if explored[at]:
            order = rng.permutation(len(posts))
        else:
            order = np.argsort(-scores(expected, multiplier, WEIGHTS), kind="stable")
        position = np.arange(len(posts))
        chance = world.probabilities(care[order], world.heat[posts[order]])
        looked = rng.random(len(posts)) < attention(position, s.attention_slope)
        happened = looked[:, None] & (rng.random(chance.shape) < chance)
        posts = posts[order]
        if at < told:
            authors = world.author[posts]
            people[who].shown.update(posts.tolist())
            people[who].silenced.update(authors[happened[:, _SILENCED].any(axis=1)].tolist())
            people[who].follows.update(authors[happened[:, _FOLLOWED]].tolist())
            people[who].follows -= people[who].silenced
        parts.append(
            (posts, position, expected[order], multiplier[order], chance, looked, happened)
        )

    post, position, expected, multiplier, chance, looked, happened = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    # Who dwells stays for DWELL_MS at least, who does not is gone by then.
    stayed = happened[:, NAMES.index("dwell")]
    times = np.exp(np.where(stayed, 1, -1) * rng.exponential(size=len(stayed)))
    return Log(
        world=world,
        member=member,
        time=time,
        explored=explored,
        first=np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])]),
        post=post,
        position=position,
        expected=expected,
        multiplier=multiplier,
        chance=chance,
        looked=looked,
        happened=happened,
        dwell_ms=np.where(looked, DWELL_MS * times.clip(0.05, 60), 0).astype(np.int64),
    )


def _lengths(rng: np.random.Generator, world: World) -> Ints:
    """Lengths of requests until there are as many impressions as were asked for."""
    s = world.settings
    drawn: list[NDArray[np.int64]] = []
    while sum(int(part.sum()) for part in drawn) < s.impressions:
        size = max(16, int(s.impressions / (s.length_shape * s.length_scale)))
        some = rng.gamma(s.length_shape, s.length_scale, size=size)
        drawn.append(some.round().clip(2, 300).astype(np.int64))
    lengths = np.concatenate(drawn)
    lengths = lengths[: int(np.searchsorted(lengths.cumsum(), s.impressions)) + 1]
    # Held-out requests are long enough to have a best ten.
    return np.append(lengths, np.full(s.held_out, 50))


@dataclass(slots=True)
class _Member:
    """What a request depends on of what the member did before."""

    follows: set[int]
    silenced: set[int]
    shown: set[int]


def _candidates(
    rng: np.random.Generator, world: World, now: float, length: int, member: _Member
) -> tuple[Ints, Flags]:
    """Posts for a request, and which of them are by authors whom the member follows."""
    recent = np.arange(*np.searchsorted(world.posted, [now - MAX_AGE_DAYS, now]))
    by = world.author[recent]
    near = _marked(world.settings.members, member.follows)[by]
    open_to = ~_marked(world.settings.members, member.silenced)[by]
    open_to &= ~_marked(world.settings.posts, member.shown)[recent]
    # In random order, followed first but no more than half, as far as there are others.
    order = rng.permutation(np.flatnonzero(open_to))
    inside, outside = order[near[order]], order[~near[order]]
    half = max(length // 2, length - len(outside))
    chosen = np.concatenate([inside[:half], outside[: max(0, length - min(half, len(inside)))]])
    return recent[chosen], near[chosen]


def _marked(size: int, numbers: set[int]) -> Flags:
    marks = np.zeros(size, bool)
    marks[list(numbers)] = True
    return marks
