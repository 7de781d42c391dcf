//! How a description says what an operation needs. Part of [`super`].

use events::values::Scopes;
use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use super::Access;
use crate::caller::FRESH_FOR;
use crate::cookies;

/// The names of the security schemes.
const KEY: &str = "bearer";
const GUEST_LINK: &str = "guest_link";
const STAFF_LINK: &str = "staff_link";
const SESSION: &str = "session";
const DEVICE: &str = "device";

/// The member of an operation for which a person must have proved the identity just now, with the maximum age.
const PROOF_AGE: &str = "x-proof-age-seconds-max";

/// The member of an operation for which the credential must be for all venues.
const ALL_VENUES: &str = "x-all-venues";

/// The security schemes of an API.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 5] {
    let bearer = |words: &str| {
        SecurityScheme::Http(
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build(),
        )
    };
    let cookie = |name: &str, words: &str| {
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, words)))
    };
    [
        (KEY, bearer("A key, `meja_…`, with the scope of the operation.")),
        (
            GUEST_LINK,
            bearer(
                "The link of a guest, `mejal_…`: for their own booking or waitlist entry, as the booking answered it.",
            ),
        ),
        (
            STAFF_LINK,
            bearer(
                "The link of an invitation or of a password reset, `mejal_…`: the end of the URL in the mail.",
            ),
        ),
        (
            SESSION,
            cookie(
                cookies::SESSION,
                "The session of a signed-in person with a role that has the scope of the operation.",
            ),
        ),
        (DEVICE, cookie(cookies::DEVICE, "A device at the stand of a venue, enrolled with a one-time code.")),
    ]
}

/// Describes what an operation needs. An empty requirement says that callers without a credential are admitted.
pub(super) fn secure(operation: &mut Operation, access: Access, anonymous: Scopes) {
    let none: [&str; 0] = [];
    let bare = |scheme| SecurityRequirement::new(scheme, none);
    let requirements = match (access, access.scope()) {
        (_, Some(scope)) => {
            let optional = anonymous.contains(scope).then(SecurityRequirement::default);
            let with_scope = [KEY, SESSION].map(|scheme| SecurityRequirement::new(scheme, [scope.word()]));
            let guest = matches!(access, Access::Own(_)).then(|| bare(GUEST_LINK));
            optional.into_iter().chain(with_scope).chain(guest).collect()
        }
        (Access::Person | Access::FreshPerson, None) => vec![bare(SESSION)],
        (Access::Invitation | Access::PasswordReset, None) => vec![bare(STAFF_LINK)],
        (Access::Device, None) => vec![bare(DEVICE)],
        (_, None) => vec![SecurityRequirement::default()],
    };
    operation.security = Some(requirements);
    if access.is_fresh() {
        let age = Extensions::builder().add(PROOF_AGE, json!(FRESH_FOR.num_seconds())).build();
        operation.extensions.get_or_insert_default().merge(age);
    }
    if matches!(access, Access::Everywhere(_)) {
        let all = Extensions::builder().add(ALL_VENUES, json!(true)).build();
        operation.extensions.get_or_insert_default().merge(all);
    }
}
