-- name: matches/improve: the id, which stays as the date does
UPDATE public.sourcify_matches
SET
    verified_contract_id = $2,
    creation_match = $3,
    runtime_match = $4,
    metadata = $5::text::json
WHERE id = $1
RETURNING id
