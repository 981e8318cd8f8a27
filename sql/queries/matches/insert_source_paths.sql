-- name: matches/insert_source_paths: nothing; the paths of a new compilation
INSERT INTO public.compiled_contracts_sources (compilation_id, path, source_hash)
SELECT
    $1,
    given.path,
    given.source_hash
FROM unnest($2::text[], $3::bytea[]) AS given (path, source_hash)
