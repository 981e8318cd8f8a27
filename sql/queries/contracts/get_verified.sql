-- name: contracts/get_verified: a verified contract and its deployment
SELECT
    verified.compilation_id,
    verified.creation_transformations,
    verified.creation_values,
    verified.runtime_transformations,
    verified.runtime_values,
    deployments.transaction_hash,
    deployments.block_number::text AS block_number,
    deployments.transaction_index::text AS transaction_index,
    deployments.deployer
FROM public.verified_contracts AS verified
JOIN public.contract_deployments AS deployments ON deployments.id = verified.deployment_id
WHERE verified.id = $1
