-- name: contracts/list_beginning_like: compilations whose runtime code begins like this, best first
-- Of a beginning that very many share, only the newest five hundred compilations are looked at, each
-- with a few of its contracts.
WITH hits AS (
    SELECT compiled.id AS compilation_id
    FROM public.compiled_contracts AS compiled
    WHERE compiled.runtime_code_prefix = pg_catalog.substring($1::bytea, 1, 75)
    ORDER BY compiled.created_at DESC
    LIMIT 500
)

SELECT
    hits.compilation_id,
    best.verified_contract_id,
    best.match_id
FROM hits
CROSS JOIN LATERAL (
    SELECT
        few.verified_contract_id,
        few.match_id,
        few.is_exact
    FROM (
        SELECT
            verified.id AS verified_contract_id,
            matches.id AS match_id,
            coalesce(matches.runtime_match = 'perfect', FALSE)
            OR coalesce(matches.creation_match = 'perfect', FALSE) AS is_exact
        FROM public.verified_contracts AS verified
        JOIN public.sourcify_matches AS matches ON matches.verified_contract_id = verified.id
        WHERE verified.compilation_id = hits.compilation_id
        LIMIT 10
    ) AS few
    ORDER BY few.is_exact DESC, few.match_id DESC
    LIMIT 1
) AS best
ORDER BY best.is_exact DESC, best.match_id DESC
LIMIT $2
