-- name: schema/list_applied: the migrations of this database, oldest first
SELECT
    version,
    name,
    checksum
FROM public.refinery_schema_history
ORDER BY version
