-- name: contracts/list_sources: the files of a compilation, by path
SELECT
    files.path,
    sources.content
FROM public.compiled_contracts_sources AS files
JOIN public.sources ON sources.source_hash = files.source_hash
WHERE files.compilation_id = $1
ORDER BY files.path COLLATE "C"
