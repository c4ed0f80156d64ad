-- Every combination of owner, visibility, follow and block, for the owner, another member and nobody:
-- visible_to says what is expected, and row-level security lets exactly that through.
select plan(5);

select make_kind('thing');
create temp table viewer as select make_member('viewer') as id;
create temp table cases as
select
  n,
  visibility,
  follows,
  block,
  tests.make_member('owner' || n) as owner_id,
  null::uuid as item_id,
  -- Not how visible_to puts it: blocked is out, then the least visibility that the viewer reaches.
  block = 'none' and case visibility when 'public' then true when 'followers' then follows else false end as expected
from (
  select row_number() over () as n, v.visibility, f.follows, b.block
  from unnest('{public,followers,private}'::text[]) as v (visibility)
  cross join unnest('{true,false}'::boolean[]) as f (follows)
  cross join unnest('{none,viewer,owner}'::text[]) as b (block)
) as combinations;
update cases set item_id = make_item('thing', 'Item ' || n, owner_id, visibility) where true;
select block(case block when 'viewer' then v.id else c.owner_id end, case block when 'viewer' then c.owner_id else v.id end)
from cases as c, viewer as v where c.block <> 'none';
-- After the blocks, which would end them: a follow that should not be there must not help.
select follow(v.id, c.owner_id) from cases as c, viewer as v where c.follows;
-- Catalogue items belong to nobody.
insert into cases
select 100 + row_number() over (), v, false, 'none', null, make_item('thing', 'Catalogue ' || v, null, v), v = 'public'
from unnest('{public,followers,private}'::text[]) as v;

-- A catalogue table under the policy that all of them have.
create table public.test_things (id uuid primary key references medley.items (id));
alter table public.test_things enable row level security;
create policy test_things_select on public.test_things
for select to anon, authenticated using (medley.visible_to((select auth.uid()), id));
grant select on public.test_things to anon, authenticated, service_role;
insert into public.test_things select item_id from cases;
grant select on cases, viewer to anon, authenticated;

select set_eq(
  'select n from cases, viewer where medley.visible_to(viewer.id, item_id)', 'select n from cases where expected',
  'a member sees what is public, and of whom the member follows, unless one blocks the other'
);
select set_eq(
  'select n from cases where medley.visible_to(owner_id, item_id)', 'select n from cases where owner_id is not null or expected',
  'an owner sees the own items, whatever the blocks'
);
select act_as((select id from viewer));
select set_eq('select id from public.test_things', 'select item_id from cases where expected', 'policies agree for a member');
select act_as_owner();
select act_as_anon();
select set_eq(
  'select id from public.test_things', $$ select item_id from cases where visibility = 'public' $$,
  'who is not signed in sees what is public'
);
select is(medley.visible_to(null, gen_random_uuid()), false, 'what does not exist is not visible');

select * from finish();
