-- name: contracts/find_match: the best match of a contract
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
WHERE chain_id = $1
    AND address = $2
