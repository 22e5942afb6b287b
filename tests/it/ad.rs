//! Active Directory, for real: a domain controller of Samba.

use rosterd::directory::ldap::Ldap;

use crate::server::samba::Territory;

mod accounts;
mod check;
mod groups;
mod guards;
mod import;
mod posix;
mod ranges;
mod reading;
mod rights;

fn ldap(territory: &Territory) -> Ldap {
    Ldap::new(territory.settings()).expect("good settings")
}
