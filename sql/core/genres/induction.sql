-- Induction: parents for the genres that nobody curated, from co-occurrence and from names.
-- Curated genres (umbrellas, and those with a curated parent) are never moved. An induced parent is always the
-- more general of the two in one total order that curated edges obey as well, so no cycle can arise.
-- Each step is a function of its own, to be read and tested alone; docs/taxonomy.md has the measurements.
create or replace function medley.taxonomy_genres()
returns table (genre_id uuid, normalized_key text, artist_count bigint, is_umbrella boolean, is_curated boolean)
language sql stable parallel safe security definer set search_path = ''
as $$
  select
    g.id,
    g.normalized_key,
    coalesce(m.artist_count, 0),
    r.genre_id is not null,
    r.genre_id is not null
    or exists (select from public.genre_parent as p where p.child_id = g.id and p.source = 'curated')
  from public.genres as g
  left join medley.genre_marginals as m on m.genre_id = g.id
  left join public.genre_taxonomy_roots as r on r.genre_id = g.id
  where not exists (select from public.genre_taxonomy_exclude as x where x.normalized_key = g.normalized_key)
    and not exists (select from medley.genre_aliases as a where a.alias_key = g.normalized_key)
$$;

comment on function medley.taxonomy_genres() is
  'The genres that may stand in the taxonomy: all but the drop list and leftovers of other spellings.';
revoke all on function medley.taxonomy_genres() from public, anon, authenticated, service_role;

create or replace function medley.rank_genre_generality()
returns table (genre_id uuid, place bigint)
language sql stable parallel safe security definer set search_path = ''
as $$
  with recursive below as (
    select p.parent_id as genre_id, p.child_id as below_id, 1 as steps
    from public.genre_parent as p
    where p.source = 'curated'
    union
    select b.genre_id, p.child_id, b.steps + 1
    from below as b
    inner join public.genre_parent as p on p.parent_id = b.below_id
    where p.source = 'curated'
  ),

  carried as (
    select
      b.genre_id,
      max(b.steps) as height,
      max(m.artist_count) as artist_count
    from below as b
    left join medley.genre_marginals as m on m.genre_id = b.below_id
    group by b.genre_id
  )

  select
    t.genre_id,
    row_number() over (
      order by
        greatest(t.artist_count, c.artist_count) desc,
        coalesce(c.height, 0) desc,
        cardinality(string_to_array(t.normalized_key, ' ')),
        t.normalized_key collate "C"
    )
  from medley.taxonomy_genres() as t
  left join carried as c on c.genre_id = t.genre_id
$$;

comment on function medley.rank_genre_generality() is
  'Every genre of the taxonomy from the most general (1) on: by items, where a curated parent counts at least as many as '
  'what stands below it, then by curated height, then the shorter name. A curated parent always comes before its child.';
revoke all on function medley.rank_genre_generality() from public, anon, authenticated, service_role;

create or replace function medley.match_genre_names()
returns table (child_id uuid, parent_id uuid, weight double precision)
language sql stable parallel safe security definer set search_path = ''
as $$
  with word as (
    select
      t.genre_id,
      string_to_array(t.normalized_key, ' ') as words,
      cardinality(string_to_array(t.normalized_key, ' ')) as last_word
    from medley.taxonomy_genres() as t
    where not t.is_curated
  ),

  -- Names of more than eight words are sentences; leaving them out bounds the phrases of a name to 35.
  phrase as (
    select
      w.genre_id,
      array_to_string(w.words[s.first : e.last], ' ') as phrase_key,
      e.last - s.first + 1 as length,
      e.last = w.last_word as is_ending
    from word as w
    cross join lateral generate_series(1, w.last_word) as s (first)
    cross join lateral generate_series(s.first, w.last_word) as e (last)
    where w.last_word between 2 and 8
      and e.last - s.first + 1 < w.last_word
  ),

  named as (
    select t.normalized_key as phrase_key, t.genre_id
    from medley.taxonomy_genres() as t
    union all
    select a.alias_key, t.genre_id
    from medley.genre_aliases as a
    inner join medley.taxonomy_genres() as t on t.normalized_key = a.genre_key
  )

  select
    p.genre_id,
    n.genre_id,
    max(
      case
        when p.is_ending then medley.setting('genres.name_ending_weight')
        else medley.setting('genres.name_part_weight')
      end
      * (1 + 0.2 * p.length)
    )::double precision
  from phrase as p
  inner join named as n on n.phrase_key = p.phrase_key
  where n.genre_id <> p.genre_id
  group by p.genre_id, n.genre_id
$$;

comment on function medley.match_genre_names() is
  'Genres whose name stands inside another''s: "death metal" ends "melodic death metal", and English compounds say what a '
  'thing is at their end. weight = setting * (1 + 0.2 * words), so the longest name wins.';
revoke all on function medley.match_genre_names() from public, anon, authenticated, service_role;

create or replace function medley.share_genre_items()
returns table (child_id uuid, parent_id uuid, share double precision)
language sql stable parallel safe security definer set search_path = ''
as $$
  with pair as (
    select p.genre_a as child_id, p.genre_b as parent_id, p.pair_count
    from medley.genre_cooccurrence_pairs as p
    where p.pair_count >= (select medley.setting('genres.min_pair_count'))
    union all
    select p.genre_b, p.genre_a, p.pair_count
    from medley.genre_cooccurrence_pairs as p
    where p.pair_count >= (select medley.setting('genres.min_pair_count'))
  )

  select
    p.child_id,
    p.parent_id,
    p.pair_count / (m.artist_count + (select medley.setting('genres.parent_shrinkage'))::double precision)
  from pair as p
  inner join medley.genre_marginals as m on m.genre_id = p.child_id
$$;

comment on function medley.share_genre_items() is
  'P(parent | child) of subsumption (Sanderson and Croft 1999), shrunk: pair_count / (count of the child + '
  'genres.parent_shrinkage), for pairs of at least genres.min_pair_count.';
revoke all on function medley.share_genre_items() from public, anon, authenticated, service_role;

create or replace function medley.score_genre_parents()
returns table (child_id uuid, parent_id uuid, score double precision, parent_place bigint, is_fallback boolean)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with parameter as materialized (
    select
      medley.setting('genres.parent_threshold')::double precision as threshold,
      medley.setting('genres.umbrella_threshold')::double precision as umbrella_threshold
  ),

  genre as materialized (
    select t.genre_id, t.is_umbrella, t.is_curated, r.place
    from medley.taxonomy_genres() as t
    inner join medley.rank_genre_generality() as r on r.genre_id = t.genre_id
  ),

  evidence as (
    select s.child_id, s.parent_id, s.share, 0::double precision as name_weight
    from medley.share_genre_items() as s
    union all
    select n.child_id, n.parent_id, 0, n.weight
    from medley.match_genre_names() as n
  ),

  candidate as (
    select
      e.child_id,
      e.parent_id,
      sum(e.share) as share,
      sum(e.name_weight) as name_weight
    from evidence as e
    group by e.child_id, e.parent_id
  )

  select
    c.child_id,
    c.parent_id,
    c.share + c.name_weight,
    parent.place,
    c.share < v.threshold and c.name_weight = 0
  from candidate as c
  inner join genre as child on child.genre_id = c.child_id
  inner join genre as parent on parent.genre_id = c.parent_id
  cross join parameter as v
  where not child.is_curated
    and parent.place < child.place
    and (c.share >= v.threshold or c.name_weight > 0 or parent.is_umbrella and c.share >= v.umbrella_threshold)
$$;

comment on function medley.score_genre_parents() is
  'The possible parents of each genre that is not curated: score = share of its items that have the parent + what the '
  'names say. is_fallback marks umbrellas that only reach genres.umbrella_threshold: taken where there is nothing else.';
revoke all on function medley.score_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.choose_genre_parents()
returns table (child_id uuid, parent_id uuid, confidence double precision)
language sql stable parallel safe security definer set search_path = '' set work_mem = '256MB'
as $$
  with recursive ranked as (
    select
      s.child_id,
      s.parent_id,
      s.score,
      s.is_fallback,
      first_value(s.score) over best as best_score,
      row_number() over best as place
    from medley.score_genre_parents() as s
    window best as (partition by s.child_id order by s.is_fallback, s.score desc, s.parent_place)
  ),

  contender as materialized (
    select r.child_id, r.parent_id, r.score, r.place
    from ranked as r
    where r.place = 1
      or not r.is_fallback and r.score >= r.best_score * medley.setting('genres.parent_tolerance')::double precision
  ),

  backbone as materialized (
    select p.child_id, p.parent_id
    from public.genre_parent as p
    where p.source = 'curated'
    union all
    select c.child_id, c.parent_id
    from contender as c
    where c.place = 1
  ),

  above as (
    select b.child_id as genre_id, b.parent_id as above_id
    from backbone as b
    union
    select a.genre_id, b.parent_id
    from above as a
    inner join backbone as b on b.child_id = a.above_id
  ),

  related as (
    select a.genre_id, a.above_id as other_id from above as a
    union all
    select a.above_id, a.genre_id from above as a
  ),

  -- A second parent above or below a better one says nothing new and would only add detours to the paths.
  redundant as (
    select distinct
      c.child_id,
      c.parent_id
    from contender as c
    inner join contender as better on better.child_id = c.child_id and better.place < c.place
    inner join related as r on r.genre_id = better.parent_id and r.other_id = c.parent_id
  ),

  kept as (
    select
      c.child_id,
      c.parent_id,
      c.score,
      row_number() over (partition by c.child_id order by c.place) as place
    from contender as c
    where not exists (select from redundant as r where r.child_id = c.child_id and r.parent_id = c.parent_id)
  )

  -- Grows with the score and stays below the certainty of a curated edge.
  select
    k.child_id,
    k.parent_id,
    k.score / (1 + k.score)
  from kept as k
  where k.place <= medley.setting('genres.max_parents')
$$;

comment on function medley.choose_genre_parents() is
  'The induced parents: the best scored one of each genre, and further ones within genres.parent_tolerance of it that '
  'are not above or below a better one; at most genres.max_parents. confidence = score / (1 + score).';
revoke all on function medley.choose_genre_parents() from public, anon, authenticated, service_role;

create or replace function medley.assign_genre_parents()
returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
declare
  v_generation int := medley.begin_generation('genre_parent');
  v_rows bigint;
begin
  -- Before the edges are chosen, so that nobody curates a contradicting one in between.
  perform medley.lock_genre_parents();

  with fresh as materialized (
    select c.child_id, c.parent_id, c.confidence
    from medley.choose_genre_parents() as c
  ),

  removed as (
    delete from public.genre_parent as p
    where p.source = 'induced'
      and not exists (select from fresh as f where f.child_id = p.child_id and f.parent_id = p.parent_id)
  ),

  written as (
    insert into public.genre_parent as p (child_id, parent_id, confidence, source, generation)
    select f.child_id, f.parent_id, f.confidence, 'induced', v_generation
    from fresh as f
    on conflict (child_id, parent_id) do update
    set confidence = excluded.confidence, generation = excluded.generation
    where p.source = 'induced' and p.confidence <> excluded.confidence
  )

  select count(*) into v_rows from fresh;

  analyze public.genre_parent;
  perform medley.finish_generation('genre_parent', v_generation, v_rows);
  return v_rows;
end;
$$;

comment on function medley.assign_genre_parents() is
  'Stage 3 of the taxonomy: replaces the induced parents by those that the statistics of stage 1 and the names give. '
  'Curated edges are never touched. Returns how many induced edges there are.';
revoke all on function medley.assign_genre_parents() from public, anon, authenticated, service_role;
