//! Active Directory, for real: a domain controller of Samba.

use crate::server::samba::Login;
use crate::server::samba::Territory;

#[tokio::test]
async fn the_server_runs() {
    let territory = Territory::new().await;
    assert_eq!(territory.login("rosterd", "service-Secret.1").await, Login::Welcome);
}
