//! SCIM services keep the promises, as far as they store what they are sent: what one does not keep is listed with it.

use std::num::NonZeroU32;

use rosterd::directory::scim::RoleAttribute;
use rosterd::directory::scim::Scim;
use rosterd::directory::scim::ScimSettings;
use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::roster::account::GroupKind;
use rosterd::roster::forecast::Rate;
use rosterd::roster::secret::Secret;
use serde_json::json;
use url::Url;

use super::LoginResult;
use super::NotPromised;
use super::Rig;
use super::Start;
use crate::server::scim::Kind;
use crate::server::scim::ScimServer;
use crate::server::scim::Tenant;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::OWN;

mod mapped;
mod services;

pub use mapped::Mapped;
pub use mapped::Names;

/// Returns settings for a service of the tests, as fast as it is.
pub fn settings(base: &Url, token: Secret) -> ScimSettings {
    let base = BaseUrl::parse(base.as_str()).expect("a base");
    let mut settings = ScimSettings::new(base, Auth::Bearer(token));
    settings.max_rate = Some(Rate::per_second(NonZeroU32::new(10_000).expect("not zero")));
    settings
}

/// A real service, as one tenant of it.
pub struct ServiceRig {
    directory: Mapped,
    tenant: Tenant,
}

impl ServiceRig {
    async fn on(kind: Kind, names: Names, start: Start) -> Self {
        let tenant = ScimServer::shared(kind).tenant();
        for (_, name) in start.groups.iter().filter(|(kind, _)| *kind == GroupKind::Group) {
            let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name });
            assert_eq!(tenant.post("/Groups", &group).await.status, 201);
        }
        let stores_roles = !matches!(kind, Kind::DjangoScim2 | Kind::DjangoScim2Server);
        for (_, name) in start.groups.iter().filter(|(kind, _)| *kind == GroupKind::Role && stores_roles) {
            // A role is there as long as somebody has it.
            let holder = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{name}-holder"),
                "active": true, "roles": [{ "value": name }],
            });
            assert_eq!(tenant.post("/Users", &holder).await.status, 201);
        }
        for name in start.protected {
            let user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true,
                "name": { "familyName": "Byron", "formatted": name },
            });
            assert_eq!(tenant.post("/Users", &user).await.status, 201);
        }
        let mut settings = settings(&tenant.base, tenant.token());
        settings.protected = start.protected.iter().map(ToString::to_string).collect();
        settings.role_attribute = stores_roles.then_some(RoleAttribute::Roles);
        // scimmy says that passwords cannot be changed, whatever the application behind it does.
        settings.overrides.change_password = (kind == Kind::Scimmy).then_some(true);
        Self { directory: Mapped::new(Scim::new(settings).expect("good settings"), names), tenant }
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        if self.tenant.login(username, password).await { LoginResult::Good } else { LoginResult::Refused }
    }
}

/// The service of our own, which does all as the RFCs say.
pub struct ConformingRig {
    directory: Mapped,
    server: FaultServer,
}

impl Rig for ConformingRig {
    type Directory = Mapped;

    const HAS_OPTIONS: bool = false;
    const HAS_SPELLINGS: bool = false;
    const NOT_PROMISED: NotPromised = services::NO_LOGIN;

    async fn new(start: Start) -> Self {
        const NAMES: Names = &[
            ("description", "urn:example:params:scim:schemas:extension:directory:2.0:User:description"),
            ("departmentNumber", "urn:example:params:scim:schemas:extension:directory:2.0:User:departments"),
            ("jpegPhoto", "urn:example:params:scim:schemas:extension:directory:2.0:User:portraits"),
            ("secretary", "urn:example:params:scim:schemas:extension:directory:2.0:User:reviewers.value"),
        ];
        let server = FaultServer::start().await;
        for (_, name) in start.groups.iter().filter(|(kind, _)| *kind == GroupKind::Group) {
            server.put(&json!({ "displayName": name }));
        }
        for (_, name) in start.groups.iter().filter(|(kind, _)| *kind == GroupKind::Role) {
            // A role is there as long as somebody has it.
            server.put(&json!({ "userName": format!("{name}-holder"), "roles": [{ "value": name }] }));
        }
        for name in start.protected {
            server.put(&json!({ "userName": name, "name": { "familyName": "Byron", "formatted": name } }));
        }
        let mut settings = settings(&server.base(), server.token());
        settings.protected = start.protected.iter().map(ToString::to_string).collect();
        settings.role_attribute = Some(RoleAttribute::Roles);
        settings.must_change_attribute = Some(format!("{OWN}:mustChangePassword"));
        Self { directory: Mapped::new(Scim::new(settings).expect("good settings"), NAMES), server }
    }

    fn directory(&self) -> &Mapped {
        &self.directory
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        match self.server.login(username, password) {
            Some(true) => LoginResult::MustChange,
            Some(false) => LoginResult::Good,
            None => LoginResult::Refused,
        }
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        self.server.set(|quirks| quirks.refused_values = &["refused"]);
        ("title", b"refused".to_vec())
    }
}

contract!(ConformingRig);

/// The services, in the order of the table.
pub fn lacks() -> [(&'static str, NotPromised); 7] {
    let real = services::lacks();
    let own = ("a service of our own", ConformingRig::NOT_PROMISED);
    [own, real[0], real[1], real[2], real[3], real[4], real[5]]
}
