-- name: contracts/list_with_code: compilations of contracts with this on-chain runtime code, best first
-- Of code that is deployed a million times, only the first thousand are looked at.
WITH hits AS (
    SELECT
        verified.compilation_id,
        verified.id AS verified_contract_id,
        matches.id AS match_id,
        coalesce(matches.runtime_match = 'perfect', FALSE)
        OR coalesce(matches.creation_match = 'perfect', FALSE) AS is_exact
    FROM public.contracts
    JOIN public.contract_deployments AS deployments ON deployments.contract_id = contracts.id
    JOIN public.verified_contracts AS verified ON verified.deployment_id = deployments.id
    JOIN public.sourcify_matches AS matches ON matches.verified_contract_id = verified.id
    WHERE contracts.runtime_code_hash = $1
    LIMIT 1000
),

best AS (
    SELECT DISTINCT ON (compilation_id)
        compilation_id,
        verified_contract_id,
        match_id,
        is_exact
    FROM hits
    ORDER BY compilation_id, is_exact DESC, match_id DESC
)

SELECT
    compilation_id,
    verified_contract_id,
    match_id
FROM best
ORDER BY is_exact DESC, match_id DESC
LIMIT $2
