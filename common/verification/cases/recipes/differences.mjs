// Where the codes of the cases that match on neither side differ, and how much. As the matcher tells it,
// looked through against what each recipe does to the chain's code.

const at = (compiledOffset, onchainOffset, part) => ({ compiledOffset, onchainOffset, part });
const side = (compiledLength, onchainLength, firstDifference, differingBytes, equalTailBytes) => ({
  compiledLength, onchainLength, firstDifference, differingBytes, equalTailBytes,
});

export default {
  a_copy_of_metadata_is_not_metadata: {
    runtime: side(983, 983, at(797, 797, "code"), 20, 166),
    creation: side(1011, 1011, at(825, 825, "code"), 20, 166),
  },
  a_copy_of_metadata_that_is_nowhere_else_is_not_metadata: {
    runtime: side(380, 380, at(194, 194, "code"), 20, 166),
    creation: side(408, 408, at(222, 222, "code"), 20, 166),
  },
  a_copy_of_metadata_without_a_hash: {
    runtime: side(407, 407, at(175, 175, "code"), 1, 231),
    creation: side(435, 435, at(203, 203, "code"), 1, 231),
  },
  an_empty_contract_with_the_same_constructor: {
    runtime: side(62, 402, at(5, 5, "code"), 343, 54),
    creation: side(210, 624, at(1, 1, "code"), 537, 54),
  },
  identical_blobs_without_a_hash_that_differ: {
    runtime: side(531, 531, at(516, 516, "code"), 1, 14),
    creation: side(559, 559, at(544, 544, "code"), 1, 14),
  },
  metadata_cut_in_two: {
    runtime: side(294, 284, at(284, 284, "cborAuxdata"), 10, 0),
    creation: side(322, 312, at(312, 312, "cborAuxdata"), 10, 0),
  },
  metadata_cut_off_after_code_that_runs: {
    runtime: side(220, 177, at(177, 177, "cborAuxdata"), 43, 0),
    creation: side(251, 208, at(208, 208, "cborAuxdata"), 43, 0),
  },
  no_cbor_in_place_of_metadata: {
    runtime: side(294, 294, at(241, 241, "cborAuxdata"), 53, 0),
    creation: side(322, 322, at(269, 269, "cborAuxdata"), 53, 0),
  },
  no_metadata_is_not_the_same_metadata: {
    runtime: side(116, 117, at(116, 116, "code"), 1, 0),
    creation: side(142, 143, at(142, 142, "constructorArguments"), 1, 0),
  },
  other_code_of_the_same_length: {
    runtime: side(240, 240, at(40, 40, "code"), 1, 199),
    creation: side(267, 267, at(40, 40, "code"), 1, 226),
  },
  the_same_metadata_for_other_code: {
    runtime: side(170, 171, at(40, 40, "code"), 1, 130),
    creation: side(196, 196, undefined, 0, 196),
  },
  the_same_metadata_for_other_code_without_the_optimizer: {
    runtime: side(294, 295, at(40, 40, "code"), 1, 254),
    creation: side(322, 322, undefined, 0, 322),
  },
  two_addresses_for_one_library: {
    runtime: side(922, 922, at(250, 250, "library"), 20, 652),
    creation: side(950, 950, at(278, 278, "library"), 20, 652),
  },
  two_blobs_of_another_length: {
    runtime: side(613, 531, at(236, 236, "code"), 324, 53),
    creation: side(641, 559, at(18, 18, "code"), 570, 53),
  },
  vyper_longer_than_the_chain: {
    runtime: side(137, 91, at(16, 16, "code"), 119, 2),
    creation: side(171, 125, at(2, 2, "code"), 148, 21),
  },
  vyper_other_contract: {
    runtime: side(91, 137, at(16, 16, "code"), 119, 2),
    creation: side(125, 171, at(2, 2, "code"), 148, 21),
  },
  yul_of_another_length: {
    runtime: side(8, 294, at(0, 0, "code"), 294, 0),
    creation: side(19, 322, at(1, 1, "code"), 321, 0),
  },
};
