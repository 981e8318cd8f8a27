//! Every answer that is not a success, and the only place that knows HTTP status codes.
//!
//! A problem is what the *caller* reads. What the log should know besides stands in the log line of
//! whoever makes it; the two are never mixed.

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use verification::chain::Address;

/// Why a request is not served. `Display` is the message of the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The parser's own words.
    #[error("{0}")]
    InvalidJson(String),
    #[error("{0}")]
    InvalidParameter(String),
    #[error("request entity too large")]
    TooLarge,
    #[error("Chain {0} not found")]
    UnknownChain(String),
    #[error("Chain {0} is deprecated and takes no new verifications")]
    DeprecatedChain(String),
    #[error("Requested chain {0} is not supported for importing from Etherscan.")]
    ImportUnsupported(String),
    /// What could not be read.
    #[error("{0}")]
    MalformedImport(String),
    #[error("This contract is not verified on Etherscan.")]
    NotVerifiedThere,
    #[error("Etherscan API rate limit reached, try later.")]
    ImportLimit,
    /// The explorer's own words, or why it could not be asked.
    #[error("{0}")]
    ImportFailed(String),
    #[error("There is no bytecode at address {address} on chain {chain_id}.")]
    NoCode { chain_id: String, address: Address },
    #[error("Failed to get bytecode for chain {chain_id} and address {address}.")]
    CodeUnknown { chain_id: String, address: Address },
    #[error("No verification job found for id {0}")]
    JobNotFound(Uuid),
    #[error("Cannot {method} {path}")]
    RouteNotFound { method: String, path: String },
    #[error(
        "Contract {address} on chain {chain_id} is already verified with runtimeMatch and \
         creationMatch both being exact matches."
    )]
    AlreadyVerified { chain_id: String, address: Address },
    #[error("Contract {address} on chain {chain_id} is already being verified")]
    AlreadyBeingVerified { chain_id: String, address: Address },
    #[error(
        "Your address has too many open verifications. Send this one again when some have ended."
    )]
    TooManyOfClient,
    #[error("Too many verifications are open. Send this one again in a while.")]
    TooMany,
    #[error("This instance has too much to do. Ask again in a while.")]
    Overloaded,
    #[error("request body was not sent within 60 s")]
    TooSlow,
    #[error("A valid token is required.")]
    Unauthorized,
    #[error("This account may not call this route.")]
    Forbidden,
    /// A fault of ours; the log has it.
    #[error("The server encountered an unexpected error.")]
    Internal,
    /// Nothing was accepted; the same request may succeed in a moment.
    #[error("The server encountered an unexpected error.")]
    Unavailable,
    /// One verification at a time: the platform or the caller finds another instance.
    #[error("This instance is busy with another verification.")]
    Busy,
}

impl Reason {
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidJson(_)
            | Self::InvalidParameter(_)
            | Self::UnknownChain(_)
            | Self::DeprecatedChain(_)
            | Self::ImportUnsupported(_)
            | Self::MalformedImport(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::JobNotFound(_)
            | Self::RouteNotFound { .. }
            | Self::NotVerifiedThere
            | Self::NoCode { .. } => StatusCode::NOT_FOUND,
            Self::AlreadyVerified { .. } => StatusCode::CONFLICT,
            Self::AlreadyBeingVerified { .. }
            | Self::ImportLimit
            | Self::TooManyOfClient
            | Self::TooMany
            | Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::ImportFailed(_) | Self::CodeUnknown { .. } => StatusCode::BAD_GATEWAY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The API's word for it, stable for clients.
    #[must_use]
    pub fn custom_code(&self) -> &'static str {
        match self {
            Self::InvalidJson(_) => "invalid_json",
            Self::InvalidParameter(_) | Self::TooLarge | Self::TooSlow => "invalid_parameter",
            Self::UnknownChain(_) | Self::DeprecatedChain(_) | Self::ImportUnsupported(_) => {
                "unsupported_chain"
            }
            Self::MalformedImport(_) => "malformed_etherscan_response",
            Self::NotVerifiedThere => "not_etherscan_verified",
            Self::ImportLimit => "etherscan_limit",
            Self::ImportFailed(_) => "etherscan_request_failed",
            Self::NoCode { .. } => "cannot_fetch_bytecode",
            Self::CodeUnknown { .. } => "failed_to_get_bytecode",
            Self::JobNotFound(_) => "job_not_found",
            Self::RouteNotFound { .. } => "route_not_found",
            Self::AlreadyVerified { .. } => "already_verified",
            Self::AlreadyBeingVerified { .. } => "duplicate_verification_request",
            Self::TooManyOfClient | Self::TooMany | Self::Overloaded => "too_many_requests",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Internal | Self::Unavailable => "internal_error",
            Self::Busy => "busy",
        }
    }

    fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Unavailable | Self::AlreadyBeingVerified { .. } => Some(5),
            Self::Overloaded => Some(5),
            Self::TooManyOfClient | Self::ImportLimit => Some(10),
            Self::TooMany => Some(30),
            Self::Busy => Some(1),
            _ => None,
        }
    }
}

/// A reason with the id under which the log knows this very answer.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Problem {
    reason: Reason,
    error_id: Uuid,
}

impl Problem {
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    #[must_use]
    pub fn error_id(&self) -> Uuid {
        self.error_id
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            error_id: Uuid::new_v4(),
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDocument {
    /// Stable: for programs.
    #[schema(example = "invalid_parameter")]
    custom_code: &'static str,
    /// For people.
    message: String,
    /// Stands in the log line of this very answer.
    error_id: Uuid,
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.reason.status()
    }

    fn error_response(&self) -> HttpResponse {
        let custom_code = self.reason.custom_code();
        tracing::info!(
            event = "rejected",
            error_id = %self.error_id,
            custom_code,
            "answered {}: {}",
            self.status_code().as_u16(),
            self.reason
        );
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.reason.retry_after_s() {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.reason == Reason::Unauthorized {
            answer.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        answer.content_type(JSON).json(ProblemDocument {
            custom_code,
            message: self.reason.to_string(),
            error_id: self.error_id,
        })
    }
}

/// The content type of every JSON answer.
pub const JSON: &str = "application/json; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    #[actix_web::test]
    async fn a_problem_is_a_document() {
        let problem = Problem::from(Reason::RouteNotFound {
            method: "GET".to_owned(),
            path: "/v2/nosuch".to_owned(),
        });
        let answer = problem.error_response();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers().get("content-type").unwrap(), JSON);
        let body: Value =
            serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap();
        let wanted = json!({
            "customCode": "route_not_found",
            "message": "Cannot GET /v2/nosuch",
            "errorId": problem.error_id(),
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn a_caller_is_told_when_to_come_back() {
        let answer = Problem::from(Reason::Unavailable).error_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "5");
    }
}
