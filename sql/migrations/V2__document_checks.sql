-- Checks of the Verifier Alliance's JSON documents, for the CHECK constraints of the tables that hold
-- them. They never give NULL, because a CHECK takes NULL for a yes; and they look at every element.
-- CASE, not AND, stands where the second step is an error unless the first one holds.

CREATE FUNCTION public.json_has_keys(document jsonb, required text[], optional text[] DEFAULT '{}')
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'object'
    THEN document ?& required AND (document - required - optional) = '{}'::jsonb
    ELSE false
END;
COMMENT ON FUNCTION public.json_has_keys IS 'An object with all required keys and no other than the optional ones';

CREATE FUNCTION public.json_is_null(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(jsonb_typeof(document) = 'null', false);

CREATE FUNCTION public.json_is_whole_number(document jsonb, at_least numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'number'
    THEN document::numeric >= at_least AND trunc(document::numeric) = document::numeric
    ELSE false
END;

CREATE FUNCTION public.json_is_name(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'string' THEN document <> '""'::jsonb
    ELSE false
END;
COMMENT ON FUNCTION public.json_is_name IS 'A string that is not empty';

CREATE FUNCTION public.json_is_bytes(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'string' THEN (document #>> '{}') ~ '^0x([0-9a-fA-F]{2})+$'
    ELSE false
END;
COMMENT ON FUNCTION public.json_is_bytes IS 'At least one byte in hexadecimal digits';

CREATE FUNCTION public.json_is_address(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'string' THEN (document #>> '{}') ~ '^0x[0-9a-fA-F]{40}$'
    ELSE false
END;

CREATE FUNCTION public.json_are_addresses(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'array'
    THEN NOT EXISTS (
        SELECT FROM jsonb_array_elements(document) AS element (value)
        WHERE NOT public.json_is_address(element.value)
    )
    ELSE false
END;

-- Parts of the artifacts. Null and the empty object are allowed by name: a compiler that gives none,
-- and a contract that has none.

CREATE FUNCTION public.json_are_ranges(document jsonb, fixed_length numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'array'
    THEN NOT EXISTS (
        SELECT FROM jsonb_array_elements(document) AS element (value)
        WHERE NOT (
            public.json_has_keys(element.value, '{start,length}')
            AND public.json_is_whole_number(element.value -> 'start', 0)
            AND public.json_is_whole_number(element.value -> 'length', 1)
            AND (fixed_length IS NULL OR element.value -> 'length' = to_jsonb(fixed_length))
        )
    )
    ELSE false
END;
COMMENT ON FUNCTION public.json_are_ranges IS 'Places in a code; a fixed length of NULL allows any but zero';

CREATE FUNCTION public.json_are_libraries_of_file(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'object'
    THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS library (name, ranges)
        WHERE NOT public.json_are_ranges(library.ranges, 20)
    )
    ELSE false
END;

CREATE FUNCTION public.json_are_link_references(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(document)
    WHEN 'null' THEN true
    WHEN 'object' THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS file (path, libraries)
        WHERE NOT public.json_are_libraries_of_file(file.libraries)
    )
    ELSE false
END;

CREATE FUNCTION public.json_are_immutable_references(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(document)
    WHEN 'null' THEN true
    WHEN 'object' THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS immutable (id, ranges)
        WHERE NOT public.json_are_ranges(immutable.ranges, NULL)
    )
    ELSE false
END;

CREATE FUNCTION public.json_are_cbor_auxdata(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(document)
    WHEN 'null' THEN true
    WHEN 'object' THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS auxdata (id, place)
        WHERE NOT (
            public.json_has_keys(auxdata.place, '{offset,value}')
            AND public.json_is_whole_number(auxdata.place -> 'offset', 0)
            AND public.json_is_bytes(auxdata.place -> 'value')
        )
    )
    ELSE false
END;

CREATE FUNCTION public.json_are_source_ids(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(document)
    WHEN 'null' THEN true
    WHEN 'object' THEN (
        SELECT
            COALESCE(bool_and(
                public.json_has_keys(source.identity, '{id}')
                AND public.json_is_whole_number(source.identity -> 'id', 0)
            ), true)
            AND count(*) = count(DISTINCT source.identity -> 'id')
        FROM jsonb_each(document) AS source (path, identity)
    )
    ELSE false
END;

-- The documents.

CREATE FUNCTION public.is_compilation_artifacts(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN public.json_has_keys(
        document, '{abi,sources}', '{userdoc,devdoc,storageLayout,transientStorageLayout}'
    )
    THEN jsonb_typeof(document -> 'abi') IN ('array', 'null')
        AND public.json_are_source_ids(document -> 'sources')
    ELSE false
END;

CREATE FUNCTION public.is_creation_code_artifacts(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN public.json_has_keys(document, '{sourceMap,linkReferences}', '{cborAuxdata}')
    THEN public.json_are_link_references(document -> 'linkReferences')
        AND public.json_are_cbor_auxdata(COALESCE(document -> 'cborAuxdata', 'null'::jsonb))
    ELSE false
END;

CREATE FUNCTION public.is_runtime_code_artifacts(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN public.json_has_keys(
        document, '{sourceMap,linkReferences,immutableReferences}', '{cborAuxdata}'
    )
    THEN public.json_are_link_references(document -> 'linkReferences')
        AND public.json_are_immutable_references(document -> 'immutableReferences')
        AND public.json_are_cbor_auxdata(COALESCE(document -> 'cborAuxdata', 'null'::jsonb))
    ELSE false
END;

CREATE FUNCTION public.json_are_named_bytes(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'object'
    THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS entry (name, bytes)
        WHERE entry.name = '' OR NOT public.json_is_bytes(entry.bytes)
    )
    ELSE false
END;

CREATE FUNCTION public.json_are_named_addresses(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'object'
    THEN NOT EXISTS (
        SELECT FROM jsonb_each(document) AS entry (name, address)
        WHERE entry.name = '' OR NOT public.json_is_address(entry.address)
    )
    ELSE false
END;

CREATE FUNCTION public.is_creation_values(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN public.json_has_keys(document, '{}', '{constructorArguments,libraries,cborAuxdata}')
    THEN public.json_is_bytes(COALESCE(document -> 'constructorArguments', '"0x00"'::jsonb))
        AND public.json_are_named_addresses(COALESCE(document -> 'libraries', '{}'::jsonb))
        AND public.json_are_named_bytes(COALESCE(document -> 'cborAuxdata', '{}'::jsonb))
    ELSE false
END;

CREATE FUNCTION public.is_runtime_values(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN public.json_has_keys(document, '{}', '{libraries,immutables,cborAuxdata,callProtection}')
    THEN public.json_are_named_addresses(COALESCE(document -> 'libraries', '{}'::jsonb))
        AND public.json_are_named_bytes(COALESCE(document -> 'immutables', '{}'::jsonb))
        AND public.json_are_named_bytes(COALESCE(document -> 'cborAuxdata', '{}'::jsonb))
        AND (NOT document ? 'callProtection' OR public.json_is_address(document -> 'callProtection'))
    ELSE false
END;

-- One element each. The keys are exact: what a transformation does not use must not be there.

CREATE FUNCTION public.is_transformation(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) IS DISTINCT FROM 'object' THEN false
    WHEN NOT public.json_is_whole_number(document -> 'offset', 0) THEN false
    ELSE COALESCE(
        CASE document ->> 'reason'
            WHEN 'constructorArguments' THEN
                document ->> 'type' = 'insert'
                AND public.json_has_keys(document, '{type,reason,offset}')
            WHEN 'library' THEN
                document ->> 'type' = 'replace'
                AND public.json_has_keys(document, '{type,reason,offset,id}')
                AND public.json_is_name(document -> 'id')
            WHEN 'immutable' THEN
                document ->> 'type' IN ('replace', 'insert')
                AND public.json_has_keys(document, '{type,reason,offset,id}')
                AND public.json_is_name(document -> 'id')
            WHEN 'cborAuxdata' THEN
                CASE document ->> 'type'
                    WHEN 'replace' THEN
                        public.json_has_keys(document, '{type,reason,offset,id}', '{length}')
                        AND public.json_is_name(document -> 'id')
                        AND public.json_is_whole_number(
                            COALESCE(document -> 'length', '1'::jsonb), 1
                        )
                    WHEN 'delete' THEN
                        public.json_has_keys(document, '{type,reason,offset,length}')
                        AND public.json_is_whole_number(document -> 'length', 1)
                    ELSE false
                END
            WHEN 'callProtection' THEN
                document ->> 'type' = 'replace'
                AND public.json_has_keys(document, '{type,reason,offset}')
                AND document -> 'offset' = '1'::jsonb
            ELSE false
        END,
        false
    )
END;

CREATE FUNCTION public.json_are_transformations(document jsonb, reasons text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(document) = 'array'
    THEN NOT EXISTS (
        SELECT FROM jsonb_array_elements(document) AS element (value)
        WHERE NOT (
            public.is_transformation(element.value)
            AND COALESCE(element.value ->> 'reason' = ANY (reasons), false)
        )
    )
    ELSE false
END;

CREATE FUNCTION public.is_creation_transformations(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN public.json_are_transformations(document, '{constructorArguments,library,cborAuxdata}');

CREATE FUNCTION public.is_runtime_transformations(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN public.json_are_transformations(document, '{library,immutable,cborAuxdata,callProtection}');
