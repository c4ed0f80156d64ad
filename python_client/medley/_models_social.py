"""What the functions of the social pack answer; see `_models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its reader meets it.

    Attributes:
        author_name: None where the profile is private.
        media: Objects with `type` (image, video, audio, link) and `url`.
        hashtags: In lower case, without the sign.
        visibility: public, followers or private.
        parent_id: The post that it replies to, where the reader sees it.
        conversation_id: The post that began the conversation; its own id where it is that one.
        quoted_id: The post that it quotes, where the reader sees it.
        like_count: As all counts but the views without members blocked in either direction.
        liked: By the reader.
        reposted: By the reader.
    """

    post_id: str
    author_id: str
    author_name: str | None
    content: str
    media: tuple[Mapping[str, Any], ...]
    hashtags: tuple[str, ...]
    language: str | None
    visibility: str
    parent_id: str | None
    conversation_id: str
    quoted_id: str | None
    like_count: int
    reply_count: int
    repost_count: int
    quote_count: int
    view_count: int
    liked: bool
    reposted: bool
    created_at: datetime

    @property
    def is_reply(self) -> bool:
        """Whether it replies to a post, even to one that is not there any more."""
        return self.conversation_id != self.post_id


@dataclass(frozen=True, slots=True)
class ThreadPost(Post):
    """A post of a thread.

    Attributes:
        depth: Below 0 for what leads to the post that was asked for, 0 for it, 1 for its replies.
    """

    depth: int


@dataclass(frozen=True, slots=True)
class ProfilePost(Post):
    """A post that a member wrote or passed on.

    Attributes:
        shown_at: When the member wrote it or passed it on.
        reposted_by: The member, where the post is somebody else's.
    """

    shown_at: datetime
    reposted_by: str | None


@dataclass(frozen=True, slots=True)
class FoundPost(Post):
    """A post that a search found.

    Attributes:
        score: How well it matches; compares within one search.
    """

    score: float


@dataclass(frozen=True, slots=True)
class TimelinePost(Post):
    """A post of a member's home timeline.

    Attributes:
        reposted_by: The followed member who passed it on, where that is why it is there.
        in_network: Whether a followed member wrote it or passed it on.
        source: following, repost, liked, cluster, trending or newcomer.
        score: The sum of `breakdown`.
        breakdown: Points by term: of what the member will probably do, and of factors.
        reason: Why it is shown, in words.
        position: Place in the timeline, from 0, going on from page to page.
        request_id: The same on all pages of a request.
        algorithm: What made the probabilities: `rates`, or the version of a model.
        variant: `experiment:variant` where an experiment ranks for this member; None otherwise.
        context: What the score was made of. `log_impressions` sends it back.
    """

    reposted_by: str | None
    in_network: bool
    source: str
    score: float
    breakdown: Mapping[str, float]
    reason: str
    position: int
    request_id: str
    algorithm: str
    variant: str | None
    context: Mapping[str, Any]

    @property
    def item_id(self) -> str:
        """The post as engagements name it."""
        return self.post_id
