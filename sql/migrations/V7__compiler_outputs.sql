-- What compilers answered, found by what they were given, so that nothing is compiled twice.
-- Only a memory: every row may be deleted at any time, and is when nobody asked for it for long.

CREATE TABLE public.compiler_outputs (
    key bytea NOT NULL,
    output bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    used_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT compiler_outputs_pkey PRIMARY KEY (key),
    CONSTRAINT compiler_outputs_key CHECK (pg_catalog.octet_length(key) = 32)
);
COMMENT ON COLUMN public.compiler_outputs.key IS
'SHA-256 of engine, release, its pinned files, and the whole input';
COMMENT ON COLUMN public.compiler_outputs.output IS
'LZ4 block of standard JSON, its length before it in 4 bytes, little-endian';
-- Compressed already; looking for more would only cost time.
ALTER TABLE public.compiler_outputs ALTER COLUMN output SET STORAGE EXTERNAL;
CREATE INDEX compiler_outputs_used_at_idx ON public.compiler_outputs (used_at);
