//! OpenLDAP keeps the promises about passwords in whatever form it gets them.

use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::PasswordStorage;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::ldap::LdapRig;
use crate::server::slapd::Slapd;

macro_rules! stored {
    ($module:ident, $rig:ident, $storage:ident, [$($promise:ident),* $(,)?]) => {
        struct $rig(LdapRig);

        impl Rig for $rig {
            type Directory = Ldap;

            async fn new(start: Start) -> Self {
                Self(LdapRig::storing(Slapd::hashing(), start, PasswordStorage::$storage).await)
            }

            fn directory(&self) -> &Ldap {
                self.0.directory()
            }

            async fn login(&self, username: &str, password: &str) -> LoginResult {
                self.0.login(username, password).await
            }

            async fn elsewhere(&self, username: &str) -> Option<String> {
                self.0.elsewhere(username).await
            }

            fn refused_value(&self) -> (&'static str, Vec<u8>) {
                self.0.refused_value()
            }
        }

        mod $module {
            use super::$rig;

            contract! { $rig:
                accounts::what_is_created_is_read_back,
                accounts::creating_twice_leaves_the_first_untouched,
                accounts::an_update_that_fails_in_one_part_does_no_part,
                accounts::an_update_of_an_account_that_is_gone_asks_to_look_again,
                batches::one_bad_operation_does_not_hinder_the_others,
                batches::a_refused_value_rejects_only_its_row,
                batches::there_is_one_answer_per_operation,
                batches::two_batches_at_the_same_time_do_not_mix,
                batches::nothing_that_is_shown_holds_a_password,
                batches::the_check_finds_nothing_bad_and_changes_nothing,
                logins::a_password_lets_in_and_another_does_not,
                logins::an_account_without_a_password_lets_nobody_in,
                logins::a_forced_change_is_told_and_can_be_lifted,
                logins::a_new_password_replaces_the_old_one,
                logins::a_disabled_account_lets_nobody_in_until_it_is_enabled,
                logins::the_directory_tells_what_a_login_comes_to,
                relocating::an_account_moves_and_keeps_its_groups,
                reading::protected_accounts_are_marked,
                $(logins::$promise,)*
            }
        }
    };
}

// Nobody who is to stay switched off gets a password by an operation of its own: that would switch the person on.
stored!(exop, ExopRig, Exop, []);
stored!(argon2, Argon2Rig, Argon2, [a_new_password_does_not_enable_an_account]);
