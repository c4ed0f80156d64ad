-- Which of the relevant items make a page: maximal marginal relevance (Carbonell and Goldstein 1998), greedily.
create or replace function medley.choose_page(
  p_relevance double precision[],
  p_signatures bit[],
  p_creators int[],
  p_genres int[],
  p_limit int,
  p_weight double precision,
  p_max_per_creator int,
  p_max_per_genre int
)
returns table (place int, penalty double precision)
language plpgsql immutable parallel safe security invoker set search_path = ''
as $$
declare
  -- Scores below it are over a cap, and further below.
  c_capped constant double precision := -500000;
  v_count int := coalesce(cardinality(p_relevance), 0);
  -- What likeness 1 costs: the weight as a share of the best relevance.
  v_cost double precision := p_weight * greatest(p_relevance[1], 0);
  v_bits int[];
  v_likeness double precision[] := array_fill(0::float8, array[v_count]);
  -- The last of the chosen that made each likelier: those up to it need no second look.
  v_compared int[] := array_fill(0, array[v_count]);
  -- The score at most, for likeness only grows; -infinity once chosen.
  v_bound double precision[] := p_relevance;
  -- Of the chosen.
  v_signatures bit varying[];
  v_features bit varying := b'0'::bit(128);
  v_sizes int[];
  v_creators int[] := array[]::int[];
  v_genres int[] := array[]::int[];
  v_first int := 1;
  v_same int;
  v_best int;
  v_best_score double precision;
  -- Of the one that is looked at.
  v_score double precision;
  v_signature bit varying;
  v_size int;
  v_likest double precision;
  v_alike double precision;
begin
  select array_agg(greatest(bit_count(s.signature), 1)::int) into v_bits
  from unnest(p_signatures) as s (signature);

  for v_place in 1 .. least(p_limit, v_count) loop
    while v_bound[v_first] = '-infinity' loop
      v_first := v_first + 1;
    end loop;
    v_best_score := '-infinity';
    for i in v_first .. v_count loop
      v_score := v_bound[i];
      if v_score > v_best_score then
        -- Compared with what was chosen since, as long as it can still be the best; most share nothing with any of them.
        if v_compared[i] < v_place - 1 and bit_count(p_signatures[i] & v_features) > 0 then
          v_signature := p_signatures[i];
          v_size := v_bits[i];
          v_likest := v_likeness[i];
          for k in v_compared[i] + 1 .. v_place - 1 loop
            v_alike := bit_count(v_signature & v_signatures[k])::float8 / least(v_size, v_sizes[k]);
            if v_alike > v_likest then
              v_score := v_score - v_cost * (v_alike - v_likest);
              v_likest := v_alike;
              v_compared[i] := k;
              exit when v_score <= v_best_score;
            end if;
          end loop;
          v_likeness[i] := v_likest;
          v_bound[i] := v_score;
        end if;
        if v_score > v_best_score then
          v_best := i;
          v_best_score := v_score;
        end if;
      elsif p_relevance[i] <= v_best_score then
        exit;
      end if;
    end loop;

    v_bound[v_best] := '-infinity';
    if v_cost > 0 and p_signatures[v_best] is not null then
      v_features := v_features | p_signatures[v_best];
    end if;
    v_signatures[v_place] := p_signatures[v_best];
    v_sizes[v_place] := v_bits[v_best];
    -- Over the cap: only after everything else.
    if p_creators[v_best] is not null then
      v_creators := v_creators || p_creators[v_best];
      if cardinality(array_positions(v_creators, p_creators[v_best])) = p_max_per_creator then
        foreach v_same in array array_positions(p_creators, p_creators[v_best]) loop
          if v_bound[v_same] > c_capped then
            v_bound[v_same] := v_bound[v_same] + 2 * c_capped;
          end if;
        end loop;
      end if;
    end if;
    if p_genres[v_best] is not null then
      v_genres := v_genres || p_genres[v_best];
      if cardinality(array_positions(v_genres, p_genres[v_best])) = p_max_per_genre then
        foreach v_same in array array_positions(p_genres, p_genres[v_best]) loop
          if v_bound[v_same] > c_capped then
            v_bound[v_same] := v_bound[v_same] + 2 * c_capped;
          end if;
        end loop;
      end if;
    end if;
    place := v_best;
    penalty := v_cost * v_likeness[v_best];
    return next;
  end loop;
end;
$$;

comment on function medley.choose_page(
  double precision[], bit[], int[], int[], int, double precision, int, int
) is
  'Chooses p_limit of the items given best first, and says in which order: each time the one with the highest '
  'relevance - p_weight * best relevance * likeness to the likest item chosen before it. Likeness is the share of '
  'common features, 0 to 1. At most p_max_per_creator items of a creator and p_max_per_genre of a genre, unless there '
  'is nothing else. Returns positions in the arrays, and what likeness cost.';
revoke all on function medley.choose_page(
  double precision[], bit[], int[], int[], int, double precision, int, int
) from public, anon, authenticated, service_role;
