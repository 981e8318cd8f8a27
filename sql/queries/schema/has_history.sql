-- name: schema/has_history: whether any migration was ever applied
SELECT to_regclass('public.refinery_schema_history') IS NOT NULL AS has_history
