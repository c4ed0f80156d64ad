"""A generated track from request to audio: allowance, queue, and what sounds like it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, product
from random import Random
from typing import Any

from psycopg import Connection

from .. import GenerationQuota, GenerationStatus, Medley, Recommendation, SoundAlike
from ._world import DemoFailed

STEPS = 1
#: Sounds of the simulated tracks: a genre, and what its titles begin with.
SOUNDS = {
    "ambient": "Slow",
    "techno": "Driving",
    "folk": "Warm",
    "metal": "Heavy",
}
THINGS = ("Rain", "Harbour", "Lanterns", "Orbit", "Meadow", "Glass", "Embers", "Tides")
#: Nobody's addresses: nothing was generated.
AUDIO = "https://tracks.invalid/"


@dataclass(frozen=True, slots=True)
class Generated:
    """What was seen of the studio.

    Attributes:
        title: What the member asked for.
        queued: How the request stood at first.
        completed: How it stood once a worker had reported.
        quota: What is left of the day's allowance.
        similar: Tracks that sound like it.
        kept: The track that the member then put into their library.
        recommended: Tracks that the next call recommends.
    """

    title: str
    queued: GenerationStatus
    completed: GenerationStatus
    quota: GenerationQuota
    similar: tuple[SoundAlike, ...]
    kept: SoundAlike
    recommended: tuple[Recommendation, ...]


def generate(
    connection: Connection[Any], medley: Medley, admin: Medley, progress: Callable[[str], None]
) -> Generated:
    """Asks for a track as the member, makes it up as a worker would, and listens on.

    Args:
        connection: To DATABASE_URL, for other members' tracks.
        medley: The member's client.
        admin: With the secret key, as workers have it.
        progress: Told each of STEPS steps.

    Raises:
        DemoFailed: The request got lost, or nothing sounds like the track.
    """
    progress("Generated music")
    chance = Random(1)  # noqa: S311
    (model,) = connection.execute("select medley.audio_model()").fetchall()[0]
    admin.set_item_embeddings("audio", model, _tracks(connection, chance))

    title, genre = "Rain on a tin roof (simulated)", "ambient"
    asked = medley.request_generation(
        "new", title=title, parameters={"prompt": "slow rain on a tin roof"}, genres=[genre]
    )
    queued = medley.generation_status(asked.track_id)
    _work(admin, asked.track_id, _sound(genre, chance))
    completed = medley.generation_status(asked.track_id)
    if (queued.status, completed.status) != ("queued", "completed"):
        raise DemoFailed("the request for a track got lost")

    similar = medley.similar_tracks(asked.track_id, limit=5).rows
    if not similar:
        raise DemoFailed("nothing sounds like the generated track")
    kept = similar[0]
    medley.supabase.table("user_library").insert({"track_id": kept.item_id}).execute()
    recommended = medley.recommendations(kind="track", limit=5).rows
    if not recommended or kept.item_id in {item.item_id for item in recommended}:
        raise DemoFailed("the next recommendation of tracks does not know the library")
    return Generated(
        title=title,
        queued=queued,
        completed=completed,
        quota=medley.generation_quota(),
        similar=similar,
        kept=kept,
        recommended=recommended,
    )


def _tracks(connection: Connection[Any], chance: Random) -> dict[str, list[float]]:
    """Public tracks of simulated members, and the sound of each by its id."""
    connection.execute(
        "delete from public.generated_tracks as t where starts_with(t.url, %s)", (AUDIO,)
    )
    members = connection.execute(
        "select u.id::text from auth.users as u where u.email like %s order by u.id limit 8",
        ("%@members.invalid",),
    ).fetchall()
    found = {}
    for (genre, mood), (thing, (member,)) in product(
        SOUNDS.items(), zip(THINGS, islice(members, len(THINGS)), strict=True)
    ):
        name = f"{mood} {thing}"
        (track,) = connection.execute(
            """
            insert into public.generated_tracks
              (user_id, title, mode, status, url, duration, claimable_at, is_public, genres)
            values (%s, %s, 'new', 'completed', %s, 180, null, true, array[%s])
            returning id::text
            """,
            (member, f"{name} (simulated)", f"{AUDIO}{name.replace(' ', '-').lower()}", genre),
        ).fetchall()[0]
        found[track] = _sound(genre, chance)
    return found


def _sound(genre: str, chance: Random) -> list[float]:
    """A simulated audio vector, 768 numbers: waves of one length for each genre, and noise."""
    waves = 3 + list(SOUNDS).index(genre)
    return [math.sin(waves * place / 40) + chance.gauss(0, 0.4) for place in range(768)]


def _work(admin: Medley, track_id: str, sound: list[float]) -> None:
    """What the edge function `generate-track` does, with made-up audio.

    Requests of others that are due are left to their workers once the lease is over.
    """
    jobs: Any = admin.supabase.rpc(
        "claim_generation_jobs", {"p_worker": "demo", "p_limit": 100, "p_lease_seconds": 5}
    )
    for job in jobs.execute().data:
        if job["track_id"] == track_id:
            report = {
                "p_track_id": track_id,
                "p_attempt": job["attempt"],
                "p_url": f"{AUDIO}{track_id}",
                "p_duration": 60,
                "p_explanation": "Simulated: no model was asked.",
                "p_embedding": sound,
            }
            admin.supabase.rpc("complete_generation", report).execute()
