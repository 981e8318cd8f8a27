// What each case of this folder is made from: see make.mjs.
//
// The matcher has recipes of its own; where they hold for the whole system as well, they are used.

import matching from "../../common/verification/cases/recipes.mjs";
import factories from "./recipes/factories.mjs";
import inputs from "./recipes/inputs.mjs";
import languages from "./recipes/languages.mjs";
import metadata from "./recipes/metadata.mjs";

// Of WebAssembly only 0.8.28 and releases that the other tests prepare too: each new one costs every
// clean run twenty seconds.
const OLDER = { libraries_manually_linked: "0.6.12" };

const SHARED = [
  "exact_on_both_sides",
  "only_runtime_code_is_known",
  "constructor_arguments",
  "libraries_manually_linked",
  "immutables",
  "call_protection",
  "call_protection_compiled_by_way_of_ir",
  "yul",
  "other_metadata",
  "other_metadata_of_an_embedded_contract",
  "a_contract_embedded_twice_needs_a_second_compile",
  "a_chain_without_metadata",
  "a_chain_with_shorter_metadata",
  "metadata_without_a_hash",
  "identical_blobs_without_a_hash",
  "a_copy_of_metadata_that_is_equal",
  "a_copy_of_metadata_is_not_metadata",
  "an_argument_out_of_range",
  "arguments_with_a_gap",
  "arguments_with_dirty_padding",
  "arguments_that_end_early",
  "extra_bytes_after_the_arguments",
  "bytes_after_a_constructor_without_arguments",
  "creation_transaction_of_another_contract",
  "an_empty_contract_with_the_same_constructor",
  "an_abstract_contract",
  "the_same_metadata_for_other_code",
  "other_code_of_the_same_length",
  "no_cbor_in_place_of_metadata",
  "two_values_for_one_immutable",
  "two_addresses_for_one_library",
];

const shared = SHARED.map((name) => {
  const recipe = matching.find((one) => one.name === name);
  if (!recipe) throw new Error(`the matcher has no recipe ${name}`);
  return { ...recipe, compiler: OLDER[name] ?? recipe.compiler };
});

export default [...shared, ...factories, ...inputs, ...languages, ...metadata];
