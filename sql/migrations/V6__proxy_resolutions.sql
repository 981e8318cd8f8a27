-- What proxies forwarded to when somebody last asked.

CREATE TABLE public.proxy_resolutions (
    chain_id bigint NOT NULL,
    address bytea NOT NULL,
    proxy_type text,
    implementations jsonb NOT NULL,
    resolved_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT proxy_resolutions_pkey PRIMARY KEY (chain_id, address),
    CONSTRAINT proxy_resolutions_chain_id CHECK (chain_id > 0),
    CONSTRAINT proxy_resolutions_address CHECK (pg_catalog.octet_length(address) = 20),
    CONSTRAINT proxy_resolutions_implementations
    CHECK (public.json_are_addresses(implementations))
);
COMMENT ON COLUMN public.proxy_resolutions.proxy_type IS 'NULL: no proxy';
