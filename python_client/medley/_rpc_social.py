"""The functions of the social pack as data; see `_rpc`."""

from __future__ import annotations

from collections.abc import Sequence

from ._models import Page, parse_page
from ._models_social import FoundPost, ProfilePost, ThreadPost, TimelinePost
from ._rpc import Call, _count, _params, _rpc, _text


@_rpc("get_thread", row=ThreadPost)
def thread(
    *,
    post_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[ThreadPost]]:
    return Call("get_thread", _params(locals()), lambda data: parse_page(ThreadPost, data))


@_rpc("get_profile_posts", row=ProfilePost)
def profile_posts(
    *,
    author_id: str,
    limit: int | None = None,
    cursor: str | None = None,
    include_replies: bool | None = None,
    user_id: str | None = None,
) -> Call[Page[ProfilePost]]:
    return Call("get_profile_posts", _params(locals()), lambda data: parse_page(ProfilePost, data))


@_rpc("search_posts", row=FoundPost)
def search_posts(
    *,
    query: str,
    limit: int | None = None,
    cursor: str | None = None,
    user_id: str | None = None,
) -> Call[Page[FoundPost]]:
    return Call("search_posts", _params(locals()), lambda data: parse_page(FoundPost, data))


@_rpc("get_home_timeline", row=TimelinePost)
def home_timeline(
    *, limit: int | None = None, cursor: str | None = None, user_id: str | None = None
) -> Call[Page[TimelinePost]]:
    return Call("get_home_timeline", _params(locals()), lambda data: parse_page(TimelinePost, data))


@_rpc("view_posts", read=False)
def view_posts(*, post_ids: Sequence[str], user_id: str | None = None) -> Call[int]:
    return Call("view_posts", _params(locals()), _count, read=False)


@_rpc("report_post", read=False)
def report_post(
    *, post_id: str, reason: str, note: str | None = None, user_id: str | None = None
) -> Call[str]:
    return Call("report_post", _params(locals()), _text, read=False)


@_rpc("block_author", read=False)
def block_author(*, post_id: str, user_id: str | None = None) -> Call[str]:
    return Call("block_author", _params(locals()), _text, read=False)


@_rpc("mute_author", read=False)
def mute_author(*, post_id: str, user_id: str | None = None) -> Call[str]:
    return Call("mute_author", _params(locals()), _text, read=False)


@_rpc("follow_author", read=False)
def follow_author(*, post_id: str, user_id: str | None = None) -> Call[str]:
    return Call("follow_author", _params(locals()), _text, read=False)
