-- Features by name, and what each is worth.
create view medley.item_feature_weights
with (security_invoker = true)
as
select
  c.item_no,
  c.feature_no,
  (max(c.weight * c.confidence) * max(t.weight) * max(f.idf))::real as value
from medley.content_features as c
inner join medley.features as f on c.feature_no = f.feature_no
inner join medley.feature_types as t on f.feature_type = t.feature_type
where t.weight > 0
group by c.item_no, c.feature_no;

comment on view medley.item_feature_weights is
  'The features of items with what each is worth: the best of its sources'' weight * confidence, times the weight of its '
  'type, times idf. The entries of the vector that content similarity compares.';
revoke all on medley.item_feature_weights from public, anon, authenticated, service_role;

create view medley.content_feature_details
with (security_invoker = true)
as
select
  i.id as content_id,
  i.kind as content_type,
  f.feature_type,
  f.feature_value,
  c.weight,
  c.source,
  c.confidence
from medley.content_features as c
inner join medley.features as f on c.feature_no = f.feature_no
inner join medley.items as i on c.item_no = i.item_no;

comment on view medley.content_feature_details is 'The features of items by id and name.';
revoke all on medley.content_feature_details from public, anon, authenticated, service_role;
