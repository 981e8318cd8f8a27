-- name: contracts/find_proxy_resolution: the last stored resolution of a contract
SELECT
    proxy_type,
    implementations,
    resolved_at
FROM public.proxy_resolutions
WHERE chain_id = $1
    AND address = $2
