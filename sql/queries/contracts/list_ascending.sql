-- name: contracts/list_ascending: a chain's matches after an id, oldest first
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
    AND id > $2
ORDER BY id
LIMIT $3
