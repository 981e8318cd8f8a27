-- name: contracts/list_names: the names of those contracts of a chain that are verified
SELECT
    matches.address,
    compiled.name
FROM public.sourcify_matches AS matches
JOIN public.verified_contracts AS verified ON verified.id = matches.verified_contract_id
JOIN public.compiled_contracts AS compiled ON compiled.id = verified.compilation_id
WHERE matches.chain_id = $1
    AND matches.address = ANY ($2)
