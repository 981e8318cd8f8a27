-- name: matches/insert_codes: nothing; keeps the codes that are new, in the order of their keys
INSERT INTO public.code (code_hash, code_hash_keccak, code)
SELECT
    given.code_hash,
    given.code_hash_keccak,
    given.code
FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])
    AS given (code_hash, code_hash_keccak, code)
ORDER BY given.code_hash
ON CONFLICT (code_hash) DO NOTHING
