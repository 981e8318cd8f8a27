//! What several routes take and answer, for the `OpenAPI` document.

use common::api::problem::ProblemDocument;
use utoipa::{IntoParams, IntoResponses};

/// Of every route that reads.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum ReadProblems {
    /// A parameter is wrong, unknown or empty; or the chain is not configured.
    #[response(status = 400)]
    Wrong(ProblemDocument),
    /// Our fault; the log has it under `errorId`.
    #[response(status = 500)]
    Fault(ProblemDocument),
    /// The database is away. `Retry-After` says when to ask again.
    #[response(status = 503, headers(("retry-after" = u32, description = "Seconds")))]
    Away(ProblemDocument),
}

/// Of every route that takes a verification.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum SubmitProblems {
    /// The body or a parameter is wrong, or the chain takes no verifications.
    #[response(status = 400)]
    Wrong(ProblemDocument),
    /// Both sides are verified with exact matches already.
    #[response(status = 409)]
    AlreadyVerified(ProblemDocument),
    /// The body was not sent within 60 s.
    #[response(status = 408)]
    TooSlow(ProblemDocument),
    /// The body is larger than 30 MiB.
    #[response(status = 413)]
    TooLarge(ProblemDocument),
    /// The contract is being verified, or too many verifications are open. `Retry-After` says when to
    /// ask again.
    #[response(status = 429, headers(("retry-after" = u32, description = "Seconds")))]
    TooMany(ProblemDocument),
    /// Our fault; the log has it under `errorId`.
    #[response(status = 500)]
    Fault(ProblemDocument),
    /// The database is away and nothing was accepted. `Retry-After` says when to ask again.
    #[response(status = 503, headers(("retry-after" = u32, description = "Seconds")))]
    Away(ProblemDocument),
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct ChainOnly {
    /// A configured chain, as `/chains` lists them.
    #[param(rename = "chainId", pattern = r"^\d{1,20}$", example = "1")]
    chain_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct AddressOnly {
    /// In one case, or with its EIP-55 checksum.
    #[param(
        pattern = "^0x[0-9a-fA-F]{40}$",
        example = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    )]
    address: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct ChainAndAddress {
    /// A configured chain, as `/chains` lists them.
    #[param(rename = "chainId", pattern = r"^\d{1,20}$", example = "1")]
    chain_id: String,
    /// In one case, or with its EIP-55 checksum.
    #[param(
        pattern = "^0x[0-9a-fA-F]{40}$",
        example = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    )]
    address: String,
}
