-- name: matches/insert_contract: the id, or no row if this pair of codes is there
INSERT INTO public.contracts (creation_code_hash, runtime_code_hash)
VALUES ($1, $2)
ON CONFLICT (creation_code_hash, runtime_code_hash) DO NOTHING
RETURNING id
