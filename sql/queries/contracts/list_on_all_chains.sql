-- name: contracts/list_on_all_chains: the matches of an address, by chain
SELECT
    id,
    verified_contract_id,
    chain_id,
    address,
    creation_match,
    runtime_match,
    created_at,
    updated_at
FROM public.sourcify_matches
WHERE address = $1
ORDER BY chain_id
