-- name: contracts/find_metadata: the compiler's metadata of a match, as text
SELECT metadata::text AS metadata
FROM public.sourcify_matches
WHERE id = $1
