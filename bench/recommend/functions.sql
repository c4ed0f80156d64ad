-- What the simulated world is drawn with. Everything comes from hashes, so each run makes the same world.
create schema bench;
grant usage on schema bench to postgres, authenticated;

-- Uniform in [0, 1), a function of a number and a salt.
create function bench.u(p_no bigint, p_salt text) returns double precision
language sql immutable parallel safe as $$
  select (hashint8extended(p_no, hashtext(p_salt)) & 4503599627370495) * 2.220446049250313e-16::float8
$$;

create function bench.uuid(p_kind text, p_no bigint) returns uuid
language sql immutable parallel safe as $$ select (p_kind || '00000-0000-4000-8000-' || lpad(to_hex(p_no), 12, '0'))::uuid $$;

-- A place in an order of p_count, as the number of a member or item: a permutation, so that neighbours in the order lie
-- far apart on disk. pgbench computes the same.
create function bench.scattered(p_place bigint, p_count int) returns int
language sql immutable parallel safe as $$ select (1 + p_place * 611953 % p_count)::int $$;

-- The place of an item by popularity, from 0: its density falls with (place + 20) ^ -0.9.
create function bench.popular_place(p_u double precision, p_items int) returns double precision
language sql immutable parallel safe as $$
  select (20 ^ 0.1::float8 + p_u * ((p_items + 20) ^ 0.1::float8 - 20 ^ 0.1::float8)) ^ 10 - 20
$$;

-- Signs the session in as a member; returns null, so that a call can depend on it.
create function bench.as_member(p_member int) returns text
language plpgsql volatile as $$
begin
  perform set_config(
    'request.jwt.claims',
    '{"role": "authenticated", "sub": "' || bench.uuid('c00', p_member) || '"}',
    false
  );
  return null;
end $$;
grant execute on all functions in schema bench to authenticated;
