-- name: contracts/list_signatures: the signatures of a compilation, by kind and text
SELECT
    linked.signature_type::text AS signature_type,
    signatures.signature,
    signatures.signature_hash_32
FROM public.compiled_contracts_signatures AS linked
JOIN public.signatures ON signatures.signature_hash_32 = linked.signature_hash_32
WHERE linked.compilation_id = $1
ORDER BY linked.signature_type, signatures.signature COLLATE "C"
