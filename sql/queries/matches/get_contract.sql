-- name: matches/get_contract: the id of a pair of codes
SELECT id
FROM public.contracts
WHERE runtime_code_hash = $2
    AND (creation_code_hash = $1 OR (creation_code_hash IS NULL AND $1 IS NULL))
