-- Numbers that the owner of a project may tune without touching code, and the generation counters of derived tables.
create table medley.settings (
  key text primary key,
  value numeric not null,
  description text not null,
  updated_at timestamptz not null default now()
);

comment on table medley.settings is 'Tunable numbers of the engine; each module seeds its own with a documented default.';
comment on column medley.settings.key is 'module.name';
comment on column medley.settings.value is 'The value in force, in the unit that the description names.';
comment on column medley.settings.description is 'What it controls, its unit and its sensible range.';
comment on column medley.settings.updated_at is 'When the row last changed.';

alter table medley.settings enable row level security;
revoke all on medley.settings from public, anon, authenticated, service_role;

create or replace function medley.setting(p_key text)
returns numeric
language sql stable parallel safe security definer set search_path = ''
as $$
  select s.value
  from medley.settings as s
  where s.key = p_key
$$;

comment on function medley.setting(text) is 'The value of the setting p_key, or null when there is none.';
revoke all on function medley.setting(text) from public, anon, authenticated, service_role;

create table medley.generations (
  name text primary key,
  generation int not null check (generation > 0),
  built_at timestamptz not null,
  row_count bigint not null
);

comment on table medley.generations is
  'One row per derived table: which generation it holds, when it was built and how many rows it has.';
comment on column medley.generations.name is 'The derived table, without its schema.';
comment on column medley.generations.generation is 'Grows by one with each complete rebuild.';
comment on column medley.generations.built_at is 'When that rebuild committed.';
comment on column medley.generations.row_count is 'Rows that the rebuild left in the table.';

alter table medley.generations enable row level security;
revoke all on medley.generations from public, anon, authenticated, service_role;

create or replace function medley.begin_generation(p_name text)
returns int
language plpgsql volatile parallel unsafe security definer set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('medley.generation:' || p_name, 0));
  return coalesce(
    (select g.generation + 1 from medley.generations as g where g.name = p_name),
    1
  );
end;
$$;

comment on function medley.begin_generation(text) is
  'Locks the derived table p_name until the transaction ends and returns the number of its next generation.';
revoke all on function medley.begin_generation(text) from public, anon, authenticated, service_role;

create or replace function medley.finish_generation(p_name text, p_generation int, p_row_count bigint)
returns void
language sql volatile parallel unsafe security definer set search_path = ''
as $$
  insert into medley.generations as g (name, generation, built_at, row_count)
  values (p_name, p_generation, now(), p_row_count)
  on conflict (name) do update
  set
    generation = excluded.generation,
    built_at = excluded.built_at,
    row_count = excluded.row_count
$$;

comment on function medley.finish_generation(text, int, bigint) is
  'Records that generation p_generation of the derived table p_name is complete with p_row_count rows.';
revoke all on function medley.finish_generation(text, int, bigint) from public, anon, authenticated, service_role;

create table medley.ranker_weights (
  ranker text not null,
  term text not null,
  weight numeric not null check (abs(weight) <= 10000),
  cap numeric check (cap between 0 and 10000),
  scale numeric check (scale between 0.001 and 36500),
  description text not null,
  updated_at timestamptz not null default now(),
  primary key (ranker, term)
);

comment on table medley.ranker_weights is
  'What each term of a ranker''s score is worth. Owners edit the rows; the next call uses them.';
comment on column medley.ranker_weights.ranker is 'The ranker, event_feed for instance.';
comment on column medley.ranker_weights.term is 'The term, as the breakdown of a score names it.';
comment on column medley.ranker_weights.weight is 'Points: for a yes, for each unit, or at the maximum, as the description says.';
comment on column medley.ranker_weights.cap is 'Most points that the term can give; null where the weight is the maximum.';
comment on column medley.ranker_weights.scale is 'Scale of the term''s decay or of its discount, as the description says; null where it has none.';
comment on column medley.ranker_weights.description is 'What the term rewards and in which unit.';
comment on column medley.ranker_weights.updated_at is 'When the row last changed.';

alter table medley.ranker_weights enable row level security;
revoke all on medley.ranker_weights from public, anon, authenticated, service_role;

create trigger settings_updated_at
before update on medley.settings
for each row execute function medley.set_updated_at();

create trigger ranker_weights_updated_at
before update on medley.ranker_weights
for each row execute function medley.set_updated_at();
