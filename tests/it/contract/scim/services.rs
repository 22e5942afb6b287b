//! The real services, each with the promises that it does not keep and what comes instead.

use super::Kind;
use super::LoginResult;
use super::Mapped;
use super::Names;
use super::Rig;
use super::ServiceRig;
use super::Start;

/// What no SCIM service promises, with what is said instead.
pub const NO_LOGIN: &[(&str, &str)] =
    &[("the_directory_tells_what_a_login_comes_to", "SCIM has no way to try a login")];

/// What else the suite's attributes are called where the enterprise extension is there.
const NAMES: Names = &[
    ("description", "nickName"),
    ("departmentNumber", "ims.value"),
    ("jpegPhoto", "x509Certificates.value"),
    ("secretary", "entitlements.value"),
];

/// The same where it is not.
const PLAIN: Names = &[
    ("description", "nickName"),
    ("departmentNumber", "ims.value"),
    ("jpegPhoto", "x509Certificates.value"),
    ("secretary", "entitlements.value"),
    ("employeeNumber", "userType"),
    ("manager", "timezone"),
];

macro_rules! service {
    ($module:ident, $kind:expr, $names:expr, $many:expr, $not_promised:expr) => {
        mod $module {
            use super::*;

            pub struct It(ServiceRig);

            impl Rig for It {
                type Directory = Mapped;

                const MANY: usize = $many;
                const HAS_OPTIONS: bool = false;
                const HAS_SPELLINGS: bool = false;
                const NOT_PROMISED: &'static [(&'static str, &'static str)] = $not_promised;

                async fn new(start: Start) -> Self {
                    Self(ServiceRig::on($kind, $names, start).await)
                }

                fn directory(&self) -> &Mapped {
                    &self.0.directory
                }

                async fn login(&self, username: &str, password: &str) -> LoginResult {
                    self.0.login(username, password).await
                }

                fn refused_value(&self) -> (&'static str, Vec<u8>) {
                    // No attribute of text holds octets that are none.
                    ("givenName", vec![0xff, 0xfe])
                }
            }

            contract!(It);
        }
    };
}

service!(scim2, Kind::Scim2, NAMES, 250, NO_LOGIN);
service!(limited, Kind::Limited, NAMES, 60, NO_LOGIN);
service!(without_enterprise, Kind::WithoutEnterprise, PLAIN, 60, NO_LOGIN);
service!(django_scim2, Kind::DjangoScim2, NAMES, 250, NO_LOGIN);
service!(django_scim2_server, Kind::DjangoScim2Server, NAMES, 250, NO_LOGIN);
service!(scimmy, Kind::Scimmy, NAMES, 250, NO_LOGIN);
