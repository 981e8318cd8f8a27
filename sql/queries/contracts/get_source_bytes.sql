-- name: contracts/get_source_bytes: how long all files of a compilation are, without reading them
SELECT coalesce(sum(pg_catalog.octet_length(sources.content)), 0)::bigint AS bytes
FROM public.compiled_contracts_sources AS files
JOIN public.sources ON sources.source_hash = files.source_hash
WHERE files.compilation_id = $1
