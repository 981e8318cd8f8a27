-- name: jobs/is_perfectly_matched: a row if both sides of the contract's match are exact
SELECT id
FROM public.sourcify_matches
WHERE chain_id = $1
    AND address = $2
    AND creation_match = 'perfect'
    AND runtime_match = 'perfect'
