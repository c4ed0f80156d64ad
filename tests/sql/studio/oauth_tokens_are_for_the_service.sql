-- Ciphertext is for the secret key alone; a write compares what it replaces.
select plan(39);

select make_member('ada'), make_member('bob');
create function tests.secret(p text) returns text language sql immutable as $$ select rpad(md5(p), 56, 'x') || '==' $$;

select act_as_service();
select is((select s.version from public.store_oauth_tokens(member('ada'), 'spotify', secret('a1'), secret('r1'), 'k1', '2026-03-01Z', '{read}') as s), 1, 'a connection');
select is((select row(t.access_token, t.refresh_token, t.key_id, t.version, t.status)::text from public.get_oauth_tokens(member('ada'), 'spotify') as t),
  row(secret('a1'), secret('r1'), 'k1', 1, 'active')::text, 'is read back');
select is((select s.version from public.store_oauth_tokens(member('ada'), 'spotify', secret('a2'), null, 'k1', '2026-03-02Z', null, 1) as s), 2, 'a refresh');
select is((select row(t.access_token, t.refresh_token, t.version)::text from public.get_oauth_tokens(member('ada'), 'spotify') as t),
  row(secret('a2'), secret('r1'), 2)::text, 'keeps the refresh token');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', secret('a3'), null, 'k1', null, null, 1) $$, 'conflict', 'of two refreshes one wins');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', secret('a3'), null, 'k2') $$, 'conflict', 'one row has one key');
select throws_code($$ select public.store_oauth_tokens(member('bob'), 'spotify', secret('a3'), null, 'k2', null, null, 4) $$, 'conflict', 'what is not there has no version');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'napster', secret('a'), null, 'k1') $$, 'invalid_argument', 'an unknown platform');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'replicate', secret('a'), null, 'k1') $$, 'invalid_argument', 'one without histories');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', 'BQDk token', null, 'k1') $$, 'invalid_argument', 'a token in clear');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', secret('a'), 'short', 'k1') $$, 'invalid_argument', 'either of them');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', null, null, 'k1') $$, 'invalid_argument', 'none');
select throws_code($$ select public.store_oauth_tokens(member('ada'), 'spotify', secret('a'), null, '') $$, 'invalid_argument', 'a key without a name');
select throws_code($$ select public.store_oauth_tokens(gen_random_uuid(), 'spotify', secret('a'), null, 'k1') $$, 'not_found', 'nobody''s');
select throws_code($$ select public.get_oauth_tokens(member('bob'), 'spotify') $$, 'not_found', 'not connected');
select throws_permission($$ select * from medley.oauth_tokens $$, 'the table is nobody''s');

-- Rotation.
create temp table old as select * from public.list_oauth_tokens_to_rotate('k2');
select is((select row(o.key_id, o.version, o.platform, o.user_id = member('ada'))::text from old as o), '(k1,2,spotify,t)', 'what another key encrypted, and whose it is');
select is((select public.reencrypt_oauth_tokens(o.connection_id, 'k1', 1, 'k2', secret('a2k2'), secret('r1k2')) from old as o), false, 'an old version is not overwritten');
select is((select public.reencrypt_oauth_tokens(o.connection_id, 'k0', 2, 'k2', secret('a2k2'), secret('r1k2')) from old as o), false, 'nor that of another key');
select is((select public.reencrypt_oauth_tokens(o.connection_id, 'k1', 2, 'k2', secret('a2k2')) from old as o), false, 'nor is a token lost');
select is((select public.reencrypt_oauth_tokens(o.connection_id, 'k1', 2, 'k2', secret('a2k2'), secret('r1k2')) from old as o), true, 'what was read is replaced');
select is((select public.reencrypt_oauth_tokens(o.connection_id, 'k1', 2, 'k2', secret('a2k2'), secret('r1k2')) from old as o), false, 'once');
select is_empty($$ select * from public.list_oauth_tokens_to_rotate('k2') $$, 'then nothing is left');
select throws_code($$ select public.list_oauth_tokens_to_rotate(null) $$, 'invalid_argument', 'a key is named');
select is((select row(c.platform, c.history_cursor)::text from public.claim_connections_to_sync() as c), '(spotify,)', 'a history is due');
select is_empty($$ select * from public.claim_connections_to_sync() $$, 'who tried it does not starve the others');
select public.set_oauth_status(member('ada'), 'spotify', 'expired', 2);
select isnt_empty($$ select * from public.claim_connections_to_sync(p_older_than_seconds => -1) $$, 'what was found with older tokens says nothing of the new');
select lives_ok($$ select public.set_oauth_status(member('ada'), 'spotify', 'expired') $$, 'the provider refuses');
select is_empty($$ select * from public.claim_connections_to_sync(p_older_than_seconds => -1) $$, 'then it is not');
select throws_code($$ select public.set_oauth_status(member('ada'), 'spotify', 'odd') $$, 'invalid_argument', 'an unknown state');
select throws_code($$ select public.set_oauth_status(member('bob'), 'spotify', 'expired') $$, 'not_found', 'of nothing');

select act_as(member('ada'));
select is((select row(c.platform, c.status, c.sync_enabled)::text from public.oauth_connections as c), '(spotify,expired,t)', 'the owner sees how it stands');
select throws_permission($$ select public.get_oauth_tokens(member('ada'), 'spotify') $$, 'and no token');
select throws_permission($$ select * from medley.oauth_tokens $$, 'in no way');
select throws_permission($$ update public.oauth_connections set status = 'active' where true $$, 'the state is not the owner''s');
select lives_ok($$ update public.oauth_connections set sync_enabled = false where true $$, 'whether to synchronize is');
select act_as(member('bob'));
select is_empty($$ select * from public.oauth_connections $$, 'others see nothing');
select act_as(member('ada'));
select lives_ok($$ delete from public.oauth_connections where true $$, 'the owner disconnects');
select act_as_owner();
select is_empty($$ select from medley.oauth_tokens $$, 'and the tokens are gone');

select * from finish();
