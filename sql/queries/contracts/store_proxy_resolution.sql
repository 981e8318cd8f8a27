-- name: contracts/store_proxy_resolution: nothing; keeps the newest resolution of a contract
INSERT INTO public.proxy_resolutions (chain_id, address, proxy_type, implementations)
VALUES ($1, $2, $3, $4)
ON CONFLICT (chain_id, address) DO UPDATE
SET
    proxy_type = excluded.proxy_type,
    implementations = excluded.implementations,
    resolved_at = now()
