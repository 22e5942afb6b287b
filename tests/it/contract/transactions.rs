//! OpenLDAP keeps the promises in transactions, however small they are.

use std::num::NonZeroUsize;

use rosterd::directory::ldap::Ldap;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::ldap::LdapRig;
use crate::server::slapd::Slapd;

struct TransactionRig(LdapRig);

impl Rig for TransactionRig {
    type Directory = Ldap;

    async fn new(start: Start) -> Self {
        Self(LdapRig::on(Slapd::risked(), start, Some(NonZeroUsize::MIN)).await)
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

contract!(TransactionRig);
