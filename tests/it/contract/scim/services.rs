//! The real services, each with the promises that it does not keep and what comes instead.

use super::Kind;
use super::LoginResult;
use super::Mapped;
use super::Names;
use super::NotPromised;
use super::Rig;
use super::ServiceRig;
use super::Start;

/// What no SCIM service promises, with what is said instead.
pub const NO_LOGIN: NotPromised =
    &[("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login")];

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

/// Where little more than names are stored: `title` is what can change.
const DJANGO: Names = &[("title", "name.givenName"), ("givenName", "title"), ("description", "nickName")];

const LIMITED: NotPromised = &[
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("a_new_password_does_not_enable_an_account", "passwords", "the service changes no passwords"),
    ("a_new_password_replaces_the_old_one", "passwords", "the service changes no passwords"),
    ("an_account_without_a_password_lets_nobody_in", "passwords", "the service changes no passwords"),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
];

const SCIM2: NotPromised = &[
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
];

const WITHOUT_ENTERPRISE: NotPromised = &[
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
];

const SCIMMY: NotPromised = &[
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
];

const DJANGO_SCIM2: NotPromised = &[
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("a_list_of_references_gains_and_loses_people_at_once", "attributes", "left: AlreadySo\n right: Changed"),
    ("a_new_name_is_that_of_the_same_account_in_the_same_groups", "roles", "there are no roles"),
    ("a_reference_comes_changes_and_goes", "attributes", "left: AlreadySo\n right: Changed"),
    ("an_account_found_twice_is_read_once", "attributes", "right: 1"),
    ("an_update_adds_and_removes_single_values", "attributes", "was changed by somebody else in the meantime"),
    ("an_update_changes_exactly_the_named_attributes", "attributes", "right: Changed"),
    ("creating_twice_leaves_the_first_untouched", "case of names", "there already: Created"),
    ("matching_by_an_attribute_finds_every_value", "attributes", "right: [\"ada\", \"bob\"]"),
    ("matching_ignores_case", "attributes", "right: [\"Ada.Byron\"]"),
    ("octets_are_read_back_and_change", "attributes", "left: AlreadySo\n right: Changed"),
    (
        "options_make_another_attribute",
        "attributes",
        "right: {\"description\": {[67, 111, 117, 110, 116, 101, 115, 115]}}",
    ),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
    (
        "values_with_special_characters_are_read_back",
        "attributes",
        "right: {\"cn\": {[44, 43, 34, 92, 60, 62, 59, 61, 35]}, \"depar",
    ),
    ("what_is_created_is_read_back", "attributes", "right: {\"cn\": {[65, 100, 97, 32, 66, 121, 114, 111, 110]}, \""),
];

const DJANGO_SCIM2_SERVER: NotPromised = &[
    ("a_disabled_account_lets_nobody_in_until_it_is_enabled", "passwords", "left: Refused\n right: Good"),
    ("a_forced_change_is_told_and_can_be_lifted", "forced change", "right: MustChange"),
    ("a_list_of_references_gains_and_loses_people_at_once", "attributes", "left: AlreadySo\n right: Changed"),
    ("a_new_name_for_an_account_that_is_gone_asks_to_look_again", "deletion", "the service does not delete accounts"),
    ("a_new_name_is_that_of_the_same_account_in_the_same_groups", "roles", "there are no roles"),
    ("a_new_password_does_not_enable_an_account", "passwords", "the service changes no passwords"),
    ("a_new_password_replaces_the_old_one", "passwords", "the service changes no passwords"),
    ("a_password_lets_in_and_another_does_not", "passwords", "left: Refused\n right: Good"),
    ("a_reference_comes_changes_and_goes", "attributes", "left: AlreadySo\n right: Changed"),
    ("an_account_found_twice_is_read_once", "attributes", "right: 1"),
    ("an_account_without_a_password_lets_nobody_in", "passwords", "the service changes no passwords"),
    ("an_update_adds_and_removes_single_values", "attributes", "was changed by somebody else in the meantime"),
    (
        "an_update_changes_exactly_the_named_attributes",
        "attributes",
        "right: {\"givenname\": {[65, 117, 103, 117, 115, 116, 97]}, \"m",
    ),
    ("an_update_of_an_account_that_is_gone_asks_to_look_again", "deletion", "the service does not delete accounts"),
    ("an_update_that_fails_in_one_part_does_no_part", "passwords", "left: Refused\n right: Good"),
    ("creating_twice_leaves_the_first_untouched", "case of names", "there already: Created"),
    ("deleting_takes_the_account_away_and_twice_is_no_fault", "deletion", "the service does not delete accounts"),
    (
        "every_account_is_read_exactly_once",
        "attributes",
        "account.attributes.first_text(\"cn\") == Some(&*account.username))",
    ),
    ("ids_find_their_accounts_and_unknown_ones_are_absent", "deletion", "the service does not delete accounts"),
    ("matching_by_an_attribute_finds_every_value", "attributes", "right: [\"ada\", \"bob\"]"),
    ("matching_ignores_case", "attributes", "right: [\"Ada.Byron\"]"),
    ("nothing_that_is_shown_holds_a_password", "passwords", "left: Refused\n right: Good"),
    ("octets_are_read_back_and_change", "attributes", "left: AlreadySo\n right: Changed"),
    ("one_bad_operation_does_not_hinder_the_others", "deletion", "the service does not delete accounts"),
    (
        "options_make_another_attribute",
        "attributes",
        "right: {\"description\": {[67, 111, 117, 110, 116, 101, 115, 115]}}",
    ),
    ("places_find_their_accounts_and_unknown_ones_are_absent", "deletion", "the service does not delete accounts"),
    ("the_directory_tells_what_a_login_comes_to", "logins", "SCIM has no way to try a login"),
    ("two_swap_their_names_over_a_temporary_one_and_each_keeps_its_groups", "passwords", "left: Refused\n right: Good"),
    (
        "values_with_special_characters_are_read_back",
        "attributes",
        "right: {\"cn\": {[44, 43, 34, 92, 60, 62, 59, 61, 35]}, \"depar",
    ),
    ("what_is_created_is_read_back", "attributes", "right: {\"cn\": {[65, 100, 97, 32, 66, 121, 114, 111, 110]}, \""),
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
                const NOT_PROMISED: NotPromised = $not_promised;

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
                    ("title", vec![0xff, 0xfe])
                }
            }

            contract!(It);
        }
    };
}

service!(scim2, Kind::Scim2, NAMES, 250, SCIM2);
service!(limited, Kind::Limited, NAMES, 60, LIMITED);
service!(without_enterprise, Kind::WithoutEnterprise, PLAIN, 60, WITHOUT_ENTERPRISE);
service!(django_scim2, Kind::DjangoScim2, DJANGO, 250, DJANGO_SCIM2);
service!(django_scim2_server, Kind::DjangoScim2Server, DJANGO, 250, DJANGO_SCIM2_SERVER);
service!(scimmy, Kind::Scimmy, NAMES, 250, SCIMMY);

/// The services, in the order of the table.
pub fn lacks() -> [(&'static str, NotPromised); 6] {
    [
        ("scim2-server", scim2::It::NOT_PROMISED),
        ("limited", limited::It::NOT_PROMISED),
        ("without enterprise", without_enterprise::It::NOT_PROMISED),
        ("django-scim2", django_scim2::It::NOT_PROMISED),
        ("django-scim2-server", django_scim2_server::It::NOT_PROMISED),
        ("scimmy", scimmy::It::NOT_PROMISED),
    ]
}
