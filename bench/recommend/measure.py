"""Times the calls, in turn on all worlds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bench.recommend.world import World
from bench.serving.measure import LOOKUP, Call, Timing, sample, timing

# The pages of world.compute_ahead are those of every 500th member, and of some at odd places among
# those with 100 items or more; all other calls go to other members, so that none finds a page.
ANYONE = "\\set m 500 * random(0, :members / 500 - 1) + random(2, 500)\n"
AHEAD = "\\set m 500 * random(0, :members / 500 - 1) + 1\n"
# As bench.scattered.
AT_PLACE = "\\set m 1 + (:place * 611953) % :members\n"
HEAVY = f"\\set place :heavy + 2 * random(0, :heavy_members / 2 - 1)\n{AT_PLACE}"
HEAVY_AHEAD = (
    f"\\set place :heavy + random(0, 499) * (:heavy_members / 2) / 500 * 2 + 1\n{AT_PLACE}"
)
WRITER = f"{ANYONE}\\set i random(1, :items)\n"

RECOMMEND = (
    "select r.* from bench.as_member(:m) as n "
    "cross join lateral public.get_recommendations(p_limit => 20, p_cursor => n) as r;"
)
WRITE_AND_RECOMMEND = (
    "begin;\n"
    "select l.* from bench.as_member(:m) as n cross join lateral public.log_engagement("
    "jsonb_build_array(jsonb_build_object("
    "'item_id', coalesce(n::uuid, bench.uuid('e00', :i)), 'kind', 'like'))) as l;\n"
    "select r.* from public.get_recommendations(p_limit => 20) as r;\n"
    "commit;\n"
)

FLOOR = Call(
    "primary-key lookup",
    ANYONE
    + "select p.display_name from bench.as_member(:m) as n "
    + f"cross join lateral ({LOOKUP} and n is null) as p;",
)
BARE = Call("primary-key lookup, signed in before", f"{ANYONE}{LOOKUP};")
COLD = Call("recommend 20, random member", ANYONE + RECOMMEND)
HEAVY_COLD = Call("recommend 20, member with 100 items or more", HEAVY + RECOMMEND)
WARM = Call("recommend 20, page computed ahead", AHEAD + RECOMMEND)
HEAVY_WARM = Call("recommend 20, computed ahead, 100 items or more", HEAVY_AHEAD + RECOMMEND)
WRITE = Call("like an item, then recommend 20", WRITER + WRITE_AND_RECOMMEND)
SIMILAR = Call(
    "similar items, 20",
    "\\set i random(1, :items)\n"
    "select s.* from public.get_similar_items(bench.uuid('e00', :i)) as s;",
)
PLAIN = Call(
    "recommend written by hand, random member",
    ANYONE + "select r.* from tests.plain_recommend(bench.uuid('c00', :m), 20, now()) as r;",
    role="postgres",
    transactions=5,
)
HEAVY_PLAIN = Call(
    "recommend written by hand, 100 items or more",
    HEAVY + "select r.* from tests.plain_recommend(bench.uuid('c00', :m), 20, now()) as r;",
    role="postgres",
    transactions=5,
)
# Writes last: the pages of whom they hit are no longer ahead.
CALLS = (FLOOR, BARE, COLD, HEAVY_COLD, WARM, HEAVY_WARM, SIMILAR, PLAIN, HEAVY_PLAIN, WRITE)
# What is timed on the smaller world too, in the same minutes.
GROWING = (FLOOR, COLD, HEAVY_COLD)


def measure(worlds: Sequence[World], *, rounds: int, seconds: int) -> list[list[Timing]]:
    """The timings of each world: all calls on the last one, those of GROWING on the others."""
    latencies: dict[tuple[int, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for call in CALLS:
            for world in worlds:
                if world is worlds[-1] or call in GROWING:
                    latencies[world.members, call.name] += sample(
                        world.cluster, call, world.sizes(), seconds
                    )
    return [
        [
            timing(call.name, latencies[world.members, call.name])
            for call in CALLS
            if (world.members, call.name) in latencies
        ]
        for world in worlds
    ]
