-- name: matches/insert: the id, or no row if the contract got a match meanwhile
INSERT INTO public.sourcify_matches (
    verified_contract_id,
    chain_id,
    address,
    creation_match,
    runtime_match,
    metadata
)
VALUES ($1, $2, $3, $4, $5, $6::text::json)
ON CONFLICT (chain_id, address) DO NOTHING
RETURNING id
