-- For similarity: recompiled codes by how they begin. The index on all codes can't tell them from those
-- of a factory's children, of which one program may have hundreds of thousands.

ALTER TABLE public.compiled_contracts ADD COLUMN runtime_code_prefix bytea;
COMMENT ON COLUMN public.compiled_contracts.runtime_code_prefix IS 'The first 75 bytes of the runtime code; filled by a trigger';

-- A trigger, so that an older program and an import of others' data fill it too.
CREATE FUNCTION public.fill_runtime_code_prefix() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.runtime_code_prefix := (
        SELECT pg_catalog.substring(code.code, 1, 75)
        FROM public.code
        WHERE code.code_hash = NEW.runtime_code_hash
    );
    RETURN NEW;
END
$$;

-- The rows stay as old as they are.
ALTER TABLE public.compiled_contracts DISABLE TRIGGER compiled_contracts_keeps_audit_columns;

UPDATE public.compiled_contracts AS compiled
SET runtime_code_prefix = pg_catalog.substring(code.code, 1, 75)
FROM public.code
WHERE code.code_hash = compiled.runtime_code_hash;

ALTER TABLE public.compiled_contracts ENABLE TRIGGER compiled_contracts_keeps_audit_columns;

CREATE TRIGGER compiled_contracts_fill_runtime_code_prefix
BEFORE INSERT OR UPDATE OF runtime_code_hash, runtime_code_prefix ON public.compiled_contracts
FOR EACH ROW EXECUTE FUNCTION public.fill_runtime_code_prefix();

-- Of a beginning that very many share, the newest are looked at.
CREATE INDEX compiled_contracts_runtime_code_prefix
ON public.compiled_contracts (runtime_code_prefix, created_at DESC);
