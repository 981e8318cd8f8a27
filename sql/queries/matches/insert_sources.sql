-- name: matches/insert_sources: nothing; keeps the contents that are new, in the order of their keys
INSERT INTO public.sources (source_hash, source_hash_keccak, content)
SELECT
    given.source_hash,
    given.source_hash_keccak,
    given.content
FROM unnest($1::bytea[], $2::bytea[], $3::text[])
    AS given (source_hash, source_hash_keccak, content)
ORDER BY given.source_hash
ON CONFLICT (source_hash) DO NOTHING
