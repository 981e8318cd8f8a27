-- name: contracts/get_codes: the four codes of a verified contract
SELECT
    onchain_creation.code AS onchain_creation_code,
    onchain_runtime.code AS onchain_runtime_code,
    recompiled_creation.code AS recompiled_creation_code,
    recompiled_runtime.code AS recompiled_runtime_code
FROM public.verified_contracts AS verified
JOIN public.contract_deployments AS deployments ON deployments.id = verified.deployment_id
JOIN public.contracts ON contracts.id = deployments.contract_id
JOIN public.compiled_contracts AS compiled ON compiled.id = verified.compilation_id
JOIN public.code AS onchain_runtime ON onchain_runtime.code_hash = contracts.runtime_code_hash
JOIN public.code AS recompiled_creation
    ON recompiled_creation.code_hash = compiled.creation_code_hash
JOIN public.code AS recompiled_runtime
    ON recompiled_runtime.code_hash = compiled.runtime_code_hash
LEFT JOIN public.code AS onchain_creation
    ON onchain_creation.code_hash = contracts.creation_code_hash
WHERE verified.id = $1
