-- name: matches/lock: the contract's match, locked until the transaction ends
SELECT
    id,
    creation_match,
    runtime_match
FROM public.sourcify_matches
WHERE chain_id = $1
    AND address = $2
FOR UPDATE
