"""The client's part for the studio. Made by `make_sync.py` from the asynchronous one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from . import _rpc_studio as _rpc
from ._calls_sync import Calls
from ._models import Page, parse_row, parse_rows
from ._models_studio import (
    Connection,
    FailedGeneration,
    GenerationQuota,
    GenerationRequest,
    GenerationStatus,
    HistoryCursor,
    HistorySync,
    KeyRotation,
    MusicEmbedding,
    PlaylistTrack,
    SimilarBand,
    SoundAlike,
    TasteVector,
)


class Studio(Calls):
    """What `Medley` can do with generated music, playlists and connected accounts."""

    # Generated tracks

    def request_generation(
        self,
        mode: Literal["new", "similar", "extend", "radio"],
        *,
        title: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        genres: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        source_id: str | None = None,
        source_external_id: str | None = None,
        band_id: str | None = None,
        is_public: bool | None = None,
        track_id: str | None = None,
        user_id: str | None = None,
    ) -> GenerationRequest:
        """Asks for a track and takes one of the day's allowance.

        Args:
            mode: `new`; or `similar`, `extend` (own tracks only) or `radio`, from a source.
            title: Of the track.
            parameters: What the model is given: `prompt`, `duration` in seconds, ...
            genres: Names of genres, in any spelling.
            tags: Free words.
            source_id: A completed track that the member sees.
            source_external_id: A track elsewhere, instead.
            band_id: A band of the member's that it joins.
            is_public: Whether others see it once it is completed.
            track_id: A random UUID of the caller's: with it the call may be repeated safely.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            The track's id and what is left today. `start_generation` has it begun at once.

        Raises:
            QuotaExceeded: The allowance of the day is used up.
            InvalidArgument: A mode without its source, ...
            NotFound: No visible track or band has that id, or there is no such member.
            Forbidden: Extending a track, or a band, of someone else's; `user_id` is someone else.
            Conflict: The source is not completed, or the id is taken.
            TooLarge: `parameters` hold more than 8 kB.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.request_generation(
                mode=mode,
                title=title,
                parameters=parameters,
                genres=genres,
                tags=tags,
                source_id=source_id,
                source_external_id=source_external_id,
                band_id=band_id,
                is_public=is_public,
                track_id=track_id,
                user_id=user_id,
            )
        )

    def start_generation(self, *, limit: int | None = None) -> int:
        """Wakes the edge function `generate-track`, which begins the requests that are due.

        Args:
            limit: How many at most, 1 to 20; 5 by default.

        Returns:
            How many it took up; it goes on with them by itself.

        Raises:
            Unauthenticated: Nobody is signed in.
            Unavailable: No provider is configured, or no answer.
            NotInstalled: The function is not deployed.
        """
        answer = self._post("generate-track", {} if limit is None else {"limit": limit})
        return int(answer["claimed"])

    def generation_status(self, track_id: str, *, user_id: str | None = None) -> GenerationStatus:
        """How a request of the member's stands.

        Args:
            track_id: The track.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: The member has no such request, or there is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.generation_status(track_id=track_id, user_id=user_id))

    def watch_generation(
        self, track_id: str, *, every: float = 2.0, user_id: str | None = None
    ) -> Iterator[GenerationStatus]:
        """Follows a request to its end.

        Args:
            track_id: The track.
            every: Seconds between two looks.
            user_id: As for `generation_status`.

        Yields:
            Where it is now, then each change; the last one is completed or failed.

        Raises:
            NotFound: The member has no such request, or has deleted it, or there is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        last: GenerationStatus | None = None
        while last is None or not last.finished:
            if last is not None:
                time.sleep(every)
            status = self.generation_status(track_id, user_id=user_id)
            if status != last:
                last = status
                yield status

    def generation_quota(self, *, user_id: str | None = None) -> GenerationQuota:
        """What a member may still ask for today.

        Args:
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.generation_quota(user_id=user_id))

    def set_generation_plan(
        self, user_id: str, plan: str, *, until: datetime | None = None
    ) -> None:
        """Puts a member on a plan (secret key).

        Args:
            user_id: The member.
            plan: `free`, `premium` or another of `medley.generation_plans`.
            until: When it ends; never by default.

        Raises:
            InvalidArgument: There is no such plan.
            NotFound: There is no such member.
            Forbidden: Not the secret key.
        """
        self._call(_rpc.set_generation_plan(user_id=user_id, plan=plan, until=until))

    def iter_failed_generations(
        self, *, page_size: int | None = None
    ) -> Iterator[FailedGeneration]:
        """Requests that failed for good, newest first, page after page (secret key).

        Args:
            page_size: Rows fetched at once, 1 to 200.
        """
        return self._pages(lambda cursor: _rpc.failed_generations(limit=page_size, cursor=cursor))

    # What sounds alike

    def taste_vector(self, *, user_id: str | None = None) -> TasteVector | None:
        """What the member's taste sounds like; None before the member has liked anything.

        Args:
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.taste_vector(user_id=user_id))

    def similar_tracks(
        self,
        track_id: str,
        *,
        kind: str | None = None,
        genre: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        user_id: str | None = None,
    ) -> Page[SoundAlike]:
        """What sounds like a track or recording, and the caller may see.

        Args:
            track_id: The track or recording.
            kind: `track`, the default, or `recording`.
            genre: Only this genre, in any spelling.
            limit: Rows of a page, 1 to 200; 20 by default.
            cursor: `next_cursor` of the page before.
            user_id: For whose eyes, with the secret key; otherwise the signed-in one's.

        Returns:
            A page, nearest first; empty where the track has no vector yet.

        Raises:
            NotFound: No visible track, or no genre, is called that, or there is no such member.
            InvalidArgument: No such kind, or `limit` is out of range.
            InvalidCursor: The cursor is damaged or of another query.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(
            _rpc.similar_tracks(
                track_id=track_id,
                kind=kind,
                genre=genre,
                limit=limit,
                cursor=cursor,
                user_id=user_id,
            )
        )

    def match_tracks(
        self,
        embedding: Sequence[float],
        *,
        kind: str | None = None,
        genre: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        user_id: str | None = None,
    ) -> Page[SoundAlike]:
        """What sounds like a vector; otherwise as `similar_tracks`.

        Args:
            embedding: 768 numbers.
            kind: As for `similar_tracks`.
            genre: As for `similar_tracks`.
            limit: As for `similar_tracks`.
            cursor: As for `similar_tracks`.
            user_id: As for `similar_tracks`.

        Raises:
            InvalidArgument: The wrong size, NaN or a zero vector; or as for `similar_tracks`.
            NotFound: No genre is called that, or there is no such member.
            InvalidCursor: The cursor is damaged or of another query.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(
            _rpc.match_tracks(
                embedding=embedding,
                kind=kind,
                genre=genre,
                limit=limit,
                cursor=cursor,
                user_id=user_id,
            )
        )

    def iter_radio(
        self,
        track_id: str,
        *,
        kind: str | None = None,
        page_size: int | None = None,
        user_id: str | None = None,
    ) -> Iterator[SoundAlike]:
        """A radio that begins with a track: what sounds most like it, each item once.

        Args:
            track_id: The track or recording.
            kind: `track`, the default, or `recording`.
            page_size: Rows fetched at once, 1 to 200. Within a page the member's taste decides.
            user_id: For whom, with the secret key; otherwise for the signed-in member.

        Returns:
            Items, without what the member rejected; stop when you have enough.

        Raises:
            NotFound: No visible track is called that, or there is no such member.
            InvalidArgument: No such kind, or `page_size` is out of range.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._pages(
            lambda cursor: _rpc.radio(
                track_id=track_id, kind=kind, limit=page_size, cursor=cursor, user_id=user_id
            )
        )

    def similar_bands(
        self, band_id: str, *, limit: int | None = None, user_id: str | None = None
    ) -> tuple[SimilarBand, ...]:
        """Bands whose style is nearest to that of a band, and that the caller may see.

        Args:
            band_id: The band.
            limit: How many, 1 to 200; 20 by default.
            user_id: As for `similar_tracks`.

        Raises:
            NotFound: There is no such band that the caller may see, or no such member.
            InvalidArgument: `limit` is out of range.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.similar_bands(band_id=band_id, limit=limit, user_id=user_id))

    def set_music_embeddings(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Writes rows of the cache of audio vectors (secret key).

        Args:
            rows: Up to 500 objects with `track_id`, `track_name`, `artist`, `embedding` (768
                numbers), `source`, and where known `genre` (names).

        Returns:
            How many rows were written.

        Raises:
            InvalidArgument: A row is malformed; nothing was written.
            TooLarge: More than 500 rows.
            Forbidden: Not the secret key.
        """
        return self._call(_rpc.set_music_embeddings(rows=rows))

    def match_music_embeddings(
        self,
        embedding: Sequence[float],
        *,
        genre: str | None = None,
        source: str | None = None,
        limit: int | None = None,
    ) -> tuple[MusicEmbedding, ...]:
        """What the cache of audio vectors knows that sounds like a vector, nearest first.

        Args:
            embedding: 768 numbers.
            genre: Only this genre.
            source: Only vectors from there.
            limit: How many, 1 to 200; 20 by default.
        """
        return self._call(
            _rpc.match_music_embeddings(
                embedding=embedding, genre=genre, source=source, limit=limit
            )
        )

    # Bands and playlists

    def add_band_tracks(
        self, band_id: str, track_ids: Sequence[str], *, user_id: str | None = None
    ) -> int:
        """Adds completed tracks of the member to a band of the member; returns how many are new.

        Args:
            band_id: The band.
            track_ids: Up to 1,000 tracks.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Forbidden: The band, a track or `user_id` is someone else's.
            Conflict: A track is not completed.
            NotFound: There is no such band or track, or no such member.
            TooLarge: More than 1,000 tracks.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.add_band_tracks(band_id=band_id, track_ids=track_ids, user_id=user_id)
        )

    def create_playlist(
        self,
        name: str,
        *,
        description: str | None = None,
        is_public: bool = False,
        user_id: str | None = None,
    ) -> str:
        """Makes an empty playlist of the member; returns its id.

        Args:
            name: 1 to 200 characters.
            description: What it is for.
            is_public: Whether others see it.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: The name is empty or too long.
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        row = {
            "name": name,
            "description": description,
            "is_public": is_public,
            "user_id": self._member(user_id),
        }
        rows = self._send(self.supabase.table("user_playlists").insert(row))
        return str(rows[0]["id"])

    def iter_playlist_tracks(
        self, playlist_id: str, *, page_size: int | None = None, user_id: str | None = None
    ) -> Iterator[PlaylistTrack]:
        """The tracks of a playlist in order, page after page.

        Args:
            playlist_id: A playlist that the caller may see.
            page_size: Rows fetched at once, 1 to 200.
            user_id: For whose eyes, with the secret key; otherwise the signed-in one's.

        Raises:
            NotFound: There is no such playlist that the caller may see, or no such member.
            InvalidArgument: `page_size` is out of range.
            Unauthenticated: `user_id` is given, and nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._pages(
            lambda cursor: _rpc.playlist_tracks(
                playlist_id=playlist_id, limit=page_size, cursor=cursor, user_id=user_id
            )
        )

    def add_playlist_tracks(
        self,
        playlist_id: str,
        track_ids: Sequence[str],
        *,
        before: str | None = None,
        user_id: str | None = None,
    ) -> int:
        """Adds tracks to a playlist of the member; those that are there stay where they are.

        Args:
            playlist_id: The playlist.
            track_ids: Tracks that the member sees, in order.
            before: Right before this track; at the end by default.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Returns:
            How many were added. To repeat the call is safe.

        Raises:
            Conflict: `before` is not there any more.
            NotFound: There is no such playlist or track that the member may see, or no such member.
            Forbidden: The playlist or `user_id` is someone else's.
            TooLarge: The playlist would hold too many.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.add_playlist_tracks(
                playlist_id=playlist_id, track_ids=track_ids, before=before, user_id=user_id
            )
        )

    def move_playlist_track(
        self,
        playlist_id: str,
        track_id: str,
        *,
        before: str | None = None,
        user_id: str | None = None,
    ) -> int:
        """Moves a track of the member's playlist; returns the playlist's version.

        Args:
            playlist_id: The playlist.
            track_id: The track.
            before: Right before this one; to the end by default.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Conflict: Another device has removed one of both.
            NotFound: There is no such playlist, or no such member.
            Forbidden: The playlist or `user_id` is someone else's.
            InvalidArgument: The track before itself.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.move_playlist_track(
                playlist_id=playlist_id, track_id=track_id, before=before, user_id=user_id
            )
        )

    def remove_playlist_tracks(
        self, playlist_id: str, track_ids: Sequence[str], *, user_id: str | None = None
    ) -> int:
        """Takes tracks off the member's playlist; returns how many were there.

        Args:
            playlist_id: The playlist.
            track_ids: The tracks.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            NotFound: There is no such playlist, or no such member.
            Forbidden: The playlist or `user_id` is someone else's.
            TooLarge: More tracks than a playlist holds.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.remove_playlist_tracks(
                playlist_id=playlist_id, track_ids=track_ids, user_id=user_id
            )
        )

    def reorder_playlist(
        self,
        playlist_id: str,
        track_ids: Sequence[str],
        *,
        version: int | None = None,
        user_id: str | None = None,
    ) -> int:
        """Puts the member's playlist in this order; returns its version.

        Args:
            playlist_id: The playlist.
            track_ids: The order. Tracks that it does not name follow; others are ignored.
            version: The version that was seen, to be told of any change since instead.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            Conflict: It is another version by now.
            NotFound: There is no such playlist, or no such member.
            Forbidden: The playlist or `user_id` is someone else's.
            TooLarge: More tracks than a playlist holds.
            Unauthenticated: Nobody is signed in.
        """
        return self._call(
            _rpc.reorder_playlist(
                playlist_id=playlist_id, track_ids=track_ids, version=version, user_id=user_id
            )
        )

    # Accounts elsewhere

    def connect_account(
        self,
        platform: Literal["spotify", "apple", "youtube"],
        *,
        code: str | None = None,
        redirect_uri: str | None = None,
        code_verifier: str | None = None,
        user_token: str | None = None,
    ) -> Connection:
        """Connects an account elsewhere to the signed-in member.

        Args:
            platform: Where it is.
            code: What the platform gave the app's redirect (Spotify, YouTube).
            redirect_uri: That redirect.
            code_verifier: With PKCE.
            user_token: What MusicKit gave the app (Apple).

        Returns:
            The connection. The tokens are encrypted before they are stored; nobody sees them.

        Raises:
            InvalidArgument: The code is not, or no longer, good.
            Unavailable: The platform is not configured, or does not answer.
            Unauthenticated: Nobody is signed in.
            NotInstalled: The function is not deployed.
        """
        asked = {
            "platform": platform,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
            "user_token": user_token,
        }
        body = {key: value for key, value in asked.items() if value is not None}
        return parse_row(Connection, self._post("connect-account", body))

    def sync_history(
        self,
        *,
        platform: str | None = None,
        user_id: str | None = None,
        limit: int | None = None,
    ) -> tuple[HistorySync, ...]:
        """Imports what members have played elsewhere since the last time.

        Args:
            platform: Where; a member must say. With the secret key alone: all platforms.
            user_id: With the secret key: this member. By default all connections that are due.
            limit: How many connections at most.

        Returns:
            What became of each history.

        Raises:
            NotFound: The member has not connected that platform.
            InvalidArgument: There is no such platform, or none is named.
            Unavailable: The platform is not configured, or no answer.
            NotInstalled: The function is not deployed.
        """
        asked = {"platform": platform, "user_id": user_id, "limit": limit}
        body = {key: value for key, value in asked.items() if value is not None}
        answer = self._post("sync-history", body)
        return parse_rows(HistorySync, answer["results"])

    def history_cursor(self, provider: str, *, user_id: str | None = None) -> HistoryCursor | None:
        """Where the import of a history stands; None before the first one.

        Args:
            provider: The platform.
            user_id: The member, with the secret key; otherwise the signed-in one.

        Raises:
            InvalidArgument: There is no such platform.
            NotFound: There is no such member.
            Unauthenticated: Nobody is signed in.
            Forbidden: `user_id` is someone else.
        """
        return self._call(_rpc.history_cursor(provider=provider, user_id=user_id))

    def rotate_oauth_keys(self) -> KeyRotation:
        """Encrypts all tokens that are under an older key with the one in use (secret key).

        Returns:
            How many; once nothing is left, the older keys may go.

        Raises:
            Forbidden: Not the secret key.
            Unavailable: No keys are configured, or no answer.
            NotInstalled: The function is not deployed.
        """
        return parse_row(KeyRotation, self._post("rotate-tokens", {}))
