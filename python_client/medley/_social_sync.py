"""The client's part for posts. Made by `make_sync.py` from the asynchronous one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from . import _rpc_social as _rpc
from ._calls_sync import Calls
from ._models import Page, UnembeddedItem
from ._models_social import FoundPost, ProfilePost, ThreadPost, TimelinePost


class Social(Calls):
    """What `Medley` can do with posts."""

    # Posts

    def post(
        self,
        content: str,
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        media: Sequence[Mapping[str, Any]] | None = None,
        language: str | None = None,
        visibility: Literal["public", "followers", "private"] = "public",
        post_id: str | None = None,
        user_id: str | None = None,
    ) -> str:
        """Writes a post; returns its id.

        Args:
            content: Up to 10,000 characters; empty only beside media or a quote.
            parent_id: The post that it replies to.
            quoted_id: The post that it quotes.
            media: Up to 10 of `{"type": "image|video|audio|link", "url": "https://..."}`.
            language: A BCP 47 tag, such as en or pt-BR.
            visibility: Who sees it.
            post_id: A random UUID of the caller's: with it a repeat is a conflict and no second
                post.
            user_id: The author, with the secret key; otherwise the signed-in member.

        Raises:
            InvalidArgument: It says nothing, or media are malformed.
            NotFound: The author does not see the post that it replies to or quotes, or there is no
                such member.
            TooLarge: Too long, or too much media.
            Conflict: The id is taken.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        row = {
            "id": post_id or str(uuid4()),
            "author_id": self._member(user_id),
            "content": content,
            "parent_id": parent_id,
            "quoted_id": quoted_id,
            "media": [dict(entry) for entry in media or ()],
            "language": language,
            "visibility": visibility,
        }
        self._send(self.supabase.table("posts").insert(row))
        return str(row["id"])

    def set_post_visibility(
        self,
        post_id: str,
        visibility: Literal["public", "followers", "private"],
        *,
        user_id: str | None = None,
    ) -> None:
        """Changes who sees a post of the member.

        Args:
            post_id: The post; somebody else's stays as it is.
            visibility: Who sees it from now on.
            user_id: The author, with the secret key; otherwise the signed-in member.

        Raises:
            InvalidArgument: There is no such visibility.
            Unauthenticated: Nobody is signed in.
        """
        key = {"id": post_id, "author_id": self._member(user_id)}
        self._send(self.supabase.table("posts").update({"visibility": visibility}).match(key))

    def delete_post(self, post_id: str, *, user_id: str | None = None) -> None:
        """Deletes a post of the member; its replies stay.

        Args:
            post_id: The post; somebody else's stays as it is.
            user_id: The author, with the secret key; otherwise the signed-in member.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        self._delete("posts", {"id": post_id, "author_id": self._member(user_id)})

    # What members do with posts

    def like_post(self, post_id: str, *, user_id: str | None = None) -> None:
        """Likes a post; again, nothing happens.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: The member does not see the post, or `user_id` is someone else.
            NotFound: There is no such post or member, with the secret key.
            Unauthenticated: Nobody is signed in.
        """
        self._insert("likes", {"user_id": self._member(user_id), "post_id": post_id})

    def unlike_post(self, post_id: str, *, user_id: str | None = None) -> None:
        """Takes a like back.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        self._delete("likes", {"user_id": self._member(user_id), "post_id": post_id})

    def repost(self, post_id: str, *, user_id: str | None = None) -> None:
        """Passes a post on unchanged; again, nothing happens.

        Args:
            post_id: The post, also where it was met as a repost.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: The member does not see the post, or `user_id` is someone else.
            NotFound: There is no such post or member, with the secret key.
            Unauthenticated: Nobody is signed in.
        """
        self._insert("reposts", {"user_id": self._member(user_id), "post_id": post_id})

    def unrepost(self, post_id: str, *, user_id: str | None = None) -> None:
        """Takes a repost back.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        self._delete("reposts", {"user_id": self._member(user_id), "post_id": post_id})

    def view_posts(self, post_ids: Sequence[str], *, user_id: str | None = None) -> int:
        """Says that posts were in front of the member's eyes; returns how many views are new.

        Args:
            post_ids: Up to 1,000 posts; those that the member does not see are passed over.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            TooLarge: More than 1,000 posts.
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.view_posts(post_ids=post_ids, user_id=user_id))

    def report_post(
        self,
        post_id: str,
        reason: str,
        *,
        note: str | None = None,
        user_id: str | None = None,
    ) -> str:
        """Reports a post, which the member does not meet again; returns accepted or duplicate.

        Args:
            post_id: The post.
            reason: spam, abuse, hate, violence, sexual, misinformation, self_harm, illegal, other.
            note: Up to 2,000 characters.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: The member does not see the post, or there is no such member.
            InvalidArgument: There is no such reason, or the post is the member's own.
            TooLarge: The note is too long.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(
            _rpc.report_post(post_id=post_id, reason=reason, note=note, user_id=user_id)
        )

    def block_author(self, post_id: str, *, user_id: str | None = None) -> str:
        """Blocks the author of a post, and counts that against the post; returns the author.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: The member does not see the post, or there is no such member.
            InvalidArgument: It is the member's own.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.block_author(post_id=post_id, user_id=user_id))

    def mute_author(self, post_id: str, *, user_id: str | None = None) -> str:
        """Mutes the author of a post, and counts that against the post; returns the author.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: The member does not see the post, or there is no such member.
            InvalidArgument: It is the member's own.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.mute_author(post_id=post_id, user_id=user_id))

    def follow_author(self, post_id: str, *, user_id: str | None = None) -> str:
        """Follows the author of a post, and counts that for the post; returns the author.

        Args:
            post_id: The post.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: The member does not see the post, or there is no such member.
            InvalidArgument: It is the member's own.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.follow_author(post_id=post_id, user_id=user_id))

    def mute_word(self, word: str, *, user_id: str | None = None) -> None:
        """Keeps posts with a word from the member's lists; again, nothing happens.

        Args:
            word: A word, or several in a row, up to 100 characters, in any case. A hashtag is the
                word without its sign.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: There is no word in it.
            TooLarge: The member mutes too many words already.
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        self._insert("muted_words", {"user_id": self._member(user_id), "word": word})

    def unmute_word(self, word: str, *, user_id: str | None = None) -> None:
        """Takes a word off the list.

        Args:
            word: The word, spelt as it was muted.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Unauthenticated: Nobody is signed in.
        """
        self._delete("muted_words", {"user_id": self._member(user_id), "word": word})

    # Reading

    def thread(
        self,
        post_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        user_id: str | None = None,
    ) -> Page[ThreadPost]:
        """A post, what it answers, and its direct replies, oldest first.

        Args:
            post_id: The post.
            limit: How many replies, 1 to 200; 20 by default. The first page has the post and what
                leads to it besides.
            cursor: `next_cursor` of the page before.
            user_id: For whose eyes, with the secret key; otherwise the signed-in one's.

        Raises:
            NotFound: There is no such post that the reader may see, or no such member.
            InvalidArgument: `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.thread(post_id=post_id, limit=limit, cursor=cursor, user_id=user_id))

    def iter_thread(
        self, post_id: str, *, page_size: int | None = None, user_id: str | None = None
    ) -> Iterator[ThreadPost]:
        """A post, what it answers, and all its direct replies, page after page.

        Args:
            post_id: The post.
            page_size: Replies fetched at once, 1 to 200.
            user_id: As for `thread`.

        Raises:
            MedleyError: As for `thread`.
        """
        return self._pages(
            lambda cursor: _rpc.thread(
                post_id=post_id, limit=page_size, cursor=cursor, user_id=user_id
            )
        )

    def iter_profile_posts(
        self,
        author_id: str,
        *,
        include_replies: bool | None = None,
        page_size: int | None = None,
        user_id: str | None = None,
    ) -> Iterator[ProfilePost]:
        """What a member wrote and passed on, newest first, page after page.

        Args:
            author_id: The member.
            include_replies: Replies too; not by default.
            page_size: Posts fetched at once, 1 to 200.
            user_id: For whose eyes, with the secret key; otherwise the signed-in one's.

        Raises:
            InvalidArgument: `page_size` is out of range.
            NotFound: `user_id` is no member.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._pages(
            lambda cursor: _rpc.profile_posts(
                author_id=author_id,
                limit=page_size,
                cursor=cursor,
                include_replies=include_replies,
                user_id=user_id,
            )
        )

    def iter_search_posts(
        self, query: str, *, page_size: int | None = None, user_id: str | None = None
    ) -> Iterator[FoundPost]:
        """Posts with the words of a query, best first, page after page.

        Args:
            query: Words, "a phrase", or, -without; hashtags alone find posts that have them all.
            page_size: Posts fetched at once, 1 to 200.
            user_id: For whose eyes, with the secret key; otherwise the signed-in one's.

        Raises:
            InvalidArgument: There is no word in it.
            TooLarge: More than 500 characters.
            NotFound: There is no such member.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._pages(
            lambda cursor: _rpc.search_posts(
                query=query, limit=page_size, cursor=cursor, user_id=user_id
            )
        )

    # The home timeline

    def home_timeline(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        user_id: str | None = None,
    ) -> Page[TimelinePost]:
        """The posts that the member probably wants most, from whom they follow and from elsewhere.

        Log what was shown with `log_impressions`: it is left out for a while, and rates learn.

        Args:
            limit: Posts on the page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before; all pages are of the moment of the first.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
            NotFound: There is no such member.
            InvalidArgument: `limit` is out of range.
            InvalidCursor: The cursor is damaged, another member's or older than a day.
        """
        return self._call(_rpc.home_timeline(limit=limit, cursor=cursor, user_id=user_id))

    def iter_home_timeline(
        self, *, page_size: int | None = None, user_id: str | None = None
    ) -> Iterator[TimelinePost]:
        """The home timeline, page after page, up to 500 posts.

        Args:
            page_size: Posts fetched at once, 1 to 200.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
            NotFound: There is no such member.
            InvalidArgument: `page_size` is out of range.
        """
        return self._pages(
            lambda cursor: _rpc.home_timeline(limit=page_size, cursor=cursor, user_id=user_id)
        )

    def iter_posts_without_embedding(
        self, *, page_size: int | None = None
    ) -> Iterator[UnembeddedItem]:
        """Posts with words and without a vector of any model, newest first (secret key).

        Args:
            page_size: Posts fetched at once, 1 to 1,000.
        """
        return self._pages(
            lambda cursor: _rpc.posts_without_embedding(limit=page_size, cursor=cursor)
        )
