-- Vyper's interfaces that are given as JSON are kept with what they were an input of.

ALTER TABLE public.compiled_contracts
DROP CONSTRAINT compiled_contracts_additional_input,
ADD CONSTRAINT compiled_contracts_additional_input CHECK (
    additional_input IS NULL
    OR public.json_has_keys(additional_input, '{}', '{storage_layout_overrides,interfaces}')
);
