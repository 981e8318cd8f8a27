-- name: matches/insert_signatures: nothing; keeps the signatures that are new, in the order of their keys
INSERT INTO public.signatures (signature_hash_32, signature)
SELECT
    given.signature_hash_32,
    given.signature
FROM unnest($1::bytea[], $2::text[]) AS given (signature_hash_32, signature)
ORDER BY given.signature_hash_32
ON CONFLICT (signature_hash_32) DO NOTHING
