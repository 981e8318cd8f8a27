-- name: matches/get_deployment: the id of a deployment
SELECT id
FROM public.contract_deployments
WHERE chain_id = $1
    AND address = $2
    AND (transaction_hash = $3 OR (transaction_hash IS NULL AND $3 IS NULL))
    AND contract_id = $4
