-- name: matches/link_signatures: nothing; the signatures of a new compilation
INSERT INTO public.compiled_contracts_signatures (compilation_id, signature_hash_32, signature_type)
SELECT
    $1,
    given.signature_hash_32,
    given.signature_type::public.signature_type_enum
FROM unnest($2::bytea[], $3::text[]) AS given (signature_hash_32, signature_type)
