-- name: contracts/list_descending: a chain's matches before an id, newest first
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
    AND id < $2
ORDER BY id DESC
LIMIT $3
