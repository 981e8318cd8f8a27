-- name: matches/find_of_verified_contract: the id of the match that shows this verified contract
SELECT id
FROM public.sourcify_matches
WHERE verified_contract_id = $1
